"""`dead`: messages that were given up, and letters that could not be decoded."""

from __future__ import annotations

import argparse
from typing import Any

from shared.ops import dead, environment, letters, rows, showing
from shared.ops.commands.choosing import DONE, by_service, report, tell
from shared.ops.database import connected
from shared.ops.dead import Filter
from shared.ops.environment import operator
from shared.ops.trouble import Trouble

_COLUMNS = {
    "REF": "ref", "WHERE": "place", "TYPE": "type", "TENANT": "tenant", "FROM": "peer", "ABOUT": "subject", "NO": "sequence",
    "FOR": "received_at", "WHY": "error",
}  # fmt: skip


def _filter(chosen: argparse.Namespace, refs: tuple[str, ...] = ()) -> Filter:
    return Filter(chosen.tenant, chosen.origin, chosen.type, chosen.about, refs)


def list_(chosen: argparse.Namespace) -> int:
    """`dead list`: rows and letters, of each place `--limit` at most. Looking takes nothing away."""
    which = _filter(chosen)
    found: list[dict[str, Any]] = []
    more = []
    for service in environment.services(chosen.service):
        with connected(service) as connection:
            here = dead.find(connection, service, which, chosen.limit)
            found += [{key: row[key] for key in (*_COLUMNS.values(), "id", "attempts", "kind")} for row in here]
            rest = dead.count(connection, which) - len(here)
        for place in letters.places(service):
            with letters.channel(place.uri) as opened:
                in_queue, total = letters.find(opened, place, which, chosen.limit)
                found += [letter.row() for letter in in_queue]
                if len(in_queue) == chosen.limit or total > letters.LOOKED_AT:
                    rest += total - len(in_queue)
        if rest > 0:
            more.append(f"{service} has {rest} more: --limit, --service and the other options choose.")
    if chosen.json:
        print(showing.as_json(found))
    elif found:
        print(showing.table(found, _COLUMNS))
        print("\n".join(more))
    else:
        print("No message is dead.")
    return DONE


def show(chosen: argparse.Namespace) -> int:
    """`dead show REF`: one with its body. Raises Trouble when it is not dead, or not any more."""
    service, name = rows.service_of(chosen.ref, environment.services())
    row = _one(service, name)
    if row is None:
        raise Trouble(f"There is no dead message {chosen.ref}, or no more.")
    row["body"] = showing.body(row["body"], whole=chosen.whole or chosen.json)
    print(showing.as_json(row) if chosen.json else showing.details(row))
    return DONE


def _one(service: str, name: str) -> dict[str, Any] | None:
    which = Filter(refs=(name,))
    with connected(service) as connection:
        for row in dead.find(connection, service, which, 1):
            return row
    for place in letters.places(service):
        with letters.channel(place.uri) as opened:
            for letter in letters.find(opened, place, which, 1)[0]:
                more = {"routing_key": letter.key, "died_in": place.origin, "headers": str(letter.headers)}
                return letter.row() | more | {"body": letter.body}
    return None


def replay(chosen: argparse.Namespace) -> int:
    """`dead replay`: have them taken again. Returns FAILED unless all of them are."""
    return _on_dead(
        chosen, "dead replay", sure=chosen.all, row=dead.replay, letter=letters.replay,
    )  # fmt: skip


def drop(chosen: argparse.Namespace) -> int:
    """`dead drop`: give them up for good. Returns FAILED unless all of them are."""
    by = operator()
    return _on_dead(
        chosen,
        "dead drop",
        sure=True,
        row=lambda connection, service, found: dead.drop(connection, service, found, by),
        letter=letters.drop,
    )


def _on_dead(chosen: argparse.Namespace, action: str, *, sure: bool, row: Any, letter: Any) -> int:
    said: dict[str, str] = {}
    for service, refs in by_service(chosen, sure=sure).items():
        which = _filter(chosen, refs)
        with connected(service) as connection:
            for found in dead.pages(connection, service, which):
                tell(action, found, row(connection, service, found), said)
        missing = [name for name in refs if f"{service}-{name}" not in said]
        if refs and not missing:
            continue
        for place in letters.places(service):
            with letters.channel(place.uri) as opened:
                # What dies again meanwhile is not done again: no more than was there at first.
                for one in letters.each(opened, place, which, letters.depth(opened, place.queue)):
                    tell(action, [one.row()], {one.ref: letter(opened, one)}, said)
        said |= {
            f"{service}-{name}": "is not dead, or not any more" for name in refs if f"{service}-{name}" not in said
        }
    return report(chosen, said, {"replayed", "dropped"}.__contains__, "No message is dead.")
