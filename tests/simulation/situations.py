"""The interesting situations: how a run notices that one came up. A run in which one never did has proved nothing about it, and fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from shared.bus.storage import Outgoing
from shared.calls import SYSTEM
from tests.simulation.people import found, one
from tests.simulation.world import Service, World

BUS = (
    "message applied", "duplicate", "gap parked", "reordered", "redelivered", "came twice", "a message got lost", "a receipt got lost",
    "sent again without a receipt", "published twice", "restarted", "died before the acknowledgement",
    "a use case failed", "a use case failed, and its message waits for another try",
    "while hearing: conflict", "while hearing: away before", "while hearing: away after", "while hearing: killed before",
    "while hearing: killed after",
)  # fmt: skip
COMMANDS = (
    "a command's service died before its commit", "a command's service died between commit and answer", "a command's outcome was learnt from its stored answer",
    "a repeated command found its answer", "asked twice with one key", "a command began again after a conflict",
    "a neighbour did not answer", "much happened between a question and its use", "refused: unavailable",
    "refused: wrong_state", "refused: forbidden", "refused: validation_error", "refused: partnership_exists", "refused: too_soon",
    "refused: contact_has_pending_change", "refused: last_manager",
)  # fmt: skip
OFFERS = (
    "an offer to nobody", "an offer to nobody, withdrawn before its bounce", "something was said of an offer that was still at the door",
    "what was said at the door was heard when it opened",
    "an acceptance met a withdrawn offer", "an acceptance met an expired offer", "a decline met a withdrawn offer",
    "a decline met an expired offer", "a withdrawal met an answered offer", "an expiry met an answered offer",
    "a reminder met an answered offer", "an acceptance after the time of the offer, of which nobody had heard",
    "an offer held back", "a held offer left", "a held offer was withdrawn", "a held offer expired",
    "a held offer gave way to the acceptance of the one before",
    "ended by both", "ended by one", "a new offer after an end", "another account owner became known",
)  # fmt: skip
CONTACTS = (
    "contacts spoke before the acceptance was known",
    "a proposal came before the acceptance was known", "both released the same person", "a release of somebody released already",
    "an addition of somebody who works there", "the same person proposed again", "an answer met a withdrawal",
    "an answer met an end", "a withdrawal met an answer", "a withdrawal met an answer of a part", "a withdrawal met an end",
    "a proposal met an end", "a proposal was answered in part", "a suggestion", "a proposal in reply to a suggestion",
    "several proposals of a side at once", "both sides must answer", "ended between the door and the deed", "details of somebody who is lent were told again",
)  # fmt: skip
TEAMS = (
    "somebody without a login left a team",
    "a team lost its last member",
    "an account owner was taken from a team",
)
INTERESTING: tuple[str, ...] = (*BUS, *COMMANDS, *OFFERS, *CONTACTS, *TEAMS)


class Watching:
    """Looks at what services say, and at what they knew when they heard something."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.held: set[str] = set()
        world.listeners.append(self.said)
        world.watchers.append(self.heard)

    def said(self, service: Service, row: Outgoing) -> None:
        """A service has committed that it says this."""
        tell: Callable[[Service, Outgoing, Any], str | None] | None = _SAID.get((service.name, row.kind, row.type))
        if tell is not None:
            situation = tell(service, row, json.loads(row.body)["data"])
            if situation:
                self.world.met(situation)
        if service.name == "offers" and row.type in {"offer.submitted", "offer.sent"}:
            self._holding(service, row)

    def _holding(self, service: Service, row: Outgoing) -> None:
        p = one(self.world, service.home, "offers", "partnerships", row.subject)
        if p is None:
            return
        if row.type == "offer.submitted":
            if p["held"]:
                self.held.add(p["id"])
                self.world.met("an offer held back")
            others = found(self.world, service.home, "offers", "partnerships")
            if any(o["status"] == "terminated" and o["counterpart"] == p["counterpart"] for o in others):
                self.world.met("a new offer after an end")
        elif p["id"] in self.held:
            self.world.met("a held offer left")

    def heard(self, service: Service, work: Any, subject: str, heard: Any) -> None:
        """A service is about to handle a message; what it knows is what the messages before it in the same batch have left."""
        data = getattr(heard, "data", None)
        if data is not None and data.type == "recipient.found" and service.name == "offers":
            table = next(t for t in service.tables.all if t.name == "partnerships")
            known = work.peek(table.record, service.home, subject)
            if known is not None and known.early:
                self.world.met("what was said at the door was heard when it opened")
        if data is None or data.kind != "peer" or service.name not in {"offers", "contacts"}:
            return
        table = next(t for t in service.tables.all if t.name == "partnerships")
        known = work.peek(table.record, service.home, subject)
        if service.name == "offers":
            self._offers_heard(known, data.type)
        else:
            self._contacts_heard(service, work, known, data)

    def _offers_heard(self, known: Any, type: str) -> None:
        if known is None:
            return
        if known.status == "arriving" and type != "offer.sent":
            self.world.met("something was said of an offer that was still at the door")
        answer = {"offer.accepted": "an acceptance", "offer.declined": "a decline"}.get(type)
        if answer and known.status in {"withdrawn", "expired"}:
            self.world.met(f"{answer} met {'a withdrawn' if known.status == 'withdrawn' else 'an expired'} offer")
        if type == "offer.accepted" and known.status == "open" and self.world.now > known.expires_at:
            self.world.met("an acceptance after the time of the offer, of which nobody had heard")
        if type == "offer.bounced" and known.status == "withdrawn":
            self.world.met("an offer to nobody, withdrawn before its bounce")

    def _contacts_heard(self, service: Service, work: Any, known: Any, data: Any) -> None:
        if known is None or known.phase in {"open", "withdrawn", "expired"}:
            self.world.met("contacts spoke before the acceptance was known")
            if data.type == "modification.proposed":
                self.world.met("a proposal came before the acceptance was known")
            return
        if data.type == "modification.proposed":
            if known.phase == "ended":
                self.world.met("a proposal met an end")
            return
        if data.type not in {"modification.decided", "modification.withdrawn"}:
            return
        table = next(t for t in service.tables.all if t.name == "modifications")
        proposal = work.peek(table.record, service.home, f"{known.id}/{data.modification_id}")
        if proposal is None:
            return
        values = {item.decision for item in proposal.items}
        if data.type == "modification.decided":
            of = {item.contact_id for item in data.items}
            values = {item.decision for item in proposal.items if item.contact_id in of}
            if "withdrawn" in values:
                self.world.met("an answer met a withdrawal")
            if "void" in values:
                self.world.met("an answer met an end")
        else:
            if "void" in values:
                self.world.met("a withdrawal met an end")
            if values & {"accept", "decline"} and None in values:
                self.world.met("a withdrawal met an answer of a part")


