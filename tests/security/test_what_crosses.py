"""Promises S1 and S2: of what a business has, only what is on this list reaches another; and nobody speaks of what is not theirs.

The lists are written by hand, from the design, not from the models: a field that is added to a message fails here until somebody has said
that the other side may know it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import kombu
import pytest

from services.gateway.identity import COOKIE
from shared.bus import topology
from shared.contracts.messages import digest
from shared.ids import new_id
from tests.security.page_lines import LINES
from tests.security.tap import Crossed, Tap, tapped
from tests.security.town import VIEWER, colleague
from tests.support.servers import until
from tests.support.stack import Business, Stack

ENVELOPE = {
    "specversion", "id", "type", "source", "subject", "time", "origin", "destination", "sequence", "previous", "epoch", "kind",
    "traceparent", "data",
}  # fmt: skip
PROPERTIES = {"content_type", "delivery_mode", "message_id", "type", "application_headers"}
PERSON = {"id", "name"}
ADDRESS = {"type", "line1", "line2", "city", "state", "zip", "country", "default"}
# (source, type) → field → its own fields, None for a plain value. A list of values has the fields of each.
MAY: dict[tuple[str, str], dict[str, set[str] | None]] = {
    ("accounts", "profile.shared"): {
        "counter": None, "company": None, "phone": None, "email": None, "fax": None, "website": None, "logo": None, "addresses": ADDRESS,
    },
    ("offers", "offer.sent"): {
        "company": None, "email": None, "message": None, "sent_by": PERSON, "sent_at": None, "expires_at": None,
        "contacts": {"id", "name", "title"},
    },
    ("offers", "offer.accepted"): {"company": None, "accepted_by": PERSON, "accepted_at": None, "contact_ids": None, "comment": None},
    ("offers", "offer.declined"): {"company": None, "declined_by": PERSON, "declined_at": None, "reason": None},
    ("offers", "offer.bounced"): {},
    ("offers", "offer.withdrawn"): {"company": None, "withdrawn_by": PERSON, "withdrawn_at": None, "reason": None},
    ("offers", "offer.expired"): {"expired_at": None},
    ("offers", "offer.reminded"): {"company": None, "reminded_by": PERSON, "reminded_at": None},
    ("offers", "partnership.ended"): {"company": None, "ended_by": PERSON, "ended_at": None, "reason": None},
    ("offers", "owner.named"): {"counter": None, "name": None, "named_at": None, "renamed": None},
    ("contacts", "details.shared"): {"counter": None, "contacts": {"id", "name", "email", "phone", "title"}},
    ("contacts", "modification.proposed"): {
        "id": None, "reason": None, "proposed_by": PERSON, "proposed_at": None, "in_reply_to": None,
        "items": {"action", "contact_id", "assignment_id", "name", "title"},
    },
    ("contacts", "modification.decided"): {
        "modification_id": None, "decided_by": PERSON, "decided_at": None, "comment": None, "suggestion": None,
        "items": {"contact_id", "decision", "comment"},
    },
    ("contacts", "modification.withdrawn"): {"modification_id": None, "withdrawn_by": PERSON, "withdrawn_at": None, "contact_ids": None},
}  # fmt: skip
RECEIPT: dict[str, set[str] | None] = dict.fromkeys(
    ["applied", "digest", "seen", "sent", "protocol", "parked", "wanted"]
)
# What an offer that expires or finds nobody says is seen too rarely here: a clock would have to be turned.
RARE = {("offers", "offer.expired"), ("offers", "offer.reminded")}


class Affair:
    """Everything that two businesses do with each other, with the owner's own matters full of canaries, and a stranger beside them."""

    def __init__(self, stack: Stack, tap: Tap) -> None:
        self.stack, self.tap = stack, tap
        self.canaries: list[str] = []
        self.owner, self.partner, self.stranger = (stack.register(stem) for stem in ("canary", "partner", "stranger"))
        self._fill()
        self.id = self._live()

    def canary(self) -> str:
        """A word that stands nowhere else."""
        self.canaries.append(f"zq{secrets.token_hex(7)}")
        return self.canaries[-1]

    def _fill(self) -> None:
        """A thousand of them, in every field that is nobody else's business."""
        owner, new = self.owner, self.canary
        people = [{"name": new(), "email": f"{new()}@x.example", "title": new(), "phone": new()} for _ in range(215)]
        owner.post("/contacts/import", {"items": people})
        self.users = [colleague(owner, new(), role) for role in ("member", "partnerships", "member")]
        places = [{"name": new(), "roles": [{"name": new()} for _ in range(5)]} for _ in range(10)]
        found = owner.get("/environments")["items"]
        owner.ask("PUT", "/environments", body={"items": [*found, *places]})
        owner.ask("PATCH", "/me", body={"preferences": {f"p{n}": new() for n in range(40)}})
        owner.ask("PATCH", "/settings", body={"blocked_tenants": [new() for _ in range(50)], "offer_expiry_days": 23})
        # In what is refused, too: an error body repeats none of it elsewhere.
        owner.http.post("/contacts", json={"name": new(), "email": new()})
        owner.http.post("/partnerships", json={"message": new()}, headers={"Idempotency-Key": new()})

    def _live(self) -> str:
        """From the first offer to the end, every message there is on the way."""
        owner, partner = self.owner, self.partner
        lost = owner.offer(partner, owner.contact("Lost One"), customer_email="nobody@x.example")["id"]
        owner.until(lost, status="undeliverable")
        withdrawn = owner.offer(partner, owner.contact("Taken Back"))["id"]
        partner.until(withdrawn, status="open")
        owner.post(f"/partnerships/{withdrawn}/withdrawal", {"reason": "Too early"})
        partner.until(withdrawn, status="withdrawn")
        declined = owner.offer(partner, owner.contact("Turned Down"))["id"]
        partner.until(declined, status="open")
        partner.post(f"/partnerships/{declined}/decline", {"reason": "Too late"})
        owner.until(declined, status="declined")
        owner.ask("PATCH", "/tenants/current", body={"phone": "+46 8 55"})

        self.lent = owner.contact("Lent Person")
        otto = str(colleague(owner, "Otto Owner", "member").user["id"])
        id = str(owner.offer(partner, self.lent, manager_ids=[self.users[0].user["id"], otto])["id"])
        partner.until(id, status="open")
        partner.post(f"/partnerships/{id}/acceptance", {"contacts": [{"contact_id": self.lent, "roles": VIEWER}]})
        owner.until(id, status="accepted", contacts_count=1)
        until(lambda: (partner.get(f"/partnerships/{id}")["counterpart"]["profile"] or {}).get("phone"), 20)
        path = f"/partnerships/{id}/modifications"
        for decide in ("answer", "withdrawal"):
            added = owner.contact(f"Added By {decide.title()}")
            asked = owner.post(path, {"add_contact_ids": [added], "release_contact_ids": [], "reason": "More"}, 201)[
                "id"
            ]
            until(lambda asked=asked: partner.http.get(f"{path}/{asked}").status_code == 200, 20)  # type: ignore[misc]
            if decide == "answer":
                items = [{"contact_id": added, "decision": "accept", "roles": VIEWER, "comment": "Yes"}]
                partner.post(f"{path}/{asked}/answer", {"items": items, "comment": "Fine"})
                owner.until(id, contacts_count=2)
            else:
                owner.post(f"{path}/{asked}/withdrawal")
        owner.until(id, status="accepted")
        owner.ask("PUT", f"/partnerships/{id}/owner", body={"contact_id": otto})
        until(lambda: partner.get(f"/partnerships/{id}")["owners"]["theirs"] == {"name": "Otto Owner"}, 20)
        return id

    def seen_by(self, who: Business) -> Iterator[tuple[str, str]]:
        """(where, text) of all that somebody else can read: each list and page of theirs, and what they are told of the owner's ids."""
        ids = {"partnership_id": self.id, "contact_id": self.lent, "user_id": str(self.owner.user["id"]), "session_id": new_id(), "api_key_id": new_id(), "modification_id": new_id()}  # fmt: skip
        names = {"name": "billing", "tenant": "x"}
        headers = {"Host": f"{who.tenant}.localhost:{self.stack.port}", "Cookie": f"{COOKIE}={who.token}"}
        with httpx.Client(base_url=self.stack.url, timeout=20, headers=headers) as http:
            for route in LINES:
                if route.startswith("GET "):
                    yield route, http.get(route[4:].format(**ids, **names)).text
            for path in ("/partnerships", "/partnerships/counts", "/contacts", "/users", "/notifications", "/settings", f"/partnerships/{self.id}", f"/partnerships/{self.id}/contacts", f"/partnerships/{self.id}/history?limit=200", f"/partnerships/{self.id}/managers", f"/partnerships/{self.id}/modifications", f"/contacts/{self.lent}", "/contacts/export"):  # fmt: skip
                yield path, http.get(f"/api/v1{path}").text
            for canary in self.canaries[::50]:
                for path in (f"/contacts?q={canary}", f"/api/v1/contacts?q={canary}", f"/api/v1/partnerships?q={canary}"):  # fmt: skip
                    yield path, http.get(path).text.replace(canary, "", 3)


