"""Which ones an operator means, what is written down of each, and what the command answers in the end."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from shared.ops import environment, rows, showing
from shared.ops.environment import note
from shared.ops.trouble import Trouble

DONE, FAILED, LOOK = 0, 1, 3
"""Done; could not be done (a sentence on standard error says why); something needs an operator. argparse ends with 2 for a wrong command."""


def by_service(chosen: argparse.Namespace, *, sure: bool) -> dict[str, tuple[str, ...]]:
    """The short names that were given, by service; with --all each service with none. Raises Trouble for anything unclear."""
    if bool(chosen.ref) == chosen.all:
        raise Trouble("Say which: one or more REF of the list, or --all.")
    if sure and not chosen.yes:
        raise Trouble("This cannot be undone: say it again with --yes.")
    if chosen.all:
        return dict.fromkeys(environment.services(chosen.service), ())
    found: dict[str, tuple[str, ...]] = {}
    for ref in chosen.ref:
        service, name = rows.service_of(ref, environment.services())
        found[service] = (*found.get(service, ()), name)
    return found


def tell(action: str, found: Iterable[dict[str, Any]], became: dict[str, str], said: dict[str, str]) -> None:
    """Write down what became of each of these, by `ref`, and add it to what is said in the end."""
    for row in found:
        about = {key: row.get(key) for key in ("ref", "place", "type", "tenant", "peer", "subject", "sequence")}
        note(action, outcome=became[row["ref"]], **about)
    said |= became


def report(chosen: argparse.Namespace, said: dict[str, str], well: Callable[[str], bool], nothing: str) -> int:
    """Say what became of each, and of how many. Returns FAILED unless all outcomes are `well`."""
    done = sum(well(outcome) for outcome in said.values())
    if chosen.json:
        print(showing.as_json([{"ref": ref, "outcome": outcome} for ref, outcome in said.items()]))
    elif not said:
        print(nothing)
    else:
        for ref, outcome in said.items():
            print(f"{ref} {'was ' if outcome in {'replayed', 'dropped', 'settled'} else ''}{showing.safe(outcome)}.")
        if len(said) > 1:
            print(f"{len(said)} in all, {done} of them done.")
    return DONE if done == len(said) else FAILED