def _answered_by_itself(service: Service, row: Outgoing, data: Any) -> str | None:
    if data["by"] is not None:
        if len({item["decision"] for item in data["items"]}) > 1:
            return "a proposal was answered in part"
        return "a suggestion" if data["suggestion"] else None
    item = data["items"][0]
    if item["action"] == "add":
        return "an addition of somebody who works there"
    wished = [
        ours
        for m in found(service.world, service.home, "contacts", "modifications")
        if m["by"] == "us" and m["partnership_id"] == row.subject
        for ours in m["items"]
        if ours["contact_id"] == item["contact_id"] and ours["action"] == "release" and ours["decision"] is None
    ]
    return "both released the same person" if wished else "a release of somebody released already"


def _proposed(service: Service, row: Outgoing, data: Any) -> str | None:
    world = service.world
    record = one(world, service.home, "contacts", "partnerships", row.subject)
    if record is None:
        return None
    if data["in_reply_to"]:
        world.met("a proposal in reply to a suggestion")
    if len([m for m in record["open"] if _ours(world, service.home, row.subject, m)]) > 1:
        world.met("several proposals of a side at once")
    before = {a["contact_id"] for a in record["assignments"] if a["state"] == "released"}
    again = any(item["action"] == "add" and item["contact_id"] in before for item in data["items"])
    return "the same person proposed again" if again else None


def _ours(world: World, home: str, id: str, mid: str) -> bool:
    m = one(world, home, "contacts", "modifications", f"{id}/{mid}")
    return m is not None and m["by"] == "us"


def _withdrawn(service: Service, row: Outgoing, data: Any) -> str | None:
    if data["told"]:
        return None
    if data["by"]["id"] == SYSTEM:
        return "a held offer gave way to the acceptance of the one before"
    return "a held offer was withdrawn"


def _team(service: Service, row: Outgoing, data: Any) -> str | None:
    world = service.world
    if data["cause"] == "removed" and data["previous_owner"]:
        return "an account owner was taken from a team"
    if data["cause"] == "deactivated":
        if not data["members"]:
            world.met("a team lost its last member")
        return "somebody without a login left a team"
    return None


def _details(service: Service, row: Outgoing, data: Any) -> str | None:
    return "details of somebody who is lent were told again" if data["counter"] > 1 else None


_SAID: dict[tuple[str, str, str], Callable[[Service, Outgoing, Any], str | None]] = {
    ("offers", "fact", "offer.undeliverable"): lambda s, r, d: "an offer to nobody",
    ("offers", "fact", "withdrawal.received"): lambda s, r, d: None if d["counts"] else "a withdrawal met an answered offer",
    ("offers", "fact", "expiry.received"): lambda s, r, d: None if d["counts"] else "an expiry met an answered offer",
    ("offers", "fact", "reminder.received"): lambda s, r, d: None if d["counts"] else "a reminder met an answered offer",
    ("offers", "fact", "withdrawal.given"): _withdrawn,
    ("offers", "fact", "expiry.given"): lambda s, r, d: None if d["told"] else "a held offer expired",
    ("offers", "fact", "end.received"): lambda s, r, d: "ended by one" if d["first"] else "ended by both",
    ("offers", "fact", "owner.received"): lambda s, r, d: "another account owner became known",
    ("contacts", "fact", "answer.given"): _answered_by_itself,
    ("contacts", "fact", "proposal.given"): _proposed,
    ("contacts", "fact", "retraction.received"): lambda s, r, d: None if d["counts"] else "a withdrawal met an answer",
    ("contacts", "fact", "assignments.changed"): lambda s, r, d: "both sides must answer" if d["to_answer"] and d["awaiting"] else None,
    ("contacts", "peer", "details.shared"): _details,
    ("managers", "fact", "team.changed"): _team,
}  # fmt: skip
