"""Makes the AMQP client survive messages that it cannot read.

py-amqp decodes the properties and the routing key of a message while it reads from the socket, and raises out of there for a time in the year
300 000, a table in a table in a table …, or a text that is not UTF-8. The broker takes all of these. Whoever reads then connects anew, is given the
same message again, and so on for ever: one message of one hostile business would stop a service for all. Read carefully, such a message has no
properties, or a routing key that names nobody, and goes to the dead queue like anything else that is not one of ours.
"""

from __future__ import annotations

import logging
from typing import Any

import amqp.abstract_channel
import amqp.basic_message
import amqp.serialization

log = logging.getLogger(__name__)
_loads = amqp.serialization.loads
_load_properties = amqp.serialization.GenericContent._load_properties


class _Readable(bytes):
    """Bytes whose text can always be read: what is not UTF-8 becomes question marks."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _Readable(found) if isinstance(place, slice) else found

    def decode(self, *_: Any) -> str:
        return bytes.decode(self, "utf-8", "replace")


def loads(format: str, buffer: Any, offset: int) -> Any:
    """The arguments of a method."""
    try:
        return _loads(format, buffer, offset)
    except UnicodeDecodeError:
        return _loads(format, _Readable(buffer), offset)


def load_properties(message: Any, class_id: int, buffer: Any, offset: int) -> Any:
    """Read the properties of a message into it: none when they cannot be read."""
    try:
        return _load_properties(message, class_id, buffer, offset)
    except Exception as error:
        log.warning("a message has properties that cannot be read: %s", type(error).__name__)
        message.properties = {}
        return len(buffer)


def patch() -> None:
    """Have every connection of this process read carefully."""
    amqp.abstract_channel.loads = loads
    amqp.basic_message.Message._load_properties = load_properties
