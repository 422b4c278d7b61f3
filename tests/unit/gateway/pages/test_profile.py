"""Our profile: details that several people may change, addresses one by one, and the logo; read-only for others (OE-20)."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from services.gateway.pages import csrf, logos, profile
from shared.errors import ChangedMeanwhile, ValidationError
from tests.unit.gateway.fake_rpc import TOKEN, FakeRpc
from tests.unit.gateway.pages.story import ID, partnership, send, whole

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels"
PICTURE = "data:image/png;base64," + base64.b64encode(PNG).decode()
SITE = {"type": "Business", "line1": "Quay 1", "line2": "", "city": "Bergen", "state": "", "zip": "5003", "country": "Norway", "default": True}  # fmt: skip
BILLS = {"type": "Billing", "line1": "Box 7", "line2": "", "city": "Oslo", "state": "", "zip": "", "country": "", "default": False}  # fmt: skip


class Kept:
    """accounts with a profile that can be changed, as its service would."""

    def __init__(self, rpc: FakeRpc, **more: Any) -> None:
        self.rpc = rpc
        self.profile: dict[str, Any] = {
            "tenant": "kazenor", "company": "Kazenor", "email": "", "phone": "+46 8 1", "fax": "", "website": "", "logo": "",
            "addresses": [SITE, BILLS], "version": 7, **more,
        }  # fmt: skip
        rpc.on("accounts", "get_profile", lambda **_: dict(self.profile))
        rpc.on("accounts", "update_profile", self.update)

    def update(self, tenant: str, actor: str, if_match: str | None = None, **body: Any) -> Any:
        if if_match is not None and if_match != str(self.profile["version"]):
            return ChangedMeanwhile()
        self.profile |= body
        self.profile["version"] += 1
        return self.profile

    @property
    def addresses(self) -> list[tuple[str, str, bool]]:
        return [(a["type"], a["line1"], a["default"]) for a in self.profile["addresses"]]


@pytest.fixture
def kept(rpc: FakeRpc) -> Kept:
    return Kept(rpc)


@pytest.fixture
def member(ada: TestClient, rpc: FakeRpc) -> TestClient:
    rpc.as_role("member")
    return ada


def details(page: str) -> dict[str, str]:
    """The fields of the details as a browser would send them."""
    form = re.search(r'<form[^>]*action="/profile".*?</form>', page, re.DOTALL)
    assert form is not None
    found = {}
    for element in re.findall(r"<input[^>]*>", form[0]):
        name, value = re.search(r'name="([^"]+)"', element), re.search(r'value="([^"]*)"', element)
        assert name is not None
        found[name[1]] = value[1] if value else ""
    del found[csrf.FIELD]
    return found


# Details


def test_what_was_changed_is_saved_and_nothing_else(ada: TestClient, kept: Kept) -> None:
    entered = {**details(ada.get("/profile").text), "phone": "+46 8 2"}
    answer = send(ada, "/profile", **entered)
    assert (answer.status_code, answer.headers["location"]) == (303, "/profile")
    (asked,) = kept.rpc.asked("accounts", "update_profile")
    assert {name: asked[name] for name in profile.PROFILE if name in asked} == {"phone": "+46 8 2"}


def test_what_others_changed_meanwhile_elsewhere_on_the_profile_stays(ada: TestClient, kept: Kept) -> None:
    entered = {**details(ada.get("/profile").text), "phone": "+46 8 2"}
    kept.update("kazenor", "bob", company="Kazenor Works", addresses=[])
    assert send(ada, "/profile", **entered).status_code == 303
    assert (kept.profile["company"], kept.profile["phone"]) == ("Kazenor Works", "+46 8 2")


def test_whoever_changed_the_same_meanwhile_is_not_overwritten_unasked(ada: TestClient, kept: Kept) -> None:
    entered = {**details(ada.get("/profile").text), "phone": "+46 8 2"}
    kept.update("kazenor", "bob", phone="+46 8 3")
    answer = send(ada, "/profile", **entered)
    whole(answer)
    assert kept.profile["phone"] == "+46 8 3"
    assert "Somebody else has changed this meanwhile to “+46 8 3”." in answer.text
    again = details(answer.text)
    assert again["phone"] == "+46 8 2"
    assert send(ada, "/profile", **again).status_code == 303
    assert kept.profile["phone"] == "+46 8 2"


def test_a_change_at_the_very_same_moment_is_looked_at_again(ada: TestClient, kept: Kept) -> None:
    entered = {**details(ada.get("/profile").text), "phone": "+46 8 2"}
    others = iter([{"fax": "+46 8 9"}])

    def update(**body: Any) -> Any:
        for other in others:
            kept.update("kazenor", "bob", **other)
        return kept.update(**body)

    kept.rpc.on("accounts", "update_profile", update)
    assert send(ada, "/profile", **entered).status_code == 303
    assert (kept.profile["fax"], kept.profile["phone"]) == ("+46 8 9", "+46 8 2")


@pytest.mark.parametrize(
    ("typed", "kept_as"),
    [
        ("alder.example", "https://alder.example"),
        (" www.älder.example:8443/a?b=c ", "https://www.älder.example:8443/a?b=c"),
        ("http://alder.example", "http://alder.example"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("ada@alder.example", "ada@alder.example"),
    ],
)
def test_a_website_that_is_told_as_people_do_is_taken(typed: str, kept_as: str, ada: TestClient, kept: Kept) -> None:
    send(ada, "/profile", **{**details(ada.get("/profile").text), "website": typed})
    assert kept.rpc.asked("accounts", "update_profile")[-1]["website"] == kept_as


def test_a_field_that_is_refused_says_why_and_keeps_what_was_typed(ada: TestClient, kept: Kept) -> None:
    entered = {**details(ada.get("/profile").text), "website": "northwind"}
    kept.rpc.on(
        "accounts", "update_profile", ValidationError.of(("website", "Use an address that starts with https://."))
    )
    answer = send(ada, "/profile", **entered)
    whole(answer)
    assert 'id="website-error"' in answer.text
    assert details(answer.text)["website"] == "northwind"


def test_others_read_the_profile_and_change_nothing(member: TestClient, kept: Kept) -> None:
    page = member.get("/profile")
    whole(page)
    assert "Quay 1" in page.text
    assert "+46 8 1" in page.text
    assert "<form" not in page.text.split("<main")[1]
    for path in ("/profile/logo", "/profile/addresses/new", "/profile/addresses/business", "/profile/addresses/business/removal"):  # fmt: skip
        assert member.get(path).status_code == 403, path
    for path in ("/profile/addresses", "/profile/addresses/business", "/profile/addresses/business/removal", "/profile/addresses/billing/default"):  # fmt: skip
        assert send(member, path, type="Other", line1="x").status_code == 403, path
    assert len(kept.addresses) == 2


# Addresses


def test_the_default_address_comes_first_and_is_marked(ada: TestClient, kept: Kept) -> None:
    kept.profile["addresses"] = [BILLS, SITE]
    page = ada.get("/profile").text
    assert page.index("Quay 1") < page.index("Default</span>") or page.index("Business</h3>") < page.index(
        "Billing</h3>"
    )
    assert page.count(">Default</span>") == 1


def test_only_types_that_are_free_are_offered(ada: TestClient, kept: Kept) -> None:
    page = ada.get("/profile/addresses/new")
    whole(page)
    assert re.findall(r'<option value="(\w+)"', page.text) == ["Private", "Shipping", "Other"]
    kept.profile["addresses"] = [{**SITE, "type": name, "default": False} for name in profile.TYPES]
    assert "Add Address" not in ada.get("/profile").text
    whole(ada.get("/profile/addresses/new"))


def test_an_address_is_added_and_a_new_default_is_the_only_one(ada: TestClient, kept: Kept) -> None:
    answer = send(ada, "/profile/addresses", type="Other", line1="Pier 3", default="yes")
    assert answer.headers["location"] == "/profile"
    assert kept.addresses == [("Business", "Quay 1", False), ("Billing", "Box 7", False), ("Other", "Pier 3", True)]


def test_an_address_needs_a_type_that_is_free_and_a_first_line(ada: TestClient, kept: Kept) -> None:
    answer = send(ada, "/profile/addresses", type="Castle", city="Oslo")
    whole(answer)
    assert 'id="type-error"' in answer.text
    assert 'id="line1-error"' in answer.text
    assert 'value="Oslo"' in answer.text
    answer = send(ada, "/profile/addresses", type="Billing", line1="Elsewhere")
    assert "There is an address of this type already." in answer.text
    assert len(kept.addresses) == 2


def test_what_accounts_refuses_of_an_address_stands_at_its_field(ada: TestClient, kept: Kept) -> None:
    kept.rpc.on("accounts", "update_profile", ValidationError.of(("addresses.2.zip", "Use at most 50 characters.")))
    answer = send(ada, "/profile/addresses", type="Other", line1="Pier 3", zip="5" * 60)
    whole(answer)
    assert 'id="zip-error"' in answer.text


def test_an_address_keeps_its_place_when_its_type_is_changed(ada: TestClient, kept: Kept) -> None:
    page = ada.get("/profile/addresses/business")
    whole(page)
    assert re.findall(r'<option value="(\w+)"', page.text) == ["Business", "Private", "Shipping", "Other"]
    seen = re.search(r'name="seen" value="(\w+)"', page.text)
    assert seen is not None
    send(ada, "/profile/addresses/business", type="Shipping", line1="Quay 2", seen=seen[1])
    assert kept.addresses == [("Shipping", "Quay 2", False), ("Billing", "Box 7", False)]


def test_an_address_that_was_changed_meanwhile_is_not_overwritten_unasked(ada: TestClient, kept: Kept) -> None:
    seen = re.search(r'name="seen" value="(\w+)"', ada.get("/profile/addresses/billing").text)
    assert seen is not None
    kept.profile["addresses"] = [SITE, {**BILLS, "line1": "Box 8"}]
    entered = {"type": "Billing", "line1": "Box 9"}
    answer = send(ada, "/profile/addresses/billing", **entered, seen=seen[1])
    whole(answer)
    assert "It says now: Box 8, Oslo." in answer.text
    assert 'value="Box 9"' in answer.text
    assert kept.addresses[1][1] == "Box 8"
    again = re.search(r'name="seen" value="(\w+)"', answer.text)
    assert again is not None
    send(ada, "/profile/addresses/billing", **entered, seen=again[1])
    assert kept.addresses[1][1] == "Box 9"


def test_another_address_becomes_the_default_and_one_is_removed(ada: TestClient, kept: Kept) -> None:
    send(ada, "/profile/addresses/billing/default")
    assert kept.addresses == [("Business", "Quay 1", False), ("Billing", "Box 7", True)]
    whole(ada.get("/profile/addresses/business/removal"))
    for _ in range(2):
        assert send(ada, "/profile/addresses/business/removal").status_code == 303
    assert kept.addresses == [("Billing", "Box 7", True)]
    assert ada.get("/profile/addresses/business").status_code == 404


# The logo


def upload(client: TestClient, content: bytes, name: str = "logo.png") -> Any:
    files = {"logo": (name, content, "image/png")} if content else {}
    return client.post("/profile/logo", data={csrf.FIELD: csrf.token(TOKEN)}, files=files or {"logo": ("", b"")})


def test_a_logo_is_kept_as_what_it_is_and_shown_as_an_image(ada: TestClient, kept: Kept) -> None:
    whole(ada.get("/profile/logo"))
    assert upload(ada, PNG).headers["location"] == "/profile"
    assert kept.profile["logo"] == PICTURE
    address = logos.address(PICTURE)
    assert f'src="{address}"' in ada.get("/profile").text
    assert "base64" not in ada.get("/profile").text
    image = ada.get(address)
    assert (image.content, image.headers["content-type"]) == (PNG, "image/png")
    assert image.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert image.headers["x-content-type-options"] == "nosniff"
    assert image.headers["cache-control"].startswith("private, max-age=")
    assert ada.get("/logo?v=other").headers["cache-control"] == "private, no-cache"
    send(ada, "/profile/logo/removal")
    assert kept.profile["logo"] == ""
    assert ada.get(address).status_code == 404


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "Choose a picture first."),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "What you chose is none of these."),
        (b"<html>", "What you chose is none of these."),
        (PNG + b"x" * profile.LOGO_LIMIT, "The picture has 74 kB, and at most 73 kB fit."),
    ],
)
def test_what_is_no_picture_or_too_large_is_refused_in_words(
    content: bytes, sentence: str, ada: TestClient, kept: Kept
) -> None:
    answer = upload(ada, content)
    whole(answer)
    assert sentence in answer.text
    assert kept.profile["logo"] == ""


def test_the_largest_picture_that_the_page_takes_is_taken_by_accounts() -> None:
    from services.accounts.commands import UpdateProfile

    content = PNG + b"x" * (profile.LOGO_LIMIT - len(PNG))
    for start in (PNG, b"\xff\xd8\xff", b"RIFF0000WEBP"):
        url = profile.pictures.to_url(start + content[len(start) :])
        assert UpdateProfile(logo=url).logo == url


def test_the_logo_of_another_business_is_shown_as_an_image_unless_it_is_none(ada: TestClient, rpc: FakeRpc) -> None:
    def told(logo: str) -> None:
        rpc.on("offers", "get_partnership", partnership(counterpart={"tenant": "northwind", "company": "N", "logo": "x", "profile": {"logo": logo}}))  # fmt: skip

    told(PICTURE)
    image = ada.get(f"/partnerships/{ID}/logo?v={logos.digest(PICTURE)}")
    assert (image.content, image.headers["content-type"]) == (PNG, "image/png")
    assert "immutable" in image.headers["cache-control"]
    for logo in (
        "",
        "https://northwind.example/logo.png",
        "data:image/png;base64,PHN2Zz4=",
        "data:text/html;base64,PHN2Zz4=",
    ):
        told(logo)
        assert ada.get(f"/partnerships/{ID}/logo").status_code == 404
    rpc.on("offers", "get_partnership", partnership())
    assert ada.get(f"/partnerships/{ID}/logo").status_code == 404
