"""One line for each page and each form: a request about the owner's things, and what everybody else is shown.

A new page goes red until it has a line here; `matrix.py` says what a line means. Of a form, 303 is success: it was done, and one is led on.
`…/{decision}` stands here once for each decision there is.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.security import api_lines
from tests.security.api_lines import M, P, case, lasting, ours, theirs
from tests.security.matrix import Case, Line, admins, changed, changers, everybody, one_of_ours, seen
from tests.security.town import PICTURE, Town, colleague
from tests.support.stack import PASSWORD

Make = Callable[[Town], Case]
DONE = 303
ADDRESS = {"type": "Billing", "line1": "1 Road", "city": "Town", "country": "SE"}


def form(**fields: Any) -> Make:
    """A form about nothing in particular."""
    return lambda town: Case(body=fields)


def about(make: Make, **fields: Any) -> Make:
    """The same things, with these fields."""
    return lambda town: replace(make(town), body=fields)


def acceptance(town: Town) -> Case:
    made = api_lines.acceptance(town)
    place = town.owner.get("/environments")["items"][0]
    (contact,) = made.body["contacts"]
    return replace(made, body={f"roles.{contact['contact_id']}": f"{place['id']}:{place['roles'][0]['id']}", "confirm": "yes"})  # fmt: skip


def answer(town: Town) -> Case:
    made = theirs(town)
    (item,) = made.body["items"]
    return replace(made, body={"item": item["contact_id"], f"decision.{item['contact_id']}": "decline", "confirm": "yes"})  # fmt: skip


def offer(town: Town) -> Case:
    made = api_lines.offer(town)
    return replace(made, body={name: value for name, value in made.body.items() if name != "manager_ids"})


def notification(town: Town) -> Case:
    made = api_lines.notification(town)
    return replace(made, body={"id": made.body["ids"][0]})


def own_password(town: Town) -> Case:
    new = "a longer secret than that"
    who = colleague(town.owner, town.name("Changer"), "admin")
    return Case(body={"old": PASSWORD, "new": new, "again": new}, owner=who)


def environments(town: Town) -> Case:
    found = town.owner.get("/environments")
    fields = {"version": str(found["version"])}
    for i, place in enumerate(found["items"]):
        fields |= {f"e.{i}.id": place["id"], f"e.{i}.name": place["name"]}
        for j, role in enumerate(place["roles"]):
            fields |= {f"e.{i}.r.{j}.id": role["id"], f"e.{i}.r.{j}.name": role["name"]}
    return Case(body=fields)


def addresses(town: Town, *types: str) -> None:
    town.owner.ask("PATCH", "/tenants/current", body={"addresses": [{**ADDRESS, "type": type} for type in types]})


def address(**fields: str) -> Make:
    def make(town: Town) -> Case:
        addresses(town, "Billing")
        return Case(body=fields or None, names={"name": "billing"})

    return make


def new_address(town: Town) -> Case:
    addresses(town, "Billing")
    return Case(body={**ADDRESS, "type": "Other"})


def logo(town: Town) -> Case:
    return Case(body={}, files={"logo": ("logo.png", base64.b64decode(PICTURE.split(",")[1]), "image/png")})


def shown_logo(town: Town) -> Case:
    town.owner.ask("PATCH", "/tenants/current", body={"logo": PICTURE})
    return Case()


def their_logo(town: Town) -> Case:
    """The pictures of both are told, and each shows the other's."""
    one = town.lasting
    for side in (town.owner, one.partner):
        side.ask("PATCH", "/tenants/current", body={"logo": PICTURE})
    for side in (town.owner, one.partner):
        api_lines.until(lambda side=side: side.get(f"/partnerships/{one.id}")["counterpart"]["profile"].get("logo"), 20)  # type: ignore[misc]
    return case(one)


def blocked(town: Town) -> Case:
    town.owner.ask("PATCH", "/settings", body={"blocked_tenants": ["nobody-of-that-name"]})
    return Case(names={"tenant": "nobody-of-that-name"})


def import_confirmed(town: Town) -> Case:
    cells = {"name": town.name("Imported"), "email": f"i{next(town._numbers)}@imported.example"}
    version = town.owner.post("/contacts/import", {"items": [cells], "preview": True})["version"]
    return Case(body={"rows": json.dumps([[2, cells]]), "version": str(version)})


