"""`python -m deploy.local COMMAND`: what the Makefile calls. Runs on the bare standard library and makes `.venv` when it has to.

up, run, down, status: the local stack. ops: the operator's tool. demo: the main job, narrated. The others are for developers.
"""

from __future__ import annotations

import os
import sys

from deploy.local import virtualenv
from deploy.local.paths import ROOT, VENV, Trouble

PROGRAMS = {
    "bench": "tests.bench",
    "simulate": "tests.simulation",
    "explore": "tests.exploration",
    "chaos": "tests.chaos",
    "crashes": "tests.chaos.points",
    "mutants": "tests.guards",
    "screenshots": "tests.screenshots",
    "events": "deploy.events",
}
"""What developers run, by command: a module with a command line of its own."""
ON_A_BROKER = {"test", "bench", "chaos", "crashes", "mutants", "screenshots"}
IN_A_BROWSER = {"test", "mutants", "screenshots"}
"""What else they need on the machine: nobody has to install anything by hand first."""

USAGE = f"Usage: python -m deploy.local up | run | down | status | ops … | demo | test [PYTEST ARGUMENTS] | check | audit | {' | '.join(PROGRAMS)}"


def main(arguments: list[str]) -> int:
    """The command line; the exit status."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("", [])
    if command == "down" and not virtualenv.usable():
        print("Accord is not running.")
        return 0
    if command in {"up", "run"}:
        from deploy.local import checks

        checks.disk(VENV)
        virtualenv.install("requirements.lock")
    elif command in {"test", "check", "audit", *PROGRAMS}:
        virtualenv.install("requirements-dev.lock")
    elif command not in {"down", "status", "ops", "demo"}:
        print(USAGE, file=sys.stderr)
        return 1
    elif not virtualenv.usable():
        raise Trouble("Accord is not running; make up starts it.")
    python = str(virtualenv.PYTHON)
    if command == "ops":
        os.execv(python, [python, "-m", "shared.ops", *rest])
    if command == "demo":
        os.execv(python, [python, "-m", "deploy.local.demo", *rest])
    if not virtualenv.inside():
        os.execv(python, [python, "-m", "deploy.local", *arguments])
    if command in ON_A_BROKER | IN_A_BROWSER:
        from deploy.local import checks

        if command in ON_A_BROKER:
            checks.broker()
        if command in IN_A_BROWSER:
            checks.chromium()
    if command in PROGRAMS:
        os.execv(python, [python, "-W", "ignore", "-m", PROGRAMS[command], *rest])
    if command == "test":
        os.execv(python, [python, "-m", "pytest", *(rest or checks.LANES)])
    if command == "check":
        from deploy.local import checks

        return checks.code()
    if command == "audit":
        from deploy.local import audit

        return audit.run()
    from deploy.local import stack

    return {"up": stack.up, "run": stack.run, "down": stack.down, "status": stack.status}[command]()


if __name__ == "__main__":
    os.chdir(ROOT)
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(f"accord: {trouble}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from deploy.local.checks import explain

        print(f"accord: {explain(error)}", file=sys.stderr)
        sys.exit(1)
