"""A delivery: made of what the broker brought, kept as a row where it must wait, made of that again; and what became of a batch of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pydantic import ValidationError

from shared import traces
from shared.bus import streams
from shared.bus.streams import Delivery, Waiting
from shared.bus.unit import Unit
from shared.contracts.messages import Envelope, Receipt, digest


class Undecodable(Exception):
    """A message that is not one of ours at all: it goes to the dead queue."""


@dataclass(slots=True)
class Tally:
    """What happened to the messages of a batch."""

    applied: int = 0
    duplicate: int = 0
    parked: int = 0
    failed: int = 0
    dead: int = 0
    forked: int = 0
    receipts: int = 0
    types: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    ages: list[float] = field(default_factory=list)
    handled: list[Delivery] = field(default_factory=list)


def decode(
    body: bytes | str, *, again: bool = False, retry: bool = False, route: tuple[str, str, str] | None = None
) -> Delivery:
    """The delivery of a body. `route` is (to, service, from) of the routing key, which alone says who spoke. Raises Undecodable."""
    try:
        text = body if isinstance(body, str) else body.decode()
        envelope = Envelope.model_validate_json(text)
    except (ValidationError, UnicodeDecodeError) as error:
        raise Undecodable(f"not an envelope: {type(error).__name__}") from error
    if route is not None and (envelope.destination, envelope.source, envelope.origin) != route:
        raise Undecodable(
            f"the routing key {'.'.join(route)} does not name {envelope.origin} speaking to {envelope.destination}"
        )
    if route is not None and envelope.kind != "peer":
        raise Undecodable(f"a {envelope.kind} does not come from another business")
    if (envelope.kind == "peer") == (envelope.origin == envelope.destination):
        raise Undecodable("a peer message goes to another tenant, a fact to one's own")
    if envelope.sequence == 0 and envelope.kind != "timer" and envelope.type != Receipt.type:
        raise Undecodable("a message of a stream is numbered from 1")
    return Delivery(envelope, text, digest(text), again, retry, _trace(envelope))


def _trace(envelope: Envelope) -> traces.Trace | None:
    """The trace a message is handled in: that of the request on our side which caused it. What another business says, or we ourselves
    have said long before, is only linked."""
    return traces.continued(envelope.traceparent, foreign=envelope.kind != "fact")


def order(d: Delivery) -> tuple[str, str, str, str, int]:
    """Where a delivery stands in a batch: stream by stream, each by its numbers."""
    return (*d.key, d.envelope.sequence)


def label(d: Delivery) -> str:
    """What a message is called where it is at hand: `peer:offer.sent`."""
    return f"{d.envelope.kind}:{d.envelope.type}"


def row_of(d: Delivery, state: str, attempts: int) -> Waiting:
    """The row that keeps a delivery."""
    e = d.envelope
    return Waiting(
        e.destination,
        e.subject,
        e.origin,
        e.source,
        e.sequence,
        e.id,
        e.kind,
        e.type,
        state,
        attempts,
        None,
        None,
        d.digest,
        d.body,
    )


def delivery_of(row: Waiting) -> Delivery:
    """What a row has kept."""
    envelope = Envelope.model_validate_json(row.body)
    return Delivery(envelope, row.body, row.digest, trace=_trace(envelope))


def next_parked(unit: Unit, stream: streams.Stream) -> Waiting | None:
    """The parked message that is next in its stream. One that failed waits for its own retry, a dead one for a person."""
    for row in unit.waiting.values():
        if row.key == stream.key and row.sequence == stream.applied + 1 and row.state == "parked":
            return row
    return None
