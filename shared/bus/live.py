"""What readers see changed, told as soon as it is committed: so that pages change by themselves (BX-10).

A transaction notifies its database's channel; the relay hears that and publishes it on an exchange of its own, to whoever listens.
It says what has changed and never the content, it is never kept, and nothing depends on it: a reader who misses it reads again when
the connection is back. Delivery only: the facts of the bus are in the outbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Final

from shared.bus.storage import Told

CHANNEL: Final = "changed"
# A notification holds less than 8000 bytes; one that is longer would end its transaction.
LONGEST: Final = 7000
# Whoever changes more than this at once tells that much has changed, and not what.
MOST: Final = 200

EVERYBODY: Final = ""
"""The routing key of what concerns all tenants: no tenant is called so."""
EVERYTHING: Final = '[["all",""]]'
"""The body that says that something may have been missed, and nobody knows what."""


def payloads(told: Iterable[Told]) -> list[str]:
    """The notifications of a transaction: JSON lists of (tenant, part, about), each short enough."""
    found = set(told)
    if len(found) > MOST:
        found = {(tenant, part, "") for tenant, part, _ in found}
    return _texts(sorted(found)) if found else []


def _texts(found: list[Told]) -> list[str]:
    # Whole, and in halves only when that is too long: it is part of every transaction, and the rule is one change or a few.
    text = _compact(found)
    if len(text) <= LONGEST:
        return [text]
    if len(found) == 1:
        tenant, part, _ = found[0]
        return [_compact([(tenant, part, "")])]
    middle = len(found) // 2
    return _texts(found[:middle]) + _texts(found[middle:])


def merged(heard: Sequence[str]) -> dict[str, str]:
    """What was heard within a moment, once each: the body to publish by tenant, a JSON list of (part, about)."""
    found: dict[str, set[tuple[str, str]]] = {}
    for payload in heard:
        for tenant, part, about in json.loads(payload):
            found.setdefault(tenant, set()).add((part, about))
    return {tenant: _compact(sorted(_few(changes))) for tenant, changes in found.items()}


def _few(changes: set[tuple[str, str]]) -> set[tuple[str, str]]:
    return changes if len(changes) <= MOST else {(part, "") for part, _ in changes}


# In ASCII: what is counted in characters is counted in bytes.
_compact = json.JSONEncoder(separators=(",", ":")).encode
