"""The team that looks after one partnership on our own side: private, but for the name of the account owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from shared.errors import LastManager
from shared.text import fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A partner manager, under the name they had when they joined or were last renamed."""

    id: str
    name: str
    email: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """The managers of one partnership, who serves longest first. `owner_id` is the member who is the first point of contact.

    A team is empty, and its `owner_id` with it, only when its last member lost the login. `final`: the partnership has come to its end.
    """

    tenant: str
    id: str
    version: int = 0
    members: tuple[Member, ...]
    owner_id: str
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleague:
    """A user of ours as accounts last stated it; so that a team shows today's names, and nobody without a login joins one."""

    tenant: str
    id: str
    version: int = 0
    name: str
    email: str
    active: bool = True


def form(
    *, tenant: str, id: str, managers: Sequence[Member], owner: Member, colleagues: Mapping[str, Colleague]
) -> Team:
    """The team of an offer or an acceptance: nobody twice, and the owner is in it even when nobody chose them.

    Whoever has lost the login meanwhile is left out; if that is everybody, the team is empty.
    """
    members = {member.id: member for member in (*managers, owner)}
    # What was said of a manager knows more than what was said of the owner, which has no e-mail.
    members.update({member.id: member for member in managers})
    team = Team(tenant=tenant, id=id, members=tuple(members.values()), owner_id=owner.id)
    for member in team.members:
        if member.id in colleagues and not colleagues[member.id].active:
            team = without(team, member.id)
    return as_known(team, colleagues)


def member(team: Team, id: str) -> Member | None:
    """The member with this id."""
    return next((one for one in team.members if one.id == id), None)


def owner(team: Team) -> Member | None:
    """The account owner; None only while the team is empty."""
    return member(team, team.owner_id)


def joined(team: Team, new: Sequence[Member]) -> Team:
    """The team with these behind all others (OE-17). Whoever is in it already stays as they are; the first of an empty team owns it."""
    members: dict[str, Member] = {}
    for one in (*team.members, *new):
        members.setdefault(one.id, one)
    after = replace(team, members=tuple(members.values()))
    return after if team.members or not new else replace(after, owner_id=new[0].id)


def released(team: Team, id: str) -> Team:
    """The team without a member who is taken from it (OE-17). Raises LastManager when nobody would be left."""
    if len(team.members) == 1 and member(team, id) is not None:
        raise LastManager()
    return without(team, id)


def without(team: Team, id: str) -> Team:
    """The team without somebody; when that was the owner, the one who has served longest is it now. The same team when they are not in it."""
    if member(team, id) is None:
        return team
    left = tuple(one for one in team.members if one.id != id)
    if team.owner_id != id:
        return replace(team, members=left)
    return replace(team, members=left, owner_id=left[0].id if left else "")


def owned_by(team: Team, id: str) -> Team:
    """The team with another of its members as account owner (IM-03); the same team when it is theirs already."""
    return team if team.owner_id == id else replace(team, owner_id=id)


def ended(team: Team, final: bool) -> Team:
    """The team of a partnership that has come to its end, or after all has not; the same team when that was known."""
    return team if team.final == final else replace(team, final=final)


def as_known(team: Team, colleagues: Mapping[str, Colleague]) -> Team:
    """The team with the names and e-mails that accounts stated last; the same team when it shows them."""
    members = tuple(
        replace(one, name=colleagues[one.id].name, email=colleagues[one.id].email) if one.id in colleagues else one
        for one in team.members
    )
    return team if members == team.members else replace(team, members=members)


def in_order(team: Team) -> list[Member]:
    """The account owner first, then by name."""
    return sorted(team.members, key=lambda member: (member.id != team.owner_id, fold(member.name), member.id))


def search_text(team: Team) -> str:
    """The ids of all members as a search finds them, each between bars (`sought`)."""
    return f"|{'|'.join(one.id for one in team.members)}|" if team.members else ""


def sought(id: str) -> str:
    """What a search for the teams of somebody looks for."""
    return f"|{id}|"
