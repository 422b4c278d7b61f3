"""The event stream: who hears of what, how much waits for whom, and when a stream ends."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway import live as module
from services.gateway.live import EVERYTHING
from shared.errors import NotFound, Unavailable
from shared.ids import new_id
from tests.unit.gateway.listening import ALL, HELLO, MARK, Browser, House, play, seen, until

# --- what is written ---------------------------------------------------------------------------------------------------


def test_a_stream_begins_with_how_to_come_back_and_a_word_at_once() -> None:
    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        assert browser.text == HELLO
        assert browser.start["status"] == 200
        headers = browser.start["headers"]
        assert headers[b"content-type"].startswith(b"text/event-stream")
        assert headers[b"cache-control"] == b"no-store"
        assert headers[b"x-accel-buffering"] == b"no"
        assert b"content-encoding" not in headers
        assert b"content-length" not in headers

    play(scenario)


def test_an_event_says_what_changed_and_of_which_partnership() -> None:
    async def scenario(house: House) -> None:
        browser, p = await house.open(house.person()), new_id()
        house.tell("kazenor", ("partnership", p))
        await until(lambda: browser.heard)
        assert browser.text == HELLO + f'event: changed\ndata: {{"part":"partnership","partnership_id":"{p}"}}\n\n'

    play(scenario)


def test_parts_that_are_about_no_partnership_name_none() -> None:
    async def scenario(house: House) -> None:
        token = house.person()
        browser = await house.open(token)
        house.tell("kazenor", ("notifications", house.id(token)), ("business", ""), ("history", ""))
        await house.settled()
        assert seen(browser) == [("notifications", None), ("business", None), ("history", None)]

    play(scenario)


def test_a_silent_stream_shows_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)

    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        await until(lambda: browser.text.count(": still here\n\n") >= 2)
        assert browser.heard == []

    play(scenario)


# --- who hears of what -------------------------------------------------------------------------------------------------


def test_another_business_hears_nothing() -> None:
    async def scenario(house: House) -> None:
        ours, theirs = await house.open(house.person()), await house.open(house.person("northwind"))
        house.tell("kazenor", ("partnership", "p1"), ("business", ""))
        await house.settled()
        assert seen(ours) == [("partnership", "p1"), ("business", None)]
        assert seen(theirs) == []

    play(scenario)


def test_notifications_are_told_to_their_person_alone_and_to_all_when_they_are_many() -> None:
    async def scenario(house: House) -> None:
        ada, bo = house.person(), house.person()
        hers, his = await house.open(ada), await house.open(bo)
        house.tell("kazenor", ("notifications", house.id(ada)))
        await house.settled()
        assert (seen(hers), seen(his)) == ([("notifications", None)], [])
        house.tell("kazenor", ("notifications", ""))
        await house.settled()
        assert (len(seen(hers)), len(seen(his))) == (2, 1)

    play(scenario)


@pytest.mark.parametrize("part", ["partnership", "contacts", "managers", "history"])
def test_a_member_hears_only_of_partnerships_that_are_theirs_to_see(part: str) -> None:
    async def scenario(house: House) -> None:
        token = house.person(role="member")

        def standing(tenant: str, actor: str, partnership_id: str) -> Any:
            assert (tenant, actor) == ("kazenor", house.id(token))
            return {} if partnership_id == "mine" else NotFound()

        house.rpc.on("offers", "get_standing", standing)
        member, boss = await house.open(token), await house.open(house.person(role="partnerships"))
        house.tell("kazenor", (part, "mine"), (part, "not mine"))
        await house.settled()
        assert seen(member) == [(part, "mine")]
        assert seen(boss) == [(part, "mine"), (part, "not mine")]

    play(scenario)


def test_it_is_not_asked_each_time_whether_a_member_may_see_a_partnership() -> None:
    async def scenario(house: House) -> None:
        house.rpc.on("offers", "get_standing", {})
        token = house.person(role="member")
        one, other = await house.open(token), await house.open(token)
        for part in ("contacts", "history", "managers"):
            house.tell("kazenor", (part, "mine"))
            await house.settled()
        assert len(seen(one)) == len(seen(other)) == 3
        assert len(house.rpc.asked("offers", "get_standing")) == 1

    play(scenario)


def test_whoever_joins_a_team_hears_of_its_partnership_at_once() -> None:
    async def scenario(house: House) -> None:
        may: list[Any] = [NotFound()]
        house.rpc.on("offers", "get_standing", lambda **_: may[-1])
        member = await house.open(house.person(role="member"))
        # The team has changed, but offers has not heard it yet.
        house.tell("kazenor", ("managers", "p1"))
        await house.settled()
        assert seen(member) == []
        may.append({})
        house.tell("kazenor", ("partnership", "p1"))
        await house.settled()
        assert seen(member) == [("partnership", "p1")]

    play(scenario)


def test_whoever_leaves_a_team_hears_no_more_of_its_partnership() -> None:
    async def scenario(house: House) -> None:
        may: list[Any] = [{}]
        house.rpc.on("offers", "get_standing", lambda **_: may[-1])
        member = await house.open(house.person(role="member"))
        house.tell("kazenor", ("history", "p1"))
        await house.settled()
        assert seen(member) == [("history", "p1")]
        may.append(NotFound())
        for much in (("partnership", "p1"), ("partnership", ""), ("history", "p1")):
            house.tell("kazenor", much)
        await house.settled()
        assert seen(member) == [("history", "p1"), ("partnership", None)]

    play(scenario)


def test_a_member_of_whom_nobody_can_say_what_they_see_reads_everything_again() -> None:
    async def scenario(house: House) -> None:
        answers: list[Any] = [Unavailable()]
        house.rpc.on("offers", "get_standing", lambda **_: answers[-1])
        member = await house.open(house.person(role="member"))
        house.tell("kazenor", ("contacts", "p1"), ("history", "p1"))
        await until(lambda: member.heard)
        assert member.heard == [ALL]
        # What failed is not kept.
        answers.append({})
        house.tell("kazenor", ("history", "p1"))
        await house.settled()
        assert seen(member) == [ALL, ("history", "p1")]

    play(scenario)


def test_all_hear_when_something_was_missed() -> None:
    async def scenario(house: House) -> None:
        ours, theirs = await house.open(house.person()), await house.open(house.person("northwind", "member"))
        house.tell("", ("all", ""))
        await until(lambda: ours.heard and theirs.heard)
        house.live.back()
        await until(lambda: len(ours.heard) > 1 and len(theirs.heard) > 1)
        assert ours.heard == theirs.heard == [ALL, ALL]

    play(scenario)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'[["partnership"]]', b'{"a": 1}', b"7", b'"\xff"'])
def test_what_cannot_be_read_counts_as_everything(body: bytes) -> None:
    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        house.live.hear("kazenor", body)
        await until(lambda: browser.heard)
        assert browser.heard == [ALL]

    play(scenario)


# --- how much waits ----------------------------------------------------------------------------------------------------


def test_too_much_for_a_slow_reader_becomes_one_word() -> None:
    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        browser.taking.clear()
        house.tell("kazenor", ("partnership", "first"))
        await asyncio.sleep(0)
        house.tell("kazenor", *(("partnership", str(n)) for n in range(module.WAITING_AT_MOST * 2)))
        browser.taking.set()
        await until(lambda: ALL in browser.heard)
        house.tell("kazenor", ("partnership", "last"))
        await until(lambda: ("partnership", "last") in browser.heard)
        assert set(browser.heard) <= {("partnership", "first"), ALL, ("partnership", "last")}
        assert browser.heard.count(ALL) == 1

    play(scenario)


def test_the_same_change_waits_once() -> None:
    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        house.tell("kazenor", *[("partnership", "p1")] * 5)
        await house.settled()
        assert seen(browser) == [("partnership", "p1")]

    play(scenario)


# --- when it ends ------------------------------------------------------------------------------------------------------


def test_of_too_many_streams_of_one_person_the_oldest_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PER_USER", 2)

    async def scenario(house: House) -> None:
        ada = house.person()
        other = await house.open(house.person())
        first, second, third = [await house.open(ada) for _ in range(3)]
        await until(lambda: first.over)
        house.tell("kazenor", ("business", ""))
        await house.settled(second, third, other)
        assert [seen(one) for one in (second, third, other)] == [[("business", None)]] * 3
        assert not (second.over or third.over or other.over)

    play(scenario)


def test_a_stream_ends_with_its_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK", 0.01)
    monkeypatch.setattr("services.gateway.identity.KEPT_SECONDS", 0.0)

    async def scenario(house: House) -> None:
        ada, bo = house.person(), house.person()
        hers, his = await house.open(ada), await house.open(bo)
        del house.people[ada]
        await until(lambda: hers.over)
        asked = len(house.rpc.calls)
        await until(lambda: len(house.rpc.calls) > asked + 3)
        assert not his.over

    play(scenario)


def test_the_stream_of_a_key_ends_when_it_is_revoked_or_loses_its_scope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK", 0.01)
    monkeypatch.setattr("services.gateway.identity.KEPT_SECONDS", 0.0)

    async def scenario(house: House) -> None:
        keys = [house.person() for _ in range(3)]
        for key in keys:
            house.people[key]["scopes"] = ["partnerships:read"]
        revoked, lowered, good = [await house.open(key) for key in keys]
        del house.people[keys[0]]
        house.people[keys[1]] = {**house.people[keys[1]], "scopes": ["contacts:read"]}
        await until(lambda: revoked.over and lowered.over)
        assert not good.over

    play(scenario)


def test_a_stream_goes_on_while_nobody_can_say_whether_its_login_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK", 0.01)
    monkeypatch.setattr("services.gateway.identity.KEPT_SECONDS", 0.0)

    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        house.rpc.on("accounts", "authenticate", Unavailable())
        asked = len(house.rpc.calls)
        await until(lambda: len(house.rpc.calls) > asked + 3)
        assert not browser.over
        house.tell("kazenor", ("business", ""))
        await until(lambda: browser.heard)

    play(scenario)


def test_whoever_loses_the_right_to_see_all_hears_no_longer_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHECK", 0.01)
    monkeypatch.setattr("services.gateway.identity.KEPT_SECONDS", 0.0)

    async def scenario(house: House) -> None:
        token = house.person()
        browser = await house.open(token)
        house.rpc.on("offers", "get_standing", NotFound())
        house.people[token] = {**house.people[token], "user": {**house.people[token]["user"], "role": "member"}}
        asked = len(house.rpc.calls)
        await until(lambda: len(house.rpc.calls) > asked + 2)
        house.tell("kazenor", ("partnership", "p1"), ("business", ""))
        await until(lambda: browser.heard)
        assert browser.heard == [("business", None)]

    play(scenario)


def test_all_streams_end_when_the_server_stops_even_of_readers_who_take_nothing() -> None:
    async def scenario(house: House) -> None:
        quick, stuck = await house.open(house.person()), await house.open(house.person())
        stuck.taking.clear()
        house.tell("kazenor", ("business", ""))
        await until(lambda: quick.heard)
        house.live.close()
        async with asyncio.timeout(5):
            await asyncio.gather(quick.served, stuck.served)
        assert quick.over
        late = await house.open(house.person())
        await until(lambda: late.over)

    play(scenario)


def test_a_reader_who_leaves_is_forgotten() -> None:
    async def scenario(house: House) -> None:
        before = module.CONNECTIONS._value.get()
        browser = await house.open(house.person())
        assert module.CONNECTIONS._value.get() == before + 1
        await browser.leave()
        assert module.CONNECTIONS._value.get() == before
        assert house.live._listeners == {}
        house.tell("kazenor", ("business", ""))

    play(scenario)


def test_a_defect_ends_the_stream_and_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(house: House) -> None:
        house.rpc.on("offers", "get_standing", KeyError("a defect"))
        browser = await house.open(house.person(role="member"))
        house.tell("kazenor", ("history", "p1"))
        async with asyncio.timeout(10):
            with pytest.raises(KeyError, match="a defect"):
                await browser.served
        house.browsers.remove(browser)

    play(scenario)
    assert "GET /events failed" in caplog.text


# --- the door ----------------------------------------------------------------------------------------------------------


def test_nobody_listens_without_a_login(anybody: TestClient) -> None:
    answer = anybody.get("/api/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")


def test_nobody_listens_at_the_address_of_another_business(ada: TestClient) -> None:
    answer = ada.get("/api/v1/events", headers={"Host": "northwind.localhost:8080"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_it_takes_no_other_parameter_and_no_other_method(ada: TestClient) -> None:
    answer = ada.get("/api/v1/events?until=1")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "until")
    assert ada.post("/api/v1/events").status_code == 405


def test_a_look_at_the_headers_ends_by_itself() -> None:
    async def scenario(house: House) -> None:
        browser = Browser(house.app, house.person(), method="HEAD")
        house.browsers.append(browser)
        await until(browser.served.done)
        assert (browser.start["status"], browser.text) == (200, "")
        assert browser.start["headers"][b"content-type"].startswith(b"text/event-stream")

    play(scenario)


class Clock:
    """In place of the time module. A millisecond passes with each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 0.001
        return self.now


