"""The accounts service as its own process, with a real broker and database; `contacts`, its only neighbour, is played by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from tests.support.desk import Desk, serving
from tests.support.neighbours import StandIn
from tests.support.servers import RabbitServer

FAILURES_OF_AN_ADDRESS = 5
LINK_KEY = "a key of which nobody else knows anything"
REGISTRATIONS_OF_AN_ADDRESS = 3
_numbers = count(1)


class Accounts(Desk):
    """Asks accounts. A minute is enough for the passwords of all who log in at once."""

    def __init__(self, environment: dict[str, str]) -> None:
        super().__init__("accounts", environment, seconds=60)

    def register(self, tenant: str, /, **more: Any) -> Any:
        body = {
            "tenant": tenant,
            "company": tenant.title(),
            "name": "Ada",
            "email": f"ada@{tenant}.example",
            "password": "correct horse",
        }
        return self.ask("register_tenant", **body | more)

    def log_in(self, of: str, **more: Any) -> Any:
        body = {"tenant": of, "email": f"ada@{of}.example", "password": "correct horse"}
        return self.ask("open_session", **body | more)


class Contacts(StandIn):
    """Plays contacts: `people` are the ids it knows, `held` the roles somebody holds, `reserved` what contacts are kept for."""

    def __init__(self, uri: str) -> None:
        super().__init__(
            uri,
            "contacts",
            {"roles_in_use": self._roles_in_use, "reserve_contacts": self._reserve, "release_contacts": self._release},
        )
        self.people: set[str] = set()
        self.held: set[str] = set()
        self.reserved: set[str] = set()

    def _roles_in_use(self, request: dict[str, Any]) -> Any:
        assert request["actor"] == "system"
        return {"role_ids": sorted(self.held & set(request["role_ids"]))}

    def _reserve(self, request: dict[str, Any]) -> Any:
        assert request["actor"] == "system"
        found = [one for one in request["contact_ids"] if one in self.people]
        if found:
            self.reserved.add(request["needed_by"])
        return {"items": [{"id": one} for one in found]}

    def _release(self, request: dict[str, Any]) -> Any:
        assert request["actor"] == "system"
        self.reserved.discard(request["needed_by"])
        return {}


@pytest.fixture(scope="module")
def accounts(service_databases: Callable[..., dict[str, str]], broker: RabbitServer) -> Iterator[Accounts]:
    """One process for all tests of a file: each uses businesses of its own."""
    limits = {
        "ACCORD_FAILED_LOGINS_PER_ADDRESS": str(FAILURES_OF_AN_ADDRESS),
        "ACCORD_REGISTRATIONS_PER_MINUTE": str(REGISTRATIONS_OF_AN_ADDRESS),
    }
    with serving("accounts", service_databases, broker, relay=False, ACCORD_LINK_KEY=LINK_KEY, **limits) as environment:
        yield Accounts(environment)


@pytest.fixture
def tenant() -> str:
    """A name nobody has had before."""
    return f"business-{next(_numbers)}"


@pytest.fixture
def contacts(broker: RabbitServer) -> Iterator[Contacts]:
    with Contacts(broker.uri()) as neighbour:
        yield neighbour
