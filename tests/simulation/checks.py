"""What must hold: while things happen, and on both sides once everything is delivered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from shared.bus.storage import Outgoing
from shared.calls import SYSTEM
from tests.simulation.people import FINAL, LIVE, Json, found, one
from tests.simulation.world import TENANTS, Service, World

SWAPPED = {"us": "them", "them": "us"}
DONE_BY_PEOPLE = {
    "offer.accepted", "offer.declined", "offer.withdrawn", "offer.expired", "offer.reminded", "partnership.ended",
    "modification.proposed", "modification.decided", "modification.withdrawn",
}  # fmt: skip
"""What nobody says any more who has seen the end; names and details that are on their way may still be told."""


class Watching:
    """Looks at what services say while things happen, and keeps what both sides should make of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.working: dict[str, dict[str, str]] = {}
        """For each partnership what was offered and proposed, by assignment or by contact, and what was decided of it."""
        self.decided: dict[tuple[str, str, str], str] = {}
        self.items: dict[tuple[str, str], Json] = {}
        world.listeners.append(self.said)
        world.watchers.append(self.before)
        world.expected = self

    def before(self, service: Service, work: Any, subject: str, heard: Any) -> Callable[[], None] | None:
        """Nobody decides who has seen the end (protocol rule 4)."""
        if service.name not in {"offers", "contacts"} or not subject:
            return None
        table = next(t for t in service.tables.all if t.name == "partnerships")
        known = work.peek(table.record, service.home, subject)
        if known is None:
            return None
        over = known.status in FINAL if service.name == "offers" else known.phase == "ended"
        if not over:
            return None
        said = len(work._said)

        def after() -> None:
            for one_said in work._said[said:]:
                if one_said.message.kind == "peer" and one_said.message.type in DONE_BY_PEOPLE:
                    self.world.problem(f"{service.home}: {service.name} says {one_said.message!r} of {subject} after it had seen the end")  # fmt: skip

        return after

    def said(self, service: Service, row: Outgoing) -> None:
        """Keep what was offered, proposed and decided: who works where follows from that alone."""
        if row.kind != "peer" or service.name not in {"offers", "contacts"}:
            return
        if row.type == "offer.accepted":
            self._once((row.subject, "", ""), "accepted")
            for id in json.loads(row.body)["data"]["contact_ids"]:
                self.working.setdefault(row.subject, {})[f"offer {id}"] = id
        elif row.type == "offer.declined":
            self._once((row.subject, "", ""), "declined")
        elif row.type == "modification.proposed":
            data = json.loads(row.body)["data"]
            self.items[row.subject, data["id"]] = {item["contact_id"]: item for item in data["items"]}
        elif row.type == "modification.decided":
            data = json.loads(row.body)["data"]
            for item in data["items"]:
                self._once((row.subject, data["modification_id"], item["contact_id"]), item["decision"])

    def _once(self, item: tuple[str, str, str], decision: str) -> None:
        if item in self.decided:
            self.world.problem(f"{item} was decided twice: {self.decided[item]}, then {decision}")
        self.decided[item] = decision

    def accepted(self, partnership: str) -> dict[str, str]:
        """Contact by assignment: what was offered and accepted, by the messages; `offer <contact>` for those of the offer itself."""
        found_ = dict(self.working.get(partnership, {}))
        for (subject, mid, contact), decision in self.decided.items():
            item = self.items.get((subject, mid), {}).get(contact)
            if subject == partnership and item is not None and item["action"] == "add" and decision == "accept":
                found_[item["assignment_id"]] = contact
        return found_

    def released(self, partnership: str) -> set[str]:
        """The assignments whose release was proposed and accepted."""
        return {
            item["assignment_id"]
            for (subject, mid, contact), decision in self.decided.items()
            if subject == partnership and decision == "accept"
            for item in [self.items.get((subject, mid), {}).get(contact)]
            if item is not None and item["action"] == "release"
        }


def at_the_end(world: World) -> None:
    """Compare all sides, and what each service knows with what its neighbours do."""
    for complaint in _complaints(world):
        world.problem(complaint)


