"""Who is told of what, on the in-memory twin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notifications import handlers
from services.notifications.domain import wording
from services.notifications.domain.people import Mail
from services.notifications.mail import compose
from services.notifications.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.calls import Call
from shared.contracts.accounts import Role, UserChanged
from shared.contracts.managers import TeamChanged
from shared.contracts.notifications import CatchUp
from shared.contracts.offers import Manager
from shared.errors import NotFound, ValidationError
from shared.ids import new_id
from tests.support import story
from tests.support.hearing import START, Ear

US = "northwind"


class Northwind(Ear):
    """The notifications service of one tenant."""

    def __init__(self, database: MemoryDatabase) -> None:
        super().__init__(database, "notifications", TABLES)
        self.database = database

    def user(
        self, id: str, role: Role = "admin", *, active: bool = True, tenant: str = US, since: datetime | None = None
    ) -> None:
        """Accounts tells of a user; its timer, if there is one, comes back at once."""
        before = len(self.database.outbox)
        changed = UserChanged(id=id, name=id.title(), email=f"{id}@{tenant}.example", role=role, active=active)
        self.hear(handlers.user_changed, changed, tenant=tenant, subject=id, time=since or START)
        for timer in self.database.outbox[before:]:
            assert (timer.kind, timer.type, timer.subject) == ("timer", "user.catch_up", id)
            self.hear(handlers.catch_up, CatchUp(since=since or START), tenant=tenant, subject=id)

    def team(self, *ids: str, version: int = 1) -> None:
        members = [Manager(id=id, name=id.title()) for id in ids]
        changed = TeamChanged(version=version, members=members, owner=story.ADA)
        self.hear(handlers.team_changed, changed, tenant=US, subject=story.PARTNERSHIP)

    def list(self, actor: str, tenant: str = US, **query: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.do(
            handlers.list_notifications, handlers.ListNotifications(**query), tenant=tenant, actor=actor
        )
        return answer

    def types(self, actor: str, tenant: str = US) -> list[str]:
        return [item["type"] for item in self.list(actor, tenant)["items"]]

    def mails(self) -> list[Mail]:
        table = self.session.tables.of(Mail)
        return [table.load(kept.document) for kept in self.database.records.get("mails", {}).values()]

    def mails_of(self, id: str) -> tuple[Mail, ...]:
        return tuple(mail for mail in self.mails() if mail.user_id == id)


@pytest.fixture
def northwind() -> Northwind:
    return Northwind(MemoryDatabase())


def offered(northwind: Northwind, recipient: str = "nils", partnership: str = story.PARTNERSHIP) -> None:
    fact = story.RECEIVED.model_copy(update={"recipient_id": recipient})
    northwind.hear(handlers.offer_received, fact, tenant=US, subject=partnership)


def test_an_offer_is_told_to_all_who_may_answer_it_and_to_its_recipient(northwind: Northwind) -> None:
    northwind.user("ann", "admin")
    northwind.user("pat", "partnerships")
    northwind.user("nils", "member")
    northwind.user("mel", "member")
    offered(northwind)
    assert [northwind.types(who) for who in ("ann", "pat", "nils", "mel")] == [["offer.received"]] * 3 + [[]]


def test_nobody_is_told_twice(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    offered(northwind, recipient="nils")
    assert northwind.types("nils") == ["offer.received"]
    assert len(northwind.mails()) == 1


def test_somebody_without_an_active_login_is_not_told(northwind: Northwind) -> None:
    northwind.user("ann", "admin")
    northwind.user("ann", "admin", active=False)
    northwind.user("nils", "member", active=False)
    offered(northwind)
    assert northwind.types("ann") == northwind.types("nils") == []
    assert northwind.mails() == []


def test_who_becomes_a_member_is_told_no_more_of_everything(northwind: Northwind) -> None:
    northwind.user("ann", "admin")
    northwind.user("ann", "member")
    offered(northwind)
    assert northwind.types("ann") == []


def test_another_business_is_not_told(northwind: Northwind) -> None:
    northwind.user("ann", "admin", tenant="globex")
    offered(northwind)
    assert northwind.types("ann", tenant="globex") == northwind.types("ann") == []


@pytest.mark.parametrize(
    ("handler", "fact", "type_"),
    [
        (handlers.tell, story.ACCEPTANCE_RECEIVED, "acceptance.received"),
        (handlers.tell, story.DECLINE_RECEIVED, "decline.received"),
        (handlers.tell, story.UNDELIVERABLE, "offer.undeliverable"),
    ],
)
def test_an_answer_is_told_to_the_managers(northwind: Northwind, handler: Any, fact: Any, type_: str) -> None:
    northwind.user(story.ADA.id, "member")
    northwind.user("ann", "admin")
    northwind.hear(handlers.offer_submitted, story.SUBMITTED, tenant=US, subject=story.PARTNERSHIP)
    northwind.hear(handler, fact, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.ADA.id) == [type_]
    assert northwind.types("ann") == []


def test_managers_own_word_on_the_team_counts_whenever_it_comes(northwind: Northwind) -> None:
    northwind.user("mel", "member")
    northwind.user(story.ADA.id, "member")
    northwind.team("mel", version=2)
    northwind.hear(handlers.offer_submitted, story.SUBMITTED, tenant=US, subject=story.PARTNERSHIP)
    northwind.team(story.ADA.id, version=1)
    northwind.hear(handlers.tell, story.DECLINE_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("mel") == ["decline.received"]
    assert northwind.types(story.ADA.id) == []


def test_who_accepted_hears_of_the_partnership_from_then_on(northwind: Northwind) -> None:
    northwind.user(story.NILS.id, "member")
    northwind.hear(handlers.acceptance_given, story.ACCEPTANCE_GIVEN, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.NILS.id) == []
    northwind.hear(handlers.tell, story.DECLINE_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.NILS.id) == ["decline.received"]


def named(northwind: Northwind, **more: Any) -> None:
    """The offer of story, accepted by Nils; he and Bo manage."""
    managers = [story.NILS_MANAGES, story.BO]
    northwind.hear(handlers.offer_received, story.RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    fact = story.ACCEPTANCE_GIVEN.model_copy(update={"managers": managers, **more})
    northwind.hear(handlers.acceptance_given, fact, tenant=US, subject=story.PARTNERSHIP)


def staffed(northwind: Northwind) -> None:
    northwind.user(story.NILS.id, "admin")
    northwind.user(story.BO.id, "member")
    northwind.user("ann", "admin")
    northwind.user("pat", "partnerships")


def newest(northwind: Northwind, actor: str) -> tuple[str, str]:
    item = northwind.list(actor)["items"][0]
    return item["type"], item["title"]


def test_those_chosen_for_an_offer_are_told_at_once_and_its_sender_is_not(northwind: Northwind) -> None:
    northwind.user(story.ADA.id, "admin")
    northwind.user(story.BO.id, "member")
    northwind.user("ann", "admin")
    fact = story.SUBMITTED.model_copy(update={"managers": [story.TO_MANAGE, story.BO]})
    northwind.hear(handlers.offer_submitted, fact, tenant=US, subject=story.PARTNERSHIP)
    assert newest(northwind, story.BO.id) == ("offer.submitted", "You look after the offer to northwind")
    assert northwind.types(story.ADA.id) == northwind.types("ann") == []
    assert [mail.user_id for mail in northwind.mails()] == [story.BO.id]


def test_those_who_are_to_look_after_an_accepted_partnership_are_told(northwind: Northwind) -> None:
    staffed(northwind)
    named(northwind)
    assert newest(northwind, story.BO.id) == (
        "acceptance.given",
        "You look after the partnership with Kazenor Consulting now",
    )
    assert northwind.types(story.NILS.id) == northwind.types("ann") == ["offer.received"]


def test_a_declined_offer_is_told_to_the_others_who_could_have_answered(northwind: Northwind) -> None:
    staffed(northwind)
    northwind.hear(handlers.offer_received, story.RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    northwind.hear(handlers.tell, story.DECLINE_GIVEN, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("ann") == northwind.types("pat") == ["decline.given", "offer.received"]
    assert northwind.types(story.NILS.id) == ["offer.received"]


@pytest.mark.parametrize("fact", [story.WITHDRAWAL_RECEIVED, story.EXPIRY_RECEIVED, story.REMINDER_RECEIVED])
def test_what_becomes_of_an_offer_reaches_the_person_it_names(northwind: Northwind, fact: Any) -> None:
    northwind.user("rob", "member")
    northwind.user("ann", "admin")
    offered(northwind, recipient="rob")
    northwind.hear(handlers.tell, fact, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("rob") == northwind.types("ann") == [fact.type, "offer.received"]
    northwind.hear(handlers.tell, fact.model_copy(update={"counts": False}), tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("rob") == [fact.type, "offer.received"]


def test_the_person_an_offer_named_hears_no_more_when_the_partnership_has_another_team(northwind: Northwind) -> None:
    northwind.user("rob", "member")
    offered(northwind, recipient="rob")
    northwind.hear(handlers.acceptance_given, story.ACCEPTANCE_GIVEN, tenant=US, subject=story.PARTNERSHIP)
    northwind.hear(handlers.tell, story.END_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("rob") == ["offer.received"]


@pytest.mark.parametrize(
    "fact",
    [
        story.END_GIVEN,
        story.END_RECEIVED,
        story.OWNER_RECEIVED,
        story.PROPOSAL_GIVEN,
        story.PROPOSAL_RECEIVED,
        story.ANSWER_GIVEN,
        story.ANSWER_RECEIVED,
        story.RETRACTION_GIVEN,
        story.RETRACTION_RECEIVED,
    ],
    ids=lambda fact: fact.type,
)
def test_what_either_side_does_is_told_to_our_team_but_for_who_did_it(northwind: Northwind, fact: Any) -> None:
    staffed(northwind)
    named(northwind)
    if hasattr(fact, "by"):
        # On the other side somebody may carry any id: only what we did makes one of us the one who did it.
        fact = fact.model_copy(update={"by": story.NILS})
    northwind.hear(handlers.tell, fact, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.BO.id)[0] == fact.type
    assert (northwind.types(story.NILS.id)[0] == fact.type) is not fact.type.endswith(".given")
    assert northwind.types("ann") == ["offer.received"]


@pytest.mark.parametrize("fact", [story.ANSWER_GIVEN, story.ANSWER_RECEIVED], ids=lambda fact: fact.type)
def test_what_was_decided_by_itself_is_told_to_the_whole_team(northwind: Northwind, fact: Any) -> None:
    staffed(northwind)
    named(northwind)
    northwind.hear(handlers.tell, fact.model_copy(update=story.BY_ITSELF), tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.NILS.id)[0] == northwind.types(story.BO.id)[0] == fact.type


def test_one_fact_is_one_notification_and_one_mail_for_each_person(northwind: Northwind) -> None:
    staffed(northwind)
    named(northwind)
    before = len(northwind.mails())
    northwind.hear(handlers.tell, story.PROPOSAL_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.NILS.id).count("proposal.received") == 1
    assert sorted(mail.user_id for mail in northwind.mails() if mail.type == "proposal.received") == sorted(
        [story.NILS.id, story.BO.id]
    )
    assert len(northwind.mails()) == before + 2


def test_whoever_is_added_to_a_team_is_told_with_the_name_of_the_other_side(northwind: Northwind) -> None:
    staffed(northwind)
    named(northwind, managers=[story.NILS_MANAGES])
    joined = story.team("added", story.NILS_MANAGES, story.BO, added=[story.BO])
    northwind.hear(handlers.team_changed, joined, tenant=US, subject=story.PARTNERSHIP)
    assert newest(northwind, story.BO.id) == (
        "team.changed",
        "You look after the partnership with Kazenor Consulting now",
    )
    assert northwind.list(story.BO.id)["items"][0]["href"] == f"/partnerships/{story.PARTNERSHIP}"
    assert northwind.types(story.NILS.id) == ["offer.received"]
    (mail,) = northwind.mails_of(story.BO.id)
    said = wording.words(mail.type, mail.data, mail.user_id)
    assert said.title == "You look after the partnership with Kazenor Consulting now"


def test_a_new_account_owner_is_told(northwind: Northwind) -> None:
    staffed(northwind)
    named(northwind)
    handed = story.team("owner", story.BO, story.NILS_MANAGES, previous_owner=story.NILS)
    northwind.hear(handlers.team_changed, handed, tenant=US, subject=story.PARTNERSHIP)
    assert newest(northwind, story.BO.id) == (
        "team.changed",
        "You are the account owner of the partnership with Kazenor Consulting now",
    )
    assert northwind.types(story.NILS.id) == ["offer.received"]


def test_whoever_is_removed_from_a_team_hears_no_more(northwind: Northwind) -> None:
    staffed(northwind)
    named(northwind)
    before = northwind.types(story.BO.id)
    left = story.team("removed", story.NILS_MANAGES, removed=[story.BO])
    northwind.hear(handlers.team_changed, left, tenant=US, subject=story.PARTNERSHIP)
    for fact in (story.PROPOSAL_RECEIVED, story.END_RECEIVED):
        northwind.hear(handlers.tell, fact, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.BO.id) == before
    assert northwind.types(story.NILS.id)[:2] == ["end.received", "proposal.received"]


def test_the_admins_are_told_when_nobody_looks_after_a_partnership_any_more_and_then_hear_of_it(
    northwind: Northwind,
) -> None:
    staffed(northwind)
    named(northwind, managers=[story.NILS_MANAGES])
    northwind.user(story.NILS.id, "admin", active=False)
    alone = story.team("deactivated", by=None, removed=[story.NILS_MANAGES], previous_owner=story.NILS)
    northwind.hear(handlers.team_changed, alone, tenant=US, subject=story.PARTNERSHIP)
    assert newest(northwind, "ann") == (
        "team.changed",
        "Nobody looks after the partnership with Kazenor Consulting any more",
    )
    assert northwind.types("pat") == ["offer.received"]
    northwind.hear(handlers.tell, story.PROPOSAL_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("ann")[0] == northwind.types("pat")[0] == "proposal.received"
    assert northwind.types(story.NILS.id) == ["offer.received"]


def test_a_late_user_catches_up_on_what_the_team_was_told(northwind: Northwind) -> None:
    named(northwind)
    northwind.hear(handlers.tell, story.PROPOSAL_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    joined = story.team("added", story.NILS_MANAGES, story.BO, story.TO_MANAGE, added=[story.TO_MANAGE])
    northwind.hear(handlers.team_changed, joined, tenant=US, subject=story.PARTNERSHIP)
    for who in (story.BO.id, story.TO_MANAGE.id, "ann"):
        northwind.user(who, "member", since=START - timedelta(minutes=1))
    assert northwind.types(story.BO.id) == ["proposal.received", "acceptance.given"]
    assert "team.changed" in northwind.types(story.TO_MANAGE.id)
    assert northwind.types("ann") == []


def test_a_user_whom_accounts_tells_of_late_catches_up(northwind: Northwind) -> None:
    offered(northwind)
    northwind.user("nils", "admin", since=START - timedelta(minutes=1))
    assert northwind.types("nils") == ["offer.received"]
    assert len(northwind.mails()) == 1


def test_a_user_who_was_not_there_yet_does_not_hear_old_news(northwind: Northwind) -> None:
    offered(northwind)
    northwind.user("new", "admin", since=northwind.now + timedelta(minutes=1))
    assert northwind.types("new") == []


def test_catching_up_reads_more_than_a_page_of_news(northwind: Northwind) -> None:
    for i in range(205):
        offered(northwind, partnership=f"p{i}")
    northwind.user("ann", "admin", since=START - timedelta(minutes=1))
    assert northwind.list("ann")["unread_count"] == 205


def test_a_change_of_a_known_user_does_not_tell_again(northwind: Northwind) -> None:
    northwind.user("ann", "admin")
    offered(northwind)
    northwind.user("ann", "partnerships")
    assert northwind.types("ann") == ["offer.received"]


def test_a_notification_has_the_shape_of_the_public_contract(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    offered(northwind)
    (item,) = northwind.list("nils")["items"]
    assert set(item) == {"id", "type", "at", "title", "text", "partnership_id", "href", "read"}
    assert item["title"] == "Kazenor Consulting offers to work with you"
    assert item["text"] == "Ada Lindqvist of Kazenor Consulting offers 2 contacts: Mia Berg and Olof Palm. “Shall we?”"
    assert item["href"] == f"/partnerships/{story.PARTNERSHIP}"
    assert item["read"] is False


def test_a_proposal_leads_those_who_may_answer_to_its_review_and_others_to_the_partnership(
    northwind: Northwind,
) -> None:
    northwind.user("ann", "admin")
    northwind.user("pat", "partnerships")
    northwind.user("mel", "member")
    northwind.team("ann", "pat", "mel")
    northwind.hear(handlers.tell, story.PROPOSAL_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    page = f"/partnerships/{story.PARTNERSHIP}"
    review = f"{page}/modifications/{story.CHANGE}/answer"
    leads = {who: northwind.list(who)["items"][0]["href"] for who in ("ann", "pat", "mel")}
    assert leads == {"ann": review, "pat": review, "mel": page}
    links = {
        mail.user_id: compose(mail, sender="accord@a.example", url="http://a.example") for mail in northwind.mails()
    }
    for who, path in leads.items():
        text = links[who].get_body(("plain",))
        assert text is not None
        assert f"http://{US}.a.example{path}" in text.get_content().split()


def test_who_may_no_longer_answer_is_led_to_the_partnership(northwind: Northwind) -> None:
    northwind.user("ann", "admin")
    northwind.team("ann")
    northwind.hear(handlers.tell, story.PROPOSAL_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    northwind.user("ann", "member")
    assert northwind.list("ann")["items"][0]["href"] == f"/partnerships/{story.PARTNERSHIP}"


def test_read_ones_leave_the_unread(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    for i in range(3):
        offered(northwind, partnership=f"p{i}")
    newest = northwind.list("nils")["items"][0]
    answer = northwind.do(handlers.mark_read, handlers.MarkRead(ids=[newest["id"]]), tenant=US, actor="nils")
    assert answer == {"unread_count": 2}
    assert newest["id"] not in [n["id"] for n in northwind.list("nils", unread=True)["items"]]
    assert [n["read"] for n in northwind.list("nils")["items"]] == [True, False, False]
    assert northwind.list("nils", unread=False)["unread_count"] == 2
    again = northwind.do(handlers.mark_read, handlers.MarkRead(ids=[newest["id"]]), tenant=US, actor="nils")
    assert again == {"unread_count": 2}


def test_all_are_read_at_once_and_only_mine(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    northwind.user("ann", "admin")
    for i in range(205):
        offered(northwind, partnership=f"p{i}")
    assert northwind.do(handlers.mark_read, handlers.MarkRead(all=True), tenant=US, actor="nils") == {"unread_count": 0}
    assert northwind.list("nils")["unread_count"] == 0
    assert northwind.list("ann")["unread_count"] == 205


def test_what_tells_of_a_partnership_is_read_by_whoever_looks_at_it(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    northwind.user("ann", "admin")
    looked_at, other = new_id(), new_id()
    for one in (looked_at, other, looked_at):
        offered(northwind, partnership=one)
    about = handlers.MarkRead(partnership_id=looked_at)
    left = northwind.list("nils", unread=True)["unread_count"] - sum(
        n["partnership_id"] == looked_at for n in northwind.list("nils")["items"]
    )
    for _ in range(2):
        assert northwind.do(handlers.mark_read, about, tenant=US, actor="nils") == {"unread_count": left}
    assert {n["partnership_id"] for n in northwind.list("nils", unread=True)["items"]} == {other}
    assert {n["partnership_id"] for n in northwind.list("ann", unread=True)["items"]} == {looked_at, other}


def test_nobody_reads_anothers_notifications(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    offered(northwind)
    (mine,) = northwind.list("nils")["items"]
    for tenant, actor in ((US, "ann"), ("globex", "nils")):
        assert northwind.list(actor, tenant) == {"items": [], "next": None, "unread_count": 0}
        with pytest.raises(NotFound):
            northwind.do(handlers.mark_read, handlers.MarkRead(ids=[mine["id"]]), tenant=tenant, actor=actor)


@pytest.mark.parametrize(
    "body", [{}, {"ids": [story.ADA.id], "all": True}, {"all": True, "partnership_id": story.ADA.id}]
)
def test_marking_needs_either_ids_or_all(northwind: Northwind, body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        northwind.do(handlers.mark_read, handlers.MarkRead(**body), tenant=US, actor="nils")
    assert refused.value.info["errors"][0]["field"] == "ids"


@pytest.mark.parametrize("body", [{"all": False}, {"ids": ["x"]}, {"ids": [story.ADA.id] * 2}, {"who": 1}])
def test_a_bad_body_is_refused_with_its_field(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Call("mark_read", US, "nils", body=body).read(handlers.MarkRead)


def test_who_wants_no_mails_is_told_in_the_app_only(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    assert northwind.do(handlers.get_preferences, tenant=US, actor="nils") == {"app": True, "mail": True}
    chosen = Call("set_preferences", US, "nils", body={"app": True, "mail": False}).read(handlers.SetPreferences)
    assert northwind.do(handlers.set_preferences, chosen, tenant=US, actor="nils") == {"app": True, "mail": False}
    assert northwind.do(handlers.get_preferences, tenant=US, actor="nils") == {"app": True, "mail": False}
    offered(northwind)
    assert northwind.types("nils") == ["offer.received"]
    assert northwind.mails() == []


def test_each_notification_has_one_mail_to_its_person(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    northwind.user("ann", "admin")
    offered(northwind)
    assert {(mail.name, mail.email) for mail in northwind.mails()} == {
        ("Nils", "nils@northwind.example"),
        ("Ann", "ann@northwind.example"),
    }
    assert {mail.id for mail in northwind.mails()} == {
        n["id"] for who in ("nils", "ann") for n in northwind.list(who)["items"]
    }
