"""What is looked at before something starts, and how trouble is told."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
from pathlib import Path

import pytest

from deploy.local import apt, broker, checks, containers, postgres, seed, virtualenv
from deploy.local.broker import Cell, Node
from deploy.local.paths import ROOT, Trouble, reachable_by_others, write_private
from deploy.local.ports import free_port, is_free


@pytest.mark.parametrize("text", ["0", "65536", "http", "8080x", "-1", "８０８０"])
def test_a_port_that_is_none_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", text)
    with pytest.raises(Trouble, match="PORT must be a number"):
        checks.gateway_port()


def test_a_port_that_is_taken_is_refused_in_a_sentence_that_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("PORT", str(port))
    assert checks.gateway_port() == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        with pytest.raises(Trouble, match=f"Port {port} is taken by another program"):
            checks.gateway_port()


def test_no_port_is_handed_out_twice() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50


def test_too_little_room_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 3 * 1024 * 1024}))
    with pytest.raises(Trouble, match="The disk is full: 3 MiB are free"):
        checks.disk(ROOT / ".venv")
    with pytest.raises(Trouble, match="The disk is full"):
        checks.still_room()


def test_a_full_disk_is_called_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checks, "RUN", tmp_path)
    assert checks.explain(OSError(errno.ENOSPC, "No space left on device", "/x")) == "The disk is full: /x."
    assert virtualenv.last_line("ERROR: [Errno 28] No space left on device\nmore") == "the disk is full"
    assert checks.explain(ValueError("odd")).startswith("ValueError: odd")
    assert "ValueError: odd" in (tmp_path / "log" / "make.log").read_text()


def test_a_tools_last_error_is_quoted() -> None:
    assert virtualenv.last_line("working\nERROR: no such package\n[notice] upgrade me\n") == "ERROR: no such package"
    assert virtualenv.last_line("one\ntwo\n\n") == "two"
    assert virtualenv.last_line("") == "it did not say why"


def test_a_private_file_is_never_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert [found.name for found in tmp_path.iterdir()] == ["secret"]


def test_a_closed_folder_above_is_noticed(tmp_path: Path) -> None:
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    assert reachable_by_others(Path("/usr"))
    inner.parent.chmod(0o700)
    assert not reachable_by_others(inner)


def test_the_broker_listens_on_the_loopback_only_and_keeps_no_password_in_plain_text(tmp_path: Path) -> None:
    node = Node(tmp_path / "broker", 20001, 20002, 20003)
    cell = Cell("shared", "s3cret-passw0rd")
    node.write([cell])
    assert "listeners.tcp.1 = 127.0.0.1:20001" in (node.folder / "rabbitmq.conf").read_text()
    environment = node.own_environment()
    assert environment["ERL_EPMD_ADDRESS"] == "127.0.0.1"
    assert "inet_dist_use_interface {127,0,0,1}" in environment["RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS"]
    assert "s3cret" not in (node.folder / "definitions.json").read_text()


def test_the_nodes_name_does_not_depend_on_its_ports(tmp_path: Path) -> None:
    assert Node(tmp_path, 1, 2, 3).name == Node(tmp_path, 4, 5, 6).name


def test_the_shared_cell_may_not_speak_for_the_tenants_of_a_dedicated_one() -> None:
    found = broker.definitions([Cell("shared", "a"), Cell("globex", "b", ("globex",))])
    assert {vhost["name"] for vhost in found["vhosts"]} == {"accord", "cell-shared", "cell-globex"}
    shared = next(
        p for p in found["topic_permissions"] if p["user"] == "cell-shared" and p["exchange"] == "accord.peers"
    )
    assert "globex" in shared["write"]


def test_a_container_publishes_its_port_on_the_loopback_only(tmp_path: Path) -> None:
    command = " ".join(containers.command("docker", tmp_path / "broker", 20001, [Cell("shared", "p")]))
    assert "--publish 127.0.0.1:20001:5672" in command
    assert json.loads((tmp_path / "broker" / "container" / "definitions.json").read_text())["users"]


def test_a_services_urls_keep_what_the_administrators_url_says_of_the_server() -> None:
    passwords = {role: f"p/{role}" for role in ("offers", "offers_owner", "offers_relay", "offers_ops", "backup")}
    found = postgres.service_environment(
        "postgresql://root:x@db.example:6543/postgres?sslmode=require", "offers", passwords
    )
    assert (
        found["ACCORD_OFFERS_DATABASE_URL"]
        == "postgresql://offers:p%2Foffers@db.example:6543/accord_offers?sslmode=require"
    )
    assert set(found) == {f"ACCORD_OFFERS_{kind}DATABASE_URL" for kind in ("", "OWNER_", "RELAY_", "OPS_", "BACKUP_")}


def test_bare_make_lists_the_targets() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in ("run", "up", "down", "demo", "test", "bench", "check"):
        assert f"make {target} " in said


def test_no_lock_names_a_registry() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if "==" in line and not line.startswith((" ", "#"))]
        assert pinned and text.count("--hash=sha256:") > len(pinned)


def test_the_demo_people_are_the_ones_the_readme_names() -> None:
    assert (seed.ADA.tenant, seed.ADA.email) == ("kazenor", "ada@kazenor.example")
    assert (seed.NILS.tenant, seed.NILS.email) == ("northwind", "nils@northwind.example")
    assert seed.PASSWORD == "accord-demo"


@pytest.mark.parametrize(("there", "may_install", "installed"), [(False, True, 1), (True, True, 0), (False, False, 0)])
def test_the_broker_that_tests_need_is_installed_where_it_is_missing(
    there: bool, may_install: bool, installed: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    done: list[str] = []
    monkeypatch.setattr(broker, "server_program", lambda: tmp_path if there else None)
    monkeypatch.setattr(apt, "possible", lambda: may_install)
    monkeypatch.setattr(apt, "install", done.append)
    checks.broker()
    assert done == ["rabbitmq-server"] * installed


def test_a_missing_broker_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(broker, "server_program", lambda: None)
    monkeypatch.setattr(broker, "epmd_program", lambda: None)
    node = Node(tmp_path, port=1, dist_port=2, epmd_port=3)
    for command in (node.command, node.epmd_command, lambda: node.control("status")):
        with pytest.raises(Trouble, match="sudo apt install rabbitmq-server"):
            command()
