"""Who is told of what, on the in-memory twin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notifications import handlers
from services.notifications.domain.people import Mail
from services.notifications.store import TABLES
from shared.bus.memory import MemoryDatabase
from shared.calls import Call
from shared.contracts.accounts import Role, UserChanged
from shared.contracts.managers import TeamChanged
from shared.contracts.notifications import CatchUp
from shared.contracts.offers import Manager
from shared.errors import NotFound, ValidationError
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
        (handlers.acceptance_received, story.ACCEPTANCE_RECEIVED, "acceptance.received"),
        (handlers.decline_received, story.DECLINE_RECEIVED, "decline.received"),
        (handlers.offer_undeliverable, story.UNDELIVERABLE, "offer.undeliverable"),
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
    northwind.hear(handlers.decline_received, story.DECLINE_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types("mel") == ["decline.received"]
    assert northwind.types(story.ADA.id) == []


def test_who_accepted_hears_of_the_partnership_from_then_on(northwind: Northwind) -> None:
    northwind.user(story.NILS.id, "member")
    northwind.hear(handlers.acceptance_given, story.ACCEPTANCE_GIVEN, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.NILS.id) == []
    northwind.hear(handlers.decline_received, story.DECLINE_RECEIVED, tenant=US, subject=story.PARTNERSHIP)
    assert northwind.types(story.NILS.id) == ["decline.received"]


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


def test_nobody_reads_anothers_notifications(northwind: Northwind) -> None:
    northwind.user("nils", "admin")
    offered(northwind)
    (mine,) = northwind.list("nils")["items"]
    for tenant, actor in ((US, "ann"), ("globex", "nils")):
        assert northwind.list(actor, tenant) == {"items": [], "next": None, "unread_count": 0}
        with pytest.raises(NotFound):
            northwind.do(handlers.mark_read, handlers.MarkRead(ids=[mine["id"]]), tenant=tenant, actor=actor)


@pytest.mark.parametrize("body", [{}, {"ids": [story.ADA.id], "all": True}])
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
