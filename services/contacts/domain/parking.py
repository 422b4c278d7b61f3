"""What contacts of another tenant said before our own offers had told us what it builds on (protocol rule 8)."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Early:
    """One message that waits. `body` is the JSON text of its data; `counter` that of a shared value, which is told whole (rule 7)."""

    origin: str
    type: str
    body: str
    counter: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """What waits for the acceptance of one partnership, in the order in which it came. `id` is the partnership's.

    It is a record of its own because the partnership may not be known here yet, and anybody may claim to speak of it.
    """

    tenant: str
    id: str
    version: int = 0
    messages: tuple[Early, ...] = ()


def park(parked: Parked | None, *, tenant: str, id: str, message: Early) -> Parked:
    """The record with one more message at its end; of a shared value only the newest that each origin told, however often it tells.

    Raises Full: it is the inbox that tries again then.
    """
    before = parked or Parked(tenant=tenant, id=id)
    if not message.counter:
        if len(before.messages) >= MOST or sum(len(one.body) for one in before.messages) > MOST_TEXT:
            raise Full("Too much waits for the acceptance of this offer.")
        return replace(before, messages=(*before.messages, message))
    told = [one for one in before.messages if (one.origin, one.type) == (message.origin, message.type)]
    if any(one.counter >= message.counter for one in told):
        return before
    return replace(before, messages=(*(one for one in before.messages if one not in told), message))


MOST = 500
MOST_TEXT = 2_000_000
"""How much waits for one acceptance: the other side says little before our own has told us, and nobody can fill our database."""


class Full(Exception):
    """So much waits already that the message has to come again later."""


def said_by(parked: Parked | None, counterpart: str) -> tuple[Early, ...]:
    """What the counterpart itself said; what strangers said of our partnership counts for nothing."""
    return tuple(message for message in parked.messages if message.origin == counterpart) if parked else ()
