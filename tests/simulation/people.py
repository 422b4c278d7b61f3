"""What persons do, made up by chance: mostly what makes sense just now, often on both sides at the same moment, sometimes what is refused."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.simulation.world import TENANTS, Request, World

Json = dict[str, Any]
NOWHERE = "nowhere"
LIVE = ("accepted", "modified")
FINAL = ("declined", "withdrawn", "expired", "undeliverable", "terminated")


@functools.lru_cache(maxsize=20_000)
def document(text: str) -> Json:
    """A stored record. Nobody changes it."""
    found: Json = json.loads(text)
    return found


def found(world: World, home: str, service: str, table: str) -> list[Json]:
    """The records of a table, in the order in which they were first kept."""
    return [document(kept.document) for kept in world.records(home, service, table).values()]


def one(world: World, home: str, service: str, table: str, id: str) -> Json | None:
    """One record."""
    kept = world.records(home, service, table).get((home, id))
    return None if kept is None else document(kept.document)


def populate(world: World) -> None:
    """Register the businesses, each with an admin, two who look after partnerships, a member, and people to lend."""
    for tenant in TENANTS:
        accounts = world.services[tenant, "accounts"].instance
        registered = accounts.register_tenant(
            tenant=tenant, company=tenant.title(), name="Ada Admin", email=f"admin@{tenant}.example",
            password="a long password",
        )  # fmt: skip
        admin = registered["user"]["id"]
        for name, role in (("Per Partner", "partnerships"), ("Pia Partner", "partnerships"), ("Mia Member", "member")):
            email = f"{name.split()[0].lower()}@{tenant}.example"
            accounts.create_user(tenant=tenant, actor=admin, name=name, email=email, role=role)
    settle(world)
    for tenant in TENANTS:
        admin = found(world, tenant, "accounts", "users")[0]["id"]
        for name in ("Cleo", "Dina", "Egon", "Finn"):
            world.services[tenant, "contacts"].instance.create_contact(
                tenant=tenant, actor=admin, name=f"{name} {tenant.title()}", email=f"{name.lower()}@{tenant}.example"
            )
    settle(world)


def settle(world: World) -> None:
    """Deliver everything, nothing going wrong, until nothing is under way."""
    for _ in range(400):
        moved = sum(world.publish(service) for service in world.services.values())
        for key in world.broker.full():
            queue = world.broker.queue(*key)
            batch, queue[:] = queue[:200], queue[200:]
            world.deliver(key, batch)
            moved += 1
        if moved:
            continue
        # Timers far ahead are left alone; what was sent and not receipted is sent again.
        soon = [d.at for s in world.services.values() for d in s.relay.due.values() if d.row.kind != "timer"]
        if not soon:
            return
        world.now = max(world.now, min(soon))
    left = [d.row.type for s in world.services.values() for d in s.relay.due.values() if d.row.kind != "timer"]
    world.problem(f"It never gets quiet: {left} is still due, {world.broker.full()} still under way.")


class People:
    """All who work in the businesses."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.random = world.random
        self.asked = 0

    # Asking

    def request(self, tenant: str, service: str, method: str, actor: str | None = None, **arguments: Any) -> Request:
        """A request by somebody who, mostly, may do that."""
        self.asked += 1
        actor = actor or self.somebody(tenant)
        return Request(tenant, service, method, actor, arguments, f"key {self.asked}")

    def somebody(self, tenant: str) -> str:
        """Mostly somebody who may change partnerships, sometimes anybody."""
        users = found(self.world, tenant, "accounts", "users")
        if self.random.random() < 0.05:
            return str(self.random.choice(users)["id"])
        return str(self.random.choice([u for u in users if u["active"] and u["role"] != "member"])["id"])

    def admin(self, tenant: str) -> str:
        return str(next(u for u in found(self.world, tenant, "accounts", "users") if u["role"] == "admin" and u["active"])["id"])  # fmt: skip

    # What there is

    def tiles(self, tenant: str, *statuses: str, role: str = "") -> list[Json]:
        """Partnerships as offers of a business has them."""
        return [
            p
            for p in found(self.world, tenant, "offers", "partnerships")
            if p["status"] in statuses and p["role"].startswith(role)
        ]

    def some(self, values: Sequence[Any], least: int, most: int) -> list[Any]:
        """At least and at most so many of them, in any order."""
        return self.random.sample(list(values), min(len(values), self.random.randint(least, most)))

    def likely(self, chance: float) -> bool:
        return self.random.random() < chance

    def roles(self, tenant: str) -> list[Json]:
        environments = one(self.world, tenant, "accounts", "environments", tenant)
        assert environments is not None
        chosen = self.some(environments["items"], 1, 2)
        return [{"environment": e["id"], "role": self.random.choice(e["roles"])["id"]} for e in chosen]

    # What one person may ask for; None when there is nothing to do of that kind

    def send(self, tenant: str, to: str | None = None, email: str | None = None) -> Request | None:
        """Offer people to another business, mostly to one with which nothing is under way, and mostly to somebody who is there."""
        if to is None:
            busy = {
                p["counterpart"]
                for p in self.tiles(tenant, "open", "accepted", "modified", "suspended", role="partner")
            }
            free = [t for t in TENANTS if t != tenant and (t not in busy or self.likely(0.1))]
            if not free:
                return None
            to = NOWHERE if self.likely(0.03) else tenant if self.likely(0.01) else self.random.choice(free)
        users = found(self.world, to, "accounts", "users") if to in TENANTS else []
        if email is None:
            known = users and not self.likely(0.1)
            email = self.random.choice(users)["email"] if known else "nobody@anywhere.example"
        contacts = [c["id"] for c in found(self.world, tenant, "contacts", "contacts")]
        colleagues = [
            u["id"] for u in found(self.world, tenant, "accounts", "users") if u["active"] or self.likely(0.1)
        ]
        return self.request(
            tenant, "offers", "send_offer", customer_tenant=to, customer_email=email, message="Shall we?",
            contact_ids=self.some(contacts, 1, 3), manager_ids=self.some(colleagues, 0, 2),
        )  # fmt: skip

    def accept(self, tenant: str, id: str | None = None) -> Request | None:
        p = self._tile(tenant, id, ("open",), "customer")
        if p is None:
            return None
        contacts = [{"contact_id": c["id"], "roles": self.roles(tenant)} for c in self.some(p["offered"], 1, 3)]
        managers = [u["id"] for u in found(self.world, tenant, "accounts", "users") if u["active"]]
        return self.request(
            tenant, "offers", "accept_offer", partnership_id=p["id"], contacts=contacts,
            manager_ids=self.some(managers, 0, 1), comment="Welcome.",
        )  # fmt: skip

    def decline(self, tenant: str, id: str | None = None) -> Request | None:
        p = self._tile(tenant, id, ("open",), "customer")
        return p and self.request(
            tenant, "offers", "decline_offer", partnership_id=p["id"], reason="Not now.", block=self.likely(0.03)
        )

    def withdraw(self, tenant: str, id: str | None = None) -> Request | None:
        p = self._tile(tenant, id, ("open",), "partner")
        return p and self.request(tenant, "offers", "withdraw_offer", partnership_id=p["id"], reason="We think again.")

    def remind(self, tenant: str, id: str | None = None) -> Request | None:
        p = self._tile(tenant, id, ("open",), "partner")
        return p and self.request(tenant, "offers", "remind_offer", partnership_id=p["id"])

    def end(self, tenant: str, id: str | None = None) -> Request | None:
        p = self._tile(tenant, id, LIVE)
        return p and self.request(tenant, "offers", "end_partnership", partnership_id=p["id"], reason="It was good.")

    def end_of(self, tenant: str, id: str) -> Request:
        return self.request(tenant, "offers", "end_partnership", partnership_id=id, reason="Enough.")

    def remove(self, tenant: str) -> Request | None:
        p = self._tile(tenant, None, FINAL)
        return p and self.request(tenant, "offers", "remove_partnership", partnership_id=p["id"])

    def look(self, tenant: str) -> Request | None:
        p = self._tile(tenant, None, ("open", *LIVE, *FINAL))
        return p and self.request(tenant, "offers", "mark_seen", partnership_id=p["id"])

    def _tile(self, tenant: str, id: str | None, statuses: tuple[str, ...], role: str = "") -> Json | None:
        """A partnership of ours, in one of these states unless chance or `id` wants another."""
        if id is not None:
            return one(self.world, tenant, "offers", "partnerships", id)
        if self.likely(0.04):
            statuses = ("open", *LIVE, *FINAL)
        tiles = self.tiles(tenant, *statuses, role=role)
        return self.random.choice(tiles) if tiles else None

    def propose(
        self, tenant: str, id: str | None = None, *, add: Sequence[str] = (), release: Sequence[str] = ()
    ) -> Request | None:
        """Propose to add and to release people; mostly of whom nothing is proposed yet, readily somebody who worked there before."""
        p = self._tile(tenant, id, LIVE)
        record = one(self.world, tenant, "contacts", "partnerships", p["id"]) if p else None
        if p is None or record is None:
            return None
        adding, releasing = list(add), list(release)
        if not adding and not releasing:
            adding, releasing = self._wishes(tenant, record)
            if not adding and not releasing:
                return None
        suggested = [m["id"].rpartition("/")[2] for m in self.modifications(tenant, p["id"], "us") if m["suggestion"]]
        more = {"in_reply_to": self.random.choice(suggested)} if suggested and self.likely(0.6) else {}
        return self.request(
            tenant, "contacts", "propose_modification", partnership_id=p["id"], add_contact_ids=adding,
            release_contact_ids=releasing, reason="It is time for a change.", **more,
        )  # fmt: skip

    def _wishes(self, tenant: str, record: Json) -> tuple[list[str], list[str]]:
        heedless = self.likely(0.1)
        mine = {
            item["contact_id"]
            for m in self.modifications(tenant, record["id"], "us")
            for item in m["items"]
            if item["decision"] is None
        }
        working = list(dict.fromkeys(a["contact_id"] for a in record["assignments"] if a["state"] == "accepted"))
        before = [a["contact_id"] for a in record["assignments"] if a["state"] == "released"]
        adding: list[str] = []
        if record["side"] == "partner" or self.likely(0.03):
            directory = [c["id"] for c in found(self.world, tenant, "contacts", "contacts")]
            away = [c for c in directory if (c not in working and c not in mine) or heedless]
            again = [c for c in before if c in away]
            adding = self.some(again if again and self.likely(0.6) else away, 0, 3)
        there = [c for c in working if (c not in mine or heedless) and c not in adding]
        return adding, self.some(there, 0 if adding else 1, 2)

    def modifications(self, tenant: str, id: str, by: str) -> list[Json]:
        return [
            m
            for m in found(self.world, tenant, "contacts", "modifications")
            if m["partnership_id"] == id and m["by"] == by
        ]

    def _pending(self, tenant: str, by: str, id: str | None) -> Json | None:
        chosen = [
            m
            for m in found(self.world, tenant, "contacts", "modifications")
            if m["by"] == by
            and (id is None or m["partnership_id"] == id)
            and (any(item["decision"] is None for item in m["items"]) or self.likely(0.02))
        ]
        return self.random.choice(chosen) if chosen else None

    def answer(self, tenant: str, id: str | None = None) -> Request | None:
        """Decide every open item of a proposal of theirs."""
        m = self._pending(tenant, "them", id)
        if m is None:
            return None
        record = one(self.world, tenant, "contacts", "partnerships", m["partnership_id"])
        assert record is not None
        items: list[Json] = []
        kind = self.random.choice(("accept", "accept", "decline", "mixed", "mixed"))
        for item in m["items"]:
            if item["decision"] is not None and not self.likely(0.1):
                continue
            decision = self.random.choice(("accept", "decline")) if kind == "mixed" else kind
            needed = record["side"] == "customer" and item["action"] == "add" and decision == "accept"
            items.append(
                {"contact_id": item["contact_id"], "decision": decision}
                | ({"roles": self.roles(tenant)} if needed else {})
                | ({"comment": "So be it."} if self.likely(0.3) else {})
            )
        more = {"suggestion": "Somebody else?"} if self.likely(0.2) else {}
        return self.request(
            tenant, "contacts", "answer_modification", partnership_id=m["partnership_id"],
            modification_id=m["id"].rpartition("/")[2], items=items, **more,
        )  # fmt: skip

    def retract(self, tenant: str, id: str | None = None) -> Request | None:
        """Withdraw a proposal of ours."""
        m = self._pending(tenant, "us", id)
        return m and self.request(
            tenant, "contacts", "withdraw_modification", partnership_id=m["partnership_id"],
            modification_id=m["id"].rpartition("/")[2],
        )  # fmt: skip

    def team(self, tenant: str) -> Request | None:
        """Change who looks after a partnership."""
        p = self._tile(tenant, None, ("open", *LIVE))
        team = one(self.world, tenant, "managers", "teams", p["id"]) if p else None
        if p is None or (team is None and not self.likely(0.1)):
            return None
        members = [m["id"] for m in team["members"]] if team else []
        others = [u["id"] for u in found(self.world, tenant, "accounts", "users") if u["id"] not in members]
        kind = self.random.choice(("add", "remove", "owner"))
        if kind == "add" and others:
            return self.request(
                tenant, "managers", "add_managers", partnership_id=p["id"], contact_ids=self.some(others, 1, 2)
            )
        if not members:
            return None
        method = "remove_manager" if kind == "remove" else "set_owner"
        return self.request(
            tenant, "managers", method, partnership_id=p["id"], contact_id=self.random.choice(members)
        )  # fmt: skip

    def user(self, tenant: str) -> Request | None:
        """Take somebody's login, give it back, give somebody another name, or somebody new a login."""
        users = found(self.world, tenant, "accounts", "users")
        if self.likely(0.3):
            return self.newcomer(tenant)
        user = self.random.choice(users)
        change: Json = (
            {"active": not user["active"]} if self.likely(0.7) else {"name": f"{user['name'].split()[0]} Renamed"}
        )
        return self.request(tenant, "accounts", "update_user", self.admin(tenant), user_id=user["id"], **change)

    def newcomer(self, tenant: str) -> Request:
        """Give somebody new a login."""
        number = len(found(self.world, tenant, "accounts", "users"))
        return self.request(
            tenant, "accounts", "create_user", self.admin(tenant), name=f"Nia New{number}",
            email=f"new{number}@{tenant}.example", role=self.random.choice(("partnerships", "member")),
        )  # fmt: skip

    def business(self, tenant: str) -> Request | None:
        """Change the profile, or whose offers are wanted and how long ours stay open."""
        if self.likely(0.6):
            return self.request(
                tenant, "accounts", "update_profile", self.admin(tenant), company=f"{tenant.title()} {self.asked}"
            )
        wanted = self.random.choice(("all", "all", "all", "none"))
        return self.request(
            tenant, "accounts", "update_settings", self.admin(tenant), offers_from=wanted,
            offer_expiry_days=self.random.randint(1, 3),
        )  # fmt: skip

    def person(self, tenant: str) -> Request | None:
        """Give a contact another name or telephone, or put somebody new into the directory."""
        contacts = [c for c in found(self.world, tenant, "contacts", "contacts") if c["login"] == "none"]
        if self.likely(0.2) and len(contacts) < 7:
            return self.request(
                tenant, "contacts", "create_contact", name=f"Gro {len(contacts)}",
                email=f"gro{len(contacts)}@{tenant}.example",
            )  # fmt: skip
        chosen = self.random.choice(contacts)
        return self.request(
            tenant, "contacts", "update_contact", contact_id=chosen["id"], phone=f"+{self.random.randint(100, 999)}"
        )

    # At the same moment

    def duel(self) -> list[Request]:
        """What several persons do before anybody has heard of the other: on both sides of one partnership, or one after the other on one."""
        kind = self.random.choices(list(_DUELS), [weight for weight, _ in _DUELS.values()])[0]
        partners = [
            (tenant, p["counterpart"], p["id"])
            for tenant in TENANTS
            for p in self.tiles(tenant, "open", *LIVE, role="partner")
            if p["counterpart"] in TENANTS
        ]
        self.random.shuffle(partners)
        for partner, customer, id in partners:
            there = one(self.world, customer, "offers", "partnerships", id)
            if there is None:
                continue
            requests = _DUELS[kind][1](self, partner, customer, id)
            if requests and all(r is not None for r in requests):
                self.world.note(f"at once: {kind}")
                both = [r for r in requests if r is not None]
                # Who is first is chance, but on one side one thing follows from the other.
                if len(both) == 2 and both[0].tenant != both[1].tenant and self.likely(0.5):
                    both.reverse()
                return both
        return []

    def _there(self, tenant: str, id: str, state: str = "accepted") -> list[str]:
        """The contacts who work there, as one side knows it."""
        record = one(self.world, tenant, "contacts", "partnerships", id)
        return [a["contact_id"] for a in record["assignments"] if a["state"] == state] if record else []

    def _shared_release(self, partner: str, customer: str, id: str) -> list[Request | None]:
        """Both release the same person, and perhaps others; perhaps one of them takes that back at once."""
        both = [c for c in self._there(partner, id) if c in self._there(customer, id)]
        if not both:
            return []
        contact = self.random.choice(both)
        others = [c for c in both if c != contact]
        return [
            self.propose(partner, id, release=[contact, *self.some(others, 0, 1)]),
            self.propose(customer, id, release=[contact, *self.some(others, 0, 1)]),
        ]

    def _crossing_withdrawn(self, partner: str, customer: str, id: str) -> list[Request | None]:
        """One releases somebody whose release the other has proposed, who takes that back before they hear of it."""
        proposer, addressee = self.random.sample([partner, customer], 2)
        open_ = self._open_on_both(proposer, addressee, id)
        wished = [i["contact_id"] for m in open_ for i in m["items"] if i["action"] == "release"]
        there = [c for c in wished if c in self._there(addressee, id)]
        if not there:
            return []
        return [self.retract(proposer, id), self.propose(addressee, id, release=[self.random.choice(there)])]

    def _open_on_both(self, proposer: str, addressee: str, id: str) -> list[Json]:
        theirs = [
            m for m in self.modifications(addressee, id, "them") if any(i["decision"] is None for i in m["items"])
        ]
        ours = {
            m["id"] for m in self.modifications(proposer, id, "us") if any(i["decision"] is None for i in m["items"])
        }
        return [m for m in theirs if m["id"] in ours]

    def _answered_and_withdrawn(self, partner: str, customer: str, id: str) -> list[Request | None]:
        proposer, addressee = self.random.sample([partner, customer], 2)
        if not self._open_on_both(proposer, addressee, id):
            return []
        return [self.retract(proposer, id), self.answer(addressee, id)]

    def _proposed_anew(self, partner: str, customer: str, id: str) -> list[Request | None]:
        """The partner takes an addition back and proposes the same person anew, while the customer accepts the first."""
        for m in self._open_on_both(partner, customer, id):
            adding = [i["contact_id"] for i in m["items"] if i["action"] == "add" and i["decision"] is None]
            if adding:
                mid = m["id"].rpartition("/")[2]
                items = [
                    {"contact_id": i["contact_id"], "decision": "accept"}
                    | ({"roles": self.roles(customer)} if i["action"] == "add" else {})
                    for i in m["items"]
                    if i["decision"] is None
                ]
                return [
                    self.request(partner, "contacts", "withdraw_modification", partnership_id=id, modification_id=mid),
                    self.propose(partner, id, add=adding[:1]),
                    self.request(
                        customer, "contacts", "answer_modification", partnership_id=id, modification_id=mid, items=items
                    ),
                ]
        return []

    def one_open(self, customer: str, id: str) -> bool:
        """Whether a partnership lies open on this side."""
        there = one(self.world, customer, "offers", "partnerships", id)
        return there is not None and there["status"] == "open"

    def live(self, customer: str, id: str) -> bool:
        """Whether the two work together, as this side knows it."""
        there = one(self.world, customer, "offers", "partnerships", id)
        return there is not None and there["status"] in LIVE