@pytest.fixture(scope="module")
def affair(stack: Stack) -> Iterator[Affair]:
    with tapped(stack) as tap:
        yield Affair(stack, tap)


def among(affair: Affair) -> list[Crossed]:
    """What has crossed between those of this test."""
    ours = {affair.owner.tenant, affair.partner.tenant, affair.stranger.tenant}
    return [one for one in affair.tap.crossed() if {*one.key.split(".")[::2]} <= ours]


def fields(value: Any) -> set[str]:
    """The fields of a value, or of all values of a list."""
    if isinstance(value, list):
        return set().union(*map(fields, value)) if value else set()
    return set(value) if isinstance(value, dict) else set()


def judge(heard: list[Crossed]) -> set[tuple[str, str]]:
    """Fail for anything that is on no list; the (source, type) of all."""
    for one in heard:
        said = one.envelope
        assert said.keys() <= ENVELOPE, one
        assert {name for name, value in one.properties.items() if value not in (None, {})} <= PROPERTIES, one.properties
        assert not one.properties.get("application_headers"), one.properties
        assert one.properties["content_type"] == topology.CONTENT_TYPE
        assert one.key == f"{said['destination']}.{said['source']}.{said['origin']}"
        may = RECEIPT if said["type"] == "receipt" else MAY[said["source"], said["type"]]
        assert said["data"].keys() <= may.keys(), f"{said['type']}: {said['data'].keys() - may.keys()}"
        for name, value in said["data"].items():
            assert fields(value) <= (may[name] or set()), f"{said['type']}.{name}: {fields(value)}"
    return {(one.envelope["source"], one.envelope["type"]) for one in heard}


