"""One line for each RPC method: where its request comes from.

A method that serves a route of the API is asked with what that route's line in `api_lines.py` makes. The others, which only services of the
same cell call, have a line of their own here. A new method goes red until it is in one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from services.gateway.api import ROUTES
from shared.calls import SYSTEM
from shared.ids import new_id
from tests.security.matrix import Case
from tests.security.town import Town
from tests.support.stack import Business

BY_ROUTE = {
    f"{route.service}.{route.rpc}": f"{route.method} {route.path}"
    for route in reversed(ROUTES)
    if not route.anonymous and route.service != "gateway" and not route.operation
}
# Whoever has a token may end its session: it is the credential, and the actor says nothing.
BY_CREDENTIAL = {"accounts.close_session"}
# What the gateway adds to a request of the API; the session is that of whoever asks.
FILLED: Mapping[str, Callable[[Case, Town], dict[str, Any]]] = {
    "accounts.close_session": lambda case, town: {"token": (case.owner or town.owner).token},
    "accounts.revoke_sessions": lambda case, town: {"session_id": (case.owner or town.owner).token.split("_")[2]},
    "accounts.change_password": lambda case, town: {"session_id": (case.owner or town.owner).token.split("_")[2]},
}


@dataclass(frozen=True)
class Internal:
    """A method for services of the same cell: what is asked, how it answers the owner, and how another tenant with the same ids.

    `actor`: who asks, the admin unless `system`; `whose` things they are, the owner's unless told.
    """

    request: Callable[[Town], dict[str, Any]]
    found: Callable[[Any], bool]
    others: str | Callable[[Any], bool]
    actor: str = ""
    whose: Callable[[Town], Business] = lambda town: town.owner


INTERNAL: Mapping[str, Internal] = {
    "accounts.get_people": Internal(
        lambda town: {"ids": [town.owner.user["id"], town.member.user["id"]]},
        lambda answer: len(answer["items"]) == 2,
        lambda answer: answer["items"] == [] and answer["company"] != "Owner of It All",
        SYSTEM,
    ),
    "accounts.release_roles": Internal(
        lambda town: {"needed_by": new_id()}, lambda answer: answer == {}, lambda answer: answer == {}, SYSTEM
    ),
    "accounts.reserve_roles": Internal(
        lambda town: {"needed_by": new_id()},
        lambda answer: len(answer["items"]) == 3,
        lambda answer: len(answer["items"]) == 3,
        SYSTEM,
    ),
    "contacts.get_overview": Internal(
        lambda town: {"partnership_id": town.lasting.id},
        lambda answer: answer["assignments"]["items"] != [] and answer["modifications"]["next"] is None,
        "NotFound",
    ),
    "contacts.get_contacts": Internal(
        lambda town: {"contact_ids": town.lasting.contacts[:2]},
        lambda answer: len(answer["items"]) == 2,
        lambda answer: answer["items"] == [],
        SYSTEM,
    ),
    "contacts.release_contacts": Internal(
        lambda town: {"needed_by": new_id()}, lambda answer: answer == {}, lambda answer: answer == {}, SYSTEM
    ),
    "contacts.reserve_contacts": Internal(
        lambda town: {"contact_ids": town.lasting.contacts[:2], "needed_by": new_id()},
        lambda answer: len(answer["items"]) == 2,
        lambda answer: answer["items"] == [],
        SYSTEM,
    ),
    "contacts.roles_in_use": Internal(
        lambda town: {
            "role_ids": [r["id"] for e in town.lasting.partner.get("/environments")["items"] for r in e["roles"]]
        },
        lambda answer: len(answer["role_ids"]) == 1,
        lambda answer: answer["role_ids"] == [],
        SYSTEM,
        lambda town: town.lasting.partner,
    ),
    "offers.get_latest": Internal(
        lambda town: {"role": "partner"},
        lambda answer: answer["items"] != [],
        lambda answer: answer["items"] == [],
        SYSTEM,
    ),
    "offers.get_standing": Internal(
        lambda town: {"partnership_id": town.lasting.id}, lambda answer: answer["role"] == "partner", "NotFound"
    ),
}

# Nobody is known there yet: each is asked in test_every_method.py by itself.
ANONYMOUS = {
    "accounts.register_tenant",
    "accounts.open_session",
    "accounts.authenticate",
    "accounts.request_password_reset",
    "accounts.reset_password",
    "accounts.confirm_email_change",
    "accounts.get_mailed_link",
}
