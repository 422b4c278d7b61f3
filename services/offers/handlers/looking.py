"""Looking at partnerships: the home list, one of them, what neighbours may know; having looked, and taking a final tile away."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.offers import views
from services.offers.commands import Chosen, Latest
from services.offers.domain import answering as rules
from services.offers.domain.partnership import ENDED, Partnership
from services.offers.handlers import holding
from services.offers.handlers.finding import looked_up, ours, visible
from services.offers.handlers.showing import shown
from shared.bus.door import SYSTEM_PERSON, Person, check_version
from shared.bus.work import Confirmed, Json, Work
from shared.calls import Call
from shared.contracts import offers as said
from shared.errors import Forbidden, WrongState
from shared.text import fold

_LATEST = 20


def list_partnerships(work: Work, call: Call, chosen: Chosen, *, person: Person, now: datetime) -> Json:
    """The home list: all that was not removed, or all of the chosen statuses (OE-01)."""
    where, search = _filter(chosen, person)
    order = {"company": "company", "turn_since": "turn_since", "-sent_at": "-sent_at"}.get(chosen.sort, "-updated_at")
    page = work.find(
        Partnership, call.tenant, where=where, search=search, order=order, after=chosen.cursor, limit=chosen.limit
    )
    return {"items": [views.partnership(p, changes=person.changes, now=now) for p in page.items], "next": page.next}


def count_partnerships(work: Work, call: Call, *, person: Person, now: datetime) -> Json:
    """How many tiles there are by status, role and turn, and in all; `ended` counts those that have left the home list, too."""
    where, search = _filter(Chosen(), person)
    found = work.count(
        Partnership,
        call.tenant,
        by=("shown", "status", "role", "turn"),
        where={**where, "shown": ["home", "kept"]},
        search=search,
    )
    tiles = Counter({key: n for key, n in found.items() if key[0] == "home"})

    def by(place: int) -> dict[str, int]:
        counted: Counter[str] = Counter()
        for key, n in tiles.items():
            counted[key[place]] += n
        return {value: n for value, n in counted.items() if value}

    return {
        "total": tiles.total(),
        "ended": sum(n for (_, status, *_), n in found.items() if status in ENDED),
        "by_status": by(1),
        "by_role": by(2),
        "by_turn": by(3),
    }


def _filter(chosen: Chosen, person: Person) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    where: dict[str, Any] = {"shown": ["home"] if chosen.status is None else ["home", "kept"]}
    search = [("name_search", fold(chosen.q))] if chosen.q else []
    if chosen.status is not None:
        wanted: set[str] = set(chosen.status if isinstance(chosen.status, list) else [chosen.status])
        if "ended" in wanted:
            wanted = (wanted - {"ended"}) | ENDED
        where["status"] = sorted(wanted)
    if chosen.role is not None:
        where["role"] = chosen.role
    if chosen.turn is not None:
        where["turn"] = chosen.turn
    if not person.changes:
        search.append(("viewers", f"|{person.id}|"))
    return where, search


def get_partnership(work: Work, call: Call, *, person: Person, now: datetime) -> Json:
    """One partnership, with the counterpart's profile (OE-20). Raises NotFound when it is not the viewer's to see."""
    return shown(work, visible(looked_up(work, call), person), changes=person.changes, now=now)


def get_standing(work: Work, call: Call, change: bool, *, person: Person, now: datetime) -> Json:
    """What its neighbours need to know of a partnership before they do anything. `version` is the number of our last fact about it.

    Raises NotFound when it is not the actor's to see; with `change` Forbidden for a role that may not, WrongState once it is final.
    """
    # First, because the record comes with it.
    version = work.said(call.tenant, call.ids["partnership_id"])
    p = visible(looked_up(work, call), person)
    if change and not person.changes:
        raise Forbidden()
    if change and p.final:
        raise WrongState(
            "The partnership has ended: nothing of it can be changed any more."
            if p.status == "terminated"
            else f"There is nothing to change any more: the offer is {p.status}."
        )
    return {
        "role": p.role,
        "counterpart": {"tenant": p.counterpart, "company": p.company},
        "status": p.status,
        "suspended": p.status == "suspended",
        "managers": list(p.managers),
        "changes": person.changes,
        "version": version,
        "revision": p.revision,
    }


def get_latest(work: Work, call: Call, query: Latest, *, person: Person, now: datetime) -> Json:
    """The partnerships of ours in which something happened last: {"items": [{"id", "version"}]}, `version` as in `get_standing`.

    Contacts asks before it says of somebody or something that no partnership needs it: what it has not heard yet is among these.
    """
    if person is not SYSTEM_PERSON:
        raise Forbidden()
    page = work.find(Partnership, call.tenant, where={"role": query.role}, order="-updated_at", limit=_LATEST)
    return {"items": [{"id": p.id, "version": work.said(call.tenant, p.id)} for p in page.items]}


def mark_seen(work: Work, call: Call, *, now: datetime) -> None:
    """A person of ours has looked: the other side learns it with the next receipt (BX-03), of contacts' matter from contacts. Raises NotFound."""
    p = ours(work, call)
    work.mark_seen(p.tenant, p.counterpart, p.id)
    work.say(said.PartnershipLookedAt(at=now), tenant=p.tenant, subject=p.id)


def receipt(work: Work, news: Confirmed, now: datetime) -> None:
    """The other side has got, or looked at, what we said (BX-03). Once it has got our last word, a held offer may leave (protocol rule 5)."""
    p = work.get(Partnership, news.tenant, news.subject)
    if p is None or p.counterpart != news.peer or (news.applied <= p.confirmed and news.seen <= p.seen):
        return
    p = work.put(replace(p, confirmed=max(p.confirmed, news.applied), seen=max(p.seen, news.seen)))
    if p.final:
        holding.follow(work, p, now)


def remove_partnership(work: Work, call: Call, *, now: datetime) -> None:
    """Take a final tile from home (OE-19); one that is gone already, like that of our own end, stays gone. Raises NotFound, WrongState."""
    p = ours(work, call)
    after = rules.remove(p, now)
    check_version(call, p.revision)
    if after is not p:
        work.put(after)
