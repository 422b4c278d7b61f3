"""How old a command may become, and how long what it was told at the door holds."""

from __future__ import annotations

from datetime import timedelta

LATEST_S = 20.0
"""How old, in seconds, a command may be when it commits (`Session.run`): nobody has waited for it for long."""
RESERVED = timedelta(seconds=60)
"""How long something is kept for a command of which nothing more was heard: longer than any can take, for the database ends a transaction that
stands still for thirty seconds."""
