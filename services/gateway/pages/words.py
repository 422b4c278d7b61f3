"""The words on the pages: one place for labels, sentences and the way times and names are written."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

STATUSES = {
    "open": "Open",
    "accepted": "Accepted",
    "modified": "Modified",
    "declined": "Declined",
    "withdrawn": "Withdrawn",
    "expired": "Expired",
    "undeliverable": "Undeliverable",
    "suspended": "Suspended",
    "terminated": "Terminated",
}
BEGUN = ("accepted", "modified", "suspended", "terminated")
ENDED = ("declined", "withdrawn", "expired", "undeliverable", "terminated")
# What the other business is to us: the role in a partnership is ours, the label on its tile is theirs.
COUNTERPARTS = {"partner": "Customer", "customer": "Partner"}
DELIVERIES = {"queued": "On its way", "delivered": "Delivered", "seen": "Seen", "answered": "Answered"}
ROLES = {"admin": "Admin", "partnerships": "Partnerships", "member": "Member"}
DELIVERY_MEANINGS = {
    "queued": "Not yet received by the other side",
    "delivered": "Received by the other side",
    "seen": "Somebody there has opened it",
    "answered": "The other side has answered",
}


# The same people stand on page after page, some of them a thousand at once.
@lru_cache(maxsize=10_000)
def initials(name: str) -> str:
    """One or two letters that stand for a name: `NT` for Northwind Traders, `KA` for Kazenor."""
    words = [
        word for word in re.split(r"[\s\-_.,&/]+", unicodedata.normalize("NFC", name)) if any(c.isalnum() for c in word)
    ]
    letters = [next(c for c in word if c.isalnum()) for word in words]
    if not letters:
        return "?"
    if len(letters) == 1:
        return "".join([c for c in words[0] if c.isalnum()][:2]).upper()
    return (letters[0] + letters[1]).upper()


@lru_cache(maxsize=10_000)
def hue(name: str) -> int:
    """The number (0 to 11) of the colour a name always has."""
    return hashlib.sha256(name.encode()).digest()[0] % 12


def moment(value: Any) -> datetime | None:
    """A time of the API (RFC 3339) as an aware datetime; None for what is none."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def zone(name: Any) -> tzinfo:
    """The time zone of a person; UTC when it is not known, or this machine knows no zones."""
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, ValueError, OSError, TypeError):  # ZoneInfoNotFoundError is a KeyError
        return UTC


def exact(at: datetime, tz: tzinfo) -> str:
    """`Friday 21 November 2025, 14:05 CET`."""
    local = at.astimezone(tz)
    return f"{local:%A} {local.day} {local:%B %Y, %H:%M} {local.tzname()}"


def day(at: datetime, tz: tzinfo, now: datetime) -> str:
    """`Today`, `Yesterday`, else `Friday 21 November`, with the year when it is another one."""
    local, today = at.astimezone(tz), now.astimezone(tz)
    if local.date() == today.date():
        return "Today"
    if local.date() == (today - timedelta(days=1)).date():
        return "Yesterday"
    return f"{local:%A} {local.day} {local:%B}" + (f" {local.year}" if local.year != today.year else "")


def by_day(items: list[dict[str, Any]], tz: tzinfo) -> list[tuple[str, list[dict[str, Any]]]]:
    """What happened `at` some time, below the day it happened on as the reader counts days; in the order in which it comes."""
    now = datetime.now(UTC)

    def of(item: dict[str, Any]) -> str:
        at = moment(item["at"])
        return day(at, tz, now) if at else ""

    return [(name, list(some)) for name, some in groupby(items, of)]


