"""What accounts has to say to one mailbox: a link that only its owner may follow, or that something about their login was changed.

These are mailed whatever somebody chose about mails, and are in no list of notifications: who reads that has logged in already.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.notifications.domain.wording import Data, Way, Words
from shared.links import Purpose

FORGOTTEN = Way("/password-reset", "Choose a new password")


@dataclass(frozen=True, slots=True)
class AccountMail:
    """One kind of mail: what it says, where its button leads; with `purpose` the way gets a token that proves the mailbox."""

    words: Callable[[Data], Words]
    way: Way
    purpose: Purpose | None = None
    to: str = "email"
    """Which of the fact's fields names the mailbox."""


def _reset(data: Data) -> Words:
    return Words(
        "Choose a new password",
        f"Somebody, probably you, asked for a new password for {data.get('email', 'your login')}. The link works once, within"
        " 30 minutes. If it was not you, there is nothing to do: your password stays as it is.",
    )


def _password_changed(data: Data) -> Words:
    how = "by a link in a mail, and all sessions ended" if data.get("by_mail") else "and all other sessions ended"
    return Words(
        "Your password was changed",
        f"The password of {data.get('email', 'your login')} was changed {how}. If it was not you, choose a new one now, and tell an admin of"
        " your business.",
    )


def _email_requested(data: Data) -> Words:
    return Words(
        "Confirm your new e-mail",
        f"You asked to log in with {data.get('email', 'this e-mail')} instead of {data.get('before', 'the one before')}. The link works"
        " once, within 24 hours; until then nothing changes. If it was not you, there is nothing to do.",
    )


def _email_changed(data: Data) -> Words:
    return Words(
        "You log in with another e-mail now",
        f"Your login is {data.get('email', 'another e-mail')} from now on, no longer {data.get('before', 'this one')}. If it was not you,"
        " tell an admin of your business at once: they can deactivate the login.",
    )


MAILS: Mapping[str, AccountMail] = {
    "password_reset.requested": AccountMail(_reset, Way("/password-reset/link", "Choose a new password"), "reset"),
    "password.changed": AccountMail(_password_changed, FORGOTTEN),
    "email_change.requested": AccountMail(_email_requested, Way("/email-change/link", "Confirm this e-mail"), "email"),
    "email.changed": AccountMail(_email_changed, Way("/", "Open Accord"), to="before"),
}
"""By the type of the fact."""
