"""asyncio tasks that outlive what goes wrong around them."""

from __future__ import annotations

import asyncio


def told_to_stop() -> bool:
    """Whether somebody has cancelled this task.

    aiormq ends what waits for a connection that is lost as if it were cancelled; that is no reason for a task to end that is there
    to make the connection anew.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
