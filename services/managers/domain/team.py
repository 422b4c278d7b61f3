"""The team that looks after one partnership on our own side: private, but for the name of the account owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A partner manager, under the name they had when they joined."""

    id: str
    name: str
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The managers of one partnership. `owner_id` is the member who is the first point of contact."""

    tenant: str
    id: str
    version: int = 0
    members: tuple[Member, ...]
    owner_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A user of ours as accounts last stated it; so that a team shows today's names."""

    tenant: str
    id: str
    version: int = 0
    name: str
    email: str


def form(*, tenant: str, id: str, managers: Sequence[Member], owner: Member) -> Team:
    """The team of an offer or an acceptance: nobody twice, and the owner is in it even when nobody chose them."""
    members = {member.id: member for member in (*managers, owner)}
    # What was said of a manager knows more than what was said of the owner, which has no e-mail.
    members.update({member.id: member for member in managers})
    return Team(tenant=tenant, id=id, members=tuple(members.values()), owner_id=owner.id)


def owner(team: Team) -> Member:
    """The account owner."""
    return next(member for member in team.members if member.id == team.owner_id)


def as_known(team: Team, colleagues: Mapping[str, Colleague]) -> Team:
    """The team with the names and e-mails that accounts stated last."""
    return replace(
        team,
        members=tuple(
            replace(member, name=colleagues[member.id].name, email=colleagues[member.id].email)
            if member.id in colleagues
            else member
            for member in team.members
        ),
    )


def in_order(team: Team) -> list[Member]:
    """The account owner first, then by name."""
    return sorted(team.members, key=lambda member: (member.id != team.owner_id, member.name.casefold(), member.id))
