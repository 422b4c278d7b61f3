"""`streams`: what tenants say to each other, having it said again, and settling what has forked."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from typing import Any

from shared.ops import environment, parked, showing, streams
from shared.ops.commands.choosing import DONE, FAILED, by_service, report, tell
from shared.ops.database import connected
from shared.ops.environment import note
from shared.ops.trouble import Trouble

_COLUMNS = {
    "REF": "ref", "WHAT": "what", "TENANT": "tenant", "WITH": "peer", "ABOUT": "subject", "SAID": "sent", "RECEIPTED": "confirmed",
    "CLAIMED": "claimed", "HEARD": "applied", "MISSING": "messages", "FOR": "since",
}  # fmt: skip


def list_(chosen: argparse.Namespace) -> int:
    """`streams list`: the forked ones, and those that are behind."""
    found = []
    for service in environment.services(chosen.service):
        with connected(service) as connection:
            if chosen.forked or not chosen.behind:
                found += streams.forked(connection, service, chosen.limit)
            if chosen.behind or not chosen.forked:
                found += streams.behind(connection, service, chosen.limit)
    if chosen.json:
        print(showing.as_json([{name: row[name] for name in _COLUMNS.values()} for row in found]))
    else:
        print(showing.table(found, _COLUMNS) if found else "All streams are in step.")
    return DONE


def ask(chosen: argparse.Namespace) -> int:
    """`streams ask`: have the other sides say again what follows what we have. Returns FAILED when nobody takes it for one."""
    count, deaf = 0, list[str]()
    for service, refs in by_service(chosen, sure=False).items():
        with connected(service) as connection:
            if refs:
                found = streams.named(connection, service, list(refs))
                if len(found) < len(set(refs)):
                    raise Trouble(f"{service} has no such stream with another business.")
                pages: Iterable[list[dict[str, Any]]] = [found]
            else:
                pages = streams.between_tenants(connection, service)
            for page in pages:
                nobody = parked.ask_other_side(service, page)
                deaf += [f"{s['peer']} ({s['subject']})" for s in nobody]
                count += len(page) - len(nobody)
        note("streams ask", service=service, refs=list(refs) or "all")
    if deaf:
        print(
            f"accord: Nobody takes messages for {', '.join(deaf[:3])} at the moment ({len(deaf)} streams).",
            file=sys.stderr,
        )
    print(showing.as_json({"asked": count}) if chosen.json else f"The other side was asked in {count} streams.")
    return FAILED if deaf else DONE


def settle(chosen: argparse.Namespace) -> int:
    """`streams settle`: take the mark of a fork away. Returns FAILED unless it went from all of them."""
    said: dict[str, str] = {}
    for service, refs in by_service(chosen, sure=chosen.all).items():
        with connected(service) as connection:
            for found, became in streams.settle(connection, service, refs):
                tell("streams settle", [row | {"place": "stream"} for row in found], became, said)
        said |= {f"{service}-{name}": "is not forked" for name in refs if f"{service}-{name}" not in said}
    return report(chosen, said, {"settled"}.__contains__, "No stream has forked.")
