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
        self.cython_directives = {
            # The types are those of the .pxd files.
            "annotation_typing": False,
            # An attribute of an object whose __init__ was not called is None.
            "nonecheck": True,
        }
        if self.inplace or self.editable_mode:
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
            shutil.rmtree(f"{self.build_lib}/txws/wire/compiled", ignore_errors=True)
            # What is left runs anywhere, and a wheel of it says so: any machine.
            self.distribution.ext_modules = []
            self.get_finalized_command("bdist_wheel").root_is_pure = True


setup(
    # twisted/ has no __init__.py: ours would hide Twisted itself.
    packages=[*find_packages(include=["txws", "txws.*"]), "twisted.plugins"],
    cmdclass={"build_ext": BuildWire},
    ext_modules=[
        Extension(f"txws.wire.{name}", [source])
        for name, source in COMPILED.items()
        if not os.environ.get("TXWS_PLAIN")
    ],
)
