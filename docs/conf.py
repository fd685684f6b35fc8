import sys
from pathlib import Path

from txws import __version__

sys.path.insert(0, str(Path(__file__).parent / "extensions"))

project = "txws"
author = "The txws maintainers"
copyright = "the txws maintainers"
version = release = __version__

extensions = ["names", "transitions"]
exclude_patterns = [
    "_build",
    "conformance-server.rst",
    "conformance-client.rst",
    "conformance-interoperation.rst",
    "howto/compression-memory.rst",
    "howto/compression-speed.rst",
    "benchmarks/rows.rst",
    "benchmarks/growth.rst",
]
highlight_language = "text"
nitpicky = True

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["names.css"]
html_title = f"txws {release}"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