def user(active: bool = True) -> Make:
    def make(town: Town) -> Case:
        made = town.user()
        town.owner.ask("PATCH", f"/users/{made}", body={"active": active})
        return Case({"user_id": made})

    return make


def session(town: Town) -> Case:
    return replace(api_lines.session(town), body={})


contact = api_lines.contact
LINES: dict[str, Line] = {
    "GET /": everybody(),
    "GET /logo": everybody(shown_logo, others=404),
    "POST /logout": everybody(api_lines.own_session, DONE),
    "GET /contacts": everybody(),
    "GET /contacts/new": changers(form()),
    "POST /contacts": changers(form(**api_lines.PERSON), DONE),
    "GET /contacts/export": everybody(),
    "GET /contacts/import": changers(form()),
    "GET /contacts/import/template": everybody(),
    "POST /contacts/import": changers(form(text="name,email\nNora New,nora@new.example")),
    "GET /contacts/import/confirmation": everybody(own=DONE),
    "POST /contacts/import/confirmation": changers(import_confirmed, DONE),
    "GET /contacts/{contact_id}": everybody(contact(), others=404),
    "POST /contacts/{contact_id}": changers(about(contact(), title="Lead"), DONE, others=404),
    "GET /contacts/{contact_id}/deletion": changers(contact(), others=404),
    "POST /contacts/{contact_id}/deletion": changers(api_lines.unlent, DONE, others=404),
    "GET /users": everybody(),
    "GET /users/new": admins(),
    "GET /users/new/contact": admins(),
    "POST /users": admins(form(name="Nora", email="nora@users.example", role="member", password=PASSWORD), DONE),
    "GET /users/{user_id}": everybody(user(), others=404),
    "POST /users/{user_id}": admins(about(user(), name="Otherwise Called", role="partnerships"), DONE, others=404),
    "GET /users/{user_id}/deactivation": admins(user(), others=404),
    "POST /users/{user_id}/deactivation": admins(user(), DONE, others=404),
    "GET /users/{user_id}/activation": admins(user(active=False), others=404),
    "POST /users/{user_id}/activation": admins(user(active=False), DONE, others=404),
    "GET /me": everybody(),
    "POST /me": everybody(form(name="Otherwise Called", time_zone="UTC"), DONE),
    "POST /me/preferences": everybody(form(introduction="yes"), DONE),
    "POST /me/password": everybody(own_password, DONE),
    "POST /me/email": everybody(form(email="else@new.example", password=PASSWORD), DONE),
    "POST /me/sessions/end": everybody(api_lines.own_session, DONE),
    # What is over is over: whose it was is not said.
    "POST /me/sessions/{session_id}/end": one_of_ours(session, DONE, others=DONE),
    "GET /api-keys": everybody(),
    "GET /api-keys/new": everybody(),
    "POST /api-keys": everybody(form(name="Nightly", scopes="partnerships:read", days="30")),
    "GET /api-keys/{api_key_id}/revocation": one_of_ours(api_lines.api_key, 200),
    # What is over is over here, too.
    "POST /api-keys/{api_key_id}/revocation": one_of_ours(about(api_lines.api_key), DONE, others=DONE),
    "GET /environments": everybody(),
    "POST /environments": admins(environments, DONE, others=200),
    "GET /audit": admins(),
    "GET /settings": everybody(),
    "POST /settings": admins(form(offer_expiry_days="20"), DONE),
    "POST /settings/blocked": admins(form(tenant="somebody-else"), DONE),
    "POST /settings/blocked/{tenant}/removal": admins(blocked, DONE),
    "GET /profile": everybody(),
    "POST /profile": admins(form(company="Owner of It All", phone="+46 8 78"), DONE),
    "GET /profile/logo": admins(),
    "POST /profile/logo": admins(logo, DONE),
    "POST /profile/logo/removal": admins(shown_logo, DONE),
    "GET /profile/addresses/new": admins(),
    "POST /profile/addresses": admins(new_address, DONE),
    "GET /profile/addresses/{name}": admins(address(), others=404),
    "POST /profile/addresses/{name}": admins(address(**ADDRESS), DONE, others=404),
    "GET /profile/addresses/{name}/removal": admins(address(), others=404),
    "POST /profile/addresses/{name}/removal": admins(address(), DONE),
    "POST /profile/addresses/{name}/default": admins(address(), DONE, others=404),
    "GET /partnerships/new": changers(form()),
    "POST /partnerships/new/introduction": everybody(form(show="yes"), 204),
    "GET /partnerships/new/summary/{partnership_id}": seen(lambda town: case(town.sent()), partner=DONE),
    "POST /partnerships": changers(offer, DONE, others=200),
    "GET " + P: seen(lasting),
    "POST " + P + "/seen": everybody(lasting, 204, others=204),
    "GET " + P + "/logo": seen(their_logo),
    "GET " + P + "/acceptance": changed(lambda town: case(town.received()), partner=409, manager=404),
    "POST " + P + "/acceptance": changed(acceptance, DONE, partner=409, manager=404),
    "GET " + P + "/edit": seen(lasting),
    "GET " + P + "/contacts": seen(lasting),
    "GET " + P + "/history": seen(lasting),
    "GET " + P + "/modifications/new": everybody(lasting, DONE, others=DONE),
    "POST " + P + "/modifications": changed(api_lines.proposal, DONE, partner=200),
    "GET " + P + "/review": seen(lasting, DONE, partner=DONE),
    "GET " + M + "/answer": changed(api_lines.pending, partner=409),
    "POST " + M + "/answer": changed(answer, DONE, partner=409),
    "GET " + M + "/withdrawal": changed(about(ours), partner=409),
    "POST " + M + "/withdrawal": changed(about(ours), DONE, partner=409),
    "GET " + P + "/managers": seen(lasting),
    "POST " + P + "/managers": changed(api_lines.managers, DONE, partner=200),
    "GET " + P + "/managers/additions": changed(lasting, partner=200),
    "GET " + P + "/managers/{contact_id}/removal": replace(
        changed(api_lines.removed_manager, partner=404), manager=200
    ),
    "POST " + P + "/managers/{contact_id}/removal": changed(api_lines.removed_manager, DONE, partner=404),
    "POST " + P + "/owner": changed(api_lines.owner, DONE, partner=200),
    "GET " + P + "/decline": changed(lambda town: case(town.received()), partner=409, manager=404),
    "POST " + P + "/decline": changed(lambda town: case(town.received(), {}), DONE, partner=409, manager=404),
    "GET " + P + "/withdrawal": changed(lambda town: case(town.sent()), partner=409),
    "POST " + P + "/withdrawal": changed(lambda town: case(town.sent(), {}), DONE, partner=409),
    "GET " + P + "/reminder": changed(lambda town: case(town.sent()), partner=409),
    "POST " + P + "/reminder": changed(lambda town: case(town.sent(), {}), DONE, partner=409),
    "GET " + P + "/termination": changed(lasting, partner=200),
    "POST " + P + "/termination": changed(lambda town: case(town.running(), {"reason": "Spring"}), DONE, partner=DONE),
    "GET " + P + "/removal": changed(lambda town: case(town.final()), partner=200),
    "POST " + P + "/removal": changed(lambda town: case(town.final(), {}), DONE, partner=DONE),
    "GET /notifications": everybody(),
    "POST /notifications/read": one_of_ours(notification, DONE),
}

# What only takes forms leads, when it is opened, to the page of its form: everybody, without a look at what the address names.
for _path in [route.removeprefix("POST ") for route in LINES if route.startswith("POST ")]:
    LINES.setdefault(f"GET {_path}", everybody(LINES[f"POST {_path}"].make, DONE, others=DONE))

# Doors: pages for everybody. The unknown address is one of them; it never shows anything of anybody.
DOORS = {
    "GET /login",
    "POST /login",
    "GET /register",
    "POST /register",
    "GET /password-reset",
    "POST /password-reset",
    "GET /password-reset/sent",
    "GET /password-reset/link",
    "POST /password-reset/link",
    "GET /email-change/link",
    "POST /email-change/link",
    "GET /{path:path}",
}
