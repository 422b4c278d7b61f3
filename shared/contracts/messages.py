"""What all messages have in common: the envelope (CloudEvents 1.0 names) and the three kinds.

A *fact* is stated to the services of the same tenant; a *peer message* goes to the same service of another tenant; a *timer*
comes back to the service itself. The models are strict when sending and tolerant when reading: unknown fields are ignored.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

Kind = Literal["fact", "peer", "timer"]
SPEC_VERSION = "1.0"
PROTOCOL_VERSION = 1


def _moment(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("A time without a time zone means nothing to the other side.")
    if not 2000 <= value.year <= 2199:
        # Far ends of the calendar fall off it in somebody's time zone.
        raise ValueError("This is no time at which anything of ours happens.")
    return value.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(_moment)]
"""An aware time, in UTC. Whatever time a message says can be shown, compared and stored."""
Tenant = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,63}$")]
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""An id or name that can be stored and indexed, whoever wrote it."""
Number = Annotated[int, Field(ge=0, lt=2**62)]


class Value(BaseModel):
    """A part of a message. The error of one that does not fit is logged and kept: it names the field, and never quotes what people wrote."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class Message(Value):
    """What one message says. `type` is the wire name, `publisher` the service in whose catalogue it stands."""

    kind: ClassVar[Kind]
    publisher: ClassVar[str]
    type: ClassVar[str]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            key = (cls.kind, cls.publisher, cls.type)
            if key in CATALOGUE:
                raise TypeError(f"{key} stands in the catalogue twice")
            CATALOGUE[key] = cls


class Fact(Message):
    """Stated within a tenant: the services of the same tenant react."""

    kind: ClassVar[Kind] = "fact"


class PeerMessage(Message):
    """Said by a service to its own kind on the other side; carries only what the other side may know."""

    kind: ClassVar[Kind] = "peer"


class Timer(Message):
    """Comes back to the service itself at a chosen time."""

    kind: ClassVar[Kind] = "timer"


CATALOGUE: dict[tuple[Kind, str, str], type[Message]] = {}


class Envelope(BaseModel):
    """One message as it travels. `source` is the service that speaks, `origin` its tenant, `subject` what it is about.

    `traceparent` (W3C) names the request that caused it, by random ids; the other side links to it and never joins it. `sequence` counts from 1 without holes within the stream (origin, destination, source, subject); 0 is outside of it (receipts,
    timers). `previous` is the digest of the message before in the stream, `''` for the first. What passes here can be kept as a row,
    whatever its `data` says.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    specversion: Literal["1.0"] = "1.0"
    id: Key
    type: Key
    source: Key
    subject: Key
    time: Moment
    origin: Tenant
    destination: Tenant
    sequence: Number
    previous: str = ""
    epoch: int = 1
    kind: Kind
    traceparent: str | None = None
    data: dict[str, Any]


class Receipt(Message):
    """What the receiver of a peer stream has got: unnumbered, never itself receipted, each field by its maximum (protocol rule 9).

    `applied` is the last number applied without a gap and `digest` its digest; `seen` the last one a person has looked at; `sent` the
    last number the receiver itself had sent, before which this receipt confirms nothing; `parked` names an unknown type, if one waits.
    `wanted`: an operator of the receiver asks for everything after `applied` once more, now.
    """

    kind: ClassVar[Kind] = "peer"
    publisher: ClassVar[str] = "*"
    type: ClassVar[str] = "receipt"

    applied: Number
    digest: str
    seen: Number
    sent: Number
    protocol: int = PROTOCOL_VERSION
    parked: str | None = None
    wanted: bool = False


def digest(body: str) -> str:
    """The digest of a message: SHA-256 over the exact text that travels, in hex. That text names the one before: a chain."""
    return hashlib.sha256(body.encode()).hexdigest()
