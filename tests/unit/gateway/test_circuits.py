"""When calls to a service are in vain, and who finds out that it is back."""

from __future__ import annotations

import asyncio
import time

from services.gateway.circuits import PATIENCE, Circuit, Lookout


def test_nobody_at_the_queue_opens_the_circuit_and_somebody_closes_it() -> None:
    circuit = Circuit("offers")
    assert not circuit.open
    circuit.attended(0)
    assert circuit.open
    circuit.attended(1)
    assert not circuit.open


def test_silence_is_reason_to_probe_and_only_an_unheard_probe_opens() -> None:
    circuit = Circuit("offers")
    assert not circuit.suspicious(100), "nobody has asked"
    circuit.asked(100)
    circuit.asked(101)
    assert not circuit.suspicious(100 + PATIENCE / 2)
    assert circuit.suspicious(100 + PATIENCE)
    assert not circuit.open
    circuit.unheard(100 + PATIENCE)
    assert circuit.open and circuit.suspicious(100 + PATIENCE), "it is probed until it answers"
    circuit.attended(1)
    assert circuit.open, "a process that hangs still stands at its queue"
    circuit.answered()
    assert not circuit.open and not circuit.suspicious(200)


def test_a_slow_probe_does_not_count_when_something_was_answered_meanwhile() -> None:
    circuit = Circuit("offers")
    circuit.asked(100)
    circuit.answered()
    circuit.asked(102)
    circuit.unheard(101)
    assert not circuit.open


def test_the_lookout_opens_probes_and_closes_by_itself() -> None:
    async def scenario() -> None:
        consumers, answers = {"offers": 1}, {"offers": False}
        probes: list[str] = []
        gone: list[str] = []
        circuits = {"offers": Circuit("offers")}

        async def count(service: str) -> int:
            return consumers[service]

        async def probe(service: str) -> bool:
            probes.append(service)
            return answers[service]

        lookout = Lookout(circuits, count=count, probe=probe, gone=gone.append)
        await lookout.look()
        assert (probes, gone) == ([], []), "nobody is bothered while all is well"

        consumers["offers"] = 0
        await lookout.look()
        assert circuits["offers"].open and gone == ["offers"]
        consumers["offers"] = 1
        await lookout.look()
        assert not circuits["offers"].open

        circuits["offers"].asked(time.monotonic() - PATIENCE)
        await lookout.look()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert probes == ["offers"] and circuits["offers"].open and len(gone) == 2
        answers["offers"] = True
        await lookout.look()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not circuits["offers"].open

    asyncio.run(scenario())
