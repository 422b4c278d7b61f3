"""The next command on any endpoint of the same side reckons with what was answered an instant before, whichever service answered it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.support.pair import Pair
from tests.support.stack import Business, Stack, patiently

OFTEN = 5
RACES = 24


def sides(stack: Stack) -> tuple[Business, Business]:
    return stack.register("kazenor"), stack.register("northwind")


def test_who_was_offered_is_not_deleted_and_is_free_once_it_is_withdrawn(stack: Stack) -> None:
    """Nothing but people moves the version of an offer: its withdrawal names that of the first answer."""
    partner, customer = sides(stack)
    for _ in range(OFTEN):
        mia = partner.contact("Mia Berg")
        sent = partner.offer(customer, mia)
        assert partner.ask("DELETE", f"/contacts/{mia}", 409)["code"] == "contact_in_use"
        customer.until(sent["id"])
        customer.ask("PUT", f"/partnerships/{sent['id']}/seen", 204)
        partner.until(sent["id"], delivery="seen")
        partner.post(f"/partnerships/{sent['id']}/withdrawal", If_Match=f'"{sent["version"]}"')
        partner.ask("DELETE", f"/contacts/{mia}", 204)


def test_a_role_that_was_granted_is_not_deleted(stack: Stack) -> None:
    pair = Pair(stack, *sides(stack), "Mia Berg")
    pair.offer()
    places = pair.customer.get("/environments")["items"]
    without = [{**one, "roles": [r for r in one["roles"] if r["name"] != "Viewer"]} for one in places]
    grant = [{"environment": "Production", "role": "Viewer"}]
    pair.customer.post(pair.path("acceptance"), {"contacts": [{"contact_id": pair.people["Mia Berg"], "roles": grant}]})
    refused = pair.customer.ask("PUT", "/environments", 409, {"items": without})
    assert (refused["code"], "Viewer" in refused["detail"]) == ("role_in_use", True)


def test_who_has_got_a_login_is_neither_renamed_nor_deleted_as_a_contact(stack: Stack) -> None:
    us, _ = sides(stack)
    for n in range(OFTEN):
        eva = us.contact(f"Eva Holm {n}")
        user = {"name": "Eva Holm", "email": f"eva{n}@kazenor.example", "role": "member", "contact_id": eva}
        us.post("/users", user, 201)
        refused = us.ask("PATCH", f"/contacts/{eva}", 422, {"name": "Eva Lund"})
        assert [error["field"] for error in refused["errors"]] == ["name"]
        assert us.ask("DELETE", f"/contacts/{eva}", 409)["code"] == "contact_in_use"


def test_a_proposal_under_the_version_of_the_acceptance_is_made_and_under_an_older_one_is_not(stack: Stack) -> None:
    pair = Pair(stack, *sides(stack), "Mia Berg", "Olof Palm")
    pair.begin("Mia Berg")
    now = (pair.partner.partnership(pair.id) or {})["version"]
    wish = {"add_contact_ids": [pair.people["Olof Palm"]], "release_contact_ids": [], "reason": "More hands."}
    refused = pair.partner.ask("POST", pair.path("modifications"), 412, wish, If_Match=f'"{now - 1}"')
    assert refused["code"] == "changed_meanwhile"
    pair.partner.ask("POST", pair.path("modifications"), 201, wish, If_Match=f'"{now}"')


def trying(side: Business, method: str, path: str, body: Any = None, **headers: str) -> Callable[[], tuple[int, Any]]:
    """A step whose status and answer are wanted, whatever they are."""

    def step() -> tuple[int, Any]:
        answer = patiently(side.http, method, path, body, headers)
        return answer.status_code, answer.json() if answer.content else None

    return step


def test_of_an_offer_and_the_deletion_of_its_contact_at_the_same_moment_one_is_refused(stack: Stack) -> None:
    """Whoever is offered is there to be accepted. A good many races: most end the same way without any care."""
    pair = Pair(stack, *sides(stack))
    partner, customer = pair.both
    for n in range(RACES):
        mia = partner.contact(f"Mia {n}")
        to = {"customer_tenant": customer.tenant, "customer_email": customer.email}
        offer = trying(partner, "POST", "/partnerships", {**to, "message": "Hello", "contact_ids": [mia]})
        delete = trying(partner, "DELETE", f"/contacts/{mia}")
        (sent, answer), (deleted, _) = pair.at_once(offer, delete)
        assert (sent, deleted) in {(201, 409), (422, 204)}
        if sent == 201:
            partner.post(f"/partnerships/{answer['id']}/withdrawal")
            partner.ask("DELETE", f"/contacts/{mia}", 204)


def test_whoever_was_offered_twice_by_one_request_is_free_once_that_is_withdrawn(stack: Stack) -> None:
    pair = Pair(stack, *sides(stack))
    partner, customer = pair.both
    for n in range(OFTEN):
        mia = partner.contact(f"Mia {n}")
        to = {"customer_tenant": customer.tenant, "customer_email": customer.email}
        body = {**to, "message": "Hello", "contact_ids": [mia]}
        offer = trying(partner, "POST", "/partnerships", body, **{"Idempotency-Key": f"twice-{n}"})
        (one, sent), (other, again) = pair.at_once(offer, offer)
        assert (one, other, sent["id"]) == (201, 201, again["id"])
        partner.post(f"/partnerships/{sent['id']}/withdrawal")
        partner.ask("DELETE", f"/contacts/{mia}", 204)


def test_of_a_role_that_is_given_and_removed_at_the_same_moment_one_is_refused(stack: Stack) -> None:
    """Whoever holds a role, holds one that there is."""
    pair = Pair(stack, *sides(stack), *[f"Mia {n}" for n in range(RACES)])
    customer = pair.customer
    for name, mia in pair.people.items():
        places = customer.get("/environments")["items"]
        spare = {**places[0], "roles": [*places[0]["roles"], {"name": "Spare"}]}
        customer.ask("PUT", "/environments", 200, {"items": [spare, *places[1:]]})
        pair.offer(name)
        roles = [{"environment": "Production", "role": "Spare"}]
        give = trying(customer, "POST", pair.path("acceptance"), {"contacts": [{"contact_id": mia, "roles": roles}]})
        remove = trying(customer, "PUT", "/environments", {"items": places})
        (given, _), (removed, _) = pair.at_once(give, remove)
        assert (given, removed) in {(200, 409), (422, 200)}
        if given == 200:
            customer.post(pair.path("termination"), {"reason": "It was a race."})
            customer.ask("PUT", "/environments", 200, {"items": places})
        else:
            customer.post(pair.path("decline"))
        pair.partner.until(pair.id, status="terminated" if given == 200 else "declined")