def test_only_what_stands_on_the_list_crosses(affair: Affair) -> None:
    kinds = judge(among(affair))
    # "partnership.ended" comes last, below.
    assert MAY.keys() - RARE - {("offers", "partnership.ended")} <= kinds, MAY.keys() - kinds
    assert any(type == "receipt" for _, type in kinds)


def test_a_thousand_canaries_stay_at_home(affair: Affair) -> None:
    assert len(affair.canaries) >= 1000
    at_home = affair.owner.http.get("/contacts/export").text
    assert sum(canary in at_home for canary in affair.canaries) > 800  # they are where they belong

    def found(where: str, text: str) -> list[str]:
        return [f"{canary} in {where}" for canary in set(affair.canaries) if canary in text] if "zq" in text else []

    leaked: list[str] = []
    for one in affair.tap.crossed():
        leaked += found(f"the message {one.key}", one.body.decode() + str(one.properties))
    for name, who in (("partner", affair.partner), ("stranger", affair.stranger)):
        for where, text in affair.seen_by(who):
            leaked += found(f"{where} of the {name}", text)
    run = affair.stack.folder / "run"
    for log in (run / "log").glob("*"):
        leaked += found(log.name, log.read_text(errors="replace"))
    for mail in (run / "mail").glob("*.eml"):
        if affair.owner.tenant not in mail.name:
            leaked += found(mail.name, mail.read_text(errors="replace"))
    assert leaked == []


