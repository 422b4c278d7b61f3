"""What accounts has to say to one mailbox: always mailed, never in the list, with a link that only the mailer can make."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.notifications import handlers
from services.notifications.domain.account_mails import MAILS
from services.notifications.domain.people import Mail
from services.notifications.mail import compose
from services.notifications.store import TABLES
from shared import links
from shared.bus.memory import MemoryDatabase
from shared.contracts.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordChanged,
    PasswordResetRequested,
)
from shared.ids import new_id
from tests.support.hearing import Ear

KEY, ID, ADA = "k" * 32, new_id(), new_id()
OLD, NEW = "ada@kazenor.example", "ada@new.example"
FACTS = [
    (PasswordResetRequested(id=ID, name="Ada", email=OLD), OLD, "reset", "/password-reset/link", "Choose a new password"),
    (PasswordChanged(name="Ada", email=OLD, by_mail=True), OLD, None, "/password-reset", "Your password was changed"),
    (EmailChangeRequested(id=ID, name="Ada", email=NEW, before=OLD), NEW, "email", "/email-change/link", "Confirm your new e-mail"),
    (EmailChanged(name="Ada", email=NEW, before=OLD), OLD, None, "/", "You log in with another e-mail now"),
]  # fmt: skip


def mailed(fact: Any) -> Mail:
    database = MemoryDatabase()
    ear = Ear(database, "notifications", TABLES)
    ear.hear(handlers.mail_about_login, fact, tenant="kazenor", subject=ADA)
    assert not database.records.get("notifications")
    (kept,) = database.records["mails"].values()
    return TABLES[-1].load(kept.document)


def parts(mail: Mail, key: str = KEY) -> tuple[Any, str, str]:
    message = compose(mail, sender="Accord <accord@accord.example>", url="http://accord.example", key=key)
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain and html
    return message, plain.get_content(), html.get_content()


@pytest.mark.parametrize(("fact", "to", "purpose", "path", "title"), FACTS, ids=[f[0].type for f in FACTS])
def test_it_goes_to_the_right_mailbox_with_one_link(fact: Any, to: str, purpose: Any, path: str, title: str) -> None:
    mail = mailed(fact)
    assert mail.email == to
    message, plain, html = parts(mail)
    assert (message["To"].addresses[0].addr_spec, message["Subject"]) == (to, title)
    (link,) = re.findall(r"http://\S+", plain)
    assert re.findall(r'href="([^"]*)"', html) == [link]
    assert "switch for mails" not in plain + html
    if purpose is None:
        assert link == f"http://kazenor.accord.example{path}"
    else:
        address, _, token = link.partition("?token=")
        assert address == f"http://kazenor.accord.example{path}"
        assert links.read(KEY, purpose, token) == ("kazenor", ID)
        # What is kept of the mail does not hold it.
        assert token[-64:] not in repr(mail)


def test_without_the_key_no_link_is_made() -> None:
    with pytest.raises(ValueError):
        parts(mailed(FACTS[0][0]), key="")


def test_each_kind_has_its_words() -> None:
    assert set(MAILS) == {fact.type for fact, *_ in FACTS}
