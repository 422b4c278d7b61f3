"""A whole running stack for tests: `make up` in a folder of its own, and two ways in, HTTP and RPC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4
from xmlrpc.client import ServerProxy

import httpx
from nameko.standalone.rpc import ClusterRpcProxy
from supervisor.xmlrpc import SupervisorTransport

from deploy.local.broker import Node
from deploy.local.paths import ROOT
from tests.support.servers import free_port, temporary_folder, until

PASSWORD = "correct horse battery"
UNDELIVERABLE_OFFERS = 12
"""How many offers of a business may find nobody: fewer than usual, so that a test reaches the limit soon."""


def patiently(
    http: httpx.Client,
    method: str,
    path: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    wanted: int = 200,
) -> httpx.Response:
    """Ask as a good client does: 503 means nothing was half done, so repeat with the same key. Bounded: a busy machine is no failure."""
    more = dict(headers or {})
    if method == "POST":
        more.setdefault("Idempotency-Key", str(uuid4()))
    for _ in range(10):
        answer = http.request(method, path, json=body, headers=more)
        if answer.status_code != 503 or wanted == 503:
            break
    return answer


class Business:
    """One business and the person who is logged in for it."""

    def __init__(self, stack: Stack, tenant: str, email: str, user: dict[str, Any], token: str) -> None:
        self.stack, self.tenant, self.email, self.user, self.token = stack, tenant, email, user, token
        self.http = httpx.Client(
            base_url=f"{stack.url}/api/v1",
            headers={"Authorization": f"Bearer {token}", "Host": f"{tenant}.localhost:{stack.port}"},
            timeout=15,
        )

    def ask(self, method: str, path: str, status: int = 200, body: Any = None, **headers: str) -> Any:
        """The JSON answer to a request. AssertionError for another status."""
        answer = patiently(self.http, method, path, body, {k.replace("_", "-"): v for k, v in headers.items()}, status)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        return self.ask("POST", path, status, {} if body is None else body, **headers)

    def all(self, path: str) -> list[dict[str, Any]]:
        """The items of a list, to its end."""
        found, cursor = [], ""
        while True:
            page = self.get(f"{path}?limit=200{cursor}")
            found += page["items"]
            if page["next"] is None:
                return found
            cursor = f"&cursor={page['next']}"

    def contact(self, name: str) -> str:
        """The id of a new contact."""
        email = f"{name.lower().replace(' ', '.')}@{self.tenant}.example"
        return str(
            self.post("/contacts", {"name": name, "email": email, "phone": "+46 8 1", "title": "Consultant"}, 201)["id"]
        )

    def offer(self, to: Business, *contacts: str, **more: Any) -> dict[str, Any]:
        """An offer to another business."""
        body = {
            "customer_tenant": to.tenant,
            "customer_email": to.email,
            "message": "Shall we work together?",
            "contact_ids": list(contacts),
            "manager_ids": [],
        }
        return self.post("/partnerships", body | more, 201)  # type: ignore[no-any-return]

    def partnership(self, id: str) -> dict[str, Any] | None:
        """The partnership, or None while it is not here."""
        answer = patiently(self.http, "GET", f"/partnerships/{id}")
        return answer.json() if answer.status_code == 200 else None

    def until(self, id: str, seconds: float = 20, **wanted: Any) -> dict[str, Any]:
        """The partnership once it shows what is wanted."""

        def shows() -> dict[str, Any] | None:
            p = self.partnership(id)
            return p if p is not None and all(p[k] == v for k, v in wanted.items()) else None

        return until(shows, seconds, f"{self.tenant} shows {wanted}") or {}


class Stack:
    """A running stack. `environment` names servers of one's own (ACCORD_DATABASE_URL, ACCORD_AMQP_URI …) and what else its processes get."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **os.environ,
            "ACCORD_RUN": str(folder / "run"),
            "PORT": str(self.port),
            "ACCORD_UNDELIVERABLE_OFFERS_PER_DAY": str(UNDELIVERABLE_OFFERS),
        }
        for name in list(self._environment):
            if name.endswith(("DATABASE_URL", "AMQP_URI")):
                del self._environment[name]
        self._environment |= environment

    def _command(self, name: str) -> None:
        code = f"import sys; from deploy.local import stack; sys.exit(stack.{name}())"
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=self._environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}\n{done.stderr}"

    def up(self) -> None:
        self._command("up")

    def down(self) -> None:
        self._command("down")

    @property
    def env(self) -> dict[str, str]:
        lines = (self.folder / "run" / "env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    @property
    def pids(self) -> dict[str, int]:
        lines = (self.folder / "run" / "pids").read_text().splitlines()
        return {name: int(pid) for name, pid in (line.split() for line in lines if line.strip())}

    @property
    def supervisor(self) -> Any:
        """The interface of what keeps the processes: `stopProcess("servers:broker")`, `startProcess("accord:offers")`."""
        configuration = (self.folder / "run" / "supervisord.conf").read_text()
        path = next(line.removeprefix("file=") for line in configuration.splitlines() if line.startswith("file="))
        return ServerProxy("http://127.0.0.1", SupervisorTransport(None, None, f"unix://{path}")).supervisor

    def broker_control(self, *arguments: str) -> str:
        """What rabbitmqctl of this stack's broker says."""
        ports = json.loads((self.folder / "run" / "ports.json").read_text())
        node = Node(self.folder / "run" / "broker", ports["broker"], ports["broker-dist"], ports["epmd"])
        return node.control(*arguments)

    def tenant_url(self, tenant: str) -> str:
        """The pages of a business, as a browser asks for them."""
        return f"http://{tenant}.localhost:{self.port}"

    def register(self, stem: str = "biz", **more: str) -> Business:
        """A business nobody has met before, its admin logged in. `more`: tenant, company, name."""
        tenant = more.get("tenant") or f"{stem}-{uuid4().hex[:8]}"
        email = f"admin@{tenant}.example"
        with httpx.Client(base_url=f"{self.url}/api/v1", timeout=15) as http:
            body = {
                "tenant": tenant,
                "company": f"{stem.title()} Ltd",
                "name": f"Adam {stem.title()}",
                "email": email,
                "password": PASSWORD,
            }
            made = patiently(http, "POST", "/tenants", body | more)
            assert made.status_code == 201, made.text
            session = patiently(http, "POST", "/sessions", {"tenant": tenant, "email": email, "password": PASSWORD})
            assert session.status_code == 201, session.text
        return Business(self, tenant, email, made.json()["user"], session.json()["token"])

    @contextmanager
    def rpc(self) -> Iterator[Any]:
        """A stock nameko client."""
        with ClusterRpcProxy({"AMQP_URI": self.env["ACCORD_AMQP_URI"]}, timeout=10) as proxy:
            yield proxy


@contextmanager
def running_stack() -> Iterator[Stack]:
    """A stack in a folder of its own, for the time of a block."""
    with temporary_folder() as folder:
        stack = Stack(folder)
        stack.up()
        try:
            yield stack
        finally:
            stack.down()
