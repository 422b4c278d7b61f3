"""A mail as a program with a browser in it shows it: in light and dark, on a phone and wide, whatever people are called."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from services.notifications.domain.people import Mail
from services.notifications.mail import compose
from tests.support import story
from tests.support.axe import violations
from tests.support.hearing import START

LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
# A mail is no page of ours: its program brings the frame.
CONTENT = {"runOnly": {"type": "rule", "values": ["color-contrast", "heading-order", "link-name", "target-size"]}}


def html(company: str, comment: str, name: str) -> str:
    data = {**story.ANSWER_RECEIVED.model_dump(mode="json"), "company": company, "comment": comment}
    mail = Mail(
        tenant="kazenor", id="m1", name=name, email="ada@kazenor.example", type="answer.received", at=START,
        partnership_id=story.PARTNERSHIP, data=data,
    )  # fmt: skip
    body = compose(mail, sender="accord@accord.example", url="http://localhost:8080").get_body(("html",))
    assert body is not None
    return str(body.get_content())


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_mail_can_be_read_everywhere(browser: Browser, theme: str) -> None:
    context = browser.new_context(color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    page.set_content(html(LONG, f"First.\n\n{LONG}", LONG))
    for width in (320, 390, 700):
        page.set_viewport_size({"width": width, "height": 600})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert violations(page, CONTENT) == []
        button = page.get_by_role("link", name="Open the partnership").bounding_box()
        assert button is not None
        assert button["height"] >= 44
    background = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    assert background == {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 27, 31)"}[theme]
    context.close()
