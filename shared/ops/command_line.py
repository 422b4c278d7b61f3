"""The command line: what there is to say, and which exit status that gives."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from shared import settings
from shared.ops import environment
from shared.ops.commands import backups, dead, health, parked, streams
from shared.ops.commands.choosing import DONE, FAILED
from shared.ops.trouble import Trouble

_ABOUT = """\
What an operator of Accord does: messages that died, streams that wait, how the services do, backups.

Settings are the environment variables of the services (ACCORD_<SERVICE>_OPS_DATABASE_URL, ACCORD_AMQP_URI …). Unless a database of a
service is among them, those of the local stack are read from .run/env; --env names another file, which then counts alone. Each action is
written down as a line of JSON with who did it: in the file ACCORD_OPS_LOG names, for the local stack in .run/log/ops.log, else on
standard error.

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

    one = command(top, "status", health.show, "how each service does; exit status 3 when something needs an operator")
    one.add_argument("--service", help="this service only")

    them = group(
        "dead", "messages that were given up: rows of the inbox, and dead letters, which could not even be decoded"
    )
    one = command(them, "list", dead.list_, "dead messages, the oldest first; looking takes nothing away")
    _filters(one)
    one.add_argument("--limit", type=_number, default=50, help="how many of a service, at most (50)")
    one = command(them, "show", dead.show, "one dead message with its body")
    one.add_argument("ref", metavar="REF", help="what the list shows under REF")
    one.add_argument("--whole", action="store_true", help="all of the body, however long")
    one = command(
        them, "replay", dead.replay, "have dead messages taken again, their attempts begun anew; what waits behind them follows"
    )  # fmt: skip
    _chosen(one)
    one = command(
        them, "drop", dead.drop,
        "give dead messages up: they never have an effect here, the stream behind them goes on, and the two sides of a partnership may "
        "differ from then on",
    )  # fmt: skip
    _chosen(one)

    them = group("parked", "streams that wait: for a message that did not come, or for code that knows a type")
    one = command(them, "list", parked.list_, "who waits for what, since when; the longest waiting first")
    one.add_argument("--service", help="this service only")
    one.add_argument("--tenant", help="streams of this business only")
    one.add_argument("--limit", type=_number, default=50, help="how many of a service, at most (50)")
    one = command(them, "show", parked.show, "one stream that waits")
    one.add_argument("ref", metavar="REF", help="what the list shows under REF")
    one = command(
        them, "ask", parked.ask, "have what is missing sent again, by the other side or by the service that stated it (200 messages at once)"
    )  # fmt: skip
    _streams(one, all="all that wait now")
    one = command(
        them, "drop", parked.drop,
        "give up what a stream waits for and go on with what it has; the two sides of a partnership may differ from then on",
    )  # fmt: skip
    _streams(one, all="all that wait now")
    one.add_argument("--yes", action="store_true", help="really; needed always")

    them = group("streams", "what tenants say to each other: who is behind, and what has forked")
    one = command(
        them, "list", streams.list_, "forked streams, and those whose other side has not receipted for a minute"
    )
    one.add_argument("--service", help="this service only")
    one.add_argument("--forked", action="store_true", help="forked ones only")
    one.add_argument("--behind", action="store_true", help="those that are behind only")
    one.add_argument("--limit", type=_number, default=50, help="how many of a service, at most (50)")
    one = command(
        them, "ask", streams.ask, "ask the other sides to send again what came after what we have; for after a restore"
    )
    _streams(one)
    one = command(
        them, "settle", streams.settle,
        "take the mark of a fork away, once the two businesses have settled it; not while messages that contradict the stream are dead here "
        "(dead drop gives them up). A receipt or a message that is new marks it again",
    )  # fmt: skip
    _streams(one, all="all that have forked")
    one.add_argument("--yes", action="store_true", help="really; needed with --all")

    one = command(
        top,
        "backup",
        backups.make,
        "back up all databases, of one moment, while everything runs; readable by you alone, so keep it safe",
    )
    one.add_argument("folder", metavar="FOLDER", type=Path, help="a new or empty folder")
    one = command(top, "verify", backups.look, "look whether a backup is whole; exit status 3 when it is not")
    one.add_argument("folder", metavar="FOLDER", type=Path, help="a backup")
    one.add_argument(
        "--scratch",
        metavar="URL",
        help="also restore it into databases that are made and dropped on the server of this administrator's URL",
    )
    one = command(
        top, "restore", backups.put_back,
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
    parser.add_argument(
        "--all",
        action="store_true",
        help="all of them, or all that fit the following",
    )
    _filters(parser)
    parser.add_argument("--yes", action="store_true", help="really; needed with --all, and by drop")


def _streams(parser: argparse.ArgumentParser, all: str = "all of them") -> None:
    parser.add_argument("ref", metavar="REF", nargs="*", help="what the list shows under REF")
    parser.add_argument("--all", action="store_true", help=all)
    parser.add_argument("--service", help="with --all: of this service only")
