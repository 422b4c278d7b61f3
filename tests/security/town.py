"""The businesses of the matrices: an owner with people in every role, counterparts who are in a partnership with it, and a stranger.

Everything is made through the API, as a client would. `Town` makes fresh things for lines that use something up.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.servers import until
from tests.support.stack import PASSWORD, Business, Stack, patiently

VIEWER = [{"environment": "Production", "role": "Viewer"}]
PICTURE = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def log_in(of: Business, email: str, user: dict[str, Any]) -> Business:
    """Somebody of a business, in a session of their own."""
    session = of.post("/sessions", {"tenant": of.tenant, "email": email, "password": PASSWORD}, 201)
    return Business(of.stack, of.tenant, email, user, session["token"])


def colleague(of: Business, name: str, role: str) -> Business:
    """Somebody new of a business, logged in."""
    email = f"{name.lower().replace(' ', '.')}@{of.tenant}.example"
    made = of.post("/users", {"name": name, "email": email, "role": role, "password": PASSWORD}, 201)
    return log_in(of, email, made)


@dataclass
class Partnership:
    """A partnership of the owner: its id, whom it is with, and the contacts it is about."""

    id: str
    partner: Business
    contacts: list[str]


class Town:
    """`owner` is the admin whose things are asked for. `manager` and `member` are members; only the first manages the partnerships."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.owner = stack.register("owner", company="Owner of It All")
        self.stranger = stack.register("stranger")
        self.partnerships = colleague(self.owner, "Petra Partnerships", "partnerships")
        self.manager = colleague(self.owner, "Mats Manager", "member")
        self.member = colleague(self.owner, "Mia Member", "member")
        self.disabled = colleague(self.owner, "Dora Disabled", "admin")
        self.owner.ask("PATCH", f"/users/{self.disabled.user['id']}", body={"active": False})
        self.second = log_in(self.owner, self.owner.email, self.owner.user)
        self._numbers = itertools.count()
        self._counterparts: list[Business] = []

    # Fresh things of the owner's

    def name(self, stem: str) -> str:
        """A name nobody has yet."""
        return f"{stem} {next(self._numbers)}"

    def contact(self, of: Business | None = None) -> str:
        """The id of a new contact."""
        return (of or self.owner).contact(self.name("Contact"))

    def user(self, role: str = "member") -> str:
        """The id of somebody new with a login."""
        name = self.name("User")
        email = f"{name.replace(' ', '.').lower()}@{self.owner.tenant}.example"
        made = self.owner.post("/users", {"name": name, "email": email, "role": role, "password": PASSWORD}, 201)
        return str(made["id"])

    def counterpart(self) -> Business:
        """A business the owner has nothing to do with yet."""
        return self.stack.register("partner")

    def _free(self, offer: Callable[[Business], dict[str, Any] | None]) -> tuple[Business, dict[str, Any]]:
        """An offer with a counterpart we know already, whenever nothing else is going on with one; registering takes its time."""
        for partner in self._counterparts:
            if (made := offer(partner)) is not None:
                return partner, made
        self._counterparts.append(partner := self.counterpart())
        made = offer(partner)
        assert made is not None
        return partner, made

    def _offer(self, by: Business, to: Business, contacts: list[str], managers: list[str]) -> dict[str, Any] | None:
        body = {
            "customer_tenant": to.tenant,
            "customer_email": to.email,
            "message": "Shall we work together?",
            "contact_ids": contacts,
            "manager_ids": managers,
        }
        answer = patiently(by.http, "POST", "/partnerships", body)
        assert answer.status_code in {201, 409}, answer.text
        return answer.json() if answer.status_code == 201 else None  # type: ignore[no-any-return]

    def sent(self) -> Partnership:
        """An open offer of the owner's."""
        contacts, managers = [self.contact(), self.contact()], [str(self.manager.user["id"])]
        partner, made = self._free(lambda partner: self._offer(self.owner, partner, contacts, managers))
        partner.until(made["id"], status="open")
        return Partnership(made["id"], partner, contacts)

    def received(self) -> Partnership:
        """An open offer to the owner."""
        contacts: list[str] = []

        def offer(partner: Business) -> dict[str, Any] | None:
            contacts[:] = [self.contact(partner), self.contact(partner)]
            return self._offer(partner, self.owner, contacts, [])

        partner, made = self._free(offer)
        self.owner.until(made["id"], status="open")
        return Partnership(made["id"], partner, contacts)

    def running(self) -> Partnership:
        """A partnership of its own in which two of the owner's people work at a counterpart."""
        one = self.sent()
        body = {"contacts": [{"contact_id": c, "roles": VIEWER} for c in one.contacts]}
        one.partner.post(f"/partnerships/{one.id}/acceptance", body)
        self.owner.until(one.id, status="accepted", contacts_count=2)
        one.partner.until(one.id, status="accepted", contacts_count=2)
        return one

    @functools.cached_property
    def lasting(self) -> Partnership:
        """The running partnership that lines share which use nothing up."""
        return self.running()

    def proposed_by_us(self) -> str:
        """A pending proposal of the owner's in the lasting partnership, to add somebody."""
        return self._propose(self.owner, self.lasting.partner, {"add_contact_ids": [self.contact()]})

    def proposed_by_them(self, contact: str) -> str:
        """A proposal in the lasting partnership that waits for the owner, to release somebody."""
        return self._propose(self.lasting.partner, self.owner, {"release_contact_ids": [contact]})

    @functools.cached_property
    def pending(self) -> str:
        """A proposal of theirs that nobody answers."""
        return self.proposed_by_them(self.lasting.contacts[1])

    def _propose(self, by: Business, to: Business, body: dict[str, Any]) -> str:
        path = f"/partnerships/{self.lasting.id}/modifications"
        more = {"add_contact_ids": [], "release_contact_ids": [], "reason": "A change of plan"}
        made = str(by.post(path, more | body, 201)["id"])
        until(lambda: patiently(to.http, "GET", f"{path}/{made}").status_code == 200, 20, "the proposal is there")
        return made

    def final(self) -> Partnership:
        """A partnership that has ended and still stands on both homes."""
        one = self.sent()
        one.partner.post(f"/partnerships/{one.id}/decline", {"reason": "Not now."})
        self.owner.until(one.id, status="declined")
        return one
