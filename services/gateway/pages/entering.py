"""Registering a business, logging in and out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages import csrf, tenant_names
from services.gateway.pages.desk import SESSION, Desk, LoginNeeded, safe_next
from services.gateway.pages.forms import Form
from services.gateway.pages.rooms import desk_of, doors, rooms, visitor
from services.gateway.pages.words import moment
from services.gateway.rpc import COMMAND, ServiceFailure
from shared.errors import NotAuthenticated, Refusal

outside = doors()
inside = rooms()

LOGIN = {"tenant": "Tenant name", "email": "E-mail", "password": "Password"}
REGISTRATION = {
    "company": "Company",
    "tenant": "Tenant name",
    "name": "Your name",
    "email": "Your e-mail",
    "password": "Password",
}
EXPIRED = "This page had been open for too long. Everything is still filled in: send it again."
# One sentence for a wrong tenant name, e-mail and password alike: which of them it was is nobody's business.
WRONG_LOGIN = "No login fits these details. Check the business, the e-mail and the password."
WRONG_LOGIN_HERE = "No login fits these details. Check the e-mail and the password."


async def _somebody(desk: Desk) -> bool:
    """Whether somebody is logged in already."""
    try:
        await visitor(desk)
    except (LoginNeeded, Refusal, ServiceFailure):  # whatever keeps us from knowing is no reason to hide the login page
        return False
    return True


def _enter(desk: Desk, session: dict[str, Any], path: str, note: str = "") -> Response:
    """Into the session: its token becomes the cookie of this host, for as long as the session lasts."""
    response = desk.go(path, note)
    until = moment(session.get("expires_at"))
    desk.set_cookie(
        response,
        SESSION,
        session["token"],
        max_age=max(int((until - datetime.now(UTC)).total_seconds()), 1) if until else None,
    )
    response.delete_cookie(csrf.FORM_COOKIE, path="/")
    return response


@outside.get("/login")
async def login_page(request: Request) -> Response:
    desk = desk_of(request)
    target = safe_next(request.query_params.get("next"))
    if await _somebody(desk):
        return desk.go(target)
    form = Form(LOGIN, {"tenant": desk.host_tenant or request.query_params.get("tenant", "")})
    return await desk.page("login.html", form=form, next=target)


@outside.post("/login")
async def login(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form, target = Form.sent(LOGIN, data), safe_next(data.get("next"))
    tenant = desk.host_tenant or tenant_names.from_typed(form.value("tenant"))
    wrong = WRONG_LOGIN_HERE if desk.host_tenant else WRONG_LOGIN
    form.set("tenant", tenant)
    for field, sentence in (
        ("tenant", "Enter the tenant name of your business."),
        ("email", "Enter your e-mail address."),
        ("password", "Enter your password."),
    ):
        if not form.value(field).strip():
            form.refuse(field, sentence)
    status = 200
    if not request.state.form_is_ours:
        form.refuse("", EXPIRED)
        status = 403
    if not form.wrong:
        try:
            session = await desk.call(
                "accounts",
                "open_session",
                deadline=COMMAND,
                tenant=tenant,
                email=form.value("email").strip(),
                password=form.value("password"),
            )
            return _enter(desk, session, target)
        except NotAuthenticated:
            form.refuse("", wrong)
        except Refusal as refusal:
            # The form of an e-mail or a tenant name must not tell more than a wrong one does.
            if refusal.code == "validation_error":
                form.refuse("", wrong)
            else:
                status = form.refused(refusal)
    return await desk.page("login.html", status, form=form, next=target)


@outside.get("/register")
async def registration_page(request: Request) -> Response:
    desk = desk_of(request)
    if await _somebody(desk):
        return desk.go("/")
    return await desk.page("register.html", form=Form(REGISTRATION, {"tenant": desk.host_tenant or ""}))


@outside.post("/register")
async def register(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    form = Form.sent(REGISTRATION, data)
    form.set("tenant", tenant_names.from_typed(form.value("tenant")))
    status = 200
    if not request.state.form_is_ours:
        form.refuse("", EXPIRED)
        status = 403
    elif desk.host_tenant and form.value("tenant") != desk.host_tenant:
        # The session would be one of another business than the host names, and open nothing here.
        form.refuse(
            "tenant",
            f"This is the address of {desk.host_tenant}. Register another business at the address without that name.",
        )
    else:
        body = {name: form.value(name) for name in REGISTRATION}
        try:
            await desk.call("accounts", "register_tenant", deadline=COMMAND, **body)
            session = await desk.call(
                "accounts",
                "open_session",
                deadline=COMMAND,
                tenant=body["tenant"],
                email=body["email"].strip(),
                password=body["password"],
            )
            return _enter(desk, session, "/", "registered")
        except NotAuthenticated:
            # Registered, but not logged in: the login page is the way on.
            return desk.go(f"/login?tenant={body['tenant']}", "registered")
        except Refusal as refusal:
            status = form.refused(refusal, at="tenant" if refusal.code == "tenant_taken" else "")
    return await desk.page("register.html", status, form=form)


@inside.post("/logout")
async def logout(request: Request) -> Response:
    desk = desk_of(request)
    try:
        await desk.do("accounts", "close_session", token=desk.person.token)
    finally:
        response = desk.go("/login", "logged-out")
        response.delete_cookie(SESSION, path="/")
    return response
