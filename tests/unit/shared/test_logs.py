"""A line of the log is one JSON document, and no password stands in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from shared import logs
from shared.settings import MissingSetting


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    monkeypatch.delenv("ACCORD_LOG_LEVEL", raising=False)
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    out = io.StringIO()
    logs.set_up("offers-relay", out)
    yield out
    root.handlers[:] = before
    root.setLevel(level)


def test_a_line_says_when_who_and_what(stream: io.StringIO) -> None:
    logging.getLogger("shared.bus").warning("%d messages", 3, extra={"tenant": "kazenor"})
    line = json.loads(stream.getvalue())
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "process": "offers-relay",
        "logger": "shared.bus",
        "message": "3 messages",
        "tenant": "kazenor",
    }


def test_a_line_break_in_a_value_forges_no_line(stream: io.StringIO) -> None:
    logging.getLogger("x").info('nice try\n{"level": "error"}')
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["message"] == 'nice try\n{"level": "error"}'


def test_what_is_given_beside_the_message_cannot_replace_it(stream: io.StringIO) -> None:
    logging.getLogger("x").info("true", extra={"level": "error", "logger": "other"})
    assert json.loads(stream.getvalue())["level"] == "info"
    assert json.loads(stream.getvalue())["logger"] == "x"


def test_an_exception_is_a_field(stream: io.StringIO) -> None:
    try:
        raise RuntimeError("amqp://accord:secret@localhost/x is away")
    except RuntimeError:
        logging.getLogger("x").exception("failed")
    line = json.loads(stream.getvalue())
    assert "RuntimeError" in line["exception"]
    assert "secret" not in stream.getvalue()


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("amqp://cell-shared:pw@127.0.0.1:5672/x", "amqp://cell-shared:**@127.0.0.1:5672/x"),
        ("postgresql://offers:p%40w@h/db and amqp://a:b@c", "postgresql://offers:**@h/db and amqp://a:**@c"),
        ("http://localhost:8080/a@b", "http://localhost:8080/a@b"),
        ("nothing: to@hide", "nothing: to@hide"),
    ],
)
def test_passwords_in_urls_are_masked(text: str, masked: str) -> None:
    assert logs.mask(text) == masked


def test_a_level_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCORD_LOG_LEVEL", "loud")
    with pytest.raises(MissingSetting, match="ACCORD_LOG_LEVEL cannot be 'LOUD'"):
        logs.set_up("offers")
