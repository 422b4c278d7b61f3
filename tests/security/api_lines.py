"""One line for each route of the JSON API: a request about the owner's things, and what everybody else is answered.

A new route goes red until it has a line here; `matrix.py` says what a line means.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.security.matrix import Case, Line, admins, changed, changers, everybody, one_of_ours, seen
from tests.security.town import VIEWER, Partnership, Town, colleague
from tests.support.servers import until
from tests.support.stack import PASSWORD

Make = Callable[[Town], Case]
KEY = {"name": "Nightly", "scopes": ["partnerships:read"], "expires_in_days": 1}
PERSON = {"name": "Nora New", "email": "nora@new.example"}


def case(one: Partnership, body: object = None, **ids: str) -> Case:
    return Case({"partnership_id": one.id, **ids}, body, partner=one.partner)


def lasting(town: Town) -> Case:
    return case(town.lasting)


def contact(body: object = None) -> Make:
    """A contact who is lent to the counterpart, so that its id is known there."""
    return lambda town: Case({"contact_id": town.lasting.contacts[0]}, body, partner=town.lasting.partner)


def unlent(town: Town) -> Case:
    return Case({"contact_id": town.contact()})


def offer(town: Town) -> Case:
    partner = town.counterpart()
    body = {
        "customer_tenant": partner.tenant,
        "customer_email": partner.email,
        "message": "Shall we?",
        "contact_ids": [town.contact()],
        "manager_ids": [],
    }
    return Case(body=body, partner=partner)


def acceptance(town: Town) -> Case:
    one = town.received()
    return case(one, {"contacts": [{"contact_id": one.contacts[0], "roles": VIEWER}]})


def proposal(town: Town) -> Case:
    return case(town.lasting, {"add_contact_ids": [town.contact()], "release_contact_ids": [], "reason": "Spring"})


def ours(town: Town) -> Case:
    return case(town.lasting, {}, modification_id=town.proposed_by_us())


def theirs(town: Town) -> Case:
    """Declined, so that the contact stays and can be asked for again."""
    contact = town.lasting.contacts[0]
    body = {"items": [{"contact_id": contact, "decision": "decline"}]}
    return case(town.lasting, body, modification_id=town.proposed_by_them(contact))


def pending(town: Town) -> Case:
    """A proposal of theirs that nobody answers."""
    return case(town.lasting, modification_id=town.pending)


def managers(town: Town) -> Case:
    return case(town.lasting, {"contact_ids": [town.user()]})


def removed_manager(town: Town) -> Case:
    added = town.user()
    town.owner.post(f"/partnerships/{town.lasting.id}/managers", {"contact_ids": [added]}, 201)
    return case(town.lasting, None, contact_id=added)


def owner(town: Town) -> Case:
    return case(town.lasting, {"contact_id": town.manager.user["id"]})


def session(town: Town) -> Case:
    """A session of the owner's besides the ones in use."""
    before = {one["id"] for one in town.owner.get("/sessions")["items"]}
    town.owner.post("/sessions", {"tenant": town.owner.tenant, "email": town.owner.email, "password": PASSWORD}, 201)
    (added,) = {one["id"] for one in town.owner.get("/sessions")["items"]} - before
    return Case({"session_id": added})


def api_key(town: Town) -> Case:
    """A key of the owner's."""
    return Case({"api_key_id": town.owner.post("/api-keys", KEY, 201)["id"]})


def own_session(town: Town) -> Case:
    return Case(owner=colleague(town.owner, town.name("Quitter"), "admin"))


def own_password(town: Town) -> Case:
    who = colleague(town.owner, town.name("Changer"), "admin")
    return Case(body={"old": PASSWORD, "new": "a longer secret than that"}, owner=who)


def new_user(town: Town) -> Case:
    """With the id of a contact of the owner's, who is to get the login."""
    known = town.owner.get(f"/contacts/{town.contact()}")
    return Case(body={"name": known["name"], "email": known["email"], "role": "member", "contact_id": known["id"]})


def changed_user(town: Town) -> Case:
    return Case({"user_id": town.user()}, {"name": "Otherwise Called"})


def environments(town: Town) -> Case:
    """As they are, with the ids of the owner's."""
    return Case(body={"items": [{**e, "roles": e["roles"]} for e in town.owner.get("/environments")["items"]]})


