"""`python -m turtls`: the command line."""

from __future__ import annotations

import sys

from turtls.cli import main

if __name__ == "__main__":
    sys.exit(main())
