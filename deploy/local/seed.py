"""Two demo businesses with people and one accepted partnership, made through the API like everything else. May be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.local.client import Api, Refused, until
from deploy.local.paths import Trouble

PASSWORD = "accord-demo"


@dataclass(frozen=True)
class Person:
    """The first admin of a demo business, and whom it knows: (name, e-mail, phone, title)."""

    tenant: str
    company: str
    name: str
    email: str
    contacts: tuple[tuple[str, str, str, str], ...]


ADA = Person(
    "kazenor",
    "Kazenor Consulting",
    "Ada Lindqvist",
    "ada@kazenor.example",
    (
        ("Marta Oduya", "marta@kazenor.example", "+46 8 555 0101", "Cloud architect"),
        ("Jonas Weber", "jonas@kazenor.example", "+46 8 555 0102", "Database engineer"),
        ("Priya Raman", "priya@kazenor.example", "+46 8 555 0103", "Security analyst"),
        ("Tomás Ferreira", "tomas@kazenor.example", "+46 8 555 0104", "Service manager"),
        ("Elin Sandberg", "elin@kazenor.example", "+46 8 555 0105", "Consultant"),
    ),
)
NILS = Person(
    "northwind",
    "Northwind Traders",
    "Nils Berg",
    "nils@northwind.example",
    (
        ("Sofia Lund", "sofia@northwind.example", "+47 22 55 0201", "Head of operations"),
        ("Henrik Dahl", "henrik@northwind.example", "+47 22 55 0202", "Logistics planner"),
        ("Aisha Karim", "aisha@northwind.example", "+47 22 55 0203", "Buyer"),
        ("Ole Nygaard", "ole@northwind.example", "+47 22 55 0204", "Warehouse lead"),
    ),
)
MESSAGE = "We would like to look after your platform: two of our people, from day one."


def seed(base: str) -> Iterator[str]:
    """Make what is missing; yields a sentence about each thing made. Raises Trouble when the API refuses something."""
    try:
        people = {}
        for person in (ADA, NILS):
            api, new = _business(Api(base), person)
            if api is None:
                yield f"{person.company} is left as it is: its demo password has been changed."
                continue
            people[person] = api
            if new:
                yield f"{person.company} is registered, with {person.name} as its admin."
            made = _contacts(api, person)
            if made:
                yield f"{person.company} has {made} contacts in its directory."
        if len(people) == 2 and (told := _partnership(people[ADA], people[NILS])):
            yield told
    except Refused as refused:
        raise Trouble(f"The demo businesses could not be made: {refused}") from refused


def _business(api: Api, person: Person) -> tuple[Api | None, bool]:
    """The API as that person, or None when the password is another one by now; and whether the business is new."""
    try:
        return api.login(person.tenant, person.email, PASSWORD), False
    except Refused as refused:
        if refused.status != 401:
            raise
    business = {"tenant": person.tenant, "company": person.company, "name": person.name, "email": person.email}
    try:
        api.post("/tenants", {**business, "password": PASSWORD})
    except Refused as refused:
        if refused.code != "tenant_taken":
            raise
        return None, False
    return api.login(person.tenant, person.email, PASSWORD), True


def _contacts(api: Api, person: Person) -> int:
    """Add who is missing, unless somebody has been at work in this directory; how many were added."""
    known = {contact["email"] for contact in api.get("/contacts", limit=200)["items"]}
    if len(known) > 1 + len(person.contacts):
        return 0
    missing = [contact for contact in person.contacts if contact[1] not in known]
    for name, email, phone, title in missing:
        api.post("/contacts", {"name": name, "email": email, "phone": phone, "title": title})
    return len(missing)


def _partnership(ada: Api, nils: Api) -> str | None:
    """Offer and accept, unless the two have dealt with each other already."""
    known = [
        *ada.get("/partnerships", role="partner")["items"],
        *ada.get("/partnerships", role="partner", status="ended")["items"],
    ]
    ours = [found for found in known if found["counterpart"]["tenant"] == NILS.tenant]
    if any(found["status"] != "open" or found["message"] != MESSAGE for found in ours):
        return None
    if ours:
        id = ours[0]["id"]
    else:
        by_email = {contact["email"]: contact["id"] for contact in ada.get("/contacts", limit=200)["items"]}
        chosen = [by_email[contact[1]] for contact in ADA.contacts[:2] if contact[1] in by_email]
        offer = {
            "customer_tenant": NILS.tenant,
            "customer_email": NILS.email,
            "message": MESSAGE,
            "contact_ids": chosen,
        }
        id = ada.post("/partnerships", {**offer, "manager_ids": []})["id"]

    def arrived() -> list[dict[str, object]] | None:
        try:
            people = nils.get(f"/partnerships/{id}/contacts")["items"]
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
        return people or None

    offered = until(arrived)
    if offered is None:
        raise Trouble("The demo offer did not arrive at Northwind within 20 seconds; .run/log/offers.log may say why.")
    roles = [{"environment": "Production", "role": "Operator"}, {"environment": "Development", "role": "Administrator"}]
    nils.post(
        f"/partnerships/{id}/acceptance",
        {
            "contacts": [{"contact_id": person["contact_id"], "roles": roles} for person in offered],
            "comment": "Welcome aboard.",
        },
    )
    accepted = until(lambda: ada.get(f"/partnerships/{id}")["status"] == "accepted" or None)
    if not accepted:
        raise Trouble(
            "The demo acceptance did not arrive at Kazenor within 20 seconds; .run/log/offers.log may say why."
        )
    return "Kazenor has offered Northwind two people, and Northwind has accepted them."
