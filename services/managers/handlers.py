"""What managers does: a team for each partnership, from the offer or its acceptance, and who joins and leaves it (OE-17, JB-08, IM-03)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from services.managers.commands import AddManagers, SetOwner
from services.managers.domain import team as teams
from services.managers.domain.team import Colleague, Member, Team
from shared.bus.door import Person as Somebody
from shared.bus.door import check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call, Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import Cause, TeamChanged, TeamsDue
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineReceived,
    EndGiven,
    EndReceived,
    ExpiryGiven,
    ExpiryReceived,
    Manager,
    OfferSubmitted,
    OfferUndeliverable,
    Person,
    WithdrawalGiven,
    WithdrawalReceived,
)
from shared.errors import NotFound, ValidationError, WrongState

ANSWER_FIRST = "Answer the offer first: the team is made with its acceptance."
NO_LOGIN = "A partner manager needs an active login in your business."

_FIND_AT_ONCE = 200
_LOOK_AFTER_AT_ONCE = 50


# What people do


def list_managers(work: Work, call: Call, query: Paged, now: datetime) -> Json:
    """{"items": [{contact_id, name, email, owner}], "next": cursor or None, "version"}, the account owner first, then by name.

    Whether the actor may see the partnership was asked at the door. An offer that waits for our answer has no team yet.
    """
    team = work.peek(Team, call.tenant, call.ids["partnership_id"])
    return {"items": [], "next": None, "version": 0} if team is None else _listed(work, team, query)


def unheard_of(work: Work, call: Call, ids: Sequence[str], now: datetime) -> list[str]:
    """Those of the users with these ids of whom accounts has not told us yet."""
    known = _colleagues_at_once(work, call.tenant, ids)
    return [id for id in ids if id not in known]


def ensure_member(work: Work, call: Call, now: datetime) -> None:
    """Raises NotFound when the path names nobody of the team."""
    team = work.peek(Team, call.tenant, call.ids["partnership_id"])
    if team is None or teams.member(team, call.ids["contact_id"]) is None:
        raise NotFound()


def add_managers(
    work: Work, call: Call, command: AddManagers, *, person: Somebody, people: Mapping[str, Json], now: datetime
) -> Json:
    """Let users of ours join the team, at once (OE-17). Answers the list of managers. `people` is what accounts says of them.

    Raises WrongState, ChangedMeanwhile, and ValidationError for each who has no active login or is in the team already (JB-08).
    """
    team = _changeable(work, call)
    # Locked: whoever loses the login at this moment is seen here, or leaves the team again afterwards.
    colleagues = _locked(work, call.tenant, command.contact_ids)
    errors, new = [], []
    for place, id in enumerate(command.contact_ids):
        user = _active(id, people, colleagues)
        if user is None:
            errors.append((f"contact_ids.{place}", NO_LOGIN))
        elif teams.member(team, id) is not None:
            errors.append((f"contact_ids.{place}", f"{user.name} is in the team already."))
        else:
            new.append(user)
    if errors:
        raise ValidationError.of(*errors)
    return _listed(work, _follow(work, team, teams.joined(team, new), "added", by=person, at=now), Paged())


def remove_manager(work: Work, call: Call, *, person: Somebody, now: datetime) -> Json:
    """Take somebody from the team, at once (OE-17). If they owned the account, whoever has served longest does now. Answers {}.

    Raises NotFound when they are not in the team, WrongState, ChangedMeanwhile, LastManager.
    """
    ensure_member(work, call, now)
    team = _changeable(work, call)
    if teams.member(team, call.ids["contact_id"]) is None:
        raise NotFound()
    _follow(work, team, teams.released(team, call.ids["contact_id"]), "removed", by=person, at=now)
    return {}


def set_owner(
    work: Work, call: Call, command: SetOwner, *, person: Somebody, people: Mapping[str, Json], now: datetime
) -> Json:
    """Make a member of the team its account owner (IM-03). Answers the list of managers; the same owner again changes nothing.

    Raises WrongState, ChangedMeanwhile, and ValidationError for somebody who is not in the team or has no active login.
    """
    team = _changeable(work, call)
    if teams.member(team, command.contact_id) is None:
        raise ValidationError.of(("contact_id", "Only a manager of this team can be its account owner."))
    if _active(command.contact_id, people, _locked(work, call.tenant, [command.contact_id])) is None:
        raise ValidationError.of(("contact_id", NO_LOGIN))
    return _listed(
        work, _follow(work, team, teams.owned_by(team, command.contact_id), "owner", by=person, at=now), Paged()
    )


def _changeable(work: Work, call: Call) -> Team:
    """The team, locked. Raises WrongState while there is none or once the partnership has come to its end, ChangedMeanwhile."""
    team = work.get(Team, call.tenant, call.ids["partnership_id"])
    if team is None:
        raise WrongState(ANSWER_FIRST)
    if team.final:
        raise WrongState("The partnership has ended: its team stays as it is.")
    check_version(call, team.version)
    return team


def _active(id: str, people: Mapping[str, Json], colleagues: Mapping[str, Colleague]) -> Member | None:
    """The user as a member, when both accounts at the door and what we have heard meanwhile say that they have an active login.

    Under the name we have heard: another one is still to be heard, and followed then.
    """
    user, heard = people.get(id), colleagues.get(id)
    if user is None or not user["active"] or (heard is not None and not heard.active):
        return None
    return Member(id=id, name=heard.name if heard else user["name"], email=heard.email if heard else user["email"])


def _listed(work: Work, team: Team, query: Paged) -> Json:
    team = teams.as_known(team, _colleagues_at_once(work, team.tenant, [member.id for member in team.members]))
    members = teams.in_order(team)
    start = 0
    if query.cursor is not None:
        ids = [member.id for member in members]
        if query.cursor not in ids:
            raise ValidationError.of(("cursor", "Use the value of next from the page before."))
        start = ids.index(query.cursor) + 1
    items = members[start : start + query.limit]
    return {
        "items": [
            {"contact_id": member.id, "name": member.name, "email": member.email, "owner": member.id == team.owner_id}
            for member in items
        ],
        "next": items[-1].id if start + query.limit < len(members) else None,
        "version": team.version,
    }


# What offers tells


def offer_submitted(work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
    """We sent an offer: who sent it owns the partnership, and looks after it with those who were chosen."""
    _form(work, message, message.data.managers, message.data.sent_by, message.data.sent_at)


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted an offer: who accepted owns the partnership on our side."""
    _form(work, message, message.data.managers, message.data.by, message.data.at)