def test_its_time_is_measured_to_its_beginning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    monkeypatch.setattr("services.gateway.envelope.time", clock)

    async def scenario(house: House) -> None:
        browser = await house.open(house.person())
        clock.now += 3600
        with caplog.at_level("INFO", "accord.access"):
            await browser.leave()

    play(scenario)
    [line] = [record for record in caplog.records if record.name == "accord.access"]
    assert (line.__dict__["route"], line.__dict__["ms"]) == ("/events", 1.0)


def test_everything_is_told_as_such() -> None:
    assert module.event(EVERYTHING) == b'event: changed\ndata: {"part":"all","partnership_id":null}\n\n'


def test_a_stream_is_told_first_what_changed_since_its_page_was_made(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, p = [1_000.0], new_id()
    monkeypatch.setattr(module, "_clock", lambda: clock[0])

    async def scenario(house: House) -> None:
        ada, member = house.person(), house.person(role="member")

        async def first(token: str, since: float) -> list[tuple[str, str | None]]:
            browser = Browser(house.app, token, query=f"since={int(since * 1000)}")
            await until(lambda: HELLO in browser.text, "hello")
            house.tell("kazenor", ("business", ""))
            await until(lambda: ("business", None) in browser.heard or ALL in browser.heard, "the mark")
            await browser.leave()
            return [change for change in browser.heard if change != ("business", None)]

        def tell(at: float, *changes: tuple[str, str], tenant: str = "kazenor") -> None:
            clock[0] = at
            house.tell(tenant, *changes)

        tell(1_010, ("contacts", p))
        tell(1_020, ("partnership", p), ("notifications", new_id()))
        tell(1_021, ("history", p), tenant="northwind")
        clock[0] = 1_025
        assert await first(ada, 1_005) == [("contacts", p), ("partnership", p)]
        assert await first(ada, 1_015) == [("partnership", p)]
        assert await first(ada, 1_020.5) == [("partnership", p)], "clocks differ by a second"
        assert await first(ada, 1_024) == []
        assert await first(ada, 999) == [ALL], "what was before this process began nobody knows"
        house.rpc.on("offers", "get_standing", NotFound())
        assert await first(member, 1_015) == []
        house.live.back()
        assert await first(ada, 1_015) == [ALL], "what was said while the broker was away nobody knows"
        tell(1_040, ("contacts", p))
        tell(1_071, ("managers", p))
        assert await first(ada, 1_030) == [ALL], "after half a minute it is forgotten"
        assert await first(ada, 1_050) == [("managers", p)]

    play(scenario)


def test_a_stream_is_told_nothing_first_unless_it_asks_and_a_wrong_time_is_refused() -> None:
    async def scenario(house: House) -> None:
        ada = house.person()
        house.tell("kazenor", ("contacts", new_id()))
        browser = await house.open(ada)
        await house.settled(browser)
        assert browser.heard == [MARK]
        for wrong in ("since=yesterday", "since=-1", "since=1.5", "since=1&since=2"):
            refused = Browser(house.app, ada, query=wrong)
            await until(lambda r=refused: r.over, "an answer")  # type: ignore[misc]
            assert refused.start["status"] == 422, wrong
            await refused.leave()

    play(scenario)
