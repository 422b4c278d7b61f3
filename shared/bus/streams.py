"""Streams: numbering, digests, gaps, receipts (protocol rule 9). Pure: the same code runs in production, in tests and in exploration.

A stream is what one service of one tenant says to one destination about one subject. `Stream` holds both directions of it as one side
sees them: what we said (`sent`, `confirmed`) and what they said (`applied`, `seen`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from shared.contracts.messages import Envelope, Receipt, digest
from shared.traces import Trace

Key = tuple[str, str, str, str]
"""(tenant, subject, peer, service)"""


@dataclass(slots=True)
class Stream:
    """Both directions of a stream, as `tenant` sees it. `peer` is the tenant itself for facts, `service` the one that speaks."""

    tenant: str
    subject: str
    peer: str
    service: str
    sent: int = 0
    sent_digest: str = ""
    confirmed: int = 0
    confirmed_seen: int = 0
    receipt_applied: int = 0
    receipt_seen: int = 0
    receipt_sent: int = 0
    applied: int = 0
    applied_digest: str = ""
    seen: int = 0
    parked: int = 0
    parked_type: str | None = None
    forked: bool = False
    receipt_due: bool = False
    claimed: int = 0
    fresh: bool = True
    changed: bool = False

    @property
    def key(self) -> Key:
        return (self.tenant, self.subject, self.peer, self.service)


class Verdict(Enum):
    """What to do with a numbered message."""

    APPLY = "apply"
    DUPLICATE = "duplicate"
    GAP = "gap"
    FORK = "fork"


def judge(stream: Stream, sequence: int, previous: str, own_digest: str) -> Verdict:
    """Whether a message is next in its stream, was here before, comes too early, or contradicts the last that was said.

    Whether one that was here before says what was said then, only those who kept it can tell.
    """
    if sequence > stream.applied + 1:
        return Verdict.GAP
    if sequence == stream.applied + 1:
        return Verdict.APPLY if previous == stream.applied_digest else Verdict.FORK
    if sequence == stream.applied and own_digest != stream.applied_digest:
        return Verdict.FORK
    return Verdict.DUPLICATE


def advance(stream: Stream, sequence: int, own_digest: str) -> None:
    """Note that the next message was applied."""
    stream.applied, stream.applied_digest, stream.changed = sequence, own_digest, True


def next_number(stream: Stream) -> tuple[int, str]:
    """The number of the next message we say, and the digest of the one before."""
    return stream.sent + 1, stream.sent_digest


def note_sent(stream: Stream, body: str) -> None:
    """Note that the message with this text was said under the next number."""
    stream.sent, stream.sent_digest, stream.changed = stream.sent + 1, digest(body), True


def take_receipt(stream: Stream, receipt: Receipt) -> None:
    """Remember a receipt, each field by its maximum. It confirms nothing yet: `settle_receipt` does."""
    # A receipt for more than we ever said, or for other words than our last, speaks of a past that a restored backup lost; repairing that comes with the two-author history.
    other = receipt.applied == stream.sent > 0 and receipt.digest not in {"", stream.sent_digest}
    if receipt.applied > stream.sent or other:
        # Told once: receipts come again and again, and a mark that an operator has settled comes back with news only. A lower number is news, too:
        # whoever forged a high one would otherwise have silenced all that come after it.
        if receipt.applied != stream.claimed:
            stream.claimed = receipt.applied
            stream.forked = stream.changed = True
        return
    seen = min(receipt.seen, receipt.applied)
    waiting = stream.receipt_applied > stream.confirmed or stream.receipt_seen > stream.confirmed_seen
    if not waiting or receipt.sent <= stream.applied < stream.receipt_sent:
        # One that need not wait takes the place of one that does: what that waits for may never come, when its sender was set back to a backup since,
        # or when a liar said it.
        stream.receipt_applied, stream.receipt_seen, stream.receipt_sent = receipt.applied, seen, receipt.sent
    else:
        stream.receipt_applied = max(stream.receipt_applied, receipt.applied)
        stream.receipt_seen = max(stream.receipt_seen, seen)
        stream.receipt_sent = max(stream.receipt_sent, receipt.sent)
    if receipt.wanted:
        # Whoever asks for more has no more, whatever it has receipted once: it may have been set back to an old backup.
        stream.receipt_applied = receipt.applied
        stream.confirmed = min(stream.confirmed, receipt.applied)
    stream.changed = True


def settle_receipt(stream: Stream) -> bool:
    """Let the remembered receipt confirm what it names, once all that the receiver had sent before it is applied. True when that is news."""
    if stream.applied < stream.receipt_sent:
        return False
    if stream.receipt_applied <= stream.confirmed and stream.receipt_seen <= stream.confirmed_seen:
        return False
    stream.confirmed = max(stream.confirmed, stream.receipt_applied)
    stream.confirmed_seen = max(stream.confirmed_seen, stream.receipt_seen)
    stream.changed = True
    return True


def receipt_of(stream: Stream) -> Receipt:
    """What we have got of the other side's direction."""
    return Receipt(
        applied=stream.applied,
        digest=stream.applied_digest,
        seen=stream.seen,
        sent=stream.sent,
        parked=stream.parked_type,
    )


@dataclass(frozen=True, slots=True)
class Delivery:
    """A decoded message on its way into the inbox. `again`: the broker gave it before; `retry`: we asked for it ourselves."""

    envelope: Envelope
    body: str
    digest: str
    again: bool = False
    retry: bool = False
    trace: Trace | None = None

    @property
    def key(self) -> Key:
        e = self.envelope
        return (e.destination, e.subject, e.origin, e.source)


@dataclass(slots=True)
class Waiting:
    """A message in the inbox table that could not be applied yet, or ever."""

    tenant: str
    subject: str
    peer: str
    service: str
    sequence: int
    id: str
    kind: str
    type: str
    state: str
    attempts: int
    not_before: datetime | None
    error: str | None
    digest: str
    body: str

    @property
    def key(self) -> Key:
        return (self.tenant, self.subject, self.peer, self.service)
