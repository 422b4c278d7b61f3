"""What people read: notifications and mails."""

from __future__ import annotations

import email
import email.policy
import json
import re
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from services.notifications.domain.people import Mail
from services.notifications.domain.recipients import TOLD
from services.notifications.domain.wording import UNKNOWN, Way, names, text, way, words
from services.notifications.mail import PREVIEW, check_sender, compose, home, message_id
from services.notifications.post import Server
from shared.contracts.messages import Fact
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


PAGE = f"/partnerships/{story.PARTNERSHIP}"


@pytest.mark.parametrize(
    ("fact", "path", "button"),
    [
        (story.RECEIVED, PAGE, "Open the offer"),
        (story.REMINDER_RECEIVED, PAGE, "Open the offer"),
        (story.DECLINE_RECEIVED, PAGE, "Open the offer"),
        (story.PROPOSAL_RECEIVED, f"{PAGE}/modifications/{story.CHANGE}/answer", "Review the change"),
        (story.ANSWER_RECEIVED, PAGE, "Open the partnership"),
        (story.team("added", story.BO, added=[story.BO]), PAGE, "Open the partnership"),
        (story.team("deactivated", by=None, removed=[story.BO]), f"{PAGE}/managers", "Choose a partner manager"),
    ],
)
def test_the_way_leads_to_where_one_acts(fact: Fact, path: str, button: str) -> None:
    assert way(fact.type, data(fact), story.PARTNERSHIP, answers=True) == Way(path, button)


@pytest.mark.parametrize("type_", sorted(TOLD))
def test_whoever_may_answer_nothing_is_led_to_what_they_may_see(type_: str) -> None:
    assert way(type_, example(type_), story.PARTNERSHIP, answers=False).path in {PAGE, f"{PAGE}/managers"}


EXAMPLES = Path(__file__).parents[2] / "contracts" / "messages"


def example(type_: str) -> dict[str, Any]:
    """What a fact of this type said once, as it is stored for the contract."""
    (path,) = EXAMPLES.glob(f"*.fact.{type_}.json")
    return dict(json.loads(path.read_text())["data"])


@pytest.mark.parametrize("type_", sorted(TOLD))
def test_everything_that_is_told_has_words_of_its_own_in_the_app_and_in_a_mail(type_: str) -> None:
    said = words(type_, example(type_))
    assert said != UNKNOWN
    assert not said.title.endswith(".")
    assert said.text.endswith(".")
    for missing in ("None", "Somebody", "A business", "  "):
        assert missing not in f"{said.title}: {said.text}"
    message = composed(
        Mail(
            tenant="northwind", id="01973f00-0000-7000-8000-0000000000d1", name="Nils Holm", email="nils@northwind.example",
            type=type_, at=START, partnership_id=story.PARTNERSHIP, data=example(type_),
        )
    )  # fmt: skip
    assert message["Subject"] == said.title
    for kind in ("plain", "html"):
        content = part(message, kind)
        assert all(said_text in unescape(content) for said_text in (said.text, *(quote.words for quote in said.quotes)))
        assert content.count("http://") == 1


@pytest.mark.parametrize("type_", sorted(TOLD))
def test_a_fact_that_says_nothing_of_what_it_should_still_reads(type_: str) -> None:
    said = words(type_, {})
    assert said.title
    assert said.text.endswith(".")


@pytest.mark.parametrize(
    ("fact", "title", "read"),
    [
        (
            story.SUBMITTED,
            "You look after the offer to northwind",
            "Ada Lindqvist sent it and chose you as a partner manager. It proposes 2 contacts: Mia Berg and Olof Palm. “Shall we?”",
        ),
        (
            story.ACCEPTANCE_GIVEN,
            "You look after the partnership with Kazenor Consulting now",
            "Nils Holm accepted the offer with 1 of 2 contacts: Mia Berg. “Welcome.”",
        ),
        (
            story.DECLINE_GIVEN,
            "The offer of Kazenor Consulting was declined",
            "Nils Holm declined it. “Not this year.”",
        ),
        (
            story.WITHDRAWAL_GIVEN,
            "Your offer to Northwind Traders was withdrawn",
            "Ada Lindqvist took it back. “Sent by mistake.”",
        ),
        (
            story.WITHDRAWAL_RECEIVED,
            "Kazenor Consulting withdrew its offer",
            "Ada Lindqvist of Kazenor Consulting took it back. It needs no answer any more. “Sent by mistake.”",
        ),
        (
            story.EXPIRY_GIVEN,
            "Your offer to Northwind Traders has expired",
            "It was not answered in time. You can send a new one.",
        ),
        (story.EXPIRY_RECEIVED, "The offer of Kazenor Consulting has expired", "It was not answered in time."),
        (
            story.REMINDER_GIVEN,
            "Northwind Traders was reminded of your offer",
            "Ada Lindqvist sent the reminder.",
        ),
        (
            story.REMINDER_RECEIVED,
            "Kazenor Consulting reminds you of its offer",
            "Ada Lindqvist of Kazenor Consulting would like to know whether you accept or decline.",
        ),
        (
            story.END_GIVEN,
            "The partnership with Northwind Traders has ended",
            "Ada Lindqvist ended it. “The project is over.”",
        ),
        (
            story.END_RECEIVED,
            "Kazenor Consulting ended the partnership",
            "Ada Lindqvist of Kazenor Consulting ended it. You can still read everything. “The project is over.”",
        ),
        (
            story.OWNER_RECEIVED,
            "Kazenor Consulting has another account owner",
            "Bo Ek is the first point of contact on their side now.",
        ),
        (
            story.PROPOSAL_GIVEN,
            "A change was proposed to Northwind Traders",
            "Ada Lindqvist proposes to add Olof Palm and to release Mia Berg. “A change of plan.”",
        ),
        (
            story.PROPOSAL_RECEIVED,
            "Kazenor Consulting proposes a change",
            "Ada Lindqvist of Kazenor Consulting proposes to add Olof Palm and to release Mia Berg. “A change of plan.”",
        ),
        (
            story.ANSWER_GIVEN,
            "The change that Kazenor Consulting proposed was answered",
            "Nils Holm agreed to add Olof Palm and declined to release Mia Berg. “Thank you.” On Mia Berg: “She is needed "
            "until June.” Suggested instead: “Release her in June.”",
        ),
        (
            story.ANSWER_RECEIVED,
            "Northwind Traders answered your change",
            "Nils Holm of Northwind Traders agreed to add Olof Palm and declined to release Mia Berg. “Thank you.” "
            "On Mia Berg: “She is needed until June.” Suggested instead: “Release her in June.”",
        ),
        (
            story.ANSWER_RECEIVED.model_copy(update=story.BY_ITSELF),
            "A change in the partnership with Northwind Traders needed no answer",
            "Mia Berg is released: both sides have agreed to it. "
            "Olof Palm works there already and did not need to be added.",
        ),
        (
            story.ANSWER_GIVEN.model_copy(update=story.BY_ITSELF | {"items": [story.RELEASED]}),
            "A change in the partnership with Kazenor Consulting needed no answer",
            "Mia Berg is released: both sides have agreed to it.",
        ),
        (
            story.RETRACTION_GIVEN,
            "A change proposed to Northwind Traders was withdrawn",
            "Ada Lindqvist no longer proposes to add Olof Palm and to release Mia Berg.",
        ),
        (
            story.RETRACTION_RECEIVED,
            "Kazenor Consulting withdrew a change",
            "Ada Lindqvist of Kazenor Consulting no longer proposes to add Olof Palm and to release Mia Berg.",
        ),
    ],
    ids=lambda value: getattr(value, "type", None),
)
def test_what_happened_reads_like_this(fact: Fact, title: str, read: str) -> None:
    said = words(fact.type, data(fact))
    assert (said.title, text(said)) == (title, read)


