"""`parked`: streams that wait."""

from __future__ import annotations

import argparse
from typing import Any

from shared.ops import environment, parked, rows, showing
from shared.ops.commands.choosing import DONE, by_service, report, tell
from shared.ops.database import connected
from shared.ops.environment import operator
from shared.ops.trouble import Trouble

_COLUMNS = {
    "REF": "ref", "TENANT": "tenant", "FROM": "peer", "OF": "service", "ABOUT": "subject", "WAITING": "messages", "FOR": "since",
    "WAITS FOR": "waits_for",
}  # fmt: skip


def list_(chosen: argparse.Namespace) -> int:
    """`parked list`: who waits for what, the longest waiting of a service first."""
    found = []
    for service in environment.services(chosen.service):
        with connected(service) as connection:
            found += parked.find(connection, service, tenant=chosen.tenant, limit=chosen.limit)
    if chosen.json:
        names = (*_COLUMNS.values(), "reason", "applied", "lowest", "highest")
        print(showing.as_json([{name: row[name] for name in names} for row in found]))
    else:
        print(showing.table(found, _COLUMNS) if found else "No stream waits.")
    return DONE


def show(chosen: argparse.Namespace) -> int:
    """`parked show REF`: one stream. Raises Trouble when it does not wait, or not any more."""
    service, name = rows.service_of(chosen.ref, environment.services())
    with connected(service) as connection:
        found = parked.find(connection, service, refs=[name], limit=1)
    if not found:
        raise Trouble(f"The stream {chosen.ref} does not wait, or not any more.")
    shown = parked.described(found[0])
    print(showing.as_json(shown) if chosen.json else showing.details(shown))
    return DONE


def ask(chosen: argparse.Namespace) -> int:
    """`parked ask`: have what is missing sent again. Returns FAILED when one waits for a dead message or for somebody away, or does not wait."""
    return _on_parked(chosen, "parked ask", parked.ask, sure=False)


def drop(chosen: argparse.Namespace) -> int:
    """`parked drop`: go on without what is missing. Returns FAILED when one of them could not."""
    by = operator()
    return _on_parked(
        chosen, "parked drop", lambda connection, service, row: parked.drop(connection, service, row, by), sure=True
    )


def _on_parked(chosen: argparse.Namespace, action: str, act: Any, *, sure: bool) -> int:
    said: dict[str, str] = {}
    for service, refs in by_service(chosen, sure=sure).items():
        with connected(service) as connection:
            named = [parked.find(connection, service, refs=refs, limit=len(refs))] if refs else None
            for found in named or parked.pages(connection, service):
                for row in found:
                    tell(action, [row | {"place": "stream"}], {row["ref"]: act(connection, service, row)}, said)
        said |= {f"{service}-{name}": "does not wait" for name in refs if f"{service}-{name}" not in said}
    return report(
        chosen,
        said,
        lambda outcome: not outcome.startswith(("waits for", "does not", "has gone on")),
        "No stream waits.",
    )
