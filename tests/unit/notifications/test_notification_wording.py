"""What people read: notifications and mails."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest

from services.notifications.domain.people import Audience, Mail, News, Team, User
from services.notifications.domain.recipients import candidates, hears
from services.notifications.domain.wording import names, text, words
from services.notifications.mail import check_sender, compose, home, message_id
from services.notifications.post import Server
from tests.support import story
from tests.support.hearing import START

SENDER, URL = "Accord <accord@accord.example>", "http://localhost:8080"


def data(fact: Any, **changes: Any) -> dict[str, Any]:
    return {**fact.model_dump(mode="json"), **changes}


def mail(
    fact: Any = story.RECEIVED, *, name: str = "Nils Holm", email: str = "nils@northwind.example", **changes: Any
) -> Mail:
    return Mail(
        tenant="northwind", id="01973f00-0000-7000-8000-0000000000d1", name=name, email=email, type=fact.type, at=START,
        partnership_id=story.PARTNERSHIP, data=data(fact, **changes),
    )  # fmt: skip


def composed(one: Mail) -> EmailMessage:
    """The message as its reader's program parses it."""
    message = email.message_from_bytes(bytes(compose(one, sender=SENDER, url=URL)), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def test_an_acceptance_names_who_comes() -> None:
    said = words("acceptance.received", data(story.ACCEPTANCE_RECEIVED))
    assert said.title == "Northwind Traders accepted your offer"
    assert text(said) == "Nils Holm of Northwind Traders accepted 1 of 2 contacts: Mia Berg. “Welcome.”"


def test_a_decline_gives_the_reason() -> None:
    said = words("decline.received", data(story.DECLINE_RECEIVED))
    assert text(said) == "Nils Holm of Northwind Traders declined your offer. “Not this year.”"
    assert (
        text(words("decline.received", data(story.DECLINE_RECEIVED, reason="")))
        == "Nils Holm of Northwind Traders declined your offer."
    )


def test_an_undeliverable_offer_never_says_which_part_was_wrong() -> None:
    said = words("offer.undeliverable", data(story.UNDELIVERABLE))
    assert said.title == "Your offer to northwind could not be delivered"
    assert said.text.startswith("No business with that tenant name and login e-mail")


def test_a_notification_of_a_newer_release_still_reads() -> None:
    assert words("stage.changed", {}).title


@pytest.mark.parametrize(
    ("number", "read"),
    [(0, ""), (1, "A"), (2, "A and B"), (3, "A, B and C"), (5, "A, B, C, D and E"), (7, "A, B, C, D and 3 more")],
)
def test_names_read_like_a_sentence(number: int, read: str) -> None:
    assert names([{"name": letter} for letter in "ABCDEFG"[:number]]) == read


def test_the_one_who_did_it_hears_nothing() -> None:
    news = News(
        tenant="t",
        id="n",
        partnership_id="p",
        type="offer.received",
        at=START,
        actor="ann",
        data={"recipient_id": "nils"},
    )
    ann = User(tenant="t", id="ann", name="Ann", email="ann@t.example", role="admin", active=True, since=START)
    assert candidates(news, Audience(tenant="t", id="t", user_ids=("ann", "nils")), None) == ("nils", "ann")
    assert not hears(news, ann)


def test_a_type_nobody_listens_to_reaches_nobody() -> None:
    news = News(tenant="t", id="n", partnership_id="p", type="offer.submitted", at=START, data={})
    team = Team(tenant="t", id="p", user_ids=("ann",))
    assert candidates(news, Audience(tenant="t", id="t", user_ids=("ann",)), team) == ()


def test_a_mail_has_both_forms_and_exactly_one_link_to_the_page_on_the_tenants_host() -> None:
    message = composed(mail())
    link = f"http://northwind.localhost:8080/partnerships/{story.PARTNERSHIP}"
    for kind in ("plain", "html"):
        content = part(message, kind)
        assert content.count("http://") == content.count(link) == 1
        assert "Ada Lindqvist of Kazenor Consulting offers 2 contacts" in content
        assert "Shall we?" in content
    assert message["Subject"] == "Kazenor Consulting offers to work with you"
    assert message["To"] == "Nils Holm <nils@northwind.example>"
    assert message["From"] == SENDER


def test_a_mail_reads_in_the_dark() -> None:
    html = part(composed(mail()), "html")
    assert 'name="color-scheme" content="light dark"' in html
    assert "prefers-color-scheme: dark" in html


def test_a_mail_has_the_same_message_id_at_every_attempt() -> None:
    first, second = composed(mail()), composed(mail())
    assert first["Message-ID"] == second["Message-ID"] == message_id(mail(), SENDER)
    assert first["Message-ID"] == "<01973f00-0000-7000-8000-0000000000d1.northwind@accord.example>"


EVIL = "Eve\r\nBcc: all@northwind.example\r\n\r\n<script>alert(1)</script>"


def test_names_and_texts_of_others_write_no_header_and_no_html() -> None:
    message = composed(mail(name=EVIL, company=EVIL, message=EVIL))
    assert message["Bcc"] is None
    assert sorted(set(message.keys())) == [
        "Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To",
    ]  # fmt: skip
    assert [a.addr_spec for a in message["To"].addresses] == ["nils@northwind.example"]
    assert "<script>" not in part(message, "html")


@pytest.mark.parametrize(
    "address", ["nobody", "@x.example", "a@", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", ""]
)
def test_what_is_no_address_is_not_written_to(address: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        compose(mail(email=address), sender=SENDER, url=URL)


def test_names_in_any_script_reach_the_reader() -> None:
    message = composed(mail(name="Łukasz “Łuk” Żółć, 山田", company="Ünïcode & Söhne"))
    assert message["To"].addresses[0].display_name == "Łukasz “Łuk” Żółć, 山田"
    assert message["Subject"] == "Ünïcode & Söhne offers to work with you"


def test_a_very_long_name_is_cut_in_the_subject() -> None:
    assert len(composed(mail(company="x" * 1000))["Subject"]) == 200


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://localhost:8080", "http://kazenor.localhost:8080"),
        ("http://localhost:8080/", "http://kazenor.localhost:8080"),
        ("https://accord.example", "https://kazenor.accord.example"),
        ("https://example.com/accord/", "https://kazenor.example.com/accord"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_pages_stand_on_the_tenants_host(url: str, page: str) -> None:
    assert home(url, "kazenor") == page


def test_a_mail_server_is_read_from_its_address() -> None:
    assert Server.of("smtp://127.0.0.1:2525") == Server("smtp", "127.0.0.1", 2525)
    assert Server.of("smtp+starttls://us%40er:p%3Aw@mail.example") == Server(
        "smtp+starttls", "mail.example", 587, "us@er", "p:w"
    )
    assert Server.of("smtps://mail.example").port == 465


@pytest.mark.parametrize("sender", ["Accord", "Accord <accord>", ""])
def test_a_wrong_sender_is_found_before_the_first_mail(sender: str) -> None:
    with pytest.raises(ValueError, match="ACCORD_MAIL_FROM must look like"):
        check_sender(sender)
    assert check_sender("Accord <accord@localhost>") == "Accord <accord@localhost>"


@pytest.mark.parametrize("url", ["mail.example:25", "http://mail.example", "smtp://", "smtp://u:secret@host:99999", ""])
def test_a_wrong_address_of_a_server_is_one_sentence_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="ACCORD_SMTP_URL must look like") as refused:
        Server.of(url)
    assert "secret" not in str(refused.value)
