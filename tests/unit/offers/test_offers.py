"""What offers decides: sending, arriving, accepting, declining, and what each side shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.offers.commands import Chosen, SendOffer
from services.offers.handlers import answering, finding, looking, sending
from shared.bus.work import Confirmed, Heard, Stranger
from shared.calls import Call
from shared.clock import iso
from shared.contracts import accounts as from_accounts
from shared.contracts import offers as said
from shared.errors import ChangedMeanwhile, Forbidden, NotFound, PartnershipExists, ValidationError, WrongState
from shared.ids import new_id
from tests.unit.offers.town import Town

MAIL = "admin@northwind.example"


def fields(refused: pytest.ExceptionInfo[ValidationError]) -> list[str]:
    return [error["field"] for error in refused.value.info["errors"]]


def open_offer(town: Town, *names: str) -> tuple[str, list[str]]:
    return town.offer(*names)


def test_an_offer_lies_open_on_both_sides(town: Town) -> None:
    id, _ = open_offer(town)
    ours, theirs = town.kazenor.get(id), town.northwind.get(id)
    assert (ours["role"], ours["status"], ours["turn"]) == ("partner", "open", "theirs")
    assert ours["actions"] == ["view", "withdraw", "remind"]
    assert (theirs["role"], theirs["status"], theirs["turn"]) == ("customer", "open", "ours")
    assert theirs["actions"] == ["accept", "decline", "view"]
    assert (theirs["contacts_count"], theirs["offered_count"]) == (0, 2)
    assert (theirs["message"], theirs["sent_by"]["name"]) == ("Shall we?", "Admin")
    assert theirs["counterpart"] == {"tenant": "kazenor", "company": "Kazenor", "logo": None, "profile": {}}
    assert ours["owners"]["ours"]["name"] == "Admin" and theirs["owners"]["theirs"] == {"name": "Admin"}


def test_the_sender_is_always_one_of_the_managers(town: Town) -> None:
    other = town.kazenor.user("partnerships", "bo@kazenor.example")
    id = town.kazenor.send("northwind", MAIL, town.kazenor.contact("Mia"), managers=(other.id,))["id"]
    assert set(town.kazenor.record(id).managers) == {town.kazenor.admin.id, other.id}
    (fact,) = [f for f in town.kazenor.said() if isinstance(f, said.OfferSubmitted)]
    assert [m.name for m in fact.managers] == ["Admin", "Bo"]


def test_an_offer_stays_open_for_as_long_as_the_settings_say(town: Town) -> None:
    answers = replace(town.kazenor.answers(), offer_days=7)
    mia = town.kazenor.contact("Mia")
    body = SendOffer(customer_tenant="northwind", customer_email=MAIL, message="Hello", contact_ids=[mia])
    call = town.kazenor.call(town.kazenor.admin)
    sent = town.kazenor.session.run(
        sending.send_offer, call, body, id=new_id(), person=town.kazenor.admin, answers=answers
    )
    town.deliver()
    for shown in (sent, town.northwind.get(sent["id"])):
        assert shown["expires_at"] == iso(town.now + timedelta(days=7))


def test_an_offer_for_a_login_that_is_not_known_here_waits_for_the_word_of_accounts(town: Town) -> None:
    id = town.kazenor.send("northwind", "new@northwind.example", town.kazenor.contact("Mia"))["id"]
    town.deliver()
    assert town.northwind.list() == []
    with pytest.raises(NotFound):
        town.northwind.get(id)
    assert town.northwind.said()[-1] == said.OfferArrived(origin="kazenor", email="new@northwind.example")
    town.northwind.hear(from_accounts.RecipientFound(origin="kazenor", user_id="u"), subject=id)
    assert town.northwind.get(id)["status"] == "open"
    assert isinstance(town.northwind.said()[-1], said.OfferReceived)


def test_only_the_word_of_accounts_makes_an_offer_undeliverable_and_nobody_there_is_told(town: Town) -> None:
    id = town.kazenor.send("northwind", "nobody@northwind.example", town.kazenor.contact("Mia"))["id"]
    town.deliver()
    before = len(town.northwind.said())
    assert town.kazenor.get(id)["status"] == "open"
    town.northwind.hear(from_accounts.RecipientUnknown(origin="kazenor"), subject=id)
    town.deliver()
    assert town.kazenor.get(id)["status"] == "undeliverable"
    assert (town.kazenor.get(id)["turn"], town.kazenor.get(id)["actions"]) == (None, ["view", "remove"])
    assert town.northwind.list(status="ended") == []
    assert len(town.northwind.said()) == before
    assert town.kazenor.send("northwind", MAIL, town.kazenor.contact("Mia"))["status"] == "open"


@pytest.mark.parametrize("change", [{"offers_from": "none"}, {"blocked": ["kazenor"]}])
def test_a_business_that_does_not_want_the_offer_leaves_the_word_to_accounts(town: Town, change: dict) -> None:  # type: ignore[type-arg]
    town.northwind.hear(from_accounts.SettingsChanged(**change), subject="northwind")
    open_offer(town)
    assert town.northwind.list() == []
    assert isinstance(town.northwind.said()[-1], said.OfferArrived)


def test_accepting_some_of_the_contacts_works_on_both_sides(town: Town) -> None:
    id, (mia, olof) = open_offer(town)
    accepted = town.northwind.accept(id, {mia: [("Production", "Viewer"), ("e2", "r3")]}, comment="Welcome")
    assert (accepted["status"], accepted["contacts_count"], accepted["turn"]) == ("accepted", 1, None)
    town.deliver()
    ours = town.kazenor.get(id)
    assert (ours["status"], ours["contacts_count"], ours["delivery"]) == ("accepted", 1, "answered")
    assert ours["owners"]["theirs"] == {"name": "Admin"}
    given = next(f for f in town.northwind.said() if isinstance(f, said.AcceptanceGiven))
    assert [(g.environment, g.role) for g in given.contacts[0].roles] == [
        ("Production", "Viewer"),
        ("Development", "Viewer"),
    ]
    assert [p.id for p in given.declined] == [olof]
    received = next(f for f in town.kazenor.said() if isinstance(f, said.AcceptanceReceived))
    assert ([p.id for p in received.contacts], [p.id for p in received.declined]) == ([mia], [olof])
    assert received.comment == "Welcome"


def test_roles_and_teams_never_leave_their_side(town: Town) -> None:
    id, (mia, _) = open_offer(town)
    town.northwind.accept(id, {mia: [("Production", "Viewer")]})
    for side in (town.kazenor, town.northwind):
        crossing = " ".join(r.body for r in side.database.outbox if r.kind == "peer")
        assert "Production" not in crossing and "Viewer" not in crossing and "managers" not in crossing


def test_accepting_names_each_wrong_field(town: Town) -> None:
    id, (mia, olof) = open_offer(town)
    stranger = town.kazenor.contact("Stranger")
    with pytest.raises(ValidationError) as refused:
        town.northwind.accept(
            id, {stranger: [("Production", "Viewer")], mia: [("Moon", "Viewer")], olof: [("Production", "Pilot")]}
        )
    assert fields(refused) == ["contacts.0.contact_id", "contacts.1.roles.0.environment", "contacts.2.roles.0.role"]
    assert town.northwind.get(id)["status"] == "open"


def test_declining_tells_the_sender_the_reason(town: Town) -> None:
    id, _ = open_offer(town)
    assert town.northwind.decline(id, "No budget")["status"] == "declined"
    town.deliver()
    assert (town.kazenor.get(id)["status"], town.kazenor.get(id)["decline_reason"]) == ("declined", "No budget")
    assert town.kazenor.said()[-1].reason == "No budget"
    assert town.kazenor.send("northwind", MAIL, town.kazenor.contact("Mia"))["status"] == "open"


@pytest.mark.parametrize("block", [True, False])
def test_only_our_own_side_learns_that_a_decline_is_a_block(town: Town, block: bool) -> None:
    id, _ = open_offer(town)
    assert "block" not in town.northwind.decline(id, block=block)
    assert town.northwind.said()[-1].block is block
    town.deliver()
    assert not hasattr(town.kazenor.said()[-1], "block") and "block" not in town.kazenor.get(id)


def test_only_an_open_offer_is_answered_and_only_by_its_addressee(town: Town) -> None:
    id, (mia, _) = open_offer(town)
    with pytest.raises(WrongState):
        town.kazenor.accept(id, {mia: [("Production", "Viewer")]})
    town.northwind.decline(id)
    with pytest.raises(WrongState):
        town.northwind.accept(id, {mia: [("Production", "Viewer")]})
    with pytest.raises(WrongState):
        town.northwind.decline(id)


def test_one_live_partnership_an_ordered_pair_and_the_reverse_is_another(town: Town) -> None:
    id, (mia, _) = open_offer(town)
    with pytest.raises(PartnershipExists):
        town.kazenor.send("northwind", MAIL, mia)
    town.northwind.accept(id, {mia: [("Production", "Viewer")]})
    town.deliver()
    with pytest.raises(PartnershipExists):
        town.kazenor.send("northwind", MAIL, mia)
    back = town.northwind.send("kazenor", "admin@kazenor.example", town.northwind.contact("Noa"))["id"]
    town.deliver()
    assert town.kazenor.get(back)["role"] == "customer"


def test_as_many_managers_as_a_list_holds_are_asked_about_and_whoever_acts(town: Town) -> None:
    chosen = [new_id() for _ in range(250)]
    call = Call("send_offer", "kazenor", town.kazenor.admin.id, {}, {"manager_ids": [*chosen, "nonsense", 7]})
    assert finding.named(call, "manager_ids", call.actor) == [call.actor, *chosen[:200]]
    assert finding.named(call, "contact_ids") == []


def test_an_offer_to_oneself_with_strangers_names_each_field_and_keeps_nothing(town: Town) -> None:
    gone = town.kazenor.user("member", "gone@kazenor.example", active=False)
    with pytest.raises(ValidationError) as refused:
        town.kazenor.send("kazenor", MAIL, new_id(), managers=(gone.id, new_id()))
    assert fields(refused) == ["customer_tenant", "contact_ids.0", "manager_ids.0", "manager_ids.1"]
    assert town.kazenor.list() == []


def test_the_same_message_from_a_third_business_changes_nothing(town: Town) -> None:
    id, _ = open_offer(town)
    body = said.OfferAccepted(
        company="Mallory", accepted_by=said.Person(id="x", name="X"), accepted_at=town.now, contact_ids=[], comment=""
    )
    heard = Heard("kazenor", "mallory", id, 1, town.now, body)
    with pytest.raises(Stranger):
        town.kazenor.session.run(
            lambda work, call, now: answering.receive_acceptance(work, heard, now),
            town.kazenor.call(town.kazenor.admin),
        )
    assert town.kazenor.get(id)["status"] == "open"


def test_a_member_sees_only_what_they_manage(town: Town) -> None:
    member = town.kazenor.user("member", "mo@kazenor.example")
    id, _ = open_offer(town)
    assert town.kazenor.list(member) == []
    with pytest.raises(NotFound):
        town.kazenor.get(id, member)
    town.northwind.decline(id)
    town.deliver()
    mine = town.kazenor.send("northwind", MAIL, town.kazenor.contact("Mia"), managers=(member.id,))["id"]
    assert [p["id"] for p in town.kazenor.list(member)] == [mine]
    assert town.kazenor.get(mine, member)["actions"] == ["view"]


def test_a_member_sees_the_offer_that_was_sent_to_them_and_may_not_answer_it(town: Town) -> None:
    mo = town.northwind.user("member", "mo@northwind.example")
    id = town.kazenor.send("northwind", mo.email, town.kazenor.contact("Mia"))["id"]
    town.deliver()
    assert [p["id"] for p in town.northwind.list(mo)] == [id]
    assert town.northwind.get(id, mo)["actions"] == ["view"]


def test_a_person_whose_login_is_off_sees_nothing(town: Town) -> None:
    gone = town.kazenor.user("admin", "gone@kazenor.example", active=False)
    with pytest.raises(Forbidden):
        town.kazenor.session.read(lambda work, call, now: finding.person_of(work, call), town.kazenor.call(gone))


def test_a_final_tile_is_removed_and_still_found_under_its_status(town: Town) -> None:
    id, _ = open_offer(town)
    call = town.kazenor.call(town.kazenor.admin, partnership_id=id)
    with pytest.raises(WrongState):
        town.kazenor.session.run(looking.remove_partnership, call)
    town.northwind.decline(id)
    town.deliver()
    assert len(town.kazenor.list()) == 1
    with pytest.raises(ChangedMeanwhile):
        town.kazenor.session.run(looking.remove_partnership, replace(call, if_match="1"))
    town.kazenor.session.run(looking.remove_partnership, call)
    assert town.kazenor.list() == []
    assert [p["id"] for p in town.kazenor.list(status="ended")] == [id]
    assert [p["id"] for p in town.northwind.list()] == [id]


def test_the_home_list_is_filtered_searched_sorted_and_counted(town: Town) -> None:
    id, _ = open_offer(town)
    back = town.northwind.send("kazenor", "admin@kazenor.example", town.northwind.contact("Noa"))["id"]
    town.deliver()
    k = town.kazenor
    assert [p["id"] for p in k.list()] == [back, id]
    assert [p["id"] for p in k.list(sort="-sent_at")] == [back, id]
    assert [p["id"] for p in k.list(role="partner")] == [id]
    assert [p["id"] for p in k.list(turn="ours")] == [back]
    assert len(k.list(q="NORTH")) == 2 and k.list(q="south") == []
    assert k.list(status=["declined"]) == [] and len(k.list(status="open")) == 2
    counts = k.session.read(looking.count_partnerships, k.call(k.admin), person=k.admin)
    assert counts == {
        "total": 2,
        "ended": 0,
        "by_status": {"open": 2},
        "by_role": {"partner": 1, "customer": 1},
        "by_turn": {"ours": 1, "theirs": 1},
    }
    page = k.session.read(looking.list_partnerships, k.call(k.admin), Chosen(limit=1), person=k.admin)
    rest = k.session.read(
        looking.list_partnerships, k.call(k.admin), Chosen(limit=1, cursor=page["next"]), person=k.admin
    )
    assert [page["items"][0]["id"], rest["items"][0]["id"], rest["next"]] == [back, id, None]


def test_delivery_goes_from_queued_over_delivered_and_seen_to_answered(town: Town) -> None:
    id, (mia, _) = open_offer(town)
    k = town.kazenor

    def news(applied: int, seen: int) -> str:
        k.session.run(
            lambda work, call, now: looking.receipt(work, Confirmed("kazenor", "northwind", id, applied, seen), now),
            k.call(k.admin),
        )
        return str(k.get(id)["delivery"])

    assert k.get(id)["delivery"] == "queued"
    assert news(1, 0) == "delivered"
    assert news(1, 1) == "seen"
    assert news(1, 0) == "seen"
    assert town.northwind.get(id)["delivery"] == "delivered"
    town.northwind.accept(id, {mia: [("Production", "Viewer")]})
    town.deliver()
    assert k.get(id)["delivery"] == "answered"
    assert town.northwind.get(id)["delivery"] == "queued"


def test_a_person_who_looks_moves_the_receipt(town: Town) -> None:
    id, _ = open_offer(town)
    n = town.northwind
    n.session.run(looking.mark_seen, n.call(n.admin, partnership_id=id))
    stream = next(s for s in n.database.streams.values() if s.peer == "kazenor")
    assert (stream.seen, stream.receipt_due) == (1, True)


def test_a_late_bounce_does_not_undo_what_the_addressee_decided(town: Town) -> None:
    id, (mia, _) = open_offer(town)
    town.northwind.accept(id, {mia: [("Production", "Viewer")]})
    town.deliver()
    town.kazenor.session.run(
        lambda work, call, now: sending.receive_bounce(
            work, Heard("kazenor", "northwind", id, 2, now, said.OfferBounced()), now
        ),
        town.kazenor.call(town.kazenor.admin),
    )
    assert town.kazenor.get(id)["status"] == "accepted"


def test_standing_says_what_neighbours_need_and_refuses_for_them(town: Town) -> None:
    id, _ = open_offer(town)
    k = town.kazenor
    member = k.user("member", "mo@kazenor.example")

    def standing(person: object, change: bool = False) -> dict:  # type: ignore[type-arg]
        return k.session.read(looking.get_standing, k.call(k.admin, partnership_id=id), change, person=person)  # type: ignore[no-any-return]

    assert standing(k.admin)["version"] == 1
    assert standing(k.admin, True)["role"] == "partner"
    with pytest.raises(NotFound):
        standing(member)
    town.northwind.decline(id)
    town.deliver()
    assert standing(k.admin)["version"] == 2
    with pytest.raises(WrongState):
        standing(k.admin, True)
