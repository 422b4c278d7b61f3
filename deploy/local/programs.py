"""The process table: what runs, with which environment, and the supervisor's configuration that says so."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local.paths import ROOT, RUN, SERVICES, write_private

MARK = "ACCORD_STACK"
"""An environment variable of everything that runs here; by it `down` finds what a killed supervisor left behind."""


@dataclass(frozen=True)
class Program:
    """One process. `health_port` is where it serves /healthz, /readyz and /metrics, if it does."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    health_port: int | None = None
    stop_signal: str = "TERM"
    server: bool = False
    """A server the others need: started before them, stopped after them."""

    @property
    def health_variable(self) -> str:
        return health_variable(self.name)

    @property
    def health_url(self) -> str:
        return f"http://127.0.0.1:{self.health_port}"


def health_variable(name: str) -> str:
    """ACCORD_<PROCESS>_HEALTH_URL."""
    return f"ACCORD_{name.upper().replace('-', '_')}_HEALTH_URL"


def health_names() -> list[str]:
    """The processes that say how they are."""
    return [name for service in SERVICES for name in (service, f"{service}-relay")] + ["mailer", "mailbox", "gateway"]


def applications(
    common: Mapping[str, str], databases: Mapping[str, str], ports: Mapping[str, int], link_key: str
) -> list[Program]:
    """Everything that is Accord's own.

    `common` are the broker's URIs, CELL, ACCORD_URL and the mail settings; `databases` the URLs of all roles; `ports` has the gateway's and
    those of the health endpoints. Each process gets its own database URL and no other, and `link_key` only those that make and read
    links in mails.
    """

    def python(name: str, *words: str, own: Mapping[str, str] | None = None) -> Program:
        port = ports[name]
        return Program(
            name,
            [sys.executable, "-m", *words],
            {"PYTHONUNBUFFERED": "1", **common, "ACCORD_HEALTH_PORT": str(port), **(own or {})},
            health_port=port,
        )

    found = []
    for service in SERVICES:
        url, relay = f"ACCORD_{service.upper()}_DATABASE_URL", f"ACCORD_{service.upper()}_RELAY_DATABASE_URL"
        # Without this one query blocks the whole nameko process.
        green = {url: databases[url], "PSYCOPG_WAIT_FUNC": "wait_selector"}
        if service == "accounts":
            green["ACCORD_LINK_KEY"] = link_key
        found.append(python(service, "shared.bus.run", f"services.{service}.service", own=green))
        found.append(python(f"{service}-relay", "shared.bus.relay", service, own={relay: databases[relay]}))
    url = "ACCORD_NOTIFICATIONS_OPS_DATABASE_URL"
    found.append(
        python("mailer", "services.notifications.mailer", own={url: databases[url], "ACCORD_LINK_KEY": link_key})
    )
    found.append(python("mailbox", "deploy.local.mailbox", own={"ACCORD_MAIL_FOLDER": str(RUN / "mail")}))
    urls = {health_variable(name): f"http://127.0.0.1:{ports[name]}" for name in health_names()}
    found.append(python("gateway", "services.gateway", own={"PORT": str(ports["gateway"]), **urls}))
    return found


def inherited() -> dict[str, str]:
    """What the supervisor and all below it take over from whoever starts them: not the make they were started from, no address of
    an earlier run."""
    dropped = ("MAKE", "MFLAGS", "RABBITMQ_", "ERL_", "PYTHON")
    addresses = ("DATABASE_URL", "AMQP_URI", "HEALTH_URL")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped) and not k.endswith(addresses)}
    return {**kept, "ACCORD_RUN": str(RUN), MARK: str(RUN)}


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _section(program: Program) -> str:
    environment = ",".join(f'{name}="{_plain(value)}"' for name, value in program.environment.items())
    return f"""
[program:{program.name}]
command={_plain(shlex.join(program.command))}
directory={"/" if program.server else _plain(str(ROOT))}
environment={environment}
autostart={"true" if program.server else "false"}
autorestart=true
startsecs=1
startretries=1000000
stopsignal={program.stop_signal}
stopwaitsecs=8
killasgroup=true
redirect_stderr=true
stdout_logfile={_plain(str(RUN / "log" / (program.name + ".log")))}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=2
"""


def write_configuration(path: Path, socket: Path, programs: Sequence[Program]) -> None:
    """Write the supervisor's configuration. The servers start with it, the rest when told."""
    servers = [program.name for program in programs if program.server]
    others = [program.name for program in programs if not program.server]
    user = "\nuser=root" if os.geteuid() == 0 else ""
    text = f"""[unix_http_server]
file={_plain(str(socket))}
chmod=0700

[supervisord]
logfile={_plain(str(RUN / "log" / "supervisor.log"))}
logfile_maxbytes=5MB
logfile_backups=2
pidfile={_plain(str(RUN / "supervisor.pid"))}
childlogdir={_plain(str(RUN / "log"))}
nodaemon=true
minfds=1024{user}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[eventlistener:pids]
command={_plain(shlex.join([sys.executable, "-m", "deploy.local.pids"]))}
directory={_plain(str(ROOT))}
events=PROCESS_STATE,TICK_5
buffer_size=1000
startsecs=0
startretries=1000000
stderr_logfile={_plain(str(RUN / "log" / "pids.log"))}
stderr_logfile_maxbytes=1MB
stderr_logfile_backups=1
"""
    text += "".join(map(_section, programs))
    # Groups stop one after another, the highest priority first.
    if servers:
        text += f"\n[group:servers]\nprograms={','.join(servers)}\npriority=1\n"
    text += f"\n[group:accord]\nprograms={','.join(others)}\npriority=999\n"
    write_private(path, text)
