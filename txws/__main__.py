"""
C{python -m txws}: see L{txws.shell}.
"""

import sys

from .shell.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