def came_to_its_end(
    work: Work,
    message: Heard[DeclineReceived]
    | Heard[EndGiven]
    | Heard[EndReceived]
    | Heard[ExpiryGiven]
    | Heard[OfferUndeliverable]
    | Heard[WithdrawalGiven],
    now: datetime,
) -> None:
    """The partnership is final: its team is changed by nobody any more."""
    _end(work, message, final=True)


def taken_back(work: Work, message: Heard[WithdrawalReceived] | Heard[ExpiryReceived], now: datetime) -> None:
    """Their offer was withdrawn or has expired; unless we had accepted it before."""
    if message.data.counts:
        _end(work, message, final=True)


def acceptance_received(work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
    """Our offer was accepted, be it that we had withdrawn it meanwhile: the acceptance counts (protocol rule 1)."""
    _end(work, message, final=False)


def _end(work: Work, message: Heard[Any], *, final: bool) -> None:
    team = work.get(Team, message.tenant, message.subject)
    if team is not None and teams.ended(team, final) is not team:
        work.put(teams.ended(team, final))


def _form(
    work: Work,
    message: Heard[OfferSubmitted] | Heard[AcceptanceGiven],
    managers: Sequence[Manager],
    owner: Person,
    at: datetime,
) -> None:
    if work.get(Team, message.tenant, message.subject) is not None:
        return
    team = teams.form(
        tenant=message.tenant,
        id=message.subject,
        managers=[Member(id=one.id, name=one.name, email=one.email) for one in managers],
        owner=Member(id=owner.id, name=owner.name),
        colleagues=_locked(work, message.tenant, [owner.id, *(one.id for one in managers)]),
    )
    if team.members:
        _follow(work, None, team, "formed", by=owner, at=at)
    else:
        _follow(work, None, team, "deactivated", by=None, at=at)


# What accounts tells


def user_changed(work: Work, message: Heard[UserChanged], now: datetime) -> None:
    """A user was renamed or lost the login: their teams follow, some at a time. Here only what we know of them does."""
    user, before = message.data, work.get(Colleague, message.tenant, message.data.id)
    after = Colleague(tenant=message.tenant, id=user.id, name=user.name, email=user.email, active=user.active)
    work.put(after)
    renamed = before is None or (before.name, before.email) != (after.name, after.email)
    left = (before is None or before.active) and not after.active
    if renamed or left:
        # Not here: somebody may be in thousands of teams, and lists do not see what this transaction has written.
        work.later(TeamsDue(), tenant=message.tenant, subject=user.id, at=now)


def teams_due(work: Work, message: Heard[TeamsDue], now: datetime) -> None:
    """Look after the teams of a user, some at a time: somebody without a login leaves them, and names follow."""
    page = work.find(
        Team,
        message.tenant,
        search=("members", teams.sought(message.subject)),
        after=message.data.after,
        limit=_LOOK_AFTER_AT_ONCE,
    )
    for found in page.items:
        team = work.get(Team, message.tenant, found.id)
        colleague = work.peek(Colleague, message.tenant, message.subject)
        if team is None or colleague is None:
            continue
        if colleague.active:
            _follow(work, team, teams.as_known(team, {colleague.id: colleague}), "renamed", by=None, at=now)
        else:
            _follow(work, team, teams.without(team, colleague.id), "deactivated", by=None, at=now)
    if page.next is not None:
        work.later(TeamsDue(after=page.next), tenant=message.tenant, subject=message.subject, at=now)


# Keeping and saying


def _follow(
    work: Work, before: Team | None, after: Team, cause: Cause, *, by: Somebody | Person | None, at: datetime
) -> Team:
    """Keep a team that has changed, and state it whole. Nothing is said of one that has not."""
    if after is before:
        return after
    after = work.put(after)
    owner, old = teams.owner(after), teams.owner(before) if before else None
    work.say(
        TeamChanged(
            version=work.said(after.tenant, after.id) + 1,
            members=_stated(after.members),
            owner=Person(id=owner.id, name=owner.name) if owner else None,
            cause=cause,
            by=Person(id=by.id, name=by.name) if by else None,
            at=at,
            # Who is in a team from its beginning has not joined it, and hears of the offer itself.
            added=_stated(one for one in after.members if before and teams.member(before, one.id) is None),
            removed=_stated(one for one in before.members if teams.member(after, one.id) is None) if before else [],
            previous_owner=Person(id=old.id, name=old.name) if old and old.id != after.owner_id else None,
            final=after.final,
        ),
        tenant=after.tenant,
        subject=after.id,
    )
    return after


def _stated(members: Iterable[Member]) -> list[Manager]:
    return [Manager(id=member.id, name=member.name, email=member.email) for member in members]


def _locked(work: Work, tenant: str, ids: Iterable[str]) -> dict[str, Colleague]:
    """What accounts stated of these users, locked, in the order of their ids."""
    found = ((id, work.get(Colleague, tenant, id)) for id in sorted(set(ids)))
    return {id: colleague for id, colleague in found if colleague is not None}


def _colleagues_at_once(work: Work, tenant: str, ids: Sequence[str]) -> dict[str, Colleague]:
    found: dict[str, Colleague] = {}
    for start in range(0, len(ids), _FIND_AT_ONCE):
        some = ids[start : start + _FIND_AT_ONCE]
        found.update({one.id: one for one in work.find(Colleague, tenant, where={"id": some}, limit=len(some)).items})
    return found
