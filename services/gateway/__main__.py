"""Runs the gateway: `python -m services.gateway`, one process, on 127.0.0.1 and `PORT`."""

from __future__ import annotations

import logging
import sys

import uvicorn

from services.gateway import settings
from services.gateway.app import create_app


def main() -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    access = logging.getLogger("accord.access")
    line = logging.StreamHandler(sys.stdout)
    line.setFormatter(logging.Formatter("%(message)s"))
    access.addHandler(line)
    access.propagate = False
    logging.getLogger("aiormq").setLevel(logging.ERROR)
    logging.getLogger("aio_pika").setLevel(logging.ERROR)
    proxies = settings.trusted_proxies()
    uvicorn.run(
        create_app(),
        host="127.0.0.1",
        port=settings.port(),
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
