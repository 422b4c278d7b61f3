"""Each queue is named and of the durable kind; each service listens to exactly whom it says; nobody uses kombu's JSON or nameko's events."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deploy.local.paths import ROOT, SERVICES
from shared.bus import topology
from shared.bus.work import Confirmed
from shared.contracts.messages import CATALOGUE


def entrypoints(service: str) -> list[Any]:
    module = importlib.import_module(f"services.{service}.service")
    found = [
        entry
        for _, cls in inspect.getmembers(module, inspect.isclass)
        for _, method in inspect.getmembers(cls, inspect.isfunction)
        for entry in getattr(method, "nameko_entrypoints", ())
    ]
    assert found, service
    return found


def heard(service: str) -> list[Any]:
    return [e.model for e in entrypoints(service) if getattr(e, "model", None) not in (None, Confirmed)]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_bound_to_each_publisher_it_hears(service: str) -> None:
    publishers = {model.publisher for model in heard(service) if model.kind == "fact"}
    assert publishers <= set(topology.LISTENS[service])


@pytest.mark.parametrize("service", SERVICES)
def test_only_who_speaks_to_peers_hears_them_and_only_its_own_kind(service: str) -> None:
    peers = [model for model in heard(service) if model.kind == "peer"]
    assert all(model.publisher == service for model in peers)
    assert not peers or service in topology.SPEAKS_TO_PEERS


def test_each_peer_message_and_timer_has_a_handler() -> None:
    handled = {(m.kind, m.publisher, m.type) for service in SERVICES for m in heard(service)}
    asked = {
        key
        for key, model in CATALOGUE.items()
        if key[0] in {"peer", "timer"} and key[1] != "*" and model.__module__.startswith("s")
    }
    assert asked <= handled


@pytest.mark.parametrize("service", SERVICES)
def test_each_queue_is_named_and_a_quorum_queue(service: str) -> None:
    for layout in (
        topology.cell_layout(service),
        *([topology.peers_layout(service)] if service in topology.SPEAKS_TO_PEERS else []),
    ):
        for queue in layout.queues:
            if queue.name != topology.UNHEARD_QUEUE:
                assert queue.name.startswith(f"{service}.") and queue.name.endswith(".v1")
                assert queue.arguments["x-queue-type"] == "quorum"


def test_nothing_declares_a_queue_or_publishes_behind_the_buss_back() -> None:
    forbidden = {"nameko.events", "nameko.messaging.Publisher", "nameko.web"}
    for path in (*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{a.name}" for a in node.names)]
            assert not forbidden & set(names), path.relative_to(ROOT)


def test_nameko_stands_only_at_the_edge_of_a_service() -> None:
    for path in ROOT.glob("services/**/*.py"):
        if path.name == "service.py":
            continue
        assert "nameko" not in imported(path) and "eventlet" not in imported(path), path.relative_to(ROOT)


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {a.name.split(".")[0] for a in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_every_service_knows_every_catalogue() -> None:
    """Otherwise facts of a publisher it only listens to in part would wait for ever."""
    seen = "import shared.bus.inbox; from shared.contracts.messages import CATALOGUE; print(len(CATALOGUE))"
    done = subprocess.run([sys.executable, "-c", seen], cwd=ROOT, capture_output=True, text=True, check=True)
    here = {path.stem for path in (ROOT / "shared" / "contracts").glob("*.py")} - {"__init__"}
    for name in here:
        importlib.import_module(f"shared.contracts.{name}")
    ours = [model for model in CATALOGUE.values() if model.__module__.startswith("shared.contracts")]
    assert int(done.stdout) == len(ours)
