"""`python -m shared.ops`: see `--help`."""

from __future__ import annotations

import sys

from shared.ops.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
