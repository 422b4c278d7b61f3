"""What managers states: the team of a partnership and its account owner."""

from __future__ import annotations

from typing import ClassVar, Literal

from shared.contracts.messages import Fact, Moment, Timer
from shared.contracts.offers import Manager, Person

Cause = Literal["formed", "added", "removed", "owner", "deactivated", "renamed"]


class TeamChanged(Fact):
    """The whole team and its account owner; the newest version counts. Subject: the partnership.

    `members` may be empty, and `owner` with it missing, when the last one lost the login. `cause` is why it changed: with `by`, a person of
    ours did it `at` this time; `added` and `removed` are who came and went, `previous_owner` who was the owner, when that changed.
    """

    publisher: ClassVar[str] = "managers"
    type: ClassVar[str] = "team.changed"
    version: int
    members: list[Manager]
    owner: Person | None
    cause: Cause = "formed"
    by: Person | None = None
    at: Moment | None = None
    added: list[Manager] = []
    removed: list[Manager] = []
    previous_owner: Person | None = None
    final: bool = False
    """The partnership has come to its end: nobody needs to be told."""


class TeamsDue(Timer):
    """A user was renamed or lost the login: look after the teams they are in. Subject: the user's id. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "managers"
    type: ClassVar[str] = "teams.due"
    after: str | None = None
