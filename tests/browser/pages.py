"""Every page there is: its route, and an address of it for each state that it shows. A page that is not in here fails the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.gateway.pages.site import form_addresses
from tests.browser.scene import Scene

Role = Literal["button", "checkbox", "link", "menuitem"]
DIALOG, MENU, SUMMARY, STEP = "dialog[open]", "[popover]:popover-open", ".summary", ".step:not([hidden])"


@dataclass(frozen=True)
class Press:
    """Something that is pressed, by its accessible name."""

    role: Role
    name: str
    exact: bool = True


@dataclass(frozen=True)
class Write:
    """Something that is written into a field."""

    label: str
    text: str


@dataclass(frozen=True)
class Visit:
    """An address, who goes there (`ada` the admin, `mia` a member, `newcomer` of an empty business, `nobody`), and what it answers."""

    name: str
    address: str
    who: str = "ada"
    status: int = 200


P = "/partnerships/{partnership_id}"
M = P + "/modifications/{modification_id}"
DECISION = P + "/{decision}"
PAGES: dict[str, list[Visit]] = {
    "/": [
        Visit("home", "/"),
        Visit("home of a member", "/", "mia"),
        Visit("home of a newcomer", "/", "newcomer"),
        Visit("home, ended", "/?status=ended"),
        Visit("home, nothing found", "/?q=nobody-is-called-this&turn=ours"),
    ],
    "/login": [Visit("login", "/login", "nobody")],
    "/password-reset": [Visit("forgotten password", "/password-reset", "nobody")],
    "/password-reset/sent": [Visit("a new password is on its way", "/password-reset/sent", "nobody")],
    "/password-reset/link": [Visit("a dead link for a password", "/password-reset/link?token=x", "nobody", 410)],
    "/email-change/link": [Visit("a dead link for an e-mail", "/email-change/link?token=x", "nobody", 410)],
    "/register": [Visit("register", "/register", "nobody")],
    "/notifications": [
        Visit("notifications", "/notifications"),
        Visit("notifications of a newcomer", "/notifications", "newcomer"),
    ],
    "/contacts": [
        Visit("contacts", "/contacts"),
        Visit("contacts of a newcomer", "/contacts?q=x", "newcomer"),
        Visit("contacts of a member", "/contacts", "mia"),
    ],
    "/contacts/new": [Visit("add contact", "/contacts/new")],
    "/contacts/import": [
        Visit("import contacts", "/contacts/import"),
        Visit("import contacts as a member", "/contacts/import", "mia", 403),
    ],
    "/contacts/{contact_id}": [
        Visit("contact", "/contacts/{contact}"),
        Visit("contact for a member", "/contacts/{contact}", "mia"),
        Visit("contact with a login", "/contacts/{mia}"),
    ],
    "/contacts/{contact_id}/deletion": [Visit("delete contact", "/contacts/{contact}/deletion")],
    "/users": [Visit("users", "/users"), Visit("users for a member", "/users", "mia")],
    "/users/new": [Visit("add user", "/users/new"), Visit("add user, forbidden", "/users/new", "mia", 403)],
    "/users/new/contact": [Visit("add user from the contacts", "/users/new/contact")],
    "/users/{user_id}": [
        Visit("user", "/users/{mia}"),
        Visit("user oneself", "/users/{ada}"),
        Visit("user without a login", "/users/{otto}"),
    ],
    "/users/{user_id}/deactivation": [Visit("deactivate a user", "/users/{mia}/deactivation")],
    "/users/{user_id}/activation": [Visit("activate a user", "/users/{otto}/activation")],
    "/me": [Visit("you", "/me"), Visit("you as a member", "/me", "mia")],
    "/audit": [
        Visit("audit", "/audit"),
        Visit("audit of logins", "/audit?kind=logins"),
        Visit("audit, nothing of this kind", "/audit?kind=keys", "newcomer"),
        Visit("audit, forbidden", "/audit", "mia", 403),
    ],
    "/api-keys": [
        Visit("API keys", "/api-keys"),
        Visit("API keys of a newcomer", "/api-keys", "newcomer"),
        Visit("API keys of a member", "/api-keys", "mia"),
    ],
    "/api-keys/new": [
        Visit("make an API key", "/api-keys/new"),
        Visit("make an API key as a member", "/api-keys/new", "mia"),
    ],
    "/api-keys/{api_key_id}/revocation": [Visit("revoke an API key", "/api-keys/{api_key}/revocation")],
    "/environments": [
        Visit("environments", "/environments"),
        Visit("environments for a member", "/environments", "mia"),
    ],
    "/profile": [
        Visit("profile", "/profile"),
        Visit("profile of a newcomer", "/profile", "newcomer"),
        Visit("profile for a member", "/profile", "mia"),
    ],
    "/profile/logo": [Visit("logo", "/profile/logo")],
    "/profile/addresses/new": [Visit("add address", "/profile/addresses/new")],
    "/profile/addresses/{name}": [Visit("address", "/profile/addresses/business")],
    "/profile/addresses/{name}/removal": [Visit("remove an address", "/profile/addresses/billing/removal")],
    "/settings": [Visit("settings", "/settings"), Visit("settings of a member", "/settings", "mia")],
    "/partnerships/new": [
        Visit("wizard", "/partnerships/new"),
        Visit("wizard of a newcomer", "/partnerships/new", "newcomer"),
        Visit("wizard, again", "/partnerships/new?again={undeliverable}"),
        Visit("wizard, forbidden", "/partnerships/new", "mia", 403),
    ],
    "/partnerships/new/summary/{partnership_id}": [
        Visit("summary", "/partnerships/new/summary/{sent}"),
        Visit("summary, undeliverable", "/partnerships/new/summary/{undeliverable}"),
    ],
    P: [
        Visit("offer received", "/partnerships/{received}"),
        Visit("offer sent", "/partnerships/{sent}"),
        Visit("offer undeliverable", "/partnerships/{undeliverable}"),
        Visit("offer declined", "/partnerships/{declined}"),
        Visit("offer withdrawn", "/partnerships/{withdrawn}"),
        Visit("partnership", "/partnerships/{lent}"),
        Visit("partnership of a member", "/partnerships/{lent}", "mia"),
        Visit("partnership, theirs pending", "/partnerships/{borrowed}"),
        Visit("partnership, crossing", "/partnerships/{crossing}"),
        Visit("partnership ended by them", "/partnerships/{ended_by_them}"),
        Visit("partnership ended by us", "/partnerships/{ended_by_us}"),
    ],
    P + "/acceptance": [Visit("assign role", "/partnerships/{received}/acceptance")],
    P + "/edit": [Visit("edit", "/partnerships/{lent}/edit"), Visit("view", "/partnerships/{ended_by_them}/edit")],
    P + "/contacts": [
        Visit("assigned contacts", "/partnerships/{lent}/contacts"),
        Visit("assigned contacts as a customer", "/partnerships/{borrowed}/contacts"),
        Visit("assigned contacts, crossing", "/partnerships/{crossing}/contacts"),
        Visit("assigned contacts, ended", "/partnerships/{ended_by_them}/contacts"),
    ],
    M + "/answer": [
        Visit("review", "/partnerships/{borrowed}/modifications/{theirs}/answer"),
        Visit("review, all accepted", "/partnerships/{borrowed}/modifications/{theirs}/answer?all=accept"),
    ],
    M + "/withdrawal": [
        Visit("withdraw a change", "/partnerships/{crossing}/modifications/{ours_in_crossing}/withdrawal"),
        Visit("withdraw, too late", "/partnerships/{crossing}/modifications/{answered}/withdrawal", status=409),
    ],
    P + "/managers": [
        Visit("managers", "/partnerships/{lent}/managers"),
        Visit("managers for a member", "/partnerships/{lent}/managers", "mia"),
        Visit("managers, ended", "/partnerships/{ended_by_them}/managers"),
    ],
    P + "/managers/additions": [Visit("add managers", "/partnerships/{borrowed}/managers/additions")],
    P + "/managers/{contact_id}/removal": [Visit("release a manager", "/partnerships/{lent}/managers/{mia}/removal")],
    P + "/history": [
        Visit("history", "/partnerships/{crossing}/history"),
        Visit("history, ended", "/partnerships/{ended_by_them}/history"),
    ],
    DECISION: [
        Visit("decline", "/partnerships/{received}/decline"),
        Visit("withdrawal", "/partnerships/{sent}/withdrawal"),
        Visit("reminder", "/partnerships/{sent}/reminder"),
        Visit("termination", "/partnerships/{lent}/termination"),
        Visit("removal", "/partnerships/{declined}/removal"),
        Visit("termination, too late", "/partnerships/{ended_by_them}/termination", status=409),
    ],
    "/{path:path}": [
        Visit("nothing here", "/nothing/here", status=404),
        Visit("nothing here for nobody", "/nothing/here", "nobody", 404),
    ],
}
# What a browser is given instead of a page, and why.
NO_PAGES = {
    P + "/modifications/new": "leads to where its form stands now",
    P + "/review": "leads to the proposal that waits, or to all of them",
    "/contacts/import/confirmation": "leads to where an import begins",
    "/contacts/import/template": "a file",
    "/contacts/export": "a file",
    "/logo": "a picture",
    P + "/logo": "a picture",
    **dict.fromkeys(form_addresses(), "leads to the page of its form"),
}

AGAIN = "/partnerships/new?again={undeliverable}"
NEXT = Press("button", "Next Step")
PEOPLE = "name,email\nMarta Oduya,marta@elsewhere.example\nNobody,no-address\nNew One,new@one.example\nNew Two,new@one.example"


@dataclass(frozen=True)
class Opened:
    """What somebody does on a page, and what stands there then (a selector)."""

    visit: Visit
    shows: str
    steps: tuple[Press | Write, ...]


OPENED = [
    Opened(Visit("menu of a tile", "/"), MENU, (Press("button", "Actions for Northwind Traders"),)),
    Opened(
        Visit("End Partnership", "/partnerships/{lent}"),
        DIALOG,
        (Press("button", "Actions for Northwind Traders"), Press("menuitem", "End Partnership")),
    ),
    Opened(Visit("Decline", "/partnerships/{received}"), DIALOG, (Press("button", "Decline"),)),
    Opened(Visit("Accept a change", "/partnerships/{crossing}"), DIALOG, (Press("button", "Accept"),)),
    Opened(Visit("Withdraw a change", "/partnerships/{crossing}"), DIALOG, (Press("button", "Withdraw"),)),
    Opened(Visit("Add Contact(s)", "/partnerships/{lent}/contacts"), DIALOG, (Press("button", "Add"),)),
    Opened(
        Visit("Update Contacts", "/partnerships/{lent}/contacts"),
        DIALOG,
        (Press("checkbox", "Marta Oduya", exact=False), Press("button", "Update")),
    ),
    Opened(Visit("add partner managers", "/partnerships/{borrowed}/managers"), DIALOG, (Press("button", "Add"),)),
    Opened(
        Visit("Release Partner Manager", "/partnerships/{lent}/managers"), DIALOG, (Press("button", "Remove Mia Berg"),)
    ),
    Opened(Visit("Assign Contacts", AGAIN), "#assign-contacts:not([hidden])", (NEXT,)),
    Opened(Visit("Assign Partner Manager", AGAIN), "#assign-partner-manager:not([hidden])", (NEXT, NEXT)),
    Opened(Visit("Completed", AGAIN), MENU, (NEXT, Press("button", "Completed", exact=False))),
    Opened(Visit("deactivation", "/users/{mia}"), DIALOG, (Press("link", "Deactivate", exact=False),)),
    Opened(Visit("revocation", "/api-keys"), DIALOG, (Press("link", "Revoke Export to the warehouse, each night"),)),
    Opened(
        Visit("a key that has been made", "/api-keys/new"),
        "#key",
        (
            Write("Name", "Import"),
            Press("checkbox", "See contacts"),
            Press("button", "Make key"),
        ),
    ),
    Opened(Visit("a key with mistakes", "/api-keys/new"), SUMMARY, (Press("button", "Make key"),)),
    Opened(Visit("deletion", "/contacts/{contact}"), DIALOG, (Press("link", "Delete", exact=False),)),
    Opened(Visit("Upload logo", "/profile"), DIALOG, (Press("link", "Upload logo"),)),
    Opened(Visit("Add address", "/profile"), DIALOG, (Press("link", "Add address", exact=False),)),
    Opened(
        Visit("a login that fits nobody", "/login", "nobody"),
        SUMMARY,
        (Write("E-mail", "x@y.example"), Write("Password", "not the password"), Press("button", "Log in")),
    ),
    Opened(
        Visit("a forgotten password with mistakes", "/password-reset", "nobody"),
        SUMMARY,
        (Press("button", "Mail me a link"),),
    ),
    Opened(Visit("a registration with mistakes", "/register", "nobody"), SUMMARY, (Press("button", "Register"),)),
    Opened(Visit("a contact with mistakes", "/contacts/new"), SUMMARY, (Press("button", "Add contact"),)),
    Opened(Visit("a user with mistakes", "/users/new"), SUMMARY, (Press("button", "Add user"),)),
    Opened(
        Visit("an import looked at", "/contacts/import"),
        ".outcomes",
        (Write("Or paste the rows", PEOPLE), Press("button", "Show what will happen")),
    ),
]


def url(scene: Scene, visit: Visit) -> str:
    """Where a visit goes, on the host of the business it is about."""
    tenant = scene.ada.tenant if visit.who == "nobody" else getattr(scene, visit.who).tenant
    return scene.stack.tenant_url(tenant) + visit.address.format(**scene.ids)
