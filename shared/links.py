"""Links in mails that prove that whoever follows them can read that mailbox.

The token in such a link is kept nowhere: it is computed, from a key that only accounts and the mailer are given and the id of what is to
be confirmed, when the mail is sent and again when the link is followed. Neither a database nor a message ever holds it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Literal, NamedTuple

from shared import settings

Purpose = Literal["reset", "email"]
SHORTEST_KEY = 32

_TOKEN = re.compile(
    r"(?P<purpose>reset|email)_(?P<tenant>[a-z][a-z0-9-]{0,61}[a-z0-9])"
    r"_(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})_(?P<proof>[0-9a-f]{64})"
)


class Followed(NamedTuple):
    """What a token proves: `id` of `tenant` may be used for its purpose, once, while accounts still keeps it."""

    tenant: str
    id: str


def key() -> str:
    """The key of this installation (`ACCORD_LINK_KEY`). Raises MissingSetting when it is unset or too short to be one."""
    value = settings.required("ACCORD_LINK_KEY")
    if len(value) < SHORTEST_KEY:
        raise settings.MissingSetting(
            f"The setting ACCORD_LINK_KEY must have at least {SHORTEST_KEY} random characters."
        )
    return value


def token(key: str, purpose: Purpose, tenant: str, id: str) -> str:
    """The token that proves it: `reset_kazenor_<id>_<64 hex digits>`."""
    if len(key) < SHORTEST_KEY:
        raise ValueError("A link without a key would prove nothing.")
    return f"{purpose}_{tenant}_{id}_{_proof(key, purpose, tenant, id)}"


def read(key: str, purpose: Purpose, text: object) -> Followed | None:
    """What a token proves, or None when it proves nothing for this purpose. Compared in constant time."""
    found = _TOKEN.fullmatch(text) if isinstance(text, str) else None
    if found is None or found["purpose"] != purpose:
        return None
    right = hmac.compare_digest(found["proof"], _proof(key, purpose, found["tenant"], found["id"]))
    return Followed(found["tenant"], found["id"]) if right else None


def _proof(key: str, purpose: str, tenant: str, id: str) -> str:
    return hmac.new(key.encode(), f"{purpose} {tenant} {id}".encode(), hashlib.sha256).hexdigest()
