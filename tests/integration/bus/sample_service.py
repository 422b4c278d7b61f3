"""The sample as a service: `python -m shared.bus.run tests.integration.bus.sample_service`."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import Any

from eventlet.patcher import original

from shared.bus.entrypoints import Records, command, on, query
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
