"""The people with a login, as an admin and the services of the same side see them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from services.accounts import commands, views
from services.accounts.domain import audit as trail
from services.accounts.domain import people
from services.accounts.domain.people import Admins, Login, User
from services.accounts.domain.settings import USUAL_LIMITS, Limits, Settings
from services.accounts.handlers import api_keys, audit
from services.accounts.handlers.admission import ADMIN, ANYBODY, admit, business_of
from services.accounts.handlers.mailed_links import forget
from services.accounts.handlers.sessions import end_all
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.contracts.accounts import UserChanged
from shared.errors import EmailTaken, NotFound
from shared.ids import new_id
from shared.text import fold


def say_user(work: Work, user: User) -> None:
    """State the user, whole, to our own side."""
    work.say(
        UserChanged(id=user.id, name=user.name, email=user.email, role=user.role, active=user.active),
        tenant=user.tenant,
        subject=user.id,
    )


def list_users(work: Work, call: Call, now: datetime) -> Json:
    """The people with a login, by name."""
    admit(work, call, ANYBODY)
    command = call.read(commands.ListUsers)
    page = work.find(
        User,
        call.tenant,
        search=("name_search", fold(command.q)) if command.q else None,
        order="name_search",
        after=command.cursor,
        limit=command.limit,
    )
    return {"items": [views.user_(user) for user in page.items], "next": page.next}


def get_people(work: Work, call: Call, now: datetime, limits: Limits = USUAL_LIMITS) -> Json:
    """The company and the people with these ids, unknown ones left out; for services of the same side.

    `{"company": …, "items": [{id, name, email, role, active}]}`; with `settings` also `"offer_expiry_days"` (BX-01)
    and `"limits": {"offers_per_day", "undeliverable_offers_per_day"}`.
    """
    admit(work, call, ANYBODY)
    command = call.read(commands.GetPeople)
    wanted = sorted(set(command.ids))
    found = work.find(User, call.tenant, where={"id": wanted}, limit=len(wanted)) if wanted else None
    answer: Json = {
        "company": business_of(work, call.tenant).company,
        "items": [views.person(user) for user in (found.items if found else ())],
    }
    if command.settings:
        chosen = work.peek(Settings, call.tenant, call.tenant)
        answer["offer_expiry_days"] = (chosen or Settings(tenant=call.tenant, id=call.tenant)).offer_expiry_days
        answer["limits"] = asdict(limits)
    return answer


def create_user(work: Work, call: Call, command: commands.CreateUser, password_hash: str, now: datetime) -> Json:
    """Give somebody a login. Raises EmailTaken when the e-mail, or the contact, has one already."""
    by = admit(work, call, ADMIN)
    business_of(work, call.tenant)
    if work.get(Login, call.tenant, command.email) is not None:
        raise EmailTaken()
    user_id = command.contact_id or new_id()
    if work.get(User, call.tenant, user_id) is not None:
        raise EmailTaken("This contact has a login already.")
    user = work.put(User(tenant=call.tenant, id=user_id, name=command.name, email=command.email, role=command.role))
    work.put(Login(tenant=call.tenant, id=user.email, user_id=user.id, password_hash=password_hash))
    if user.role == "admin":
        work.put(people.admins_with(_admins(work, call.tenant), user))
    audit.note(work, call, "user.created", now, by=by, about=user.id, user=_called(user), role=user.role)
    say_user(work, user)
    return views.user_(user)


def update_user(work: Work, call: Call, now: datetime) -> Json:
    """Change role, name or whether somebody may log in; whoever may not has no session and no API key any more. Raises LastAdmin."""
    before = work.get(User, call.tenant, call.ids["user_id"])
    if before is None:
        raise NotFound()
    by = admit(work, call, ADMIN)
    command = call.read(commands.UpdateUser)
    after = people.change(before, name=command.name, role=command.role, active=command.active)
    if after == before:
        return views.user_(before)
    if "admin" in (before.role, after.role):
        admins = _admins(work, call.tenant)
        remaining = people.admins_with(admins, after)
        if remaining != admins:
            work.put(remaining)
    note_changes(work, call, before, after, now, by=by)
    after = work.put(after)
    if not after.active:
        end_all(work, after.tenant, after.id)
        forget(work, after.tenant, after.id)
        api_keys.revoke_all(work, after.tenant, after.id)
    say_user(work, after)
    return views.user_(after)


def note_changes(work: Work, call: Call, before: User, after: User, now: datetime, *, by: User | None) -> None:
    """Note what was changed of a user: whether they may log in is an entry of its own."""
    user = _called(before)
    if before.active != after.active:
        audit.note(
            work, call, "user.activated" if after.active else "user.deactivated", now, by=by, about=after.id, user=user
        )
    changes = trail.changes(before, after, {"name": "name", "role": "role"})
    if changes:
        audit.note(work, call, "user.changed", now, by=by, about=after.id, user=user, changes=changes)


def _called(user: User) -> str:
    return f"{user.name} ({user.email})"


def _admins(work: Work, tenant: str) -> Admins:
    admins = work.get(Admins, tenant, tenant)
    if admins is None:
        raise NotFound()
    return admins
