"""Every page there is, at every width, in light and dark: nothing that axe-core finds, nothing on the console, nothing from elsewhere.

The list is held against the router: a new page without an entry here fails.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlsplit
from zlib import crc32

import httpx
import pytest
import uvicorn
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser

from services.gateway.app import create_app
from services.gateway.identity import COOKIE
from services.gateway.pages.deciding import DECISIONS
from shared.errors import RateLimited, Unavailable
from tests.browser.looking import Watched
from tests.browser.pages import DECISION, NO_PAGES, OPENED, PAGES, Opened, Visit, Write, url
from tests.browser.scene import Scene, play
from tests.support.axe import violations
from tests.support.servers import free_port, until
from tests.support.stack import Stack
from tests.unit.gateway.fake_rpc import TOKEN, FakeRpc

PHONE, DESKTOP = 390, 1280


VISITS = [pytest.param(visit, id=visit.name) for visits in PAGES.values() for visit in visits]

Go = Callable[..., Watched]
Theme = Literal["light", "dark"]


def routes() -> set[str]:
    """The address of every page that the gateway answers a GET with."""
    found = iter_route_contexts(create_app(FakeRpc()).routes)
    return {
        str(route.path)
        for route in found
        if "GET" in (route.methods or ()) and route.endpoint.__module__.startswith("services.gateway.pages.")
    }


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Scene:
    return play(stack)


@pytest.fixture(scope="module")
def go(browser: Browser, scene: Scene) -> Iterator[Go]:
    """Somebody's browser, logged in; each person's is opened once."""
    opened: dict[tuple[str, bool], Watched] = {}

    def browser_of(who: str, scripts: bool = True) -> Watched:
        if (who, scripts) not in opened:
            context = browser.new_context(java_script_enabled=scripts, reduced_motion="reduce")
            if who != "nobody":
                side = getattr(scene, who)
                context.add_cookies([{"name": COOKIE, "value": side.token, "url": scene.stack.tenant_url(side.tenant)}])
            opened[who, scripts] = Watched(context)
        return opened[who, scripts]

    yield browser_of
    for watched in opened.values():
        watched.page.context.close()


def nothing(troubles: list[str]) -> None:
    """Fail with all that is wrong, a line each."""
    if troubles:
        pytest.fail("\n".join(["", *troubles]), pytrace=False)


Looks = tuple[tuple[int, Theme], ...]


def looks(name: str) -> Looks:
    """Both themes and both widths, each once: what takes longest is done twice and not four times. Which goes with which changes from
    page to page, so that what all pages share is seen in all four."""
    light, dark = (PHONE, DESKTOP) if crc32(name.encode()) % 2 else (DESKTOP, PHONE)
    return (light, "light"), (dark, "dark")


def look(watched: Watched, name: str) -> list[str]:
    """Everything that is looked at on a page that has been loaded."""
    page = watched.page
    watched.document()
    watched.widths()
    for width, theme in looks(name):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme)
        watched.troubles += [f"{theme}, {width} px: {one}" for one in violations(page)]
    watched.focus(PHONE)
    watched.keyboard(DESKTOP)
    return watched.troubles


def test_every_page_stands_in_this_list() -> None:
    assert routes() - PAGES.keys() - NO_PAGES.keys() == set()
    assert (PAGES.keys() | NO_PAGES.keys()) - routes() == set()
    looked_at = {visit.address.rsplit("/", 1)[1] for visit in PAGES[DECISION]}
    assert looked_at == DECISIONS.keys()


@pytest.mark.parametrize("visit", VISITS)
def test_a_page_is_open_to_everybody(scene: Scene, go: Go, visit: Visit) -> None:
    watched = go(visit.who)
    watched.visit(url(scene, visit), visit.status)
    nothing(look(watched, visit.name))


@pytest.mark.parametrize("opened", [pytest.param(one, id=one.visit.name) for one in OPENED])
def test_what_opens_on_a_page_is_open_to_everybody(scene: Scene, go: Go, opened: Opened) -> None:
    watched, troubles = go(opened.visit.who), []
    page = watched.page
    for width, theme in looks(opened.visit.name):
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=theme)
        watched.visit(url(scene, opened.visit))
        for step in opened.steps:
            if isinstance(step, Write):
                page.get_by_label(step.label).fill(step.text)
            elif step.role == "checkbox":  # it may lie hidden below its label
                page.get_by_role(step.role, name=step.name, exact=step.exact).first.press("Space")
            else:
                page.get_by_role(step.role, name=step.name, exact=step.exact).first.click()
        page.locator(opened.shows).first.wait_for()
        watched.troubles += [f"{theme}, {width} px: {one}" for one in violations(page)]
        watched.sideways(width)
        watched.focus(width)
        troubles += watched.troubles
    nothing(troubles)


@pytest.mark.parametrize("visit", VISITS)
def test_a_page_needs_no_script(scene: Scene, go: Go, visit: Visit) -> None:
    watched = go(visit.who, scripts=False)
    watched.page.set_viewport_size({"width": PHONE, "height": 844})
    watched.visit(url(scene, visit), visit.status)
    watched.document()
    nothing(watched.troubles)


def test_each_page_has_a_title_of_its_own(scene: Scene) -> None:
    titles: dict[str, set[str]] = {}
    with httpx.Client(base_url=scene.stack.url, timeout=15) as http:
        for route, visits in PAGES.items():
            for visit in visits:
                if visit.status != 200:
                    continue
                page = urlsplit(url(scene, visit))
                headers = {"Host": page.netloc}
                if visit.who != "nobody":
                    headers["Cookie"] = f"{COOKIE}={getattr(scene, visit.who).token}"
                answer = http.get(f"{page.path}?{page.query}", headers=headers)
                found = re.search(r"<title>(.*?)</title>", answer.text, re.DOTALL)
                titles.setdefault(found[1] if found else "", set()).add(route)
    assert {title: sorted(pages) for title, pages in titles.items() if len(pages) > 1} == {}


@contextmanager
def troubled() -> Iterator[str]:
    """The address of a gateway whose services are away, broken, or asked too often."""
    rpc, port = FakeRpc(), free_port()
    rpc.on("offers", "list_partnerships", Unavailable())
    rpc.on("contacts", "list_contacts", ZeroDivisionError())
    rpc.on("accounts", "get_profile", RateLimited())
    rpc.on("notifications", "list_notifications", {"items": [], "next": None, "unread_count": 0})
    server = uvicorn.Server(uvicorn.Config(create_app(rpc), host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, 10, "the gateway answers")
        yield f"http://kazenor.localhost:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def test_a_page_that_tells_of_trouble_is_a_page_like_others(browser: Browser) -> None:
    with troubled() as address:
        context = browser.new_context(reduced_motion="reduce")
        context.add_cookies([{"name": COOKIE, "value": TOKEN, "url": address}])
        watched, found = Watched(context), []
        for path, status in (("/", 503), ("/contacts", 500), ("/profile", 429)):
            watched.visit(address + path, status)
            found += [f"{status}: {one}" for one in look(watched, path)]
        context.close()
    nothing(found)
