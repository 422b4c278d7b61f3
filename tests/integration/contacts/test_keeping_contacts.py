"""What contacts keeps comes back as it was, from the in-memory twin and from PostgreSQL alike."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from services.contacts.commands import (
    CreateContact,
    ImportContacts,
    ListContacts,
    ListModifications,
    ProposeModification,
    ReleaseContacts,
    ReserveContacts,
    RolesInUse,
    UpdateContact,
)
from services.contacts.handlers import directory, importing, lending, modifying, reserving
from services.contacts.store import PARTNERSHIPS
from shared.bus.door import Person
from shared.bus.storage import Selection
from shared.bus.work import Work
from shared.calls import Call, Paged
from shared.contracts.contacts import ContactDetails, DetailsDue, DetailsShared
from shared.contracts.offers import AcceptedContact, Grant
from shared.errors import ContactInUse, NotFound, ValidationError
from shared.ids import new_id
from tests.support import story
from tests.support.hearing import Ear


class Business:
    """A tenant nobody else has used, as one of its people meets contacts."""

    def __init__(self, ear: Ear) -> None:
        self.ear = ear
        self.tenant = "t" + secrets.token_hex(6)

    def do(self, handler: Any, *args: Any, **ids: str) -> Any:
        return self.ear.do(handler, *args, tenant=self.tenant, actor=story.ADA.id, ids=ids)

    def hear(self, handler: Any, data: Any, subject: str, origin: str = "") -> None:
        self.ear.hear(handler, data, tenant=self.tenant, subject=subject, origin=origin)

    def create(self, name: str, **more: str) -> dict[str, Any]:
        body = {"name": name, "email": f"{name.split()[0].lower()}@x.example", **more}
        return dict(self.do(directory.create_contact, CreateContact(**body)))

    def listed(self, **query: Any) -> list[str]:
        """All names, through pages of two."""
        found, cursor = [], None
        while True:
            page = self.do(directory.list_contacts, ListContacts(limit=2, cursor=cursor, **query))
            found += [contact["name"] for contact in page["items"]]
            cursor = page["next"]
            if cursor is None:
                return found


class Noting:
    """A transaction that also notes the timers it is given."""

    def __init__(self, work: Work, timers: list[DetailsDue]) -> None:
        self._work, self._timers = work, timers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._work, name)

    def later(self, timer: DetailsDue, **more: Any) -> None:
        self._timers.append(timer)
        self._work.later(timer, **more)


@pytest.fixture(scope="module")
def full(urls: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """A database with enough in it for the planner to choose as it would in use: a large tenant beside small ones."""
    with psycopg.connect(urls["ACCORD_CONTACTS_DATABASE_URL"]) as connection:
        sizes = {"x": 20_000, **{f"other{n}": 500 for n in range(20)}}
        connection.execute("select set_config('app.tenants', %s, true)", [",".join(sizes)])
        for tenant, size in sizes.items():
            connection.execute(
                "insert into contacts (tenant, id, version, state, name_search, search, email)"
                " select %s, md5(n::text), 1, '{}', md5(n::text), md5(n::text), md5(n::text) from generate_series(1, %s) n",
                [tenant, size],
            )
            connection.execute(
                "insert into modifications (tenant, id, version, state, partnership_id, shown_as, created_at)"
                " select %s, md5(n::text), 1, '{}', md5((n / 40)::text), 'answered', now() - n * interval '1 s'"
                " from generate_series(1, %s) n",
                [tenant, size],
            )
            connection.execute(
                "insert into partnerships (tenant, id, version, state, living, holds)"
                " select %s, md5(n::text), 1, '{}', mod(n, 50) = 0, '' from generate_series(1, %s) n",
                [tenant, size],
            )
            connection.execute(
                "insert into reservations (tenant, id, version, state, contacts, until)"
                " select %s, md5(n::text), 1, '{}', md5(n::text), now() - n * interval '1 s' from generate_series(1, %s) n",
                [tenant, size],
            )
        connection.commit()
        with psycopg.connect(urls["ACCORD_CONTACTS_OWNER_DATABASE_URL"]) as owner:
            owner.execute("analyze contacts, modifications, partnerships, reservations")
        yield connection


@pytest.fixture
def business(contacts: Ear) -> Iterator[Business]:
    yield Business(contacts)


def test_a_contact_comes_back_as_it_was_made(business: Business) -> None:
    made = business.create("Ravi Iyer", phone="+47 1", title="Support \U0001f600 'quoted' \\ \"twice\"")
    assert business.do(directory.get_contact, contact_id=made["id"]) == made


def test_pages_follow_the_names_without_regard_to_case_and_accents(business: Business) -> None:
    for name in ("zoe", "Adam", "émile", "Ben", "adam", "Öse"):
        business.create(name)
    assert sorted(business.listed()[:2]) == ["Adam", "adam"]
    assert business.listed()[2:] == ["Ben", "émile", "Öse", "zoe"]
    assert business.listed(q="ose") == business.listed(q="ÖSÉ") == ["Öse"]


def test_search_finds_text_in_any_field_and_takes_wildcards_literally(business: Business) -> None:
    business.create("Ravi Iyer", title="100% support_er")
    business.create("Cleo Duarte")
    assert business.listed(q="YER") == business.listed(q="0% S") == business.listed(q="t_e") == ["Ravi Iyer"]
    assert business.listed(q="r%e") == business.listed(q="\\") == []


def test_a_foreign_cursor_is_refused(business: Business) -> None:
    with pytest.raises(ValidationError):
        business.do(directory.list_contacts, ListContacts(cursor="nonsense"))


def test_another_business_sees_nothing(business: Business, contacts: Ear) -> None:
    made, other = business.create("Ravi"), Business(contacts)
    assert other.listed() == []
    wanted = ReserveContacts(contact_ids=[made["id"]], needed_by=new_id())
    assert other.do(reserving.reserve_contacts, wanted) == {"items": []}
    with pytest.raises(NotFound):
        other.do(directory.delete_contact, contact_id=made["id"])


def test_who_is_reserved_stays_until_they_are_released(business: Business) -> None:
    made, offer = business.create("Ravi"), new_id()
    for _ in range(2):
        business.do(reserving.reserve_contacts, ReserveContacts(contact_ids=[made["id"]], needed_by=offer))
        with pytest.raises(ContactInUse):
            business.do(directory.delete_contact, contact_id=made["id"])
    business.do(reserving.release_contacts, ReleaseContacts(needed_by=offer))
    business.do(directory.delete_contact, contact_id=made["id"])


def test_a_deleted_contact_is_gone(business: Business) -> None:
    made = business.create("Ravi")
    business.do(directory.delete_contact, contact_id=made["id"])
    assert business.listed() == []


def test_a_thousand_contacts_are_imported_and_found_by_their_emails(business: Business) -> None:
    changed = business.create("Ravi Iyer", title="Support")
    people = [{"name": f"Person {n}", "email": f"p{n}@x.example"} for n in range(999)]
    rows = [*people, {"name": "Ravi Iyer", "email": "ravi@x.example", "title": "Lead"}]
    shown = business.do(importing.preview_import, ImportContacts(items=rows))
    done = business.do(importing.import_contacts, ImportContacts(items=rows))
    assert shown["counts"] == done["counts"] == {"new": 999, "changed": 1, "unchanged": 0, "invalid": 0, "double": 0}
    assert business.do(directory.get_contact, contact_id=changed["id"])["title"] == "Lead"
    assert business.do(importing.preview_import, ImportContacts(items=rows))["counts"]["unchanged"] == 1000


def test_a_contact_is_found_by_its_new_email_alone(business: Business) -> None:
    made = business.create("Ravi Iyer")
    business.do(directory.update_contact, UpdateContact(email="iyer@x.example"), contact_id=made["id"])
    rows = [{"name": "Ravi Iyer", "email": f"{name}@x.example"} for name in ("ravi", "iyer")]
    shown = business.do(importing.preview_import, ImportContacts(items=rows))
    assert [item["outcome"] for item in shown["items"]] == ["new", "unchanged"]


def test_of_many_with_one_email_none_is_overlooked(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "_FIND_AT_ONCE", 2)
    for name in ("Ravi A", "Ravi B", "Ravi C", "Ravi D", "Ravi E"):
        business.create(name)
    rows = [{"name": "Ravi E", "email": "ravi@x.example"}, {"name": "Cleo", "email": "cleo@x.example"}]
    shown = business.do(importing.preview_import, ImportContacts(items=rows))
    assert [item["outcome"] for item in shown["items"]] == ["unchanged", "new"]


def test_an_offered_contact_cannot_be_deleted(business: Business) -> None:
    made = business.create("Mia Berg")
    offer = story.SUBMITTED.model_copy(update={"contacts": [story.MIA.model_copy(update={"id": made["id"]})]})
    partnership = new_id()
    business.hear(lending.offer_submitted, offer, partnership)
    with pytest.raises(ContactInUse):
        business.do(directory.delete_contact, contact_id=made["id"])
    business.hear(lending.offer_declined, story.DECLINE_RECEIVED, partnership)
    business.do(directory.delete_contact, contact_id=made["id"])


def test_an_acceptance_on_the_customers_side_keeps_roles_and_details(business: Business) -> None:
    partnership, role = new_id(), new_id()
    grant = Grant(environment_id=new_id(), environment="Production", role_id=role, role="Operator")
    given = story.ACCEPTANCE_GIVEN.model_copy(
        update={"contacts": [AcceptedContact(id=story.MIA.id, name=story.MIA.name, roles=[grant])]}
    )
    details = ContactDetails(id=story.MIA.id, name="Mia Berg", email="mia@kazenor.example", phone="1")
    business.hear(lending.receive, DetailsShared(counter=1, contacts=[details]), partnership, origin="kazenor")
    business.hear(lending.offer_received, story.RECEIVED, partnership)
    business.hear(lending.acceptance_given, given, partnership)
    listed = business.do(lending.list_assignments, Paged(), partnership_id=partnership)["items"]
    assert {(one["name"], one["state"], one["email"]) for one in listed} == {
        ("Mia Berg", "accepted", "mia@kazenor.example"),
        ("Olof Palm", "declined", None),
    }
    assert [one["roles"] for one in listed if one["roles"]] == [[grant.model_dump()]]
    other = new_id()
    assert business.do(lending.roles_in_use, RolesInUse(role_ids=[other, role])) == {"role_ids": [role]}


def test_a_change_of_somebody_lent_to_many_reaches_all_of_them(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lending, "_TELL_AT_ONCE", 2)
    mia = business.create("Mia Berg")
    offer = story.SUBMITTED.model_copy(update={"contacts": [story.MIA.model_copy(update={"id": mia["id"]})]})
    accepted = story.ACCEPTANCE_RECEIVED.model_copy(
        update={"contacts": [story.ACCEPTANCE_RECEIVED.contacts[0].model_copy(update={"id": mia["id"]})]}
    )
    partnerships = [new_id() for _ in range(5)]
    for partnership in partnerships:
        business.hear(lending.offer_submitted, offer, partnership)
        business.hear(lending.acceptance_received, accepted, partnership)
    business.do(directory.update_contact, UpdateContact(phone="2"), contact_id=mia["id"])
    timers: list[DetailsDue] = [DetailsDue()]

    def run(work: Any, message: Any, now: Any) -> None:
        lending.details_due(Noting(work, timers), message, now)

    for ran in itertools.count(1):  # noqa: B007
        business.hear(run, timers.pop(), mia["id"])
        if not timers:
            break
    assert ran == 3
    with business.ear.session.database.transaction((business.tenant,)) as storage:
        rows = storage.find(Selection(PARTNERSHIPS, business.tenant), "id", None, 10)
    records = [PARTNERSHIPS.load(row) for row in rows]
    assert [(record.details_counter, record.details[0].phone) for record in records] == [(2, "2")] * 5


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("select state from contacts where tenant = 'x' order by name_search, id limit 51", "contacts_by_name"),
        (
            "select state from contacts where tenant = 'x' and position('q' in search) > 0"
            " order by name_search, id limit 51",
            "contacts_by_name",
        ),
        (
            "select state from partnerships where tenant = 'x' and living = true and position('c' in holds) > 0"
            " order by id limit 1",
            "partnerships_living",
        ),
        (
            "select state from modifications where tenant = 'x' and partnership_id = md5('7')"
            " order by created_at desc, id desc limit 51",
            "modifications_newest",
        ),
        ("select state from contacts where tenant = 'x' and id = any ('{a,b}') order by id limit 2", "contacts_pkey"),
        (
            "select state from contacts where tenant = 'x' and email = any ("
            + ("array[" + ",".join(f"md5('{n}')" for n in range(200)) + "]")
            + ") order by email, id limit 201",
            "contacts_by_email",
        ),
        (
            "select state from reservations where tenant = 'x' and until > now() and position('c' in contacts) > 0"
            " order by until, id limit 2",
            "reservations_by_end",
        ),
    ],
)
def test_every_list_has_the_index_that_serves_it(full: psycopg.Connection[Any], statement: str, index: str) -> None:
    full.execute("select set_config('app.tenants', 'x', true)")
    plan = "\n".join(row[0] for row in full.execute("explain " + statement).fetchall())
    assert index in plan and "Sort" not in plan and "Seq Scan" not in plan, plan


def test_without_a_tenant_in_the_transaction_nothing_is_seen(urls: dict[str, str]) -> None:
    with psycopg.connect(urls["ACCORD_CONTACTS_DATABASE_URL"]) as connection:
        connection.execute("select set_config('app.tenants', 'canary', true)")
        connection.execute("insert into parked (tenant, id, version, state) values ('canary', %s, 1, '{}')", [new_id()])
        connection.commit()
        for table in ("contacts", "partnerships", "parked", "modifications", "reservations"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
        connection.execute("select set_config('app.tenants', 'other', true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(
                "insert into parked (tenant, id, version, state) values ('canary', %s, 1, '{}')", [new_id()]
            )


def test_a_modification_comes_back_as_it_was_kept_and_is_listed_newest_first(business: Business) -> None:
    partnership, tenant = new_id(), business.tenant
    person = Person(story.ADA.id, story.ADA.name, "ada@x.example", "admin")
    people = [business.create(name) for name in ("Mia Berg", "Olof Palm", "Eva Holm")]
    mia = story.MIA.model_copy(update={"id": people[0]["id"]})
    business.hear(lending.offer_submitted, story.SUBMITTED.model_copy(update={"contacts": [mia]}), partnership)
    accepted = story.ACCEPTANCE_RECEIVED.model_copy(update={"contacts": [story.Person(id=mia.id, name=mia.name)]})
    business.hear(lending.acceptance_received, accepted, partnership)

    def propose(**more: Any) -> dict[str, Any]:
        body = ProposeModification(reason="A \U0001f600 'quoted' \\ \"reason\"\nin two lines", **more)
        call = Call("propose", tenant, story.ADA.id, {"partnership_id": partnership})
        business.ear.now += timedelta(seconds=1)
        return dict(business.ear.session.run(modifying.propose_modification, call, body, person=person))

    made = [
        propose(add_contact_ids=[people[1]["id"]], release_contact_ids=[mia.id]),
        propose(add_contact_ids=[people[2]["id"]]),
    ]
    ids = {"partnership_id": partnership, "modification_id": made[0]["id"]}
    assert business.do(modifying.get_modification, **ids) == made[0]
    query = ListModifications(limit=1)
    page = business.do(modifying.list_modifications, query, partnership_id=partnership)
    assert page["items"] == made[1:]
    rest = business.do(
        modifying.list_modifications,
        ListModifications(cursor=page["next"], state=["pending"]),
        partnership_id=partnership,
    )
    assert (rest["items"], rest["next"]) == (made[:1], None)
    answered = business.do(
        modifying.list_modifications, ListModifications(state=["answered"]), partnership_id=partnership
    )
    assert answered["items"] == []