def _complaints(world: World) -> Iterator[str]:
    yield from _nothing_waits(world)
    yield from _pairs(world)
    yield from _profiles(world)
    if world.seed % 4 == 1:
        yield from _reads(world)
    for tenant in TENANTS:
        for p in found(world, tenant, "offers", "partnerships"):
            if p["status"] == "bounced":
                continue
            about = f"{tenant}'s {p['role']} {p['id'][-4:]} ({p['status']})"
            yield from (f"{about}: {complaint}" for complaint in _own_side(world, tenant, p))
            if p["role"] == "partner":
                there = p["counterpart"]
                other = one(world, there, "offers", "partnerships", p["id"]) if there in TENANTS else None
                yield from (f"{about} and {there}: {complaint}" for complaint in _both_sides(world, tenant, p, other))


def _nothing_waits(world: World) -> Iterator[str]:
    for service in world.services.values():
        for row in service.database.inbox.values():
            if row.state != "applied":
                yield f"{service.home}: {service.name} still keeps {row.type} {row.sequence} as {row.state}: {row.error}"
        for stream in service.database.streams.values():
            if stream.forked or stream.parked or stream.parked_type:
                yield f"{service.home}: {service.name} has a stream that waits: {stream}"
            if stream.peer != stream.tenant and stream.confirmed < stream.sent:
                yield f"{service.home}: {service.name} has no receipt for {stream}"
    for tenant in TENANTS:
        for parked in found(world, tenant, "contacts", "parked"):
            yield f"{tenant}: contacts still keeps what came early: {parked}"


def _pairs(world: World) -> Iterator[str]:
    """One live partnership an ordered pair, seen by its sender (protocol rule 5)."""
    for tenant in TENANTS:
        live = Counter(
            p["counterpart"]
            for p in found(world, tenant, "offers", "partnerships")
            if p["role"] == "partner" and p["status"] in ("open", *LIVE, "suspended")
        )
        yield from (f"{tenant} has {n} live partnerships with {c}" for c, n in live.items() if n > 1)
        for pair in found(world, tenant, "offers", "pairs"):
            if pair.get("held"):
                yield f"{tenant} still holds an offer to {pair['id']} back"


def _profiles(world: World) -> Iterator[str]:
    """Who works together knows the other's profile as it is (OE-20, protocol rule 7)."""
    businesses = {tenant: one(world, tenant, "accounts", "businesses", tenant) for tenant in TENANTS}
    for tenant in TENANTS:
        live: dict[str, set[str]] = {}
        for p in found(world, tenant, "offers", "partnerships"):
            if p["status"] in LIVE:
                live.setdefault(p["counterpart"], set()).add(p["id"])
                if p["company"] != businesses[p["counterpart"]]["company"]:
                    yield f"{tenant} calls {p['counterpart']} {p['company']} in {p['id']}"
        for known in found(world, tenant, "accounts", "counterparts"):
            if set(known["live"]) != live.get(known["id"], set()):
                yield f"accounts of {tenant} takes {known['live']} with {known['id']} for live, and {live.get(known['id'])} is"
        for there in live:
            told = one(world, tenant, "offers", "counterparts", there)
            if told is None or any(told[k] != businesses[there][k] for k in ("counter", "company", "phone", "email")):
                yield f"{tenant} knows {told} of {there}, which is {businesses[there]}"


