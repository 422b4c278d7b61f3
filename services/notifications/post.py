"""Handing mails to an SMTP server: one connection for a burst, and what its answers mean."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

TIMEOUT_S = 10.0
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class ServerAway(Exception):
    """The server does not answer, or takes nothing from us at all: no fault of the mail, try any mail later."""


class NotTaken(Exception):
    """This mail was not taken. `final`: it never will be. The text may name the addressee: it is stored, never logged."""

    def __init__(self, why: str, *, final: bool) -> None:
        super().__init__(why)
        self.final = final


@dataclass(frozen=True, slots=True)
class Server:
    """Where mails are handed over: `smtp://host:port`, `smtp+starttls://user:password@host`, `smtps://…`."""

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @classmethod
    def of(cls, url: str) -> Server:
        """Read the address of a server. Raises ValueError with a sentence for anything else; the password is never in it."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise ValueError(
                "ACCORD_SMTP_URL must look like smtp://host:port, smtp+starttls://user:password@host or smtps://host."
            )
        return cls(
            parts.scheme,
            parts.hostname,
            port or _PORTS[parts.scheme],
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )


class Post:
    """Sends messages. Opens a connection when there is something to send; `close` when there is nothing for a while."""

    def __init__(self, server: Server, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = server
        self._timeout = timeout_s
        self._smtp: smtplib.SMTP | None = None

    def send(self, message: EmailMessage) -> None:
        """Hand a message over. Raises ServerAway or NotTaken."""
        used = self._smtp is not None
        try:
            self._hand_over(message)
        except (smtplib.SMTPServerDisconnected, ConnectionError) as error:
            self.close()
            if not used:
                raise NotTaken(f"The server hung up: {error}", final=False) from error
            # It had closed the connection of the mail before; a new one tells whether this mail is at fault.
            try:
                self._hand_over(message)
            except (smtplib.SMTPServerDisconnected, ConnectionError) as again:
                self.close()
                raise NotTaken(f"The server hung up: {again}", final=False) from again

    def close(self) -> None:
        """Say goodbye, if there is anybody to say it to."""
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

    def _hand_over(self, message: EmailMessage) -> None:
        if self._smtp is None:
            self._smtp = self._open()
        try:
            self._smtp.send_message(message)
        except smtplib.SMTPSenderRefused as error:
            # It takes nothing from our address: every mail would fail alike.
            self.close()
            raise ServerAway(f"refuses our sender address with {error.smtp_code}") from error
        except smtplib.SMTPRecipientsRefused as error:
            code, why = next(iter(error.recipients.values()))
            raise NotTaken(f"{code} {_text(why)}", final=500 <= code < 600) from error
        except smtplib.SMTPResponseException as error:
            raise NotTaken(
                f"{error.smtp_code} {_text(error.smtp_error)}", final=500 <= error.smtp_code < 600
            ) from error
        except smtplib.SMTPNotSupportedError as error:
            raise NotTaken(str(error), final=True) from error
        except TimeoutError as error:
            self.close()
            raise NotTaken("The server took too long.", final=False) from error

    def _open(self) -> smtplib.SMTP:
        s = self._server
        smtp: smtplib.SMTP | None = None
        try:
            if s.scheme == "smtps":
                smtp = smtplib.SMTP_SSL(s.host, s.port, timeout=self._timeout, context=ssl.create_default_context())
            else:
                smtp = smtplib.SMTP(s.host, s.port, timeout=self._timeout)
            if s.scheme == "smtp+starttls":
                smtp.starttls(context=ssl.create_default_context())
            if s.user:
                smtp.login(s.user, s.password)
            return smtp
        except (OSError, smtplib.SMTPException) as error:
            if smtp is not None:
                smtp.close()
            code = getattr(error, "smtp_code", "")
            raise ServerAway(f"does not let us in: {type(error).__name__} {code}".rstrip()) from error


def _text(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
