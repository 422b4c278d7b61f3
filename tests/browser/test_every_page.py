"""Every page there is, at every width, in light and dark: nothing that axe-core finds, nothing on the console, nothing from elsewhere.

The list is held against the router: a new page without an entry here fails.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

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
from tests.browser.scene import Scene, play
from tests.support.axe import COLOURS, violations
from tests.support.servers import free_port, until
from tests.support.stack import Stack
from tests.unit.gateway.fake_rpc import TOKEN, FakeRpc

PHONE, DESKTOP = 390, 1280


@dataclass(frozen=True)
class Visit:
    """An address, who goes there (`ada` the admin, `mia` a member, `newcomer` of an empty business, `nobody`), and what it answers."""

    name: str
    address: str
    who: str = "ada"
    status: int = 200


P = "/partnerships/{partnership_id}"
M = P + "/modifications/{modification_id}"
PAGES: dict[str, list[Visit]] = {
    "/": [
        Visit("home", "/"),
        Visit("home of a member", "/", "mia"),
        Visit("home of a newcomer", "/", "newcomer"),
        Visit("home, ended", "/?status=ended"),
        Visit("home, nothing found", "/?q=nobody-is-called-this&turn=ours"),
    ],
    "/login": [Visit("login", "/login", "nobody")],
    "/register": [Visit("register", "/register", "nobody")],
    "/notifications": [
        Visit("notifications", "/notifications"),
        Visit("notifications of a newcomer", "/notifications", "newcomer"),
    ],
    "/contacts": [
        Visit("contacts", "/contacts"),
        Visit("contacts of a newcomer", "/contacts?q=x", "newcomer"),
        Visit("contacts of a member", "/contacts", "mia"),
    ],
    "/contacts/new": [Visit("add contact", "/contacts/new")],
    "/contacts/{contact_id}": [Visit("contact", "/contacts/{contact}")],
    "/contacts/{contact_id}/deletion": [Visit("delete contact", "/contacts/{contact}/deletion")],
    "/users": [Visit("users", "/users"), Visit("users for a member", "/users", "mia")],
    "/users/new": [Visit("add user", "/users/new"), Visit("add user, forbidden", "/users/new", "mia", 403)],
    "/users/new/contact": [Visit("add user from the contacts", "/users/new/contact")],
    "/users/{user_id}": [
        Visit("user", "/users/{mia}"),
        Visit("user oneself", "/users/{ada}"),
        Visit("user without a login", "/users/{otto}"),
    ],
    "/users/{user_id}/deactivation": [Visit("deactivate a user", "/users/{mia}/deactivation")],
    "/users/{user_id}/activation": [Visit("activate a user", "/users/{otto}/activation")],
    "/me": [Visit("you", "/me"), Visit("you as a member", "/me", "mia")],
    "/environments": [
        Visit("environments", "/environments"),
        Visit("environments for a member", "/environments", "mia"),
    ],
    "/profile": [
        Visit("profile", "/profile"),
        Visit("profile of a newcomer", "/profile", "newcomer"),
        Visit("profile for a member", "/profile", "mia"),
    ],
    "/profile/logo": [Visit("logo", "/profile/logo")],
    "/profile/addresses/new": [Visit("add address", "/profile/addresses/new")],
    "/profile/addresses/{name}": [Visit("address", "/profile/addresses/business")],
    "/profile/addresses/{name}/removal": [Visit("remove an address", "/profile/addresses/billing/removal")],
    "/settings": [Visit("settings", "/settings"), Visit("settings of a member", "/settings", "mia")],
    "/partnerships/new": [
        Visit("wizard", "/partnerships/new"),
        Visit("wizard of a newcomer", "/partnerships/new", "newcomer"),
        Visit("wizard, again", "/partnerships/new?again={undeliverable}"),
        Visit("wizard, forbidden", "/partnerships/new", "mia", 403),
    ],
    "/partnerships/new/summary/{partnership_id}": [
        Visit("summary", "/partnerships/new/summary/{sent}"),
        Visit("summary, undeliverable", "/partnerships/new/summary/{undeliverable}"),
    ],
    P: [
        Visit("offer received", "/partnerships/{received}"),
        Visit("offer sent", "/partnerships/{sent}"),
        Visit("offer undeliverable", "/partnerships/{undeliverable}"),
        Visit("offer declined", "/partnerships/{declined}"),
        Visit("offer withdrawn", "/partnerships/{withdrawn}"),
        Visit("partnership", "/partnerships/{lent}"),
        Visit("partnership of a member", "/partnerships/{lent}", "mia"),
        Visit("partnership, theirs pending", "/partnerships/{borrowed}"),
        Visit("partnership, crossing", "/partnerships/{crossing}"),
        Visit("partnership ended by them", "/partnerships/{ended_by_them}"),
        Visit("partnership ended by us", "/partnerships/{ended_by_us}"),
    ],
    P + "/acceptance": [Visit("assign role", "/partnerships/{received}/acceptance")],
    P + "/edit": [Visit("edit", "/partnerships/{lent}/edit"), Visit("view", "/partnerships/{ended_by_them}/edit")],
    P + "/contacts": [
        Visit("assigned contacts", "/partnerships/{lent}/contacts"),
        Visit("assigned contacts as a customer", "/partnerships/{borrowed}/contacts"),
        Visit("assigned contacts, crossing", "/partnerships/{crossing}/contacts"),
        Visit("assigned contacts, ended", "/partnerships/{ended_by_them}/contacts"),
    ],
    M + "/answer": [
        Visit("review", "/partnerships/{borrowed}/modifications/{theirs}/answer"),
        Visit("review, all accepted", "/partnerships/{borrowed}/modifications/{theirs}/answer?all=accept"),
    ],
    M + "/withdrawal": [
        Visit("withdraw a change", "/partnerships/{crossing}/modifications/{ours_in_crossing}/withdrawal")
    ],
    P + "/managers": [
        Visit("managers", "/partnerships/{lent}/managers"),
        Visit("managers for a member", "/partnerships/{lent}/managers", "mia"),
        Visit("managers, ended", "/partnerships/{ended_by_them}/managers"),
    ],
    P + "/managers/additions": [Visit("add managers", "/partnerships/{borrowed}/managers/additions")],
    P + "/managers/{contact_id}/removal": [Visit("release a manager", "/partnerships/{lent}/managers/{mia}/removal")],
    P + "/history": [
        Visit("history", "/partnerships/{crossing}/history"),
        Visit("history, ended", "/partnerships/{ended_by_them}/history"),
    ],
    P + "/{decision}": [
        Visit("decline", "/partnerships/{received}/decline"),
        Visit("withdrawal", "/partnerships/{sent}/withdrawal"),
        Visit("reminder", "/partnerships/{sent}/reminder"),
        Visit("termination", "/partnerships/{lent}/termination"),
        Visit("removal", "/partnerships/{declined}/removal"),
        Visit("termination, too late", "/partnerships/{ended_by_them}/termination", status=409),
    ],
    "/{path:path}": [
        Visit("nothing here", "/nothing/here", status=404),
        Visit("nothing here for nobody", "/nothing/here", "nobody", 404),
    ],
}
# What a browser is given instead of a page, and why.
NO_PAGES = {
    P + "/modifications/new": "leads to where its form stands now",
    "/logo": "a picture",
    P + "/logo": "a picture",
}
VISITS = [pytest.param(visit, id=visit.name) for visits in PAGES.values() for visit in visits]

Go = Callable[..., Watched]


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


def url(scene: Scene, visit: Visit) -> str:
    tenant = scene.ada.tenant if visit.who == "nobody" else getattr(scene, visit.who).tenant
    return scene.stack.tenant_url(tenant) + visit.address.format(**scene.ids)


def nothing(troubles: list[str]) -> None:
    """Fail with all that is wrong, a line each."""
    if troubles:
        pytest.fail("\n".join(["", *troubles]), pytrace=False)


def look(watched: Watched) -> list[str]:
    """Everything that is looked at on a page that has been loaded."""
    page = watched.page
    page.emulate_media(color_scheme="light")
    watched.document()
    watched.widths()
    for width in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": 844})
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            found = violations(page) if theme == "light" else violations(page, COLOURS)
            watched.troubles += [f"{theme}, {width} px: {one}" for one in found]
    watched.focus(PHONE)
    watched.keyboard(DESKTOP)
    return watched.troubles


def test_every_page_stands_in_this_list() -> None:
    assert routes() - PAGES.keys() - NO_PAGES.keys() == set()
    assert (PAGES.keys() | NO_PAGES.keys()) - routes() == set()
    looked_at = {visit.address.rsplit("/", 1)[1] for visit in PAGES[P + "/{decision}"]}
    assert looked_at == DECISIONS.keys()


@pytest.mark.parametrize("visit", VISITS)
def test_a_page_is_open_to_everybody(scene: Scene, go: Go, visit: Visit) -> None:
    watched = go(visit.who)
    watched.visit(url(scene, visit), visit.status)
    nothing(look(watched))


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
            found += [f"{status}: {one}" for one in look(watched)]
        context.close()
    nothing(found)
