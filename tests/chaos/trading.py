"""Businesses that trade for ever: each ordered pair of them goes through the whole life of a partnership, again and again, over RPC.

What a caller may do, ours do: a command that is Unavailable is repeated with its key until it is answered. Any other refusal ends the run, since a
command that was done twice is refused the second time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from services.gateway.rpc import Rpc
from shared.errors import NotFound, Unavailable
from shared.ids import new_id

PASSWORD = "correct horse battery"
VIEWER = [{"environment": "Production", "role": "Viewer"}]
PATIENCE_S = 180.0
DEADLINE_S = 3.0
Json = dict[str, Any]


class Caller:
    """Asks services as another service or the gateway would."""

    def __init__(self, rpc: Rpc) -> None:
        self.rpc = rpc
        self.repeated = 0

    async def ask(self, service: str, method: str, **request: Any) -> Any:
        """The answer of a service, as often as it takes. Raises its refusal; AssertionError after `PATIENCE_S`."""
        end = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await self.rpc.call(service, method, DEADLINE_S, **request)
            except Unavailable:
                self.repeated += 1
                assert time.monotonic() < end, f"{service}.{method} was not answered in {PATIENCE_S:g} s"
                await asyncio.sleep(0.1)

    async def do(self, service: str, method: str, **request: Any) -> Any:
        """The same for a command: under a key, so that it is done once however often it is asked for."""
        return await self.ask(service, method, idempotency_key=new_id(), **request)


@dataclass
class Business:
    """A business with two admins and four people to lend."""

    caller: Caller
    tenant: str
    email: str
    admin: str = ""
    second: str = ""
    people: list[str] = field(default_factory=list)

    async def ask(self, method: str, **request: Any) -> Any:
        service, name = method.split(".")
        return await self.caller.ask(service, name, tenant=self.tenant, actor=self.admin, **request)

    async def do(self, method: str, **request: Any) -> Any:
        service, name = method.split(".")
        return await self.caller.do(service, name, tenant=self.tenant, actor=self.admin, **request)

    async def register(self) -> None:
        made = await self.caller.do(
            "accounts",
            "register_tenant",
            tenant=self.tenant,
            company=f"{self.tenant.title()} Ltd",
            name="Ada Admin",
            email=self.email,
            password=PASSWORD,
        )
        self.admin = made["user"]["id"]
        user = await self.do(
            "accounts.create_user", name="Sam Second", email=f"sam@{self.tenant}.example", role="admin"
        )
        self.second = user["id"]
        for n in range(4):
            made = await self.do("contacts.create_contact", name=f"Person {n}", email=f"p{n}@{self.tenant}.example")
            self.people.append(made["id"])


Step = Callable[["Line"], Awaitable[None]]


class Line:
    """What goes on between a partner and a customer. `ids` are the partnerships so far, with the kind of life each has had."""

    def __init__(self, partner: Business, customer: Business) -> None:
        self.partner, self.customer = partner, customer
        self.ids: list[tuple[str, str]] = []
        self.modification = ""
        self.step = 0

    def __repr__(self) -> str:
        return f"{self.partner.tenant} → {self.customer.tenant}, step {self.step} ({STEPS[self.step % len(STEPS)].__name__})"

    @property
    def id(self) -> str:
        return self.ids[-1][0]

    async def advance(self) -> None:
        """The next step of its life; after the last one it begins anew."""
        try:
            await STEPS[self.step % len(STEPS)](self)
        except Exception as error:
            error.add_note(f"{self}: {self.ids[-1:]}")
            raise
        self.step += 1

    async def do(self, side: Business, method: str, **request: Any) -> Any:
        return await side.do(method, partnership_id=self.id, **request)

    async def until(self, side: Business, method: str, *, holds: Callable[[Json], bool], **request: Any) -> Json:
        """The answer, once it holds. AssertionError after `PATIENCE_S`."""
        end, found, pause = time.monotonic() + PATIENCE_S, None, 0.1
        while time.monotonic() < end:
            try:
                found = await side.ask(method, partnership_id=self.id, **request)
                if holds(found):
                    return found  # type: ignore[no-any-return]
            except NotFound:
                pass
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, 1.0)
        raise AssertionError(f"{side.tenant} has not heard in {PATIENCE_S:g} s: {self}, last {found}")

    async def until_status(self, side: Business, status: str) -> Json:
        return await self.until(side, "offers.get_partnership", holds=lambda p: p["status"] == status)

    async def until_modification(self, side: Business, state: str) -> Json:
        def shows(found: Json) -> bool:
            return any(m["id"] == self.modification and m["state"] == state for m in found["items"])

        found = await self.until(side, "contacts.list_modifications", holds=shows)
        return next(m for m in found["items"] if m["id"] == self.modification)  # type: ignore[no-any-return]


async def _send(line: Line, kind: str) -> None:
    offer = {
        "customer_tenant": line.customer.tenant,
        "customer_email": line.customer.email,
        "message": "Shall we work together?",
        "contact_ids": line.partner.people[:2],
        "manager_ids": [line.partner.second],
    }
    made = await line.partner.do("offers.send_offer", **offer)
    line.ids.append((made["id"], kind))
    await line.until_status(line.customer, "open")


async def send_offer(line: Line) -> None:
    await _send(line, "ended")


async def remind_offer(line: Line) -> None:
    await line.do(line.partner, "offers.remind_offer")
    # Nobody is told of a reminder that comes after the answer.
    await line.until(line.customer, "history.list_entries", holds=lambda h: any(e["type"] == "offer.reminded" for e in h["items"]))  # fmt: skip


async def mark_seen(line: Line) -> None:
    await line.do(line.customer, "offers.mark_seen")


async def accept_offer(line: Line) -> None:
    contacts = [{"contact_id": id, "roles": VIEWER} for id in line.partner.people[:2]]
    await line.do(line.customer, "offers.accept_offer", contacts=contacts)
    await line.until(line.partner, "offers.get_partnership", holds=lambda p: (p["status"], p["contacts_count"]) == ("accepted", 2))  # fmt: skip


async def _propose(line: Line, side: Business, *, add: list[str], release: list[str]) -> None:
    proposal = {"add_contact_ids": add, "release_contact_ids": release, "reason": "A change of plan"}
    made = await line.do(side, "contacts.propose_modification", **proposal)
    line.modification = made["id"]
    await line.until_modification(line.customer if side is line.partner else line.partner, "pending")


async def propose_both(line: Line) -> None:
    first, _, third, _ = line.partner.people
    await _propose(line, line.partner, add=[third], release=[first])


async def accept_both(line: Line) -> None:
    first, _, third, _ = line.partner.people
    items = [
        {"contact_id": third, "decision": "accept", "roles": VIEWER},
        {"contact_id": first, "decision": "accept"},
    ]
    await line.do(line.customer, "contacts.answer_modification", modification_id=line.modification, items=items)
    await line.until_modification(line.partner, "answered")


async def propose_release(line: Line) -> None:
    await _propose(line, line.customer, add=[], release=[line.partner.people[1]])


async def decline_release(line: Line) -> None:
    items = [{"contact_id": line.partner.people[1], "decision": "decline"}]
    await line.do(line.partner, "contacts.answer_modification", modification_id=line.modification, items=items)
    await line.until_modification(line.customer, "answered")


async def propose_addition(line: Line) -> None:
    await _propose(line, line.partner, add=[line.partner.people[3]], release=[])


async def withdraw_modification(line: Line) -> None:
    await line.do(line.partner, "contacts.withdraw_modification", modification_id=line.modification)
    await line.until_modification(line.customer, "withdrawn")


async def add_managers(line: Line) -> None:
    await line.do(line.customer, "managers.add_managers", contact_ids=[line.customer.second])


async def set_owner(line: Line) -> None:
    await line.do(line.customer, "managers.set_owner", contact_id=line.customer.second)
    await line.until(
        line.partner,
        "offers.get_partnership",
        holds=lambda p: bool(p["owners"]["theirs"]) and p["owners"]["theirs"]["name"] == "Sam Second",
    )


async def remove_manager(line: Line) -> None:
    await line.do(line.customer, "managers.remove_manager", contact_id=line.customer.admin)


async def update_profile(line: Line) -> None:
    await line.partner.do("accounts.update_profile", phone=new_id())
    end = time.monotonic() + PATIENCE_S
    while True:
        # Other lines change it meanwhile: what counts is that both come to the same.
        ours = await line.partner.ask("accounts.get_profile")
        shown = await line.customer.ask("offers.get_partnership", partnership_id=line.id)
        if shown["counterpart"]["profile"]["phone"] == ours["phone"]:
            return
        assert time.monotonic() < end, f"{line.customer.tenant} has not heard of the profile: {line}"
        await asyncio.sleep(0.5)


async def update_settings(line: Line) -> None:
    await line.customer.do("accounts.update_settings", offer_expiry_days=20 + line.step % 9)


async def update_contact(line: Line) -> None:
    """Somebody who works there has another title: the customer must hear of it."""
    await line.partner.do("contacts.update_contact", contact_id=line.partner.people[2], title=new_id())


async def mark_read(line: Line) -> None:
    await line.customer.do("notifications.mark_read", all=True)


async def end_partnership(line: Line) -> None:
    await line.do(line.customer, "offers.end_partnership", reason="It is done")
    await line.until_status(line.partner, "terminated")


async def remove_partnership(line: Line) -> None:
    await line.do(line.partner, "offers.remove_partnership")


async def send_to_be_declined(line: Line) -> None:
    await _send(line, "declined")


async def decline_offer(line: Line) -> None:
    await line.do(line.customer, "offers.decline_offer", reason="Not now")
    await line.until_status(line.partner, "declined")


async def send_to_be_withdrawn(line: Line) -> None:
    await _send(line, "withdrawn")


async def withdraw_offer(line: Line) -> None:
    await line.do(line.partner, "offers.withdraw_offer", reason="A mistake")
    await line.until_status(line.customer, "withdrawn")


STEPS: tuple[Step, ...] = (
    send_offer, remind_offer, mark_seen, accept_offer, propose_both, accept_both, update_contact, propose_release, decline_release,
    propose_addition, withdraw_modification, add_managers, set_owner, remove_manager, update_profile, update_settings, mark_read,
    end_partnership, remove_partnership, send_to_be_declined, decline_offer, send_to_be_withdrawn, withdraw_offer,
)  # fmt: skip
"""The whole life, command by command, on both sides."""
COMMANDS = {
    "accounts": ("update_profile", "update_settings"),
    "offers": (
        "send_offer", "remind_offer", "mark_seen", "accept_offer", "decline_offer", "withdraw_offer", "end_partnership", "remove_partnership",
    ),
    "contacts": ("propose_modification", "answer_modification", "withdraw_modification", "update_contact"),
    "managers": ("add_managers", "set_owner", "remove_manager"),
    "notifications": ("mark_read",),
}  # fmt: skip
"""By service: what is asked for on the way."""
