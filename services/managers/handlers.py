"""What managers does: a team for each partnership, from the offer or its acceptance."""

from __future__ import annotations

from datetime import datetime

from services.managers.domain import team as teams
from services.managers.domain.team import Colleague, Member, Team
from shared.bus.work import Heard, Json, Work
from shared.calls import Call, Paged
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamChanged
from shared.contracts.offers import AcceptanceGiven, Manager, OfferSubmitted, Person
from shared.errors import ValidationError

_FIND_AT_ONCE = 200


def list_managers(work: Work, call: Call, query: Paged, now: datetime) -> Json:
    """{"items": [{contact_id, name, email, owner}], "next": cursor or None}, the account owner first, then by name.

    Whether the actor may see the partnership was asked at the door. An offer that waits for our answer has no team yet.
    """
    team = work.peek(Team, call.tenant, call.ids["partnership_id"])
    if team is None:
        return {"items": [], "next": None}
    team = _as_known(work, team)
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
    }


def offer_submitted(work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
    """We sent an offer: who sent it owns the partnership, and looks after it with those who were chosen."""
    _form(work, message.tenant, message.subject, message.data.managers, message.data.sent_by)


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted an offer: who accepted owns the partnership on our side."""
    _form(work, message.tenant, message.subject, message.data.managers, message.data.by)


def user_changed(work: Work, message: Heard[UserChanged], now: datetime) -> None:
    """Names and e-mails of managers follow their users."""
    user = message.data
    work.put(Colleague(tenant=message.tenant, id=user.id, name=user.name, email=user.email))


def _form(work: Work, tenant: str, partnership: str, managers: list[Manager], owner: Person) -> None:
    if work.get(Team, tenant, partnership) is not None:
        return
    team = teams.form(
        tenant=tenant,
        id=partnership,
        managers=[Member(id=one.id, name=one.name, email=one.email) for one in managers],
        owner=Member(id=owner.id, name=owner.name),
    )
    work.put(team)
    work.say(
        TeamChanged(
            version=work.said(tenant, partnership) + 1,
            members=[Manager(id=member.id, name=member.name, email=member.email) for member in team.members],
            owner=Person(id=owner.id, name=teams.owner(team).name),
        ),
        tenant=tenant,
        subject=partnership,
    )


def _as_known(work: Work, team: Team) -> Team:
    ids = [member.id for member in team.members]
    colleagues: dict[str, Colleague] = {}
    for start in range(0, len(ids), _FIND_AT_ONCE):
        some = ids[start : start + _FIND_AT_ONCE]
        colleagues.update(
            {one.id: one for one in work.find(Colleague, team.tenant, where={"id": some}, limit=len(some)).items}
        )
    return teams.as_known(team, colleagues)
