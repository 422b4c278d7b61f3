from __future__ import annotations

import struct

import amqp
import pytest

from shared.bus import careful_amqp

HEADERS, CONTENT_TYPE = 1 << 13, 1 << 15


def header(flags: int, values: bytes) -> bytes:
    """The content header of a message with these properties and no body."""
    return struct.pack(">HHQ", 60, 0, 0) + struct.pack(">H", flags) + values


def deep(levels: int) -> bytes:
    """A table in a table in a table …"""
    inner = b""
    for _ in range(levels):
        entry = b"\x01x" + b"F" + struct.pack(">I", len(inner)) + inner
        inner = entry
    return struct.pack(">I", len(inner)) + inner


UNREADABLE = {
    "a header with a time after all times": header(
        HEADERS, struct.pack(">I", 11) + b"\x01tT" + struct.pack(">Q", 2**63)
    ),
    "tables in tables": header(HEADERS, deep(5000)),
    "a content type that is no text": header(CONTENT_TYPE, b"\x02\xff\xfe"),
}


@pytest.mark.parametrize("frame", UNREADABLE.values(), ids=list(UNREADABLE))
def test_a_message_with_properties_that_cannot_be_read_has_none(frame: bytes) -> None:
    with pytest.raises((ValueError, OverflowError, RecursionError)):
        amqp.Message().inbound_header(frame)
    message = amqp.Message()
    careful_amqp.load_properties(message, 60, frame, 12)
    assert message.properties == {}


def test_properties_that_can_be_read_are() -> None:
    message = amqp.Message()
    careful_amqp.load_properties(message, 60, header(CONTENT_TYPE, b"\x04text"), 12)
    assert message.properties["content_type"] == "text"


def test_a_routing_key_that_is_no_text_can_be_read_and_names_nobody() -> None:
    # basic.deliver: consumer tag, delivery tag, redelivered, exchange, routing key.
    arguments = b"\x01c" + struct.pack(">Q", 2**40 + 200) + b"\x00" + b"\x01x" + b"\x05a.\xff.b"
    values, _ = careful_amqp.loads("sLbss", arguments, 0)
    assert values == ["c", 2**40 + 200, False, "x", "a.\ufffd.b"]
