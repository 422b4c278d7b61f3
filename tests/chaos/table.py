"""The coverage table: how often a run met each bad case. A run that met one of them never proves nothing about it, and fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from deploy.local.paths import SERVICES
from tests.chaos.faults import RELAYS, SERVERS
from tests.chaos.people import Log

# What the processes must have counted themselves, in words.
COUNTED = {
    "messages handled": "accord_messages_handled_total",
    "duplicates absorbed": "accord_messages_absorbed_total",
    "gaps parked": "accord_messages_early_total",
    "redelivered by the broker": "accord_messages_redelivered_total",
    "sent again for want of a receipt": "accord_messages_sent_again_total",
    "published, and nobody knows whether it arrived": "accord_messages_unconfirmed_total",
    "refused because nobody took them": "accord_messages_refused_total",
    "mails handed over": "accord_mails_sent_total",
    "repeated commands answered from what was kept": 'accord_rpc_seconds_count outcome="repeated"',
}
MET = (
    "crossing commands",
    "refused because the other side was first",
    "answered 503",
    "connections lost in the middle of a command",
    "commands repeated with their key",
)
COMMANDS = (
    "register", "offer", "offer again", "remind", "withdraw", "accept", "accept in part", "decline", "answer", "take back a proposal",
    "propose: add", "propose: release", "propose: add and release", "propose: proposals cross", "propose: both release one",
    "propose: leave open", "add a manager", "set the owner", "remove a manager", "change the profile", "end by partner",
    "end by customer", "end by both", "remove",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One row: `count` must not be zero. `more` says of what it is made up."""

    group: str
    name: str
    count: int
    more: str = ""


def table(happened: Counter[tuple[str, str]], counted: Counter[str], log: Log) -> list[Line]:
    """All rows."""
    lines = []
    kinds = {"services": SERVICES, "relays": RELAYS, "mailer": ("mailer",), "gateway": ("gateway",)} | {
        s: (s,) for s in SERVERS
    }
    for name, targets in kinds.items():
        lines.append(_line("killed with kill -9", name, {t: happened["kill", t] for t in targets}))
    for kind in (
        "pause",
        "latency",
        "cut",
        "half-open",
        "commit unanswered",
        "confirm lost",
        "acknowledgement lost",
        "nobody takes",
        "crash point",
    ):
        lines.append(_line("gone wrong otherwise", kind, {t: n for (k, t), n in sorted(happened.items()) if k == kind}))
    lines += [Line("met by the clients", name, log.met[name]) for name in MET]
    lines += [Line("counted by the processes", words, counted[name]) for words, name in COUNTED.items()]
    lines += [Line("commands", name, log.commands[name]) for name in COMMANDS]
    return lines


def _line(group: str, name: str, parts: dict[str, int]) -> Line:
    shown = ", ".join(f"{target} {n}" for target, n in parts.items() if n)
    return Line(group, name, sum(parts.values()), shown if len(parts) > 1 else "")


def text(lines: Iterable[Line]) -> str:
    """The table as people read it."""
    rows, group = [], ""
    for line in lines:
        if line.group != group:
            group = line.group
            rows.append(f"\n{group}")
        rows.append(
            f"  {line.name:<50}{line.count:>8}   {line.more}".rstrip() + ("   <- never met" if not line.count else "")
        )
    return "\n".join(rows)


def never_met(lines: Iterable[Line]) -> list[str]:
    """What the run did not meet."""
    return [f"{line.group}: {line.name}" for line in lines if not line.count]