Move = Callable[[People, str], Request | None]

MOVES: dict[str, tuple[float, Move]] = {
    "send": (8, People.send),
    "accept": (10, People.accept),
    "decline": (1.5, People.decline),
    "withdraw": (1.5, People.withdraw),
    "remind": (1.5, People.remind),
    "end": (1, People.end),
    "remove": (1, People.remove),
    "look": (3, People.look),
    "propose": (14, People.propose),
    "answer": (14, People.answer),
    "retract": (3, People.retract),
    "team": (4, People.team),
    "user": (2.5, People.user),
    "business": (1, People.business),
    "person": (2, People.person),
}
"""What people do: how often, with which command, and how the request is made up."""

Duel = Callable[[People, str, str, str], list[Request | None]]


def _if(needed: Callable[[People, str, str], bool], duel: Duel) -> Duel:
    return lambda people, partner, customer, id: (
        duel(people, partner, customer, id) if needed(people, customer, id) else []
    )


_DUELS: dict[str, tuple[float, Duel]] = {
    "both release the same person": (3, People._shared_release),
    "a release and the withdrawal of another": (2, People._crossing_withdrawn),
    "answer and withdrawal": (4, People._answered_and_withdrawn),
    "a withdrawn addition is accepted and proposed anew": (4, People._proposed_anew),
    "both end": (0.7, _if(People.live, lambda s, a, b, id: [s.end(a, id), s.end(b, id)])),
    "end and answer": (1.5, _if(People.live, lambda s, a, b, id: [s.end(a, id), s.answer(b, id)])),
    "answer and end": (1.5, _if(People.live, lambda s, a, b, id: [s.answer(a, id), s.end(b, id)])),
    "end and proposal": (1, _if(People.live, lambda s, a, b, id: [s.end(a, id), s.propose(b, id)])),
    "a withdrawn proposal and an end": (1.5, _if(People.live, lambda s, a, b, id: [s.retract(a, id), s.end(b, id)])),
    "end and a new offer": (1, _if(People.live, lambda s, a, b, id: [s.end(a, id), s.send(a, b)])),
    "accept and withdrawal": (1, _if(People.one_open, lambda s, a, b, id: [s.withdraw(a, id), s.accept(b, id)])),
    "decline and withdrawal": (0.5, _if(People.one_open, lambda s, a, b, id: [s.withdraw(a, id), s.decline(b, id)])),
    "accept and reminder": (0.7, _if(People.one_open, lambda s, a, b, id: [s.remind(a, id), s.accept(b, id)])),
    "a withdrawal and a new offer": (0.7, _if(People.one_open, lambda s, a, b, id: [s.withdraw(a, id), s.send(a, b)])),
    "a withdrawal, a new offer and the acceptance of the old": (
        1,
        _if(People.one_open, lambda s, a, b, id: [s.withdraw(a, id), s.send(a, b), s.accept(b, id)]),
    ),
}
"""What happens at the same moment: how often, and how the requests are made up."""
