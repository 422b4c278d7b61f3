"""Where the time of a page went: told to those who are logged in, in four figures."""

from __future__ import annotations

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages.desk import timing
from services.gateway.rpc import SPENT, Spent
from tests.unit.gateway.fake_rpc import FakeRpc

FIGURES = re.compile(r"rpc;dur=(\d+\.\d), rpc-sum;dur=(\d+\.\d), render;dur=(\d+\.\d), total;dur=(\d+\.\d)")


def test_calls_at_the_same_time_count_once_on_the_wall_and_each_in_the_sum() -> None:
    spent = Spent()
    spent.started = 9.0
    for began in (10.0, 10.25):
        spent.begin(began)
    for began, ended in ((10.0, 10.75), (10.25, 11.0)):
        spent.end(began, ended)
    spent.begin(20.0)
    spent.end(20.0, 20.5)
    assert (spent.wall, spent.sum) == (1.5, 2.0)
    assert timing(spent, 21.0, 21.5) == "rpc;dur=1500.0, rpc-sum;dur=2000.0, render;dur=500.0, total;dur=12500.0"


@pytest.mark.parametrize("path", ["/", "/contacts", "/nothing-is-here"])
def test_a_page_tells_whoever_is_logged_in_where_its_time_went(ada: TestClient, path: str) -> None:
    told = FIGURES.fullmatch(ada.get(path).headers.get("server-timing", ""))
    assert (told is not None) is (path != "/nothing-is-here")


def test_what_services_were_asked_for_one_page_is_not_counted_for_the_next(ada: TestClient, rpc: FakeRpc) -> None:
    seen: list[Spent | None] = []

    def contacts(**_: Any) -> Any:
        spent = SPENT.get()
        assert spent is not None
        assert spent.wall == 0
        spent.begin(1.0)
        spent.end(1.0, 2.0)
        seen.append(spent)
        return {"items": [], "next": None}

    rpc.on("contacts", "list_contacts", contacts)
    for _ in range(2):
        assert ada.get("/contacts").headers["server-timing"].startswith("rpc;dur=1000.0")
    assert len({id(spent) for spent in seen}) == len(seen) >= 2


@pytest.mark.parametrize("path", ["/login", "/register", "/api/v1/openapi.json"])
def test_nobody_else_is_told(visitor: TestClient, path: str) -> None:
    assert "server-timing" not in visitor.get(path).headers
