"""What managers states: the team of a partnership and its account owner."""

from __future__ import annotations

from typing import ClassVar

from shared.contracts.messages import Fact
from shared.contracts.offers import Manager, Person


class TeamChanged(Fact):
    """The whole team and its account owner; the newest version counts. Subject: the partnership."""

    publisher: ClassVar[str] = "managers"
    type: ClassVar[str] = "team.changed"
    version: int
    members: list[Manager]
    owner: Person
