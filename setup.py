"""
The packages of txws, and what of them is compiled where that can be done;
everything else is declared in C{pyproject.toml}.
"""

import os
import shutil

from setuptools import Extension, find_packages, setup
from setuptools.command.build_ext import build_ext

# What every message goes through.  Each has its types in a .pxd beside it.
COMPILED = (
    "txws/wire/masking.pyx",
    "txws/wire/singleframes.pyx",
    "txws/wire/frames.py",
    "txws/wire/events.py",
    "txws/wire/messages.py",
    "txws/wire/contract.py",
    "txws/wire/sending.py",
    "txws/wire/connection.py",
    "txws/writing.py",
    "txws/keepalive.py",
    "txws/flow.py",
    "txws/delivery.py",
    "txws/inflow.py",
    "txws/sending.py",
    "txws/encodings.py",
    "txws/streaming.py",
)


# Symbols for debuggers are most of a wheel, and take a third of the time.
ARGUMENTS = ["-g0"] if os.name == "posix" and "CFLAGS" not in os.environ else []


class BuildWire(build_ext):
    """
    Compiles modules into folders of their own, or leaves them out.
    """

    def finalize_options(self):
        """
        Leave sources that are edited alone.
        """
        super().finalize_options()
        self.parallel = True
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
        Put a module where its package looks for it first.
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
            for package in ("txws", "txws/wire"):
                folder = f"{self.build_lib}/{package}/compiled"
                shutil.rmtree(folder, ignore_errors=True)
            # What is left runs anywhere, and a wheel of it says so: any machine.
            self.distribution.ext_modules = []
            self.get_finalized_command("bdist_wheel").root_is_pure = True


setup(
    # twisted/ has no __init__.py: ours would hide Twisted itself.
    packages=[*find_packages(include=["txws", "txws.*"]), "twisted.plugins"],
    cmdclass={"build_ext": BuildWire},
    ext_modules=[
        Extension(
            os.path.splitext(source)[0].replace("/", "."),
            [source],
            extra_compile_args=ARGUMENTS,
        )
        for source in COMPILED
        if not os.environ.get("TXWS_PLAIN")
    ],
)
