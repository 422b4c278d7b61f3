"""Settings are read when they are asked for, and a missing one is a sentence."""

from __future__ import annotations

import pytest

from shared import settings
from shared.settings import MissingSetting


def test_a_missing_or_empty_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCORD_AMQP_URI", raising=False)
    with pytest.raises(MissingSetting, match="The setting ACCORD_AMQP_URI is missing"):
        settings.amqp_uri()
    monkeypatch.setenv("ACCORD_AMQP_URI", "  ")
    with pytest.raises(MissingSetting):
        settings.amqp_uri()
    monkeypatch.setenv("ACCORD_AMQP_URI", "amqp://x")
    assert settings.amqp_uri() == "amqp://x"


def test_each_role_has_a_database_url_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for middle in ("", "_RELAY", "_OWNER", "_OPS"):
        monkeypatch.setenv(f"ACCORD_OFFERS{middle}_DATABASE_URL", f"url{middle}")
    found = [settings.database_url("offers", role) for role in ("", "relay", "owner", "ops")]
    assert found == ["url", "url_RELAY", "url_OWNER", "url_OPS"]


def test_the_cell_is_the_shared_one_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELL", raising=False)
    monkeypatch.delenv("ACCORD_TENANTS", raising=False)
    assert (settings.cell(), settings.tenants()) == ("shared", ())
    monkeypatch.setenv("CELL", "globex")
    monkeypatch.setenv("ACCORD_TENANTS", "globex, initech,")
    assert (settings.cell(), settings.tenants()) == ("globex", ("globex", "initech"))


@pytest.mark.parametrize("value", ["0", "65536", "-1", "http", "80.0", "٣"])
def test_what_is_no_port_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ACCORD_HEALTH_PORT", value)
    with pytest.raises(MissingSetting, match="must be a port between 1 and 65535"):
        settings.health_port()


def test_without_a_port_there_is_no_health_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCORD_HEALTH_PORT", raising=False)
    assert settings.health_port() is None
    monkeypatch.setenv("ACCORD_HEALTH_PORT", "8081")
    assert settings.health_port() == 8081


@pytest.mark.parametrize("value", ["-1", "nan", "inf", "many"])
def test_what_is_no_number_of_0_or_more_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ACCORD_LIMIT", value)
    with pytest.raises(MissingSetting, match="must be a number of 0 or more"):
        settings.number("ACCORD_LIMIT", 1)
    monkeypatch.setenv("ACCORD_LIMIT", "2.5")
    assert settings.number("ACCORD_LIMIT", 1) == 2.5
