"""The profile of our business: what partners and customers see of it, its addresses and its logo (OE-20)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import logos
from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import Form
from services.gateway.pages.rooms import desk_of, rooms, takes_file
from shared import pictures
from shared.errors import ChangedMeanwhile, Forbidden, NotFound, Refusal, ValidationError

pages = rooms()

Json = dict[str, Any]

PROFILE = {"company": "Company", "email": "E-mail", "phone": "Phone", "fax": "Fax", "website": "Website"}
ADDRESS = {
    "type": "Type",
    "line1": "Address Line 1",
    "line2": "Address Line 2",
    "city": "City",
    "state": "State",
    "zip": "Zip Code",
    "country": "Country",
    "default": "Default address",
}
LINES = ("line1", "line2", "city", "state", "zip", "country")
TYPES = {
    "Billing": "Where invoices go",
    "Business": "Where the business is",
    "Private": "Where somebody lives",
    "Shipping": "Where parcels go",
    "Other": "Anywhere else",
}
LOGO = {"logo": "Picture"}
# 73 kB as a data: URL have just fewer than the 100 000 characters that accounts takes.
LOGO_KB = 73
LOGO_LIMIT = LOGO_KB * 1024
ONLY_ADMINS = "The profile is changed by people with the role Admin."
TRIES = 3
# An address as people say it: alder.example, perhaps with a port and a path.
_HOST = re.compile(r"[\w-]+(\.[\w-]+)+(:\d+)?([/?#]\S*)?")


# — what is shown —


def shown_address(a: Mapping[str, Any]) -> Json:
    """An address as the pages show it: `lines` are those that say something, as they stand on an envelope."""
    place = " ".join(part for part in (a.get("zip"), a.get("city")) if part)
    lines = (a.get("line1"), a.get("line2"), place, a.get("state"), a.get("country"))
    return {
        "type": a["type"],
        "url": f"/profile/addresses/{a['type'].lower()}",
        "default": bool(a.get("default")),
        "lines": [line for line in lines if line],
    }


def _addresses(found: Json) -> list[Json]:
    return [dict(a) for a in found.get("addresses") or []]


def free_types(addresses: list[Json]) -> list[str]:
    """The types of which there is no address yet."""
    taken = {a["type"] for a in addresses}
    return [name for name in TYPES if name not in taken]


async def _page(desk: Desk, found: Json, form: Form, status: int = 200) -> Response:
    addresses = _addresses(found)
    return await desk.page(
        "profile.html",
        status,
        form=form,
        facts=[(label, name, found.get(name) or "") for name, label in PROFILE.items()],
        addresses=sorted(
            (shown_address(a) for a in addresses), key=lambda a: (not a["default"], list(TYPES).index(a["type"]))
        ),
        free=free_types(addresses),
        logo=logos.address(found.get("logo")),
        may=desk.person.runs_business,
    )


@pages.get("/profile")
async def profile(request: Request) -> Response:
    desk = desk_of(request)
    found = await desk.ask("accounts", "get_profile")
    values = {name: found.get(name) or "" for name in PROFILE}
    return await _page(
        desk, found, Form(PROFILE, {**values, **{f"was.{name}": value for name, value in values.items()}})
    )


@pages.post("/profile")
async def change_profile(request: Request) -> Response:
    """Saves what was changed on the page; what others changed meanwhile stays, and if it is the same field, one is asked."""
    desk, form = desk_of(request), Form.sent(PROFILE, await request.form())
    if _HOST.fullmatch(website := form.value("website").strip()):
        form.set("website", f"https://{website}")
    found: Json = {}
    try:
        for left in reversed(range(TRIES)):
            found = await desk.ask("accounts", "get_profile")
            differs = _differs(form, found)
            if differs:
                return await _meanwhile(desk, form, found, differs)
            try:
                seen = {"if_match": str(found.get("version") or 0)}
                await desk.do("accounts", "update_profile", **_entered(form), **seen)
                break
            except ChangedMeanwhile:
                if not left:
                    raise
        return desk.go("/profile", "profile-changed")
    except (Forbidden, NotFound):
        raise
    except Refusal as refusal:
        status = form.refused(refusal)
    return await _page(desk, found, form, status)


def _entered(form: Form) -> dict[str, str]:
    """What was changed on the page; everything when it does not say what it was."""
    return {name: form.value(name) for name in PROFILE if form.value(name) != form.value(f"was.{name}", "\0")}


def _differs(form: Form, found: Json) -> dict[str, str]:
    """What was saved by others since the page was opened, in fields that were changed here too, and otherwise."""
    return {
        name: now
        for name, entered in _entered(form).items()
        if f"was.{name}" in form
        and (now := str(found.get(name) or "")) not in (form.value(f"was.{name}"), entered.strip())
    }


async def _meanwhile(desk: Desk, form: Form, found: Json, differs: dict[str, str]) -> Response:
    """Somebody else was faster: what was typed stays, and what they saved stands beside it."""
    for name, now in differs.items():
        form.refuse(
            name,
            f"Somebody else has changed this meanwhile to “{now}”."
            if now
            else "Somebody else has emptied this meanwhile.",
        )
        form.set(f"was.{name}", now)
    form.refuse("", "Nothing of yours has been saved yet. Save again to put what you entered in its place.")
    return await _page(desk, found, form)


# — the logo —


@pages.post("/profile/logo")
@takes_file
async def put_logo(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form, status = Form(LOGO), 200
    given = data.get("logo")
    content = await given.read() if isinstance(given, UploadFile) else b""
    url = pictures.to_url(content)
    if not content:
        form.refuse("logo", "Choose a picture first.")
    elif url is None:
        form.refuse("logo", "Use a PNG, JPEG, WebP or GIF picture. What you chose is none of these.")
    elif len(content) > LOGO_LIMIT:
        form.refuse(
            "logo",
            f"The picture has {-(-len(content) // 1024)} kB, and at most {LOGO_KB} kB fit. 256 by 256 pixels are plenty for a logo.",
        )
    else:
        try:
            await desk.do("accounts", "update_profile", logo=url)
            return desk.go("/profile", "logo-changed")
        except (Forbidden, NotFound):
            raise
        except Refusal as refusal:
            status = form.refused(refusal, at="logo")
    return await _logo(desk, form, status)


@pages.get("/profile/logo")
async def choose_logo(request: Request) -> Response:
    return await _logo(_admins(desk_of(request)), Form(LOGO))


async def _logo(desk: Desk, form: Form, status: int = 200) -> Response:
    found = await desk.perhaps("accounts", "get_profile") or {}
    return await desk.page(
        "profile_logo.html", status, form=form, logo=logos.address(found.get("logo")), most=LOGO_KB, limit=LOGO_LIMIT
    )


@pages.post("/profile/logo/removal")
async def remove_logo(request: Request) -> Response:
    desk = desk_of(request)
    await desk.do("accounts", "update_profile", logo="")
    return desk.go("/profile", "logo-removed")


# — addresses: each has a form of its own; they are kept as one list, which is read, changed and put back —


def _mark(a: Mapping[str, Any]) -> str:
    """A digest of an address, by which a form knows the one it was opened with."""
    return hashlib.sha256(json.dumps([a.get(name) or "" for name in LINES]).encode()).hexdigest()[:16]


def _admins(desk: Desk) -> Desk:
    if not desk.person.runs_business:
        raise Forbidden(ONLY_ADMINS)
    return desk


async def _change(desk: Desk, change: Callable[[list[Json]], list[Json]]) -> None:
    """Put the addresses back as `change` makes them. Begins again when somebody changes the profile at this very moment.

    Raises what the service refuses.
    """
    for left in reversed(range(TRIES)):
        found = await desk.ask("accounts", "get_profile")
        after = change(_addresses(found))
        try:
            await desk.do("accounts", "update_profile", addresses=after, if_match=str(found.get("version") or 0))
            return
        except ChangedMeanwhile:
            if not left:
                raise


def _one(addresses: list[Json], name: str) -> Json:
    """The address that the path names by its type in lower case. Raises NotFound."""
    for a in addresses:
        if a["type"].lower() == name:
            return a
    raise NotFound()


def _put(addresses: list[Json], address: Json, old: str = "") -> list[Json]:
    """With `address` in the place of the one of the type `old`, else at the end; a new default is the only one."""
    others = [{**a, "default": bool(a.get("default")) and not address["default"]} for a in addresses]
    place = next((i for i, a in enumerate(others) if a["type"] == old), len(others))
    return [*others[:place], address, *others[place + 1 :]]


def _given(form: Form) -> Json:
    lines = {name: form.value(name) for name in LINES}
    return {"type": form.value("type"), **lines, "default": form.value("default") == "yes"}


async def _address_page(desk: Desk, form: Form, free: list[str], status: int = 200, *, old: str = "") -> Response:
    return await desk.page(
        "profile_address.html",
        status,
        form=form,
        types=[(name, TYPES[name]) for name in TYPES if name in free or name == old],
        old=old,
        fields=ADDRESS,
    )


def _refuse(form: Form, refusal: Refusal, addresses: list[Json]) -> int:
    """What accounts refuses of the list, at the field it is about."""
    place = next((i for i, a in enumerate(addresses) if a["type"] == form.value("type")), -1)
    prefix = f"addresses.{place}."
    return form.refused(refusal, lambda name: name.removeprefix(prefix) if name.startswith(prefix) else "")


def _check(form: Form) -> None:
    if form.value("type") not in TYPES:
        form.refuse("type", "Choose a type.")
    if not form.value("line1").strip():
        form.refuse("line1", "Enter the first line: street and number, or the name of the place.")


@pages.get("/profile/addresses/new")
async def new_address(request: Request) -> Response:
    desk = _admins(desk_of(request))
    addresses = _addresses(await desk.ask("accounts", "get_profile"))
    free = free_types(addresses)
    first = "Business" if "Business" in free else free[0] if free else ""
    form = Form(ADDRESS, {"type": first, "default": "" if addresses else "yes"})
    return await _address_page(desk, form, free)


@pages.post("/profile/addresses")
async def add_address(request: Request) -> Response:
    desk, form = _admins(desk_of(request)), Form.sent(ADDRESS, await request.form())
    addresses = _addresses(await desk.ask("accounts", "get_profile"))
    _check(form)

    def add(now: list[Json]) -> list[Json]:
        if form.value("type") not in free_types(now):
            raise ValidationError.of(("type", "There is an address of this type already. Choose another type."))
        return _put(now, _given(form))

    return await _kept(desk, form, addresses, add, "address-added")


@pages.get("/profile/addresses/{name}")
async def address(request: Request, name: str) -> Response:
    desk = _admins(desk_of(request))
    addresses = _addresses(await desk.ask("accounts", "get_profile"))
    found = _one(addresses, name)
    values = {**{line: found.get(line) or "" for line in LINES}, "type": found["type"]}
    form = Form(ADDRESS, {**values, "default": "yes" if found.get("default") else "", "seen": _mark(found)})
    return await _address_page(desk, form, free_types(addresses), old=found["type"])


@pages.post("/profile/addresses/{name}")
async def change_address(request: Request, name: str) -> Response:
    desk, form = _admins(desk_of(request)), Form.sent(ADDRESS, await request.form())
    addresses = _addresses(await desk.ask("accounts", "get_profile"))
    found = _one(addresses, name)
    _check(form)
    if form.value("seen") and form.value("seen") != _mark(found):
        stands = ", ".join(shown_address(found)["lines"]) or "nothing"
        form.refuse(
            "",
            f"Somebody else changed this address after you opened it. It says now: {stands}. Nothing of yours has been saved yet: save again to put yours in its place.",
        )
        form.set("seen", _mark(found))

    def change(now: list[Json]) -> list[Json]:
        old = _one(now, name)["type"]
        if form.value("type") not in (old, *free_types(now)):
            raise ValidationError.of(("type", "There is an address of this type already. Choose another type."))
        return _put(now, _given(form), old)

    return await _kept(desk, form, addresses, change, "address-changed", old=found["type"])


async def _kept(
    desk: Desk,
    form: Form,
    addresses: list[Json],
    change: Callable[[list[Json]], list[Json]],
    note: str,
    *,
    old: str = "",
) -> Response:
    status = 200
    if not form.wrong:
        try:
            await _change(desk, change)
            return desk.go("/profile", note)
        except (Forbidden, NotFound):
            raise
        except ValidationError as refusal:
            # Ours names the field; that of accounts the place in the list.
            ours = any(error["field"] == "type" for error in refusal.info["errors"])
            status = form.refused(refusal) if ours else _refuse(form, refusal, change(addresses))
        except Refusal as refusal:
            status = form.refused(refusal)
    return await _address_page(desk, form, free_types(addresses), status, old=old)


@pages.get("/profile/addresses/{name}/removal")
async def removing(request: Request, name: str) -> Response:
    desk = _admins(desk_of(request))
    found = _one(_addresses(await desk.ask("accounts", "get_profile")), name)
    return await desk.page("profile_address_removal.html", form=Form({}), a=shown_address(found))


@pages.post("/profile/addresses/{name}/removal")
async def remove_address(request: Request, name: str) -> Response:
    desk = _admins(desk_of(request))
    # Removed twice is removed.
    await _change(desk, lambda now: [a for a in now if a["type"].lower() != name])
    return desk.go("/profile", "address-removed")


@pages.post("/profile/addresses/{name}/default")
async def make_default(request: Request, name: str) -> Response:
    desk = _admins(desk_of(request))

    def change(now: list[Json]) -> list[Json]:
        wanted = _one(now, name)["type"]
        return [{**a, "default": a["type"] == wanted} for a in now]

    await _change(desk, change)
    return desk.go("/profile", "address-default")