def notification(town: Town) -> Case:
    """One of the owner's, once it has come."""
    one = town.received()

    def found() -> list[str]:
        told = town.owner.get("/notifications")["items"]
        return [n["id"] for n in told if n["partnership_id"] == one.id]

    return Case(body={"ids": until(found, 20, "the offer is told")[:1]}, partner=one.partner)


P = "/partnerships/{partnership_id}"
M = P + "/modifications/{modification_id}"

LINES: dict[str, Line] = {
    "GET /tenants/current": everybody(),
    "PATCH /tenants/current": admins(lambda town: Case(body={"phone": "+46 8 77"})),
    "GET /sessions": everybody(),
    "DELETE /sessions": everybody(own_session, 204),
    "DELETE /sessions/current": everybody(own_session, 204),
    "DELETE /sessions/{session_id}": one_of_ours(session, 204),
    "GET /api-keys": everybody(),
    "POST /api-keys": everybody(lambda town: Case(body=KEY), 201),
    "DELETE /api-keys/{api_key_id}": one_of_ours(api_key, 204),
    "GET /me": everybody(),
    "PATCH /me": everybody(lambda town: Case(body={"locale": "sv"})),
    "POST /me/password": everybody(own_password, 204),
    "POST /me/email": everybody(lambda town: Case(body={"email": "else@new.example", "password": PASSWORD}), 202),
    "GET /audit": admins(),
    "GET /settings": everybody(),
    "PATCH /settings": admins(lambda town: Case(body={"offer_expiry_days": 20})),
    "GET /users": everybody(),
    "POST /users": admins(new_user, 201, others=422),
    "PATCH /users/{user_id}": admins(changed_user, others=404),
    "GET /contacts": everybody(),
    "POST /contacts": changers(lambda town: Case(body=PERSON), 201),
    "POST /contacts/import": changers(lambda town: Case(body={"items": [PERSON], "preview": True})),
    "GET /contacts/export": everybody(),
    "GET /contacts/{contact_id}": everybody(contact(), others=404),
    "PATCH /contacts/{contact_id}": changers(contact({"title": "Lead"}), others=404),
    "DELETE /contacts/{contact_id}": changers(unlent, 204, others=404),
    "GET /environments": everybody(),
    "PUT /environments": admins(environments, others=422),
    "GET /partnerships": everybody(),
    "POST /partnerships": changers(offer, 201, others=422),
    "GET /partnerships/counts": everybody(),
    "GET " + P: seen(lasting),
    "DELETE " + P: changed(lambda town: case(town.final()), 204, partner=204),
    "POST " + P + "/acceptance": changed(acceptance, partner=409, manager=404),
    "POST " + P + "/decline": changed(lambda town: case(town.received(), {}), partner=409, manager=404),
    "POST " + P + "/withdrawal": changed(lambda town: case(town.sent(), {}), partner=409),
    "POST " + P + "/reminder": changed(lambda town: case(town.sent(), {}), partner=409),
    "POST " + P + "/termination": changed(lambda town: case(town.running(), {"reason": "Spring"}), partner=200),
    "PUT " + P + "/seen": seen(lasting, 204, partner=204),
    "GET " + P + "/contacts": seen(lasting),
    "GET " + P + "/modifications": seen(lasting),
    "POST " + P + "/modifications": changed(proposal, 201, partner=422),
    "GET " + M: seen(pending),
    "POST " + M + "/answer": changed(theirs, partner=409),
    "POST " + M + "/withdrawal": changed(ours, partner=409),
    "GET " + P + "/managers": seen(lasting),
    "POST " + P + "/managers": changed(managers, 201, partner=422),
    "DELETE " + P + "/managers/{contact_id}": changed(removed_manager, 204, partner=404),
    "PUT " + P + "/owner": changed(owner, partner=422),
    "GET " + P + "/history": seen(lasting),
    "GET /notifications": everybody(),
    "POST /notifications/read": one_of_ours(notification, 200),
    "GET /notification-preferences": everybody(),
    "PUT /notification-preferences": everybody(lambda town: Case(body={"mail": False})),
    "GET /events": everybody(),
}

# Nobody is logged in there yet: what they do is in test_sessions.py and in the tests of limits.
ANONYMOUS = {
    "POST /tenants",
    "POST /sessions",
    "POST /password-resets",
    "POST /password-resets/confirmation",
    "POST /email-changes/confirmation",
}
