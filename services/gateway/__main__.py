"""Runs the gateway: `python -m services.gateway`, one process, on 127.0.0.1 and `PORT` (8080).

`ACCORD_TRUSTED_PROXIES` names the addresses, separated by commas, whose `X-Forwarded-For` is believed; nobody unless set.
"""

from __future__ import annotations

import contextlib
import socket
import sys

import uvicorn

from services.gateway.app import create_app
from services.gateway.live import Live
from services.gateway.receiving import Receiving
from shared import logs, settings, spans


class Server(uvicorn.Server):
    """Ends the event streams before it waits for what is still being answered: they would never end by themselves."""

    def __init__(self, config: uvicorn.Config, live: Live) -> None:
        super().__init__(config)
        self._live = live

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._live.close()
        await super().shutdown(sockets)


def main() -> None:
    logs.set_up("gateway")
    spans.start("gateway")
    proxies = settings.optional("ACCORD_TRUSTED_PROXIES", "")
    app = create_app()
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=settings.port("PORT") or 8080,
        http=Receiving,
        ws="none",
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        # Longer than clients keep idle connections, so that they and not the server let go.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        log_config=None,
    )
    server = Server(config, app.state.live)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    spans.stop()
    if not server.started:
        sys.exit(3)


if __name__ == "__main__":
    main()