def state(affair: Affair) -> dict[str, Any]:
    """What both sides show of the partnership, but for how far a message has got."""
    found = {}
    for who in (affair.owner, affair.partner):
        for rest in ("", "/contacts", "/modifications", "/history?limit=200", "/managers"):
            answer = who.get(f"/partnerships/{affair.id}{rest}")
            answer.pop("delivery", None)
            found[f"{who.tenant}{rest}"] = json.dumps(
                [{**item, "delivery": None} for item in answer["items"]] if "items" in answer else answer
            )
    return found


def test_a_message_about_somebody_elses_partnership_changes_nothing(affair: Affair) -> None:
    owner, partner, third = affair.owner, affair.partner, affair.stranger
    heard = [one.envelope for one in among(affair) if one.envelope["subject"] in {affair.id, owner.tenant, partner.tenant}]  # fmt: skip
    # The end, which nobody has said yet, as the other side would.
    end = {"company": "C", "ended_by": {"id": new_id(), "name": "N"}, "ended_at": "2026-11-27T09:00:00Z", "reason": "R"}
    sample = next(said for said in heard if said["source"] == "offers")
    heard.append({**sample, "type": "partnership.ended", "data": end})
    before = state(affair)
    uri = affair.stack.env["ACCORD_PEERS_AMQP_URI"]
    forged = 0
    with kombu.Connection(uri) as connection:
        for victim in (owner, partner):
            previous: dict[str, tuple[int, str]] = {}
            for said in heard:
                number, last = previous.get(said["source"], (0, ""))
                mine = {**said, "id": new_id(), "origin": third.tenant, "destination": victim.tenant, "kind": "peer"}
                if said["type"] != "receipt":
                    mine |= {"sequence": number + 1, "previous": last}
                body = json.dumps(mine)
                previous[said["source"]] = (number + 1, digest(body)) if said["type"] != "receipt" else (number, last)
                # Once honestly in one's own name, once in that of the counterpart: the key says who speaks, whatever the body says.
                lying = json.dumps({**mine, "id": new_id(), "origin": said["origin"]})
                for text in (body, lying):
                    connection.Producer().publish(
                        text,
                        exchange=topology.PEERS,
                        routing_key=topology.peer_key(victim.tenant, said["source"], third.tenant),
                        content_type=topology.CONTENT_TYPE,
                        content_encoding="utf-8",
                    )
                    forged += 1
    assert forged > 40
    # Whatever comes after them in the same queues has been handled: so were they.
    for victim in (owner, partner):
        lent = third.contact(f"Honest {victim.tenant}")
        honest = str(third.offer(victim, lent)["id"])
        victim.until(honest, status="open")
        victim.post(f"/partnerships/{honest}/acceptance", {"contacts": [{"contact_id": lent, "roles": VIEWER}]})
        third.until(honest, status="accepted", contacts_count=1)
        until(
            lambda victim=victim, honest=honest: victim.get(f"/partnerships/{honest}/contacts")["items"][0]["email"], 20
        )  # type: ignore[misc]
    assert state(affair) == before
    # And the partnership goes on.
    partner.post(f"/partnerships/{affair.id}/termination", {"reason": "It was good."})
    owner.until(affair.id, status="terminated")
    # All but what was forged here, by a client of another kind.
    assert ("offers", "partnership.ended") in judge([o for o in among(affair) if not o.key.endswith(third.tenant)])
