"""Links in mails, and what is done by following them: a new password, another e-mail."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import NO_KEY

ROUTES = (
    Route(
        method="POST",
        path="/password-resets",
        service="accounts",
        rpc="request_password_reset",
        summary="Have a link for a new password mailed, if there is such a login; the answer never tells whether there is",
        body=schemas.accounts.PasswordReset,
        status=202,
        anonymous=True,
        repeatable=False,
        codes=("rate_limited",),
    ),
    Route(
        method="POST",
        path="/password-resets/confirmation",
        service="accounts",
        rpc="reset_password",
        summary="Choose a new password by the token of a mailed link: it holds once and for 30 minutes, and all sessions end",
        body=schemas.accounts.PasswordResetConfirmation,
        status=204,
        anonymous=True,
        repeatable=False,
    ),
    Route(
        method="POST",
        path="/me/email",
        service="accounts",
        rpc="request_email_change",
        scope=NO_KEY,
        summary="Log in with another e-mail, once the link that is mailed to it was followed",
        body=schemas.accounts.EmailChange,
        status=202,
        codes=("email_taken", "rate_limited"),
    ),
    Route(
        method="POST",
        path="/email-changes/confirmation",
        service="accounts",
        rpc="confirm_email_change",
        summary="Confirm another e-mail by the token of a mailed link: it holds once and for 24 hours",
        body=schemas.accounts.LinkToken,
        status=204,
        anonymous=True,
        repeatable=False,
        codes=("email_taken",),
    ),
)
