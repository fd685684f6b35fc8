"""
The packages of txws, and what of them is compiled where that can be done;
everything else is declared in C{pyproject.toml}.
"""

import os
import shutil

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

# Each has its types in a .pxd beside it.
COMPILED = {
    "masking": "txws/wire/masking.pyx",
    "frames": "txws/wire/frames.py",
    "events": "txws/wire/events.py",
    "messages": "txws/wire/messages.py",
    "connection": "txws/wire/connection.py",
}


class BuildWire(build_ext):
    """
    Compiles the wire into a folder of its own, or leaves it out.
    """

    def finalize_options(self):
        """
        Leave sources that are edited alone.
        """
        super().finalize_options()
        self.cython_c_in_temp = True
        self.cython_directives = {"annotation_typing": False}
        if self.inplace or self.editable_mode or os.environ.get("TXWS_PLAIN"):
            self.extensions = []

    def get_ext_fullpath(self, name):
        """
        Put a module where L{txws.wire} looks for it first.
        """
        folder, file = os.path.split(super().get_ext_fullpath(name))
        return os.path.join(folder, "compiled", file)

    def run(self):
        """
        Compile all of it, or nothing.
        """
        try:
            super().run()
        except Exception as error:
            self.warn(f"the wire is not compiled: {error}")
            self.extensions = []
            shutil.rmtree(f"{self.build_lib}/txws/wire/compiled", ignore_errors=True)


setup(
    # twisted/ has no __init__.py: ours would hide Twisted itself.
    packages=[*find_packages(include=["txws", "txws.*"]), "twisted.plugins"],
    cmdclass={"build_ext": BuildWire},
    ext_modules=[
        Extension(f"txws.wire.{name}", [source]) for name, source in COMPILED.items()
    ],
)
