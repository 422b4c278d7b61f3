"""`python -m shared.ops`: see `--help`."""

from __future__ import annotations

import sys

from shared.bus import careful_amqp
from shared.ops.command_line import main

if __name__ == "__main__":
    # What no service could read lies in the dead queues, and must be listed all the same.
    careful_amqp.patch()
    sys.exit(main(sys.argv[1:]))
