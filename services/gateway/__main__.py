"""Runs the gateway: `python -m services.gateway`, one process, on 127.0.0.1 and `PORT` (8080).

`ACCORD_TRUSTED_PROXIES` names the addresses, separated by commas, whose `X-Forwarded-For` is believed; nobody unless set.
"""

from __future__ import annotations

import uvicorn

from services.gateway.app import create_app
from shared import logs, settings


def main() -> None:
    logs.set_up("gateway")
    proxies = settings.optional("ACCORD_TRUSTED_PROXIES", "")
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=settings.port("PORT") or 8080,
        access_log=False,
        server_header=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies or None,
        # Longer than clients keep idle connections, so that they and not the server let go.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=5,
        log_config=None,
    )


if __name__ == "__main__":
    main()
