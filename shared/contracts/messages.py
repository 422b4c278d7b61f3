"""What all messages have in common: the envelope (CloudEvents 1.0 names) and the three kinds.

A *fact* is stated to the services of the same tenant; a *peer message* goes to the same service of another tenant; a *timer*
comes back to the service itself. The models are strict when sending and tolerant when reading: unknown fields are ignored.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["fact", "peer", "timer"]
SPEC_VERSION = "1.0"
PROTOCOL_VERSION = 1


class Value(BaseModel):
    """A part of a message."""

    model_config = ConfigDict(extra="ignore", frozen=True)


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

    `sequence` counts from 1 without holes within the stream (origin, destination, source, subject); 0 is outside of it (receipts,
    timers). `previous` is the digest of the message before in the stream, `''` for the first.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str
    type: str
    source: str
    subject: str
    time: datetime
    origin: str
    destination: str
    sequence: int
    previous: str = ""
    epoch: int = 1
    kind: Kind
    traceparent: str | None = None
    data: dict[str, Any]


class Receipt(Message):
    """What the receiver of a peer stream has got: unnumbered, never itself receipted, each field by its maximum (protocol rule 9).

    `applied` is the last number applied without a gap and `digest` its digest; `seen` the last one a person has looked at; `sent` the
    last number the receiver itself had sent, before which this receipt confirms nothing; `parked` names an unknown type, if one waits.
    """

    kind: ClassVar[Kind] = "peer"
    publisher: ClassVar[str] = "*"
    type: ClassVar[str] = "receipt"

    applied: int
    digest: str
    seen: int
    sent: int
    protocol: int = PROTOCOL_VERSION
    parked: str | None = None


def digest(body: str) -> str:
    """The digest of a message: SHA-256 over the exact text that travels, in hex. That text names the one before: a chain."""
    return hashlib.sha256(body.encode()).hexdigest()
