"""`backup`, `verify`, `restore`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from shared.ops import backup, environment, manifest, restore, showing, verify
from shared.ops.commands.choosing import DONE, LOOK
from shared.ops.environment import note
from shared.ops.trouble import Trouble


def make(chosen: argparse.Namespace) -> int:
    """`backup FOLDER`. Returns DONE; raises Trouble when it could not be made."""
    made = backup.make(chosen.folder, environment.services(), _say(chosen))
    note("backup", folder=str(chosen.folder.absolute()), at=made.at)
    _conclude(
        chosen,
        made,
        f"{chosen.folder} holds everything as it was at {made.at:%Y-%m-%d %H:%M:%S} UTC. Keep it safe: verify it, move it away.",
    )
    return DONE


def look(chosen: argparse.Namespace) -> int:
    """`verify FOLDER`, the files, with --scratch the content too. Returns LOOK when something is wrong."""
    whole = manifest.read(chosen.folder)
    found = verify.files(chosen.folder, whole)
    if chosen.scratch and not found:
        found = verify.content(chosen.folder, whole, chosen.scratch)
    if chosen.json:
        print(showing.as_json({"at": whole.at, "whole": not found, "found": found}))
    else:
        for what in found:
            print(showing.safe(what))
        looked = "files and content" if chosen.scratch else "files"
        print(
            "This backup is NOT whole."
            if found
            else f"The {looked} of this backup are as they were at {whole.at:%Y-%m-%d %H:%M:%S} UTC."
        )
    return LOOK if found else DONE


def put_back(chosen: argparse.Namespace) -> int:
    """`restore FOLDER`. Returns DONE; raises Trouble when it could not be restored."""
    if chosen.replace and not chosen.yes:
        raise Trouble("--replace throws away what is in the databases now: say it again with --yes.")
    whole = restore.restore(chosen.folder, replace=chosen.replace, say=_say(chosen))
    note("restore", folder=str(chosen.folder.absolute()), at=whole.at, replaced=chosen.replace)
    _conclude(chosen, whole, (
        f"Everything is as it was at {whole.at:%Y-%m-%d %H:%M:%S} UTC. Prepare the services (python -m shared.bus.prepare SERVICE) and start "
        "them; then `streams ask --all` has the other sides send again what came since."
    ))  # fmt: skip
    return DONE


def _say(chosen: argparse.Namespace) -> Callable[[str], None]:
    """Says how far it is, on standard error where the answer is JSON."""

    def say(sentence: str) -> None:
        print(sentence, file=sys.stderr if chosen.json else sys.stdout, flush=True)

    return say


def _conclude(chosen: argparse.Namespace, whole: manifest.Manifest, sentence: str) -> None:
    print(whole.model_dump_json(indent=1) if chosen.json else sentence)