def _reads(world: World) -> Iterator[str]:
    """Every read works, also after the end; and what is shown of both sides is one thing."""
    for tenant in TENANTS:
        services = {
            name: world.services[tenant, name].instance for name in ("offers", "contacts", "managers", "history")
        }
        who: Json = {"tenant": tenant, "actor": SYSTEM}
        tiles = services["offers"].list_partnerships(**who, limit=200)["items"]
        if len(tiles) != sum(services["offers"].count_partnerships(**who)["by_status"].values()):
            yield f"{tenant}: home shows {len(tiles)} tiles and counts others"
        for p in found(world, tenant, "offers", "partnerships"):
            if p["status"] == "bounced":
                continue
            about = {**who, "partnership_id": p["id"]}
            shown = services["offers"].get_partnership(**about)
            everybody = services["contacts"].list_assignments(**about, limit=200)["items"]
            proposals = services["contacts"].list_modifications(**about, limit=200)["items"]
            if shown["contacts_count"] != len({a["contact_id"] for a in everybody if a["state"] == "accepted"}):
                yield f"{tenant} shows {shown['contacts_count']} contacts in {p['id']}, and lists {everybody}"
            if shown["pending_modifications"] != sum(m["state"] == "pending" for m in proposals):
                yield f"{tenant} shows {shown['pending_modifications']} pending in {p['id']}, and lists {proposals}"
            if shown["owners"]["ours"] and not services["managers"].list_managers(**about)["items"]:
                yield f"{tenant} has an owner in {p['id']}, and no team"
            if p["status"] == "terminated" and [a for a in shown["actions"] if a not in ("view", "remove")]:
                yield f"{tenant} may {shown['actions']} in {p['id']}, which has ended"
            if len(services["history"].list_entries(**about, limit=200)["items"]) < 1:
                yield f"{tenant} has no history of {p['id']}"


def _own_side(world: World, tenant: str, p: Json) -> Iterator[str]:
    """What offers shows fits what contacts, managers and accounts of the same side know."""
    if p["status"] == "arriving" or p["early"]:
        yield "still at the door"
    if p["held"] and p["status"] == "open":
        yield "held back, though the one before is over"
    if (
        p["role"] == "partner"
        and p["status"] == "open"
        and p["expires_at"] < world.now.isoformat().replace("+00:00", "Z")
    ):
        yield f"open after its time: {p['expires_at']}"
    if p["sent"] > p["confirmed"]:
        yield f"shown as not delivered: {p['sent']} said, {p['confirmed']} confirmed"
    if (p["status"] == "terminated") != bool(p["ended_by_us"] or p["ended_by_them"]):
        yield "ended by nobody, or by somebody and not terminated"
    c = one(world, tenant, "contacts", "partnerships", p["id"])
    if c is None:
        yield "contacts knows nothing of it"
        return
    phase = {"modified": "accepted", "terminated": "ended"}.get(p["status"], p["status"])
    if c["phase"] != phase:
        yield f"for contacts it is {c['phase']}"
    yield from _figures(world, tenant, p, c)
    working = Counter(a["contact_id"] for a in c["assignments"] if a["state"] == "accepted")
    yield from (f"{id} works there twice" for id, n in working.items() if n > 1)
    for a in c["assignments"]:
        if a["roles"] and c["side"] == "partner":
            yield f"the partner knows roles: {a}"
        if a["state"] == "accepted" and c["side"] == "customer" and not a["roles"]:
            yield f"somebody works there without a role: {a}"
        if a["state"] == "offered" and p["status"] in FINAL:
            yield f"still offered: {a}"
    yield from _team(world, tenant, p)


def _figures(world: World, tenant: str, p: Json, c: Json) -> Iterator[str]:
    modifications = [m for m in found(world, tenant, "contacts", "modifications") if m["partnership_id"] == p["id"]]
    pending = [m for m in modifications if any(item["decision"] is None for item in m["items"])]
    working = len({a["contact_id"] for a in c["assignments"] if a["state"] == "accepted"})
    if p["working"] != working:
        yield f"shows {p['working']} contacts, {working} work there"
    if p["pending"] != len(pending):
        yield f"shows {p['pending']} pending modifications, there are {len(pending)}"
    if sorted(c["open"]) != sorted(m["id"].rpartition("/")[2] for m in pending):
        yield f"contacts takes {c['open']} for open, and {[m['id'] for m in pending]} are"
    if p["status"] in LIVE:
        whose = {m["by"] for m in pending}
        turn = "ours" if "them" in whose else "theirs" if whose else None
        if (p["status"], p["turn"]) != ("modified" if pending else "accepted", turn):
            yield f"shows turn {p['turn']}, it is {turn} with {len(pending)} pending"
        since = min((m["created_at"] for m in pending if m["by"] == ("them" if turn == "ours" else "us")), default=None)
        if p["turn_since"] != since:
            yield f"shows the turn since {p['turn_since']}, it is since {since}"
    elif p["status"] in FINAL:
        if p["turn"] is not None:
            yield f"final, and it is still {p['turn']} turn"
        if pending and p["status"] == "terminated":
            yield f"ended, and {len(pending)} proposals are open"


