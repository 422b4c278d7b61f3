"""A mail as it is written: from a notification to a message that any mail program shows, in light and in dark.

Names and texts come from other businesses. They reach headers only through email.message, which refuses line breaks, and HTML only
through Jinja2's escaping.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from functools import cache
from urllib.parse import urlsplit, urlunsplit

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.notifications.domain import account_mails, wording
from services.notifications.domain.people import Mail
from services.notifications.domain.wording import Way, Words
from shared import links

PREVIEW = 140
# Quoted local parts could hold them; nobody has such an address, and none passes the door of accounts.
_NEVER_IN_AN_ADDRESS = frozenset(' ,;:<>()[]\\"')


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("services.notifications"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def one_line(text: str, most: int = 200) -> str:
    """`text` as a header may carry it: one line, without control characters, not longer than `most`."""
    kept = "".join(
        " " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text if unicodedata.category(c) != "Cs"
    )
    line = " ".join(kept.split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def address(name: str, email: str) -> Address:
    """A mailbox for a header. Raises ValueError for what is no e-mail address; a name may hold anything."""
    user, at, domain = email.rpartition("@")
    if (
        not at
        or not user
        or not domain
        or set(email) & _NEVER_IN_AN_ADDRESS
        or "@" in user
        or email != one_line(email, 320)
    ):
        raise ValueError(f"{email!r} is not an e-mail address.")
    # Servers that know no internationalised mail still know the domain in its ASCII form.
    ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    return Address(one_line(name), user, ascii_domain)


def check_sender(sender: str) -> str:
    """`sender` as it is. Raises ValueError with a sentence when it cannot be a From header: else every mail would fail."""
    try:
        address(*parseaddr(sender))
    except ValueError as error:
        raise ValueError(f"ACCORD_MAIL_FROM must look like Accord <accord@example.com>, not {sender!r}.") from error
    return sender


def home(url: str, tenant: str) -> str:
    """The address of a tenant's pages: `http://localhost:8080` and `kazenor` give `http://kazenor.localhost:8080`.

    An address that is a number cannot carry a tenant's name; it stays as it is.
    """
    parts = urlsplit(url.rstrip("/"))
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
        return urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    except ValueError:
        port = f":{parts.port}" if parts.port else ""
        return urlunsplit((parts.scheme, f"{tenant}.{host}{port}", parts.path, "", ""))


def message_id(mail: Mail, sender: str) -> str:
    """The Message-ID of a mail: the same at every attempt, so that a mail that is sent twice is shown once."""
    return f"<{mail.id}.{mail.tenant}@{address('', parseaddr(sender)[1]).domain}>"


def _said(mail: Mail, key: str) -> tuple[Words, Way]:
    """What a mail says and where it leads. A link that proves the mailbox is made here: nowhere before does its token exist."""
    about_login = account_mails.MAILS.get(mail.type)
    if about_login is None:
        return (
            wording.words(mail.type, mail.data, mail.user_id),
            wording.way(mail.type, mail.data, mail.partnership_id, answers=mail.answers),
        )
    way = about_login.way
    if about_login.purpose is not None:
        token = links.token(key, about_login.purpose, mail.tenant, str(mail.data["id"]))
        way = Way(f"{way.path}?token={token}", way.button)
    return about_login.words(mail.data), way


def compose(mail: Mail, *, sender: str, url: str, key: str = "") -> EmailMessage:
    """The message for a mail: plain text and HTML that say the same, with one link to the page where its reader acts.

    `sender` is the From header (`Accord <accord@example.com>`), `url` the address of the platform, `key` makes links that prove a
    mailbox. Raises ValueError for an address that cannot be written to.
    """
    said, way = _said(mail, key)
    content = {
        "title": one_line(said.title),
        "text": said.text,
        "quotes": said.quotes,
        # What a list of mails shows behind the subject, which says the title already.
        "preview": one_line(wording.text(said), PREVIEW),
        "name": one_line(mail.name),
        "link": home(url, mail.tenant) + way.path,
        "button": way.button,
        "tenant": mail.tenant,
        # Mails about one's own login cannot be switched off.
        "switch": mail.type not in account_mails.MAILS,
    }
    sender_name, sender_email = parseaddr(sender)
    message = EmailMessage()
    message["From"] = address(sender_name or "Accord", sender_email)
    message["To"] = address(mail.name, mail.email)
    message["Subject"] = content["title"]
    message["Date"] = mail.at
    message["Message-ID"] = message_id(mail, sender)
    # No out-of-office reply to a machine (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_templates().get_template("mail.txt").render(content))
    message.add_alternative(_templates().get_template("mail.html").render(content), subtype="html")
    return message
