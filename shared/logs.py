"""Logs: one JSON document a line on standard error, so that a person can read it and a machine can search it."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

from shared import settings, traces
from shared.clock import iso

# What a record has anyway; everything beside it was given as `extra` and is a field of the line.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Made once: a line is written for each message.
_write = json.JSONEncoder(ensure_ascii=False, default=str).encode
_PASSWORD = re.compile(r"(?<=://)([^/\s:@]*):[^/\s@]+@")


def mask(text: str) -> str:
    """The text with the passwords of all URLs in it replaced by `**`."""
    return _PASSWORD.sub(r"\1:**@", text)


class JsonLines(logging.Formatter):
    """Formats a record as one line: time, level, process, logger, message, trace, whatever was given as `extra`, exception."""

    def __init__(self, process: str) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": iso(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "process": self._process,
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace = traces.current()
        if trace is not None:
            line["trace_id"], line["span_id"] = trace.id, trace.span
            if trace.linked:
                line["linked_trace"] = trace.linked_id
        line.update({name: value for name, value in vars(record).items() if name not in _OWN and name not in line})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # A name in another script stays readable; a line break inside a value is escaped, so a value cannot forge a
        # line.
        text = _write(line)
        return mask(text) if "://" in text else text


def set_up(process: str, stream: TextIO | None = None) -> None:
    """Send all logs of this process as JSON lines to `stream` (standard error), from `ACCORD_LOG_LEVEL` (INFO) up.

    Raises MissingSetting for a level that does not exist.
    """
    level = settings.optional("ACCORD_LOG_LEVEL", "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        raise settings.MissingSetting(
            f"The setting ACCORD_LOG_LEVEL cannot be {level!r}: use DEBUG, INFO, WARNING or ERROR."
        )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # Their chatter about each connection says nothing an operator could use; what matters is said by us in one line.
    for chatty in ("aiormq", "aio_pika", "amqp", "kombu"):
        logging.getLogger(chatty).setLevel(max(logging.getLogger().level, logging.ERROR))