def _team(world: World, tenant: str, p: Json) -> Iterator[str]:
    team = one(world, tenant, "managers", "teams", p["id"])
    if team is None:
        if p["role"] == "partner" or p["status"] in LIVE:
            yield "nobody looks after it: there is no team"
        return
    members = [m["id"] for m in team["members"]]
    if p["managers"] != members:
        yield f"offers takes {p['managers']} for its team, which is {members}"
    if ((p["owner"] or {}).get("id") or "") != team["owner_id"]:
        yield f"offers takes {p['owner']} for the owner, who is {team['owner_id']}"
    if len(set(members)) != len(members) or (members and team["owner_id"] not in members):
        yield f"a team that cannot be: {members}, owned by {team['owner_id']}"
    users = {u["id"]: u for u in found(world, tenant, "accounts", "users")}
    for m in team["members"]:
        user = users[m["id"]]
        if not user["active"]:
            yield f"{m['name']} looks after it without a login"
        elif user["name"] != m["name"]:
            yield f"the team knows {user['name']} as {m['name']}"


def _both_sides(world: World, tenant: str, p: Json, other: Json | None) -> Iterator[str]:
    """The partner's record and the customer's say the same."""
    there = p["counterpart"]
    if other is None:
        known = there in TENANTS
        if p["sent"] and known:
            yield "the customer knows nothing of it"
        if not known and p["status"] not in {"undeliverable"} and p["sent"]:
            yield "nobody is there, and it is not undeliverable"
        return
    if other["status"] == "bounced":
        if p["status"] != "undeliverable":
            yield "turned away, and not undeliverable"
        if one(world, there, "contacts", "partnerships", p["id"]) or _entries(world, there, p["id"]):
            yield "turned away, and somebody there was told"
        return
    if not p["sent"]:
        yield "it never left, and the customer knows of it"
    for name in ("status", "working", "pending", "decline_reason", "sent_at", "expires_at"):
        if p[name] != other[name]:
            yield f"{name}: {p[name]} and {other[name]}"
    for ours, theirs in (("ended_by_us", "ended_by_them"), ("ended_by_them", "ended_by_us")):
        if p[ours] != other[theirs]:
            yield f"ended: {p[ours]} and {other[theirs]}"
    if p["status"] not in {"open", "declined", "withdrawn", "expired"}:
        for a, b in ((p, other), (other, p)):
            if b["their_owner"] != (a["owner_told"] or b["their_owner"]):
                yield f"{a['tenant']} has told of its owner {a['owner_told']}, {b['tenant']} knows {b['their_owner']}"
            if p["status"] in LIVE and a["owner"] is not None and b["their_owner"] != a["owner"]["name"]:
                yield f"{a['tenant']}'s owner is {a['owner']['name']}, {b['tenant']} knows {b['their_owner']}"
    yield from _contacts(world, tenant, there, p)
    ours_, theirs_ = _entries(world, tenant, p["id"]), _entries(world, there, p["id"])
    if ours_ != theirs_:
        yield f"the histories differ: only here {sorted((ours_ - theirs_).elements())}, only there {sorted((theirs_ - ours_).elements())}"
    if doubled := [entry for entry, n in ours_.items() if n > 1]:
        yield f"the history says twice {doubled}"


def _entries(world: World, tenant: str, id: str) -> Counter[tuple[str, ...]]:
    """The shared entries of a history: what, when, whose doing, and about whom of which proposal."""
    p = one(world, tenant, "offers", "partnerships", id)
    assert p is not None
    return Counter(
        (
            e["type"],
            e["at"],
            tenant if e["side"] == "us" else p["counterpart"],
            e["data"].get("modification_id", ""),
            *sorted(item["contact_id"] for item in e["data"].get("items", ())),
        )
        for e in found(world, tenant, "history", "entries")
        if e["partnership_id"] == id and e["shared"]
    )


