"""The command line: what there is to say, and which exit status that gives."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from shared import settings
from shared.ops import (
    backup,
    dead,
    environment,
    letters,
    manifest,
    parked,
    restore,
    rows,
    showing,
    status,
    streams,
    verify,
)
from shared.ops.database import connected
from shared.ops.dead import Filter
from shared.ops.environment import note, operator
from shared.ops.trouble import Trouble

DONE, FAILED, LOOK = 0, 1, 3
"""Done; could not be done (a sentence on standard error says why); something needs an operator. argparse ends with 2 for a wrong command."""

_ABOUT = """\
What an operator of Accord does: messages that died, streams that wait, how the services do, backups.

Settings are the environment variables of the services (ACCORD_<SERVICE>_OPS_DATABASE_URL, ACCORD_AMQP_URI …). Where none is set,
those of the local stack are read from .run/env; --env names another file, which then counts alone. Each action is written down as a line
of JSON with who did it: in the file ACCORD_OPS_LOG names, for the local stack in .run/log/ops.log, else on standard error.

  python -m shared.ops status
  python -m shared.ops dead list --service offers
  python -m shared.ops dead replay offers-3f9a1c22d0b4
  python -m shared.ops parked ask --all
  python -m shared.ops backup /backups/2026-11-27
"""
_STATUSES = "Exit status: 0 done, 1 could not be done, 2 wrong command, 3 something needs an operator (status, verify)."


def main(arguments: Sequence[str]) -> int:
    """Carry a command line out. Returns the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        environment.load(chosen.env)
        done: int = chosen.act(chosen)
        return done
    except (Trouble, settings.MissingSetting) as trouble:
        print(f"accord: {trouble}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        # Whoever read us has seen enough, as with `| head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("accord: stopped; what was begun is done wholly or not at all.", file=sys.stderr)
        return 130


# --- what can be said ------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--env", metavar="FILE", help="read the settings from this file alone")
    common.add_argument("--json", action="store_true", help="answer with JSON, for scripts")
    parser = argparse.ArgumentParser(
        prog="python -m shared.ops", description=_ABOUT, epilog=_STATUSES, formatter_class=argparse.RawDescriptionHelpFormatter
    )  # fmt: skip
    top = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(to: Any, name: str, act: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = to.add_parser(
            name, parents=[common], help=help, description=help, epilog=_STATUSES
        )
        made.set_defaults(act=act)
        return made

    def group(name: str, help: str) -> Any:
        return top.add_parser(name, help=help, description=help).add_subparsers(metavar="ACTION", required=True)

    one = command(top, "status", _status, "how each service does; exit status 3 when something needs an operator")
    one.add_argument("--service", help="this service only")

    them = group(
        "dead", "messages that were given up: rows of the inbox, and dead letters, which could not even be decoded"
    )
    one = command(them, "list", _dead_list, "dead messages, the oldest first; looking takes nothing away")
    _filters(one)
    one.add_argument("--limit", type=_number, default=50, help="how many of a service, at most (50)")
    one = command(them, "show", _dead_show, "one dead message with its body")
    one.add_argument("ref", metavar="REF", help="what the list shows under REF")
    one.add_argument("--whole", action="store_true", help="all of the body, however long")
    one = command(
        them, "replay", _dead_replay, "have dead messages taken again, their attempts begun anew; what waits behind them follows"
    )  # fmt: skip
    _chosen(one)
    one = command(
        them, "drop", _dead_drop,
        "give dead messages up: they never have an effect here, the stream behind them goes on, and the two sides of a partnership may "
        "differ from then on",
    )  # fmt: skip
    _chosen(one)

    them = group("parked", "streams that wait: for a message that did not come, or for code that knows a type")
    one = command(them, "list", _parked_list, "who waits for what, since when; the longest waiting first")
    one.add_argument("--service", help="this service only")
    one.add_argument("--tenant", help="streams of this business only")
    one.add_argument("--limit", type=_number, default=50, help="how many of a service, at most (50)")
    one = command(them, "show", _parked_show, "one stream that waits")
    one.add_argument("ref", metavar="REF", help="what the list shows under REF")
    one = command(
        them, "ask", _parked_ask, "have what is missing sent again, by the other side or by the service that stated it (200 messages at once)"
    )  # fmt: skip
    _streams(one)
    one = command(
        them, "drop", _parked_drop,
        "give up what a stream waits for and go on with what it has; the two sides of a partnership may differ from then on",
    )  # fmt: skip
    _streams(one)
    one.add_argument("--yes", action="store_true", help="really; needed always")

    them = group("streams", "what tenants say to each other: who is behind, and what has forked")
    one = command(
        them, "list", _streams_list, "forked streams, and those whose other side has not receipted for a minute"
    )
    one.add_argument("--service", help="this service only")
    one.add_argument("--forked", action="store_true", help="forked ones only")
    one.add_argument("--behind", action="store_true", help="those that are behind only")
    one.add_argument("--limit", type=_number, default=50, help="how many of a service, at most (50)")
    one = command(
        them, "ask", _streams_ask, "ask the other sides to send again what came after what we have; for after a restore"
    )
    _streams(one)

    one = command(
        top,
        "backup",
        _backup,
        "back up all databases, of one moment, while everything runs; readable by you alone, so keep it safe",
    )
    one.add_argument("folder", metavar="FOLDER", type=Path, help="a new or empty folder")
    one = command(top, "verify", _verify, "look whether a backup is whole; exit status 3 when it is not")
    one.add_argument("folder", metavar="FOLDER", type=Path, help="a backup")
    one.add_argument(
        "--scratch",
        metavar="URL",
        help="also restore it into databases that are made and dropped on the server of this administrator's URL",
    )
    one = command(
        top, "restore", _restore,
        "put a backup into the databases of an empty stack, while no service runs; then prepare and start the services",
    )  # fmt: skip
    one.add_argument("folder", metavar="FOLDER", type=Path, help="a backup")
    one.add_argument("--replace", action="store_true", help="in place of what is in the databases now")
    one.add_argument("--yes", action="store_true", help="really; needed with --replace")
    return parser


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 10000")
    return int(text)


def _filters(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--service", help="of this service only")
    parser.add_argument("--tenant", help="said to this business only")
    parser.add_argument("--from", dest="origin", metavar="TENANT", help="said by this business only")
    parser.add_argument("--type", help="of this type only, for example offer.sent")
    parser.add_argument("--about", metavar="ID", help="about this partnership or other subject only")


def _chosen(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", metavar="REF", nargs="*", help="what the list shows under REF")
    parser.add_argument("--all", action="store_true", help="all of them, or all that fit the following")
    _filters(parser)
    parser.add_argument("--yes", action="store_true", help="really; needed with --all, and by drop")


def _streams(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ref", metavar="REF", nargs="*", help="what the list shows under REF")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--service", help="with --all: of this service only")


def _by_service(chosen: argparse.Namespace, *, sure: bool) -> dict[str, tuple[str, ...]]:
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


# --- how each does ---------------------------------------------------------------------------------------------------


def _status(chosen: argparse.Namespace) -> int:
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
    "forked": "streams have forked, as after a restore: streams list --forked",
    "lag": "its relay is behind: is it running, does the broker take messages?",
}


# --- dead ------------------------------------------------------------------------------------------------------------

_DEAD = {
    "REF": "ref", "WHERE": "place", "TYPE": "type", "TENANT": "tenant", "FROM": "peer", "ABOUT": "subject", "NO": "sequence",
    "FOR": "received_at", "WHY": "error",
}  # fmt: skip


def _filter(chosen: argparse.Namespace, refs: tuple[str, ...] = ()) -> Filter:
    return Filter(chosen.tenant, chosen.origin, chosen.type, chosen.about, refs)


def _dead_list(chosen: argparse.Namespace) -> int:
    which = _filter(chosen)
    found: list[dict[str, Any]] = []
    more = []
    for service in environment.services(chosen.service):
        with connected(service) as connection:
            here = dead.find(connection, service, which, chosen.limit)
            found += [{key: row[key] for key in (*_DEAD.values(), "id", "attempts", "kind")} for row in here]
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
        print(showing.table(found, _DEAD))
        print("\n".join(more))
    else:
        print("No message is dead.")
    return DONE


def _dead_show(chosen: argparse.Namespace) -> int:
    service, name = rows.service_of(chosen.ref, environment.services())
    row = _dead_one(service, name)
    if row is None:
        raise Trouble(f"There is no dead message {chosen.ref}, or no more.")
    row["body"] = showing.body(row["body"], whole=chosen.whole or chosen.json)
    print(showing.as_json(row) if chosen.json else showing.details(row))
    return DONE


def _dead_one(service: str, name: str) -> dict[str, Any] | None:
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


def _dead_replay(chosen: argparse.Namespace) -> int:
    return _on_dead(
        chosen, "dead replay", sure=chosen.all, row=dead.replay, letter=letters.replay,
    )  # fmt: skip


def _dead_drop(chosen: argparse.Namespace) -> int:
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
    for service, refs in _by_service(chosen, sure=sure).items():
        which = _filter(chosen, refs)
        with connected(service) as connection:
            # What dies again meanwhile is not done again: bounded by what was there at first.
            for _ in range(-(-dead.count(connection, which) // rows.AT_ONCE)):
                found = [r for r in dead.find(connection, service, which, rows.AT_ONCE) if r["ref"] not in said]
                _tell(action, found, row(connection, service, found), said)
        missing = [name for name in refs if f"{service}-{name}" not in said]
        if refs and not missing:
            continue
        for place in letters.places(service):
            with letters.channel(place.uri) as opened:
                in_queue, _ = letters.find(opened, place, which, letters.LOOKED_AT)
                for one in in_queue:
                    _tell(action, [one.row()], {one.ref: letter(opened, one)}, said)
        said |= {
            f"{service}-{name}": "is not dead, or not any more" for name in refs if f"{service}-{name}" not in said
        }
    return _report(chosen, said, {"replayed", "dropped"}, "No message is dead.")


def _tell(action: str, found: Iterable[dict[str, Any]], became: dict[str, str], said: dict[str, str]) -> None:
    for row in found:
        about = {key: row.get(key) for key in ("ref", "place", "type", "tenant", "peer", "subject", "sequence")}
        note(action, outcome=became[row["ref"]], **about)
    said |= became


def _report(chosen: argparse.Namespace, said: dict[str, str], well: set[str], nothing: str) -> int:
    if chosen.json:
        print(showing.as_json([{"ref": ref, "outcome": outcome} for ref, outcome in said.items()]))
    elif not said:
        print(nothing)
    else:
        for ref, outcome in said.items():
            print(f"{ref} {'was ' if outcome in {'replayed', 'dropped'} else ''}{showing.safe(outcome)}.")
    return DONE if all(outcome in well for outcome in said.values()) else FAILED


# --- parked and streams ----------------------------------------------------------------------------------------------

_PARKED = {
    "REF": "ref", "TENANT": "tenant", "FROM": "peer", "OF": "service", "ABOUT": "subject", "WAITING": "messages", "FOR": "since",
    "WAITS FOR": "waits_for",
}  # fmt: skip


def _parked_list(chosen: argparse.Namespace) -> int:
    found = []
    for service in environment.services(chosen.service):
        with connected(service) as connection:
            found += parked.find(connection, service, tenant=chosen.tenant, limit=chosen.limit)
    if chosen.json:
        names = (*_PARKED.values(), "reason", "applied", "lowest", "highest")
        print(showing.as_json([{name: row[name] for name in names} for row in found]))
    else:
        print(showing.table(found, _PARKED) if found else "No stream waits.")
    return DONE


def _parked_show(chosen: argparse.Namespace) -> int:
    service, name = rows.service_of(chosen.ref, environment.services())
    with connected(service) as connection:
        found = parked.find(connection, service, refs=[name], limit=1)
    if not found:
        raise Trouble(f"The stream {chosen.ref} does not wait, or not any more.")
    shown = parked.described(found[0])
    print(showing.as_json(shown) if chosen.json else showing.details(shown))
    return DONE


def _parked_ask(chosen: argparse.Namespace) -> int:
    return _on_parked(chosen, "parked ask", parked.ask, sure=False)


def _parked_drop(chosen: argparse.Namespace) -> int:
    by = operator()
    return _on_parked(
        chosen, "parked drop", lambda connection, service, row: parked.drop(connection, service, row, by), sure=True
    )


def _on_parked(chosen: argparse.Namespace, action: str, act: Any, *, sure: bool) -> int:
    said: dict[str, str] = {}
    for service, refs in _by_service(chosen, sure=sure).items():
        with connected(service) as connection:
            found = parked.find(connection, service, refs=refs, limit=len(refs) or rows.AT_ONCE)
            for row in found:
                _tell(action, [row | {"place": "stream"}], {row["ref"]: act(connection, service, row)}, said)
        said |= {f"{service}-{name}": "does not wait" for name in refs if f"{service}-{name}" not in said}
    failed = {ref for ref, outcome in said.items() if outcome.startswith(("waits for", "does not", "has gone on"))}
    _report(chosen, said, set(), "No stream waits.")
    return FAILED if failed else DONE


_STREAMS = {
    "REF": "ref", "WHAT": "what", "TENANT": "tenant", "WITH": "peer", "ABOUT": "subject", "SAID": "sent", "RECEIPTED": "confirmed",
    "HEARD": "applied", "MISSING": "messages", "FOR": "since",
}  # fmt: skip


def _streams_list(chosen: argparse.Namespace) -> int:
    found = []
    for service in environment.services(chosen.service):
        with connected(service) as connection:
            if chosen.forked or not chosen.behind:
                found += streams.forked(connection, service, chosen.limit)
            if chosen.behind or not chosen.forked:
                found += streams.behind(connection, service, chosen.limit)
    if chosen.json:
        print(showing.as_json([{name: row[name] for name in _STREAMS.values()} for row in found]))
    else:
        print(showing.table(found, _STREAMS) if found else "All streams are in step.")
    return DONE


def _streams_ask(chosen: argparse.Namespace) -> int:
    count, deaf = 0, list[str]()
    for service, refs in _by_service(chosen, sure=False).items():
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


# --- backups ---------------------------------------------------------------------------------------------------------


def _backup(chosen: argparse.Namespace) -> int:
    made = backup.make(chosen.folder, environment.services(), _say(chosen))
    note("backup", folder=str(chosen.folder.absolute()), at=made.at)
    _conclude(
        chosen,
        made,
        f"{chosen.folder} holds everything as it was at {made.at:%Y-%m-%d %H:%M:%S} UTC. Keep it safe: verify it, move it away.",
    )
    return DONE


def _verify(chosen: argparse.Namespace) -> int:
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


def _restore(chosen: argparse.Namespace) -> int:
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
