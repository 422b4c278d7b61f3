"""Takes every mail and keeps it as a file below `.run/mail/`, so that a newcomer sees what Accord would have sent."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiosmtpd.smtp import SMTP, Envelope, Session

from shared import health, logs, settings

_LIMIT = 10 * 1024 * 1024


class Keep:
    """Writes each mail to `folder`: `20260131T101500.000123-7-nils@northwind.example.eml`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._numbers = folder, count(1)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        to = re.sub(r"[^A-Za-z0-9@._+-]", "_", ",".join(envelope.rcpt_tos))[:80].lstrip(".")
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}-{next(self._numbers)}-{to}.eml"
        content = envelope.original_content or b""
        beside = self.folder / f".{name}"
        try:
            beside.write_bytes(content)
            os.replace(beside, self.folder / name)
        except OSError as error:
            return f"451 4.3.0 The mail could not be kept: {error.strerror}"
        return "250 2.0.0 Kept"


async def main() -> None:
    logs.set_up("mailbox")
    # At its usual level it tells each line of each conversation, and so to whom mails go.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    folder = Path(settings.required("ACCORD_MAIL_FOLDER"))
    folder.mkdir(parents=True, exist_ok=True)
    at = urlsplit(settings.required("ACCORD_SMTP_URL"))
    loop = asyncio.get_running_loop()
    keep = Keep(folder)

    def greet() -> Any:
        return SMTP(keep, hostname="mailbox.localhost", data_size_limit=_LIMIT, enable_SMTPUTF8=True, loop=loop)

    mail = await loop.create_server(greet, at.hostname, at.port or 25)
    port = settings.health_port()
    told = await health.serve_async(port, {}) if port else None
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    mail.close()
    if told:
        told.close()


if __name__ == "__main__":
    asyncio.run(main())