def _contacts(world: World, partner: str, customer: str, p: Json) -> Iterator[str]:
    ours, theirs = (one(world, t, "contacts", "partnerships", p["id"]) for t in (partner, customer))
    if ours is None or theirs is None:
        return
    keys = ("id", "contact_id", "state", "proposed_at")
    lists = [sorted(tuple(a[k] for k in keys) for a in side["assignments"]) for side in (ours, theirs)]
    if lists[0] != lists[1]:
        yield f"assignments: {lists[0]} and {lists[1]}"
    yield from _accepted(world, ours)
    mine, other = (_modifications(world, t, p["id"]) for t in (partner, customer))
    for mid in sorted(set(mine) | set(other)):
        a, b = mine.get(mid), other.get(mid)
        if a is None or b is None:
            yield f"modification {mid} is known to one side only"
        elif a != {**b, "by": SWAPPED[b["by"]]}:
            differ = [k for k in a if a[k] != ({**b, "by": SWAPPED[b["by"]]})[k]]
            yield f"modification {mid}: {[(k, a[k], b[k]) for k in differ]}"
    yield from _fulfilled(p, ours, mine)
    if p["status"] in LIVE:
        people = {c["id"]: c for c in found(world, partner, "contacts", "contacts")}
        working = {a["contact_id"] for a in ours["assignments"] if a["state"] == "accepted"}
        for id in sorted(working):
            known = next((d for d in theirs["details"] if d["id"] == id), None)
            wanted = people[id]
            if known is None or any(known[k] != wanted[k] for k in ("name", "email", "phone", "title")):
                yield f"the customer knows {known} of somebody who is {wanted}"


def _fulfilled(p: Json, record: Json, modifications: dict[str, Json]) -> Iterator[str]:
    """Nobody is asked for what is so already: that is decided without people (protocol rule 2)."""
    there = {a["id"]: a["contact_id"] for a in record["assignments"] if a["state"] == "accepted"}
    wished: dict[str, set[str]] = {}
    for m in modifications.values():
        for action, contact, assignment, decision, _ in m["items"]:
            if decision:
                continue
            if action == "release":
                wished.setdefault(assignment, set()).add(m["by"])
                if assignment not in there:
                    yield f"somebody is to decide on the release of {contact}, who is gone"
            elif contact in there.values():
                yield f"somebody is to decide on the addition of {contact}, who is there"
    yield from (f"both want to release {there.get(a)}, and nobody does" for a, by in wished.items() if len(by) > 1)


def _modifications(world: World, tenant: str, id: str) -> dict[str, Json]:
    keys = ("by", "reason", "proposer_id", "proposer", "created_at", "in_reply_to", "comment", "suggestion", "answered_by", "answered_at")  # fmt: skip
    items = ("action", "contact_id", "assignment_id", "decision", "comment")
    return {
        m["id"].rpartition("/")[2]: {k: m[k] for k in keys}
        | {"items": sorted([item[k] or "" for k in items] for item in m["items"])}
        for m in found(world, tenant, "contacts", "modifications")
        if m["partnership_id"] == id
    }


def _accepted(world: World, record: Json) -> Iterator[str]:
    """Who works there was offered and accepted, and who was released does not: by the messages alone."""
    expected: Watching = world.expected
    accepted, released = expected.accepted(record["id"]), expected.released(record["id"])
    of_the_offer = {a["id"]: f"offer {a['contact_id']}" for a in record["assignments"]}
    for a in record["assignments"]:
        was = accepted.get(a["id"]) or accepted.get(of_the_offer[a["id"]])
        if a["state"] in {"accepted", "released"} and was is None:
            yield f"{a} was never offered and accepted"
        if (a["state"] == "released") != (a["id"] in released) and was is not None:
            yield f"{a}, and its release was {'accepted' if a['id'] in released else 'not accepted'}"
    there = {a["id"] for a in record["assignments"]} | {of_the_offer[a["id"]] for a in record["assignments"]}
    yield from (f"{c} was accepted as {a}, and has no assignment" for a, c in accepted.items() if a not in there)
