"""What readers see changed, told as soon as it is committed: so that pages change by themselves (BX-10).

A transaction notifies its database's channel; the relay hears that and publishes it on an exchange of its own, to whoever listens.
It says what has changed and never the content, it is never kept, and nothing depends on it: a reader who misses it reads again when
the connection is back. Delivery only: the facts of the bus are in the outbox.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from shared.bus.storage import Told

CHANNEL = "changed"
# A notification holds less than 8000 bytes.
LONGEST = 7000
# A transaction that changes more than this tells that much has changed, and not what.
MOST = 200


def payloads(told: Iterable[Told]) -> list[str]:
    """The notifications of a transaction: JSON lists of (tenant, part, about), each short enough."""
    found = sorted(set(told))
    if len(found) > MOST:
        found = sorted({(tenant, part, "") for tenant, part, _ in found})
    texts: list[str] = []
    some: list[str] = []
    size = 0
    for one in found:
        text = json.dumps(one, separators=(",", ":"))
        if some and size + len(text) > LONGEST:
            texts.append(f"[{','.join(some)}]")
            some, size = [], 0
        some.append(text)
        size += len(text) + 1
    if some:
        texts.append(f"[{','.join(some)}]")
    return texts


def merged(heard: Sequence[str]) -> dict[str, str]:
    """What was heard within a moment, once each: the body to publish by tenant, a JSON list of (part, about)."""
    found: dict[str, set[tuple[str, str]]] = {}
    for payload in heard:
        for tenant, part, about in json.loads(payload):
            found.setdefault(tenant, set()).add((part, about))
    return {tenant: json.dumps(sorted(changes), separators=(",", ":")) for tenant, changes in found.items()}
