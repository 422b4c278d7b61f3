"""What is done by a link in a mail: a forgotten password is replaced, another e-mail is confirmed. Nobody has to be logged in.

The token of a link stands in the query alone, which no log of ours keeps, and in the form of its page. Looking at the page does nothing:
programs that read mails follow their links.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import tenant_names
from services.gateway.pages.desk import Desk, LoginNeeded
from services.gateway.pages.entering import EXPIRED
from services.gateway.pages.forms import Form
from services.gateway.pages.rooms import desk_of, doors, visitor
from services.gateway.rpc import COMMAND, ServiceFailure
from shared.errors import Refusal, ValidationError

pages = doors()

FORGOTTEN = {"tenant": "Tenant name", "email": "E-mail"}
CHOSEN = {"password": "New password"}
GONE = 410


@pages.get("/password-reset")
async def forgotten_page(request: Request) -> Response:
    desk = desk_of(request)
    form = Form(FORGOTTEN, {"tenant": desk.host_tenant or request.query_params.get("tenant", "")})
    return await desk.page("password_forgotten.html", form=form)


@pages.post("/password-reset")
async def forgotten(request: Request) -> Response:
    """Whatever was entered, the answer is the same: a mail is on its way if there is such a login."""
    desk, form = desk_of(request), Form.sent(FORGOTTEN, await request.form())
    form.set("tenant", desk.host_tenant or tenant_names.from_typed(form.value("tenant")))
    status = 200
    if not request.state.form_is_ours:
        form.refuse("", EXPIRED)
        status = 403
    if not form.value("tenant"):
        form.refuse("tenant", "Enter the tenant name of your business, like kazenor.")
    if not form.value("email").strip():
        form.refuse("email", "Enter the e-mail you log in with.")
    if not form.wrong:
        try:
            body = {"tenant": form.value("tenant"), "email": form.value("email").strip()}
            await desk.call("accounts", "request_password_reset", deadline=COMMAND, **body)
            return desk.go("/password-reset/sent")
        except Refusal as refusal:
            status = form.refused(refusal)
    return await desk.page("password_forgotten.html", status, form=form)


@pages.get("/password-reset/sent")
async def sent(request: Request) -> Response:
    return await desk_of(request).page("password_reset_sent.html")


@pages.get("/password-reset/link")
async def choose_page(request: Request) -> Response:
    desk = desk_of(request)
    link = await _look(desk, "reset", request.query_params.get("token", ""))
    if link is None:
        return await desk.page("link_dead.html", GONE, kind="reset")
    return await desk.page("password_reset.html", form=Form(CHOSEN), token=request.query_params["token"], link=link)


@pages.post("/password-reset/link")
async def choose(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form, token = Form.sent(CHOSEN, data), str(data.get("token", ""))
    status = 200
    if not request.state.form_is_ours:
        form.refuse("", EXPIRED)
        status = 403
    elif not 10 <= len(form.value("password")) <= 200:
        form.refuse("password", "Use 10 to 200 characters.")
    else:
        try:
            await desk.call(
                "accounts", "reset_password", deadline=COMMAND, token=token, password=form.value("password")
            )
            return desk.go(_login(desk, token), "password-reset")
        except ValidationError:
            status = GONE
        except Refusal as refusal:
            status = form.refused(refusal)
    link = await _look(desk, "reset", token)
    if link is None:
        return await desk.page("link_dead.html", GONE, kind="reset")
    return await desk.page("password_reset.html", status, form=form, token=token, link=link)


@pages.get("/email-change/link")
async def confirm_page(request: Request) -> Response:
    desk = desk_of(request)
    token = request.query_params.get("token", "")
    link = await _look(desk, "email", token)
    if link is None:
        return await desk.page("link_dead.html", GONE, kind="email")
    return await desk.page("email_change.html", form=Form({}), token=token, link=link)


@pages.post("/email-change/link")
async def confirm(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form, token = Form.sent({}, data), str(data.get("token", ""))
    status = 200
    if not request.state.form_is_ours:
        form.refuse("", EXPIRED)
        status = 403
    else:
        try:
            await desk.call("accounts", "confirm_email_change", deadline=COMMAND, token=token)
            return desk.go("/me" if await _logged_in(desk) else _login(desk, token), "email-changed")
        except ValidationError:
            status = GONE
        except Refusal as refusal:
            status = form.refused(refusal)
    link = await _look(desk, "email", token)
    if link is None:
        return await desk.page("link_dead.html", GONE, kind="email")
    return await desk.page("email_change.html", status, form=form, token=token, link=link)


async def _look(desk: Desk, purpose: str, token: str) -> dict[str, Any] | None:
    """What the link is for; None when it does not work, or belongs to another business than the host."""
    try:
        found: dict[str, Any] = await desk.call("accounts", "get_mailed_link", token=token, purpose=purpose)
    except ValidationError:
        return None
    return None if desk.host_tenant and found["tenant"] != desk.host_tenant else found


async def _logged_in(desk: Desk) -> bool:
    try:
        await visitor(desk)
    except (LoginNeeded, Refusal, ServiceFailure):
        return False
    return True


def _login(desk: Desk, token: str) -> str:
    """The login of the business of the link, which its token names."""
    return "/login" if desk.host_tenant else f"/login?tenant={tenant_names.from_typed(token.split('_')[1])}"
