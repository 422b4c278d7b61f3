"""The pictures of the README: a stack of its own, businesses with something going on, and a browser that looks (`make screenshots`)."""

from __future__ import annotations

from playwright.sync_api import Browser

from deploy.local.paths import ROOT
from tests.support.browser import chromium
from tests.support.stack import PASSWORD, Business, Stack, running_stack

IMAGES = ROOT / "docs" / "images"
PEOPLE = ("Marta Oduya", "Jonas Weber", "Priya Raman", "Tomás Ferreira")


def story(stack: Stack) -> tuple[Business, dict[str, str]]:
    """A business with something going on, and where its pictures are taken."""
    ours = stack.register(tenant="kazenor-consulting", company="Kazenor Consulting", name="Ada Lindqvist")
    people = [ours.contact(name) for name in PEOPLE]
    accepted = stack.register(tenant="northwind-traders", company="Northwind Traders", name="Nils Berg")
    first = ours.offer(
        accepted, *people[:3], message="We would like to look after your platform: three of our people, from day one."
    )
    accepted.until(first["id"], status="open")
    roles = [{"environment": "Production", "role": "Operator"}, {"environment": "Development", "role": "Administrator"}]
    body = {"contacts": [{"contact_id": c, "roles": roles} for c in people[:2]], "comment": "Welcome aboard."}
    accepted.post(f"/partnerships/{first['id']}/acceptance", body)
    for company, name in (("Lumen Studio", "Lea Martin"), ("Summit Outdoor", "Karl Vogt")):
        other = stack.register(tenant=company.lower().replace(" ", "-"), company=company, name=name)
        sent = ours.offer(other, people[3], message="Shall we work together this season?")
        other.until(sent["id"], status="open")
        if company.startswith("Lumen"):
            other.post(f"/partnerships/{sent['id']}/decline", {"reason": "Not before spring"})
        else:
            other.ask("PUT", f"/partnerships/{sent['id']}/seen", 204)
            ours.until(sent["id"], delivery="seen")
    harbor = stack.register(tenant="harbor-analytics", company="Harbor Analytics", name="Ines Duarte")
    lent = [harbor.contact(name) for name in ("Lena Brandt", "Omar Haddad")]
    waiting = harbor.offer(
        ours, *lent, message="Lena and Omar could bring your figures in order. They know your tools."
    )
    ours.until(waiting["id"], status="open")
    ours.until(first["id"], status="accepted")
    pier = stack.register(tenant="pier-nine", company="Pier Nine", name="Jo Castell")
    crew = [pier.contact(name) for name in ("Ida Sommer", "Paul Okafor", "Nora Lind")]
    second = pier.offer(ours, *crew[:2], message="Two of us for your night shift.")
    ours.until(second["id"], status="open")
    ours.post(
        f"/partnerships/{second['id']}/acceptance",
        {"contacts": [{"contact_id": c, "roles": roles[:1]} for c in crew[:2]], "comment": "Good to have you."},
    )
    pier.until(second["id"], status="accepted")
    proposed = pier.post(
        f"/partnerships/{second['id']}/modifications",
        {
            "add_contact_ids": crew[2:],
            "release_contact_ids": crew[:1],
            "reason": "Ida moves on in May; Nora takes over.",
        },
        201,
    )
    ours.until(second["id"], status="modified")
    accepted.post(
        f"/partnerships/{first['id']}/modifications",
        {"add_contact_ids": [], "release_contact_ids": people[1:2], "reason": "The migration is done."},
        201,
    )
    ours.until(first["id"], status="modified")
    return ours, {
        "home": "/",
        "wizard": "/partnerships/new",
        "acceptance": f"/partnerships/{waiting['id']}/acceptance",
        "partnership": f"/partnerships/{first['id']}",
        "review": f"/partnerships/{second['id']}/modifications/{proposed['id']}/answer",
        "timeline": f"/partnerships/{first['id']}/history",
    }


def look(browser: Browser, stack: Stack, ours: Business, places: dict[str, str], theme: str) -> None:
    """Log in and take the pictures of one theme."""
    context = browser.new_context(color_scheme=theme, viewport={"width": 1280, "height": 800})  # type: ignore[arg-type]
    page = context.new_page()
    home = stack.tenant_url(ours.tenant)
    page.goto(f"{home}/login")
    page.fill("[name=email]", ours.email)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{home}/")
    for name, path in places.items():
        page.goto(f"{home}{path}")
        page.screenshot(path=IMAGES / f"{name}-{theme}.png")
    context.close()


def main() -> None:
    """Take all pictures."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_stack() as stack:
        ours, places = story(stack)
        with chromium() as browser:
            for theme in ("light", "dark"):
                look(browser, stack, ours, places, theme)


if __name__ == "__main__":
    main()
