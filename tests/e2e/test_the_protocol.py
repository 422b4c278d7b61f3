"""All that two businesses can do with each other, through HTTP on the running stack, both sides compared after each step; also at the same instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest
from nameko.exceptions import RemoteError

from shared.ids import new_id
from tests.support.pair import VIEWER, Pair
from tests.support.servers import until
from tests.support.stack import PASSWORD, Business, Stack, patiently

ROUNDS = 12


@pytest.fixture
def pair(stack: Stack) -> Pair:
    return Pair(stack, stack.register("north"), stack.register("south"), "Mia", "Olof", "Eva", "Lars")


def test_a_mixed_modification_a_partial_answer_a_suggestion_and_the_customers_release(pair: Pair) -> None:
    pair.begin("Mia", "Olof")
    mid = pair.propose(pair.partner, add=("Eva", "Lars"), release=("Mia",))
    pair.agree(status="modified", pending=1, count=2)
    assert pair.labels(pair.partner) == {"Eva": "Offered", "Lars": "Offered", "Mia": "Released"}
    assert pair.labels(pair.customer) == {"Eva": "Offered", "Lars": "Offered", "Mia": "Released by Partner"}
    ours, theirs = (side.partnership(pair.id) or {} for side in pair.both)
    assert (ours["turn"], theirs["turn"]) == ("theirs", "ours")
    assert datetime.fromisoformat(ours["turn_since"]) == datetime.fromisoformat(theirs["turn_since"])
    assert [p["id"] for p in pair.customer.get("/partnerships?turn=ours&status=modified&sort=turn_since")["items"]] == [
        pair.id
    ]
    assert pair.customer.get("/partnerships/counts")["by_turn"] == {"ours": 1}

    pair.until_modification(pair.partner, mid, delivery="delivered")
    pair.customer.ask("PUT", pair.path("seen"), 204)
    pair.until_modification(pair.partner, mid, delivery="seen")
    pair.partner.until(pair.id, status="modified", delivery="seen")

    body = {
        "items": [
            {"contact_id": pair.people["Eva"], "decision": "accept", "roles": VIEWER},
            {"contact_id": pair.people["Lars"], "decision": "decline", "comment": "We know him"},
            {"contact_id": pair.people["Mia"], "decision": "decline"},
        ],
        "comment": "Thank you",
        "suggestion": "Release Olof instead",
    }
    answered = pair.customer.post(pair.path(f"modifications/{mid}/answer"), body)
    assert (answered["state"], answered["proposed_by"]) == ("answered", "them")
    seen = pair.until_modification(pair.partner, mid, state="answered", delivery="answered")
    pair.partner.until(pair.id, delivery="answered")
    pair.customer.until(pair.id, delivery="delivered")
    pair.partner.ask("PUT", pair.path("seen"), 204)
    pair.customer.until(pair.id, delivery="seen")
    assert (seen["suggestion"], seen["comment"], seen["answered_by"]["name"]) == (
        "Release Olof instead", "Thank you", "Adam South"
    )  # fmt: skip
    assert {i["name"]: (i["decision"], i["comment"]) for i in seen["items"]} == {
        "Eva": ("accept", None), "Lars": ("decline", "We know him"), "Mia": ("decline", None)
    }  # fmt: skip
    pair.agree(status="accepted", pending=0, count=3)
    assert pair.labels(pair.partner) == pair.labels(pair.customer) == {}

    reply = pair.propose(pair.partner, release=("Olof",), in_reply_to=mid)
    assert pair.until_modification(pair.customer, reply)["in_reply_to"] == mid
    pair.answer(pair.customer, reply, Olof="accept")
    pair.agree(status="accepted", count=2)

    release = pair.propose(pair.customer, release=("Mia",))
    pair.agree(status="modified", pending=1)
    assert (pair.labels(pair.partner), pair.labels(pair.customer)) == (
        {"Mia": "Released by Customer"},
        {"Mia": "Released"},
    )
    assert (pair.partner.partnership(pair.id) or {})["turn"] == "ours"
    pair.answer(pair.partner, release, Mia="accept")
    pair.agree(status="accepted", count=1, pending=0)
    emails = {
        a["name"]: a["email"] for a in pair.customer.get(pair.path("contacts"))["items"] if a["state"] == "accepted"
    }
    assert emails == {"Eva": f"eva@{pair.partner.tenant}.example"}
    assert all(a["roles"] == [] for a in pair.partner.get(pair.path("contacts"))["items"])
    types = [t for t, _ in pair.history(pair.partner)]
    assert (types.count("modification.proposed"), types.count("modification.answered")) == (3, 3)


def test_each_refusal_carries_its_code_and_a_sentence(pair: Pair) -> None:
    pair.begin("Mia", "Olof")
    mid = pair.propose(pair.partner, add=("Eva",))
    pair.until_modification(pair.customer, mid)
    propose, eva = pair.path("modifications"), pair.people["Eva"]
    accept = {"items": [{"contact_id": eva, "decision": "accept", "roles": VIEWER}]}
    answer, withdrawal = f"{propose}/{mid}/answer", f"{propose}/{mid}/withdrawal"
    for side, path, body, status, code, field in (
        (pair.partner, propose, {"add_contact_ids": [eva], "reason": "x"}, 409, "contact_has_pending_change", None),
        (pair.partner, propose, {"reason": "x"}, 422, "validation_error", "add_contact_ids"),
        (pair.partner, propose, {"add_contact_ids": [eva], "reason": ""}, 422, "validation_error", "reason"),
        (pair.partner, propose, {"add_contact_ids": [eva], "reason": "x" * 501}, 422, "validation_error", "reason"),
        (pair.partner, propose, {"add_contact_ids": [eva, eva], "reason": "x"}, 422, "validation_error", "add_contact_ids"),
        (pair.partner, propose, {"add_contact_ids": [new_id()], "reason": "x"}, 422, "validation_error", "add_contact_ids.0"),
        (pair.partner, propose, {"release_contact_ids": [pair.people["Lars"]], "reason": "x"}, 422, "validation_error", "release_contact_ids.0"),
        (pair.customer, propose, {"add_contact_ids": [eva], "reason": "x"}, 422, "validation_error", "add_contact_ids"),
        (pair.partner, answer, accept, 409, "wrong_state", None),
        (pair.customer, withdrawal, {}, 409, "wrong_state", None),
        (pair.customer, answer, {"items": []}, 422, "validation_error", "items"),
        (pair.customer, answer, {"items": [{"contact_id": eva, "decision": "maybe"}]}, 422, "validation_error", "items.0.decision"),
        (pair.customer, answer, {"items": [{"contact_id": eva, "decision": "accept"}]}, 422, "validation_error", "items.0.roles"),
        (pair.customer, answer, {"items": [{"contact_id": new_id(), "decision": "decline"}]}, 422, "validation_error", "items.0.contact_id"),
        (pair.partner, f"{propose}/{new_id()}/withdrawal", {}, 404, "not_found", None),
        (pair.partner, f"{propose}/nonsense/answer", accept, 404, "not_found", None),
        (pair.partner, pair.path("withdrawal"), {}, 409, "wrong_state", None),
        (pair.partner, pair.path("reminder"), {}, 409, "wrong_state", None),
        (pair.partner, pair.path("termination"), {}, 422, "validation_error", "reason"),
    ):  # fmt: skip
        problem = side.post(path, body, status)
        assert problem["code"] == code and len(problem["detail"]) > 10, problem
        if field:
            assert field in [e["field"] for e in problem["errors"]], problem
    first = pair.customer.post(answer, accept)
    assert pair.customer.post(answer, accept) == first
    decline = {"items": [{"contact_id": eva, "decision": "decline"}]}
    assert pair.customer.post(answer, decline, 409)["code"] == "wrong_state"
    pair.agree(status="accepted", count=3)


def test_both_release_the_same_contact_at_the_same_instant(stack: Stack) -> None:
    names = [f"P{n}" for n in range(ROUNDS)]
    pair = Pair(stack, stack.register("north"), stack.register("south"), *names)
    pair.begin()
    for left, name in reversed(list(enumerate(names))):
        body = {"release_contact_ids": [pair.people[name]], "reason": "Both want it"}
        done = pair.at_once(
            *(lambda side=side, body=body: pair.attempt(side, "modifications", body) for side in pair.both)
        )
        assert [status for status, _ in done] == [201, 201], done
        found = pair.agree(status="accepted", pending=0, count=left)
        assert {state for _, contact, state in found["assignments"] if contact == pair.people[name]} == {"released"}


def test_a_withdrawal_against_an_answer_at_the_same_instant_leaves_the_answer_that_was_given(pair: Pair) -> None:
    pair.begin("Mia")
    for n in range(ROUNDS):
        mid = pair.propose(pair.partner, add=("Eva",))
        pair.until_modification(pair.customer, mid)
        decision = "accept" if n % 2 else "decline"
        item = {"contact_id": pair.people["Eva"], "decision": decision, "roles": VIEWER if n % 2 else []}
        (_, _), (answered, _) = pair.at_once(
            lambda mid=mid: pair.attempt(pair.partner, f"modifications/{mid}/withdrawal"),
            lambda mid=mid, item=item: pair.attempt(pair.customer, f"modifications/{mid}/answer", {"items": [item]}),
        )
        assert answered in {200, 409}
        found = pair.agree(status="accepted", pending=0)
        value = next(items[0][2] for id, _, items in found["modifications"] if id == mid)
        assert value == (decision if answered == 200 else "withdrawn")
        if value == "accept":
            gone = pair.propose(pair.partner, release=("Eva",))
            pair.answer(pair.customer, gone, Eva="accept")
            pair.agree(status="accepted", pending=0, count=1)


def test_an_acceptance_against_the_withdrawal_of_the_offer_and_both_ending_at_the_same_instant(pair: Pair) -> None:
    for n in range(ROUNDS):
        pair.offer("Mia")
        accept = {"contacts": [{"contact_id": pair.people["Mia"], "roles": VIEWER}]}
        (withdrawn, _), (accepted, _) = pair.at_once(
            lambda: pair.attempt(pair.partner, "withdrawal", {"reason": "Changed our mind"}),
            lambda accept=accept: pair.attempt(pair.customer, "acceptance", accept),
        )
        assert {withdrawn, accepted} <= {200, 409} and 200 in {withdrawn, accepted}
        found = pair.agree(status="accepted" if accepted == 200 else "withdrawn")
        if found["status"] == "withdrawn":
            pair.begin("Mia")
        until(lambda: pair.view(pair.partner)["assignments"] != [], 10)
        (first, _), (second, _) = pair.at_once(
            lambda n=n: pair.attempt(pair.partner, "termination", {"reason": f"We leave {n}"}),
            lambda n=n: pair.attempt(pair.customer, "termination", {"reason": f"We leave too {n}"}),
        )
        assert {first, second} <= {200, 409} and 200 in {first, second}
        pair.agree(status="terminated", pending=0)
        ended = [(side.partnership(pair.id) or {})["ended"]["by"] for side in pair.both]
        assert (
            ended
            == {(200, 200): ["both", "both"], (200, 409): ["us", "them"], (409, 200): ["them", "us"]}[first, second]
        )
        homes = [[p["id"] for p in side.get("/partnerships?limit=200")["items"]] for side in pair.both]
        assert [pair.id in home for home in homes] == [first != 200, second != 200]
        kept = [p["id"] for p in pair.partner.get("/partnerships?status=terminated&limit=200")["items"]]
        assert pair.id in kept


def test_the_end_the_read_only_view_the_removal_and_a_new_offer(pair: Pair) -> None:
    pair.begin("Mia", "Olof")
    mid = pair.propose(pair.partner, add=("Eva",), release=("Mia",))
    pair.until_modification(pair.customer, mid)
    ended = pair.customer.post(pair.path("termination"), {"reason": "The project is over"})
    assert (ended["status"], ended["turn"], ended["actions"]) == ("terminated", None, ["view", "remove"])
    assert (ended["ended"]["by"], ended["ended"]["reason"], ended["ended"]["their_reason"]) == (
        "us", "The project is over", None
    )  # fmt: skip
    found = pair.agree(status="terminated", pending=0, count=2)
    assert {i[2] for _, state, items in found["modifications"] for i in items} == {"void"}
    theirs = pair.partner.until(pair.id, status="terminated")
    assert (theirs["ended"]["by"], theirs["ended"]["reason"]) == ("them", "The project is over")
    assert pair.id not in [p["id"] for p in pair.customer.get("/partnerships")["items"]]
    assert pair.id in [p["id"] for p in pair.partner.get("/partnerships")["items"]]
    for side in pair.both:
        for rest, body in (
            ("modifications", {"release_contact_ids": [pair.people["Mia"]], "reason": "x"}),
            (f"modifications/{mid}/withdrawal", {}),
            ("managers", {"contact_ids": [side.user["id"]]}),
            ("termination", {"reason": "again"}),
            ("withdrawal", {}),
            ("reminder", {}),
        ):
            assert side.post(pair.path(rest), body, 409)["code"] == "wrong_state", rest
        assert side.ask("PUT", pair.path("owner"), 409, {"contact_id": side.user["id"]})["code"] == "wrong_state"
        assert side.ask("DELETE", pair.path(f"managers/{side.user['id']}"), 409)["code"] == "wrong_state"
        for rest in ("", "contacts", "modifications", "managers", "history"):
            side.get(pair.path(rest))
    until(
        lambda: any(
            n["partnership_id"] == pair.id and "end" in n["type"] for n in pair.partner.get("/notifications")["items"]
        ),
        10,
    )
    pair.partner.ask("DELETE", pair.path(), 204)
    assert pair.id not in [p["id"] for p in pair.partner.get("/partnerships")["items"]]
    assert pair.id in [p["id"] for p in pair.partner.get("/partnerships?status=ended")["items"]]

    pair.offer("Mia")
    again = pair.partner.ask("POST", "/partnerships", 409, _offer(pair))
    assert again["code"] == "partnership_exists"
    assert pair.partner.post(pair.path("reminder"))["status"] == "open"
    soon = pair.partner.post(pair.path("reminder"), status=409)
    assert soon["code"] == "too_soon" and datetime.fromisoformat(soon["retry_at"]).tzinfo is not None
    withdrawn = pair.partner.post(pair.path("withdrawal"), {"reason": "Sent by mistake"})
    assert (withdrawn["status"], withdrawn["turn"]) == ("withdrawn", None)
    pair.agree(status="withdrawn")
    answer = {"contacts": [{"contact_id": pair.people["Mia"], "roles": VIEWER}]}
    assert pair.customer.post(pair.path("acceptance"), answer, 409)["code"] == "wrong_state"


def _offer(pair: Pair) -> dict[str, Any]:
    return {
        "customer_tenant": pair.customer.tenant,
        "customer_email": pair.customer.email,
        "message": "Hello",
        "contact_ids": [pair.people["Mia"]],
        "manager_ids": [],
    }


def test_an_offer_may_be_withdrawn_and_sent_again_many_times_at_once(pair: Pair) -> None:
    """Each new one leaves only when the withdrawal before is known there: the customer never has two of them open."""
    for _ in range(ROUNDS):
        sent = pair.partner.offer(pair.customer, pair.people["Mia"])
        pair.id = sent["id"]
        pair.partner.post(pair.path("withdrawal"))
    pair.id = pair.partner.offer(pair.customer, pair.people["Mia"])["id"]
    pair.customer.until(pair.id, status="open", turn="ours")
    live = pair.customer.get("/partnerships?status=open")["items"]
    assert [p["id"] for p in live] == [pair.id]


def test_an_offer_expires_on_both_sides_by_the_senders_clock(stack: Stack, pair: Pair) -> None:
    pair.partner.ask("PATCH", "/settings", 200, {"offer_expiry_days": 1})
    pair.offer("Mia")
    [shown] = [p for p in pair.partner.get("/partnerships")["items"] if p["id"] == pair.id]
    life = datetime.fromisoformat(shown["expires_at"]) - datetime.fromisoformat(shown["sent_at"])
    assert life.total_seconds() == 24 * 3600
    # A day passes: the record and its timer lie a day back.
    with psycopg.connect(stack.env["ACCORD_OFFERS_DATABASE_URL"]) as database:
        database.execute("select set_config('app.tenants', %s, true)", [pair.partner.tenant])
        changed = database.execute(
            "update partnerships set state = jsonb_set(state, '{expires_at}', to_jsonb(%s::text)) where id = %s and tenant = %s",
            [shown["sent_at"], pair.id, pair.partner.tenant],
        )
        due = database.execute(
            "update outbox set due_at = now() where subject = %s and type = 'expiry.due' and tenant = %s",
            [pair.id, pair.partner.tenant],
        )
        assert (changed.rowcount, due.rowcount) == (1, 1)
    pair.agree(status="expired")
    for side in pair.both:
        assert (side.partnership(pair.id) or {})["turn"] is None
        until(
            lambda side=side: (
                any(
                    n["partnership_id"] == pair.id and "expiry" in n["type"]
                    for n in side.get("/notifications")["items"]
                )
                or side is pair.partner
            ),
            10,
        )
    pair.begin("Mia")


def test_the_team_is_changed_at_once_and_the_other_side_learns_only_the_owner(stack: Stack, pair: Pair) -> None:
    people = {}
    for name, role in (("Bea", "member"), ("Carl", "partnerships"), ("Dora", "member")):
        email = f"{name.lower()}@{pair.partner.tenant}.example"
        body = {"name": name, "email": email, "role": role, "password": PASSWORD}
        people[name] = pair.partner.post("/users", body, 201)["id"]
    pair.begin("Mia")
    team = pair.partner.post(pair.path("managers"), {"contact_ids": [people["Bea"], people["Carl"]]}, 201)
    assert [m["name"] for m in team["items"]] == ["Adam North", "Bea", "Carl"]
    twice = pair.partner.post(pair.path("managers"), {"contact_ids": [people["Bea"]]}, 422)
    assert twice["errors"][0]["field"] == "contact_ids.0"
    owner = pair.partner.ask("PUT", pair.path("owner"), 200, {"contact_id": people["Carl"]})
    assert [m["name"] for m in owner["items"] if m["owner"]] == ["Carl"]
    theirs = pair.customer.until(
        pair.id, owners={"ours": {"id": pair.customer.user["id"], "name": "Adam South"}, "theirs": {"name": "Carl"}}
    )
    assert theirs["managers_count"] == 1
    assert "Bea" not in str(pair.customer.get(pair.path("history"))) and "Bea" not in str(theirs)
    pair.partner.ask("DELETE", pair.path(f"managers/{pair.partner.user['id']}"), 204)

    session = patiently(
        pair.partner.http,
        "POST",
        "/sessions",
        {"tenant": pair.partner.tenant, "email": f"bea@{pair.partner.tenant}.example", "password": PASSWORD},
    )
    bea = Business(stack, pair.partner.tenant, "", {"id": people["Bea"]}, session.json()["token"])
    until(lambda: bea.partnership(pair.id), 10, "a member sees what she manages")
    assert bea.partnership(pair.id)["actions"] == ["view"]  # type: ignore[index]
    assert (
        bea.post(pair.path("modifications"), {"release_contact_ids": [pair.people["Mia"]], "reason": "x"}, 403)["code"]
        == "forbidden"
    )
    assert bea.post(pair.path("termination"), {"reason": "x"}, 403)["code"] == "forbidden"
    assert bea.post(pair.path("managers"), {"contact_ids": [people["Dora"]]}, 403)["code"] == "forbidden"

    pair.partner.ask("PATCH", f"/users/{people['Carl']}", 200, {"active": False})
    until(
        lambda: [m["name"] for m in pair.partner.get(pair.path("managers"))["items"]] == ["Bea"],
        10,
        "who has no login leaves",
    )
    last = pair.partner.ask("DELETE", pair.path(f"managers/{people['Bea']}"), 409)
    assert last["code"] == "last_manager" and len(last["detail"]) > 20
    pair.customer.until(
        pair.id, owners={"ours": {"id": pair.customer.user["id"], "name": "Adam South"}, "theirs": {"name": "Bea"}}
    )
    pair.partner.ask("PATCH", f"/users/{people['Bea']}", 200, {"active": False})
    told = until(
        lambda: [n for n in pair.partner.get("/notifications")["items"] if n["type"] == "team.changed"],
        10,
        "the admin is told",
    )
    assert told[0]["partnership_id"] == pair.id
    pair.partner.until(pair.id, managers_count=0)
    back = pair.partner.post(pair.path("managers"), {"contact_ids": [pair.partner.user["id"]]}, 201)
    assert [(m["name"], m["owner"]) for m in back["items"]] == [("Adam North", True)]


def test_a_profile_reaches_the_counterpart(pair: Pair) -> None:
    pair.partner.ask("PATCH", "/tenants/current", 200, {"phone": "+46 8 1"})
    pair.begin("Mia")
    until(lambda: (pair.customer.partnership(pair.id) or {})["counterpart"]["profile"].get("phone") == "+46 8 1", 10)
    address = {"type": "Business", "line1": "Kungsgatan 1", "city": "Stockholm", "default": True}
    pair.partner.ask("PATCH", "/tenants/current", 200, {"company": "North & Sons", "addresses": [address]})

    def renamed() -> bool:
        there = (pair.customer.partnership(pair.id) or {})["counterpart"]
        return there["company"] == "North & Sons" and there["profile"]["addresses"][0]["city"] == "Stockholm"

    until(renamed, 10, "the customer sees the new name and address")
    assert [p["id"] for p in pair.customer.get("/partnerships?q=sons")["items"]] == [pair.id]


@pytest.fixture
def rpc(stack: Stack) -> Iterator[Any]:
    with stack.rpc() as proxy:
        yield proxy


def test_the_same_through_rpc(stack: Stack, pair: Pair, rpc: Any) -> None:
    pair.begin("Mia")
    ours = {"tenant": pair.partner.tenant, "actor": pair.partner.user["id"], "partnership_id": pair.id}
    theirs = {"tenant": pair.customer.tenant, "actor": pair.customer.user["id"], "partnership_id": pair.id}
    made = rpc.contacts.propose_modification(
        **ours,
        add_contact_ids=[pair.people["Eva"]],
        release_contact_ids=[pair.people["Mia"]],
        reason="x",
        idempotency_key="k",
    )
    pair.until_modification(pair.customer, made["id"])
    items = [
        {"contact_id": pair.people["Eva"], "decision": "accept", "roles": VIEWER},
        {"contact_id": pair.people["Mia"], "decision": "decline"},
    ]
    answered = rpc.contacts.answer_modification(**theirs, modification_id=made["id"], items=items)
    assert answered["state"] == "answered"
    pair.agree(status="accepted", count=2)
    second = rpc.contacts.propose_modification(**theirs, release_contact_ids=[pair.people["Eva"]], reason="y")
    withdrawn = rpc.contacts.withdraw_modification(**theirs, modification_id=second["id"])
    assert withdrawn["state"] == "withdrawn"
    assert [m["id"] for m in rpc.contacts.list_modifications(**theirs)["items"]] == [second["id"], made["id"]]
    with pytest.raises(RemoteError) as refused:
        rpc.offers.end_partnership(**ours, reason="")
    assert refused.value.exc_type == "ValidationError"
    assert rpc.offers.end_partnership(**ours, reason="Enough")["status"] == "terminated"
    with pytest.raises(RemoteError) as refused:
        rpc.contacts.propose_modification(**ours, release_contact_ids=[pair.people["Eva"]], reason="z")
    assert (refused.value.exc_type, "ended" in refused.value.value) == ("WrongState", True)
    pair.agree(status="terminated")
