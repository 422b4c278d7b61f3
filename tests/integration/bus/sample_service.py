"""The sample as a service: `python -m shared.bus.run tests.integration.bus.sample_service`."""

from __future__ import annotations

import gc
import json
import os
import socket
from datetime import datetime
from typing import Any

import eventlet
from eventlet.patcher import original

from shared.bus.entrypoints import Records, command, on, query
from shared.bus.rpc import CarefulQueueConsumer
from shared.bus.work import Heard, Work
from shared.calls import Call
from tests.integration.bus import sample


class SampleService:
    name = "offers"
    records = Records("offers", [sample.NOTES])

    @query()
    def echo(self, call: Call) -> Any:
        return dict(call.body)

    @query()
    def spell(self, call: Call) -> Any:
        return json.dumps(dict(call.body))

    @command()
    def slow(self, call: Call) -> Any:
        def sleep(work: Any, call: Call, *, now: datetime) -> int:
            work.storage._begin()
            work.storage._execute("select pg_sleep(0.5)")
            return 1

        return self.records.run(sleep, call)

    @query()
    def wait(self, call: Call) -> Any:
        def sleep(work: Any, call: Call, *, now: datetime) -> int:
            work.storage._begin()
            work.storage._execute("select pg_sleep(%s)", [call.body["seconds"]])
            return 1

        return self.records.read(sleep, call)

    @query()
    def stand_still(self, call: Call) -> Any:
        """What must never happen: the one thread of the process waits."""
        original("time").sleep(call.body["seconds"])

    @query()
    def lose(self, call: Call) -> None:
        """The connection that calls come by goes while nobody reads from it, as at an acknowledgement that can no longer be written."""
        gc.unfreeze()
        [consumer] = [one for one in gc.get_objects() if isinstance(one, CarefulQueueConsumer) and one._consumers]
        [connection] = {of_a_queue.channel.connection for of_a_queue in consumer._consumers.values()}
        connection.transport.connected = False
        # Until the next look at it: at most a second (kombu's `safety_interval`).
        eventlet.sleep(3)
        connection.transport.sock.shutdown(socket.SHUT_RDWR)

    @on(sample.WordSaid)
    def word_said(self, work: Work, message: Heard[Any], now: datetime) -> None:
        if message.data.word == "killer":
            os._exit(9)
        sample.hear(work, message, now)

    @on(sample.WordHeard)
    def word_heard(self, work: Work, message: Heard[Any], now: datetime) -> None:
        sample.hear(work, message, now)

    @on(sample.WordDue)
    def word_due(self, work: Work, message: Heard[Any], now: datetime) -> None:
        sample.hear(work, message, now)
