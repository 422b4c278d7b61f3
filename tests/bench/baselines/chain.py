"""Baseline: what stock nameko makes of a POST: HTTP entrypoint, RPC to another process, insert and commit, event dispatch.

python -m tests.bench.baselines.chain web|offers        serve until stopped; `web` listens on BENCH_PORT
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    import eventlet

    eventlet.monkey_patch()  # before anything else is imported, as `nameko run` does
    os.environ["PSYCOPG_WAIT_FUNC"] = "wait_selector"

import json
from typing import Any

import uuid_utils
from nameko.events import EventDispatcher
from nameko.rpc import RpcProxy, rpc
from nameko.runners import ServiceRunner
from nameko.web.handlers import http
from psycopg.types.json import Jsonb

from tests.bench.baselines.handler import Database

TABLES = """
drop table if exists sent_offers;
create table sent_offers (id text primary key, version bigint not null, state jsonb not null);
"""


class Web:
    name = "bench_web"
    offers = RpcProxy("bench_offers")

    @http("POST", "/offers")
    def send(self, request: Any) -> tuple[int, dict[str, str], str]:
        answer = self.offers.send(json.loads(request.get_data(as_text=True)))
        return 201, {"Content-Type": "application/json"}, json.dumps(answer)


class Offers:
    name = "bench_offers"
    database = Database()
    dispatch = EventDispatcher()

    @rpc
    def send(self, offer: dict[str, Any]) -> dict[str, Any]:
        record = {**offer, "id": str(uuid_utils.uuid7()), "status": "open", "version": 1}
        with self.database.connection() as connection:
            connection.execute(
                "insert into sent_offers (id, version, state) values (%s, 1, %s)", (record["id"], Jsonb(record))
            )
        self.dispatch("offer.sent", record)
        return record


if __name__ == "__main__":
    runner = ServiceRunner(
        config={
            "AMQP_URI": os.environ["BENCH_AMQP_URI"],
            "WEB_SERVER_ADDRESS": f"127.0.0.1:{os.environ.get('BENCH_PORT', '0')}",
        }
    )
    runner.add_service({"web": Web, "offers": Offers}[sys.argv[1]])
    runner.start()
    runner.wait()
