"""What was acknowledged: the driver's own account of each partnership, from which follows what both sides must show in the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.chaos.people import Business

# The entries of a history by what was done; an answer, an acceptance … carries the mark of its command in one of its texts.
ENTRY = {
    "offer": "offer.sent",
    "remind": "offer.reminded",
    "withdraw": "offer.withdrawn",
    "accept": "offer.accepted",
    "decline": "offer.declined",
    "end": "partnership.ended",
    "propose": "modification.proposed",
    "answer": "modification.answered",
    "retract": "modification.withdrawn",
}
NOTICE = {
    "offer": "offer.received",
    "remind": "reminder.received",
    "withdraw": "withdrawal.received",
    "accept": "acceptance.received",
    "decline": "decline.received",
    "end": "end.received",
    "propose": "proposal.received",
    "answer": "answer.received",
    "retract": "retraction.received",
}


@dataclass
class Done:
    """One acknowledged command: who did it, and the text by which its effects are known again (none has a text: '')."""

    by: Business
    kind: str
    mark: str = ""
    modification: str = ""
    decisions: dict[str, str] = field(default_factory=dict)
    """By contact: what an acceptance or an answer decided."""


@dataclass
class Deal:
    """One partnership."""

    id: str
    partner: Business
    customer: Business
    offered: list[str]
    done: list[Done] = field(default_factory=list)
    teams: dict[str, list[str]] = field(default_factory=dict)
    """By tenant: the managers in the order in which they came, as far as they were changed; the owner first."""
    removed: set[str] = field(default_factory=set)
    """Tenants that took the tile off."""

    @property
    def both(self) -> tuple[Business, Business]:
        return self.partner, self.customer

    def other(self, side: Business) -> Business:
        return self.customer if side is self.partner else self.partner

    def path(self, rest: str = "") -> str:
        return f"/partnerships/{self.id}" + (f"/{rest}" if rest else "")

    def of(self, kind: str, by: Business | None = None) -> list[Done]:
        return [one for one in self.done if one.kind == kind and by in (None, one.by)]

    @property
    def status(self) -> set[str]:
        """What it must be in the end, by what was acknowledged."""
        if self.of("accept"):
            return {"terminated"} if self.of("end") else {"accepted", "modified"}
        if self.of("decline"):
            return {"declined"}
        return {"withdrawn"} if self.of("withdraw") else {"open"}
