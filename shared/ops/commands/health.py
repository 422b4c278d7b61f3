"""`status`: how each service does."""

from __future__ import annotations

import argparse

from shared.ops import environment, showing, status
from shared.ops.commands.choosing import DONE, LOOK


def show(chosen: argparse.Namespace) -> int:
    """`status`: a line a service. Returns LOOK when something needs an operator."""
    found = [status.of(service) for service in environment.services(chosen.service)]
    if chosen.json:
        print(showing.as_json(found))
    else:
        print(showing.table(found, status.COLUMNS))
        for row in found:
            if row["trouble"]:
                print(f"{row['service']}: {showing.safe(row['trouble'])}")
            for what in row["look"]:
                print(f"{row['service']}: {_ADVICE[what]}")
    return LOOK if any(row["look"] or row["trouble"] for row in found) else DONE


_ADVICE = {
    "dead": "messages were given up: dead list",
    "letters": "messages could not be decoded: dead list",
    "parked": "streams wait: parked list",
    "forked": "streams have forked, as after a restore: streams list --forked, and streams settle in the end",
    "lag": "its relay is behind: is it running, does the broker take messages?",
}
