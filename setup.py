"""
The packages of txws; everything else is declared in C{pyproject.toml}.
"""

from setuptools import find_packages, setup

setup(
    # twisted/ has no __init__.py: ours would hide Twisted itself.
    packages=[*find_packages(include=["txws", "txws.*"]), "twisted.plugins"],
)