def ago(at: datetime, tz: tzinfo, now: datetime) -> str:
    """How long ago: `just now`, `5 min ago`, `3 h ago`, `yesterday`, `4 days ago`, then the date; times to come as their date."""
    seconds = (now - at).total_seconds()
    local, today = at.astimezone(tz), now.astimezone(tz)
    days = (today.date() - local.date()).days
    if -60 < seconds < 60:
        return "just now"
    if 0 < seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    if 0 < seconds < 6 * 3600 or (seconds > 0 and days == 0):
        return f"{int(seconds // 3600)} h ago"
    if days == 1:
        return "yesterday"
    if 1 < days < 7:
        return f"{days} days ago"
    return f"{local.day} {local:%b}" + (f" {local.year}" if local.year != today.year else "")


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 contact`, `2 contacts`."""
    return f"{number} {one if number == 1 else (many or one + 's')}"


def listed(names: list[str]) -> str:
    """`Ada`, `Ada and Ben`, `Ada, Ben and Cleo`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


UNANSWERED = "There was no answer, so this may or may not have been done. Send it again: it is done only once."
"""What people are told who have sent something to a service that is away, or slow: it may carry it out after we have given up on it."""

# What a redirect may say on the next page. The cookie carries the word only, perhaps with numbers (`contacts-imported.3.1`), so that no link can
# put a text on a page.
NOTES = {
    "registered": "Your business is registered. Welcome to Accord.",
    "logged-out": "You are logged out.",
    "offer-sent": "Your offer is on its way.",
    "accepted": "Accepted. The partnership has begun.",
    "declined": "Declined. The other side has been told.",
    "withdrawn": "Withdrawn. The other side has been told.",
    "reminded": "A reminder is on its way.",
    "proposed": "Your proposal is on its way. Nothing changes until the other side accepts it.",
    "change-answered": "Your answer is on its way.",
    "change-settled": "That proposal no longer waits for an answer. Here you see what became of it.",
    "change-agreed": "Both sides want the same, so it takes effect at once.",
    "change-withdrawn": "The proposal is withdrawn. The other side has been told.",
    "managers-added": "The team has been changed.",
    "manager-removed": "The manager has been released.",
    "owner-changed": "The account owner has been changed.",
    "settings-changed": "The settings have been changed.",
    "ended": "The partnership has ended. The other side has been told.",
    "removed": "The tile has been removed. You find the partnership under the filter Ended.",
    "contact-added": "The contact is in your directory.",
    "contact-doubled": "The contact is in your directory. Somebody else there has the same e-mail: here are both.",
    "contact-changed": "The contact has been changed.",
    "contact-deleted": "The contact has been deleted.",
    "contacts-imported": "Contacts added: {}, changed: {}.",
    "user-added": "The login has been made.",
    "user-changed": "The login has been changed.",
    "user-deactivated": "The login has been deactivated.",
    "user-activated": "The login is active again.",
    "profile-changed": "The profile has been changed.",
    "logo-changed": "The logo has been changed.",
    "logo-removed": "The logo has been removed.",
    "address-added": "The address has been added.",
    "address-changed": "The address has been changed.",
    "address-removed": "The address has been removed.",
    "address-default": "The default address has been changed.",
    "business-blocked": "Offers of this business reach you no more.",
    "business-unblocked": "Offers of this business reach you again.",
    "me-changed": "Your details have been changed.",
    "preferences-changed": "Your preferences have been changed.",
    "password-changed": "Your password has been changed, and all your other sessions have ended.",
    "password-reset": "Your password has been changed. Log in with it.",
    "email-requested": "A mail is on its way to the new e-mail. It counts once you have followed the link in it.",
    "email-changed": "You log in with the new e-mail from now on.",
    "sessions-ended": "All your other sessions have ended.",
    "session-ended": "The session has ended.",
    "key-made-already": "This key was made already and cannot be shown again. If you have not copied it, revoke it and make another.",
    "key-revoked": "The key has been revoked. Programs that use it are refused.",
    "environments-changed": "Environments and roles have been changed.",
    "all-read": "All notifications are marked as read.",
}


def note(said: str) -> str | None:
    """The sentence for a word of `NOTES` with its numbers; None for anything else."""
    word, *numbers = said.split(".")
    sentence = NOTES.get(word)
    if sentence is None or len(numbers) != sentence.count("{}"):
        return None
    return sentence.format(*numbers) if all(n.isascii() and n.isdigit() and len(n) < 10 for n in numbers) else None
