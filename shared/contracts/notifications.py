"""What notifications says: only to itself, later."""

from __future__ import annotations

from typing import ClassVar

from shared.contracts.messages import Moment, Timer


class CatchUp(Timer):
    """A user was heard of for the first time: tell them what happened since accounts made them. Subject: the user's id."""

    publisher: ClassVar[str] = "notifications"
    type: ClassVar[str] = "user.catch_up"
    since: Moment