ME, NILS = story.BO.id, story.NILS


@pytest.mark.parametrize(
    ("fact", "title", "read"),
    [
        (
            story.team("added", story.NILS_MANAGES, story.BO, added=[story.BO]),
            "You look after the partnership with Kazenor now",
            "Nils Holm added you to the team.",
        ),
        (
            story.team("added", story.BO, added=[story.BO]),
            "You look after the partnership with Kazenor now",
            "Nils Holm added you to the team and made you the account owner.",
        ),
        (
            story.team("owner", story.BO, story.NILS_MANAGES, previous_owner=NILS),
            "You are the account owner of the partnership with Kazenor now",
            "Nils Holm chose you. Before, it was Nils Holm.",
        ),
        (
            story.team("removed", story.BO, by=story.ADA, removed=[story.NILS_MANAGES], previous_owner=NILS),
            "You are the account owner of the partnership with Kazenor now",
            "Ada Lindqvist removed Nils Holm from the team.",
        ),
        (
            story.team("deactivated", story.BO, by=None, removed=[story.NILS_MANAGES], previous_owner=NILS),
            "You are the account owner of the partnership with Kazenor now",
            "Nils Holm has no active login any more.",
        ),
        (
            story.team("deactivated", by=None, removed=[story.NILS_MANAGES], previous_owner=NILS),
            "Nobody looks after the partnership with Kazenor any more",
            "Nils Holm has no active login any more. Choose somebody else.",
        ),
    ],
)
def test_each_reads_what_a_change_of_the_team_means_for_them(fact: Fact, title: str, read: str) -> None:
    said = words(fact.type, data(fact, company="Kazenor"), ME)
    assert (said.title, text(said)) == (title, read)


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


def test_both_forms_of_a_mail_say_the_same() -> None:
    one = composed(
        mail(story.ANSWER_RECEIVED, comment="Thank you.\nSee you in June.", suggestion="Release her <in June>.")
    )
    html = re.sub(r"<(head|div aria-hidden)\b.*?</(head|div)>", "", part(one, "html"), flags=re.DOTALL)
    link = re.search(r'<a href="([^"]+)"', html)
    assert link is not None
    said = unescape(re.sub(r"<[^>]+>", " ", html)).split()
    plain = part(one, "plain").replace("\n> ", "\n").replace("\n-- \n", "\n")
    # What only one of them has: a heading that the subject says, too, and the address below the button.
    assert said[: len(one["Subject"].split())] == one["Subject"].split()
    assert said[len(one["Subject"].split()) :] == plain.replace(f":\n{link[1]}", "").split()


def test_lines_of_what_people_wrote_stay_lines() -> None:
    one = composed(mail(message="First.\nSecond."))
    assert re.search(r"First\.<br>\s*Second\.", part(one, "html"))
    assert "\n> First.\n> Second.\n" in part(one, "plain")


def test_a_list_of_mails_shows_what_happened_behind_the_subject() -> None:
    html = part(composed(mail(message="x" * 1000)), "html")
    preview = re.search(r"<body[^>]*>\s*<div aria-hidden=\"true\"[^>]*display:none[^>]*>(.*?)(?:&|</div>)", html)
    assert preview is not None
    assert preview[1].startswith("Ada Lindqvist of Kazenor Consulting offers 2 contacts: Mia Berg and Olof Palm. “xxx")
    assert len(preview[1]) == PREVIEW


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
