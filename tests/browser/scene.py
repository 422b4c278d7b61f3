"""A business with something of everything going on, so that each page has something to show; made through the API, as a client would."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.stack import PASSWORD, Business, Stack

# One word that no line can hold, and people with names to match.
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
PEOPLE = (
    "Marta Oduya",
    "Jonas Weber",
    "Priya Raman",
    "Tomás Ferreira",
    "Maximiliane-Josephine Hohenstein-Wolfratshausen",
)
REASON = "Spring is busy here.\nBruno moves on to another customer; Cleo knows your tools and takes over."
ROLES = [{"environment": "Production", "role": "Operator"}, {"environment": "Development", "role": "Administrator"}]


@dataclass
class Scene:
    """The business whose pages are looked at (`ada` is its admin, `mia` a member), one that has just begun (`newcomer`), and what there is."""

    stack: Stack
    ada: Business
    mia: Business
    newcomer: Business
    ids: dict[str, str] = field(default_factory=dict)


def accept(by: Business, id: str, *contacts: str) -> None:
    """Accept an offer with these people, once it is there."""
    by.until(id, status="open")
    body = {"contacts": [{"contact_id": c, "roles": ROLES} for c in contacts], "comment": "Welcome aboard."}
    by.post(f"/partnerships/{id}/acceptance", body)


def propose(by: Business, id: str, *, add: tuple[str, ...] = (), release: tuple[str, ...] = ()) -> str:
    """The id of a proposal."""
    body = {"add_contact_ids": list(add), "release_contact_ids": list(release), "reason": REASON}
    return str(by.post(f"/partnerships/{id}/modifications", body, 201)["id"])


def user(of: Business, name: str, role: str) -> Business:
    """A colleague, logged in."""
    email = f"{name.split()[0].lower()}@{of.tenant}.example"
    made = of.post("/users", {"name": name, "email": email, "role": role, "password": PASSWORD}, 201)
    session = of.post("/sessions", {"tenant": of.tenant, "email": email, "password": PASSWORD}, 201)
    return Business(of.stack, of.tenant, email, made, session["token"])


def profile(of: Business, company: str) -> None:
    """A profile with everything in it."""
    address = {"line1": "Kungsgatan 12", "line2": "4 tr", "city": "Stockholm", "state": "", "zip": "111 35", "country": "SE"}  # fmt: skip
    body: dict[str, Any] = {
        "company": company,
        "phone": "+46 8 123 45 67",
        "email": f"office@{of.tenant}.example",
        "website": f"https://{of.tenant}.example",
        "addresses": [
            {**address, "type": "Business", "default": True},
            {**address, "type": "Billing", "default": False},
        ],
    }
    of.ask("PATCH", "/tenants/current", body=body)


def play(stack: Stack) -> Scene:
    """Let it all happen."""
    ada = stack.register("kazenor", company="Kazenor Consulting", name="Ada Lindqvist")
    scene = Scene(stack, ada, user(ada, "Mia Berg", "member"), stack.register("newcomer"))
    otto = user(ada, "Otto Ek", "member").user["id"]
    ada.ask("PATCH", f"/users/{otto}", body={"active": False})
    ids = scene.ids
    ids |= {"ada": str(ada.user["id"]), "mia": str(scene.mia.user["id"]), "otto": str(otto)}
    profile(ada, "Kazenor Consulting")
    key = {"name": "Export to the warehouse, each night", "scopes": ["partnerships:read", "contacts:read"]}
    ids["api_key"] = ada.post("/api-keys", key, 201)["id"]
    scene.mia.post("/api-keys", {"name": LONG, "scopes": ["partnerships:read"], "expires_in_days": 1}, 201)
    ours = [ada.contact(name) for name in PEOPLE]
    ids["contact"] = ours[0]
    north = stack.register("northwind", company="Northwind Traders", name="Nils Berg")
    long = stack.register("long", company=LONG, name="Maximiliane-Josephine Hohenstein-Wolfratshausen")
    summit = stack.register("summit", company="Summit Outdoor", name="Karl Vogt")
    profile(north, "Northwind Traders")
    theirs = {side: [side.contact(name) for name in ("Lena Brandt", "Omar Haddad", "Bruno Keller")] for side in (north, long, summit)}  # fmt: skip

    # Offers that wait, that got lost, and that came to nothing.
    ids["received"] = long.offer(ada, *theirs[long][:2], message=f"Shall we?\n{LONG}")["id"]
    ids["undeliverable"] = ada.offer(ada, ours[0], customer_tenant=f"no-{ada.tenant}", customer_email="x@y.example")["id"]  # fmt: skip
    ids["declined"] = ada.offer(summit, ours[0])["id"]
    summit.until(ids["declined"], status="open")
    summit.post(f"/partnerships/{ids['declined']}/decline", {"reason": "Not before spring."})
    ada.until(ids["declined"], status="declined")
    ids["withdrawn"] = ada.offer(summit, ours[0])["id"]
    ada.post(f"/partnerships/{ids['withdrawn']}/withdrawal", {"reason": "We are too few this month."})
    ada.until(ids["withdrawn"], status="withdrawn")
    ids["sent"] = ada.offer(summit, ours[3], message="Shall we work together this season?")["id"]
    summit.until(ids["sent"], status="open")
    summit.ask("PUT", f"/partnerships/{ids['sent']}/seen", 204)

    # Partnerships: one that is calm, one where they wait for our answer, one where both wait for each other, and two that have ended.
    ids["lent"] = ada.offer(north, *ours[:3], manager_ids=[scene.mia.user["id"]])["id"]
    accept(north, ids["lent"], *ours[:2])
    ids["borrowed"] = north.offer(ada, *theirs[north][:2])["id"]
    accept(ada, ids["borrowed"], *theirs[north][:2])
    ids["crossing"] = ada.offer(long, *ours[:3])["id"]
    accept(long, ids["crossing"], *ours[:3])
    for ended, by in (("ended_by_them", summit), ("ended_by_us", ada)):
        ids[ended] = summit.offer(ada, *theirs[summit])["id"]
        accept(ada, ids[ended], *theirs[summit][:2])
        summit.until(ids[ended], status="accepted")
        by.post(f"/partnerships/{ids[ended]}/termination", {"reason": "The season is over."})
        (ada if by is summit else summit).until(ids[ended], status="terminated")

    # Proposals: answered with a suggestion, then ours and theirs at once.
    for id, side in ((ids["lent"], north), (ids["crossing"], long), (ids["borrowed"], north)):
        ada.until(id, status="accepted")
        side.until(id, status="accepted")
    ids["answered"] = answered = propose(ada, ids["crossing"], add=(ours[3],))
    long.until(ids["crossing"], status="modified")
    body = {"items": [{"contact_id": ours[3], "decision": "decline", "comment": "Too many."}], "suggestion": "Could Marta do both?"}  # fmt: skip
    long.post(f"/partnerships/{ids['crossing']}/modifications/{answered}/answer", body)
    ids["theirs"] = propose(north, ids["borrowed"], add=(theirs[north][2],), release=(theirs[north][0],))
    ids["ours_in_crossing"] = propose(ada, ids["crossing"], add=(ours[4],), release=(ours[1],))
    ids["theirs_in_crossing"] = propose(long, ids["crossing"], release=(ours[0],))
    ada.until(ids["borrowed"], status="modified", turn="ours")
    ada.until(ids["crossing"], status="modified", turn="ours")
    ada.until(ids["sent"], delivery="seen")
    ada.until(ids["undeliverable"], status="undeliverable")
    return scene
