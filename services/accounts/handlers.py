"""The use cases of accounts. Each is one transaction; hashing passwords and asking neighbours happen before it, in service.py."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from services.accounts import commands, views
from services.accounts.domain import attempts, businesses, environments, people, sessions, settings
from services.accounts.domain.attempts import Attempts
from services.accounts.domain.businesses import Business
from services.accounts.domain.environments import Environments
from services.accounts.domain.people import Admins, Login, User
from services.accounts.domain.sessions import Session, Token
from services.accounts.domain.settings import Settings
from shared.bus.door import check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import SYSTEM, Call, Empty
from shared.contracts.accounts import (
    ProfileChanged,
    ProfileDue,
    RecipientFound,
    RecipientUnknown,
    SettingsChanged,
    TenantRegistered,
    UserChanged,
)
from shared.contracts.offers import DeclineGiven, OfferArrived
from shared.errors import (
    ChangedMeanwhile,
    EmailTaken,
    NotAuthenticated,
    NotFound,
    RateLimited,
    TenantTaken,
    ValidationError,
)
from shared.ids import new_id
from shared.text import clean, fold

ADMIN = ("admin",)
ANYBODY: tuple[str, ...] = ()

INSTALLATION = "system"
"""What belongs to no business, such as failed logins from an address, is kept under this name, which nobody can claim."""

WRONG_LOGIN = "Tenant, e-mail and password do not fit together."
"""The one answer to every wrong login: which part was wrong is never said."""

PRUNE = 20
"""How many outdated rows a request removes at most on its way."""


# Who asks


def admit(work: Work, call: Call, roles: tuple[str, ...]) -> User | None:
    """The user who asks, when active and in one of the roles (any, when none are named); None for the system. Raises Forbidden otherwise."""
    if call.actor == SYSTEM:
        return None
    return people.ensure_may(work.peek(User, call.tenant, call.actor), roles)


def check_admin(work: Work, call: Call, now: datetime) -> Json:
    """Raises Forbidden unless an admin asks."""
    admit(work, call, ADMIN)
    return {}


def _business(work: Work, tenant: str, *, lock: bool = False) -> Business:
    business = work.get(Business, tenant, tenant) if lock else work.peek(Business, tenant, tenant)
    if business is None:
        raise NotFound()
    return business


def _self(work: Work, call: Call, *, lock: bool = False) -> User:
    user = work.get(User, call.tenant, call.actor) if lock else work.peek(User, call.tenant, call.actor)
    return people.ensure_may(user, ANYBODY)


# Businesses


def register_tenant(
    work: Work, call: Call, command: commands.RegisterTenant, password_hash: str, now: datetime
) -> Json:
    """Claim a tenant name and make its first admin. Raises TenantTaken."""
    tenant = command.tenant
    if work.get(Business, tenant, tenant) is not None:
        raise TenantTaken()
    work.put(Business(tenant=tenant, id=tenant, company=command.company, registered_at=now))
    work.put(environments.default_environments(tenant, new_id))
    work.put(Settings(tenant=tenant, id=tenant))
    user = work.put(User(tenant=tenant, id=new_id(), name=command.name, email=command.email, role="admin"))
    work.put(Login(tenant=tenant, id=user.email, user_id=user.id, password_hash=password_hash))
    work.put(Admins(tenant=tenant, id=tenant, user_ids=(user.id,)))
    work.say(TenantRegistered(company=command.company), tenant=tenant, subject=tenant)
    _say_user(work, user)
    return {"tenant": tenant, "company": command.company, "user": views.user_(user)}


def get_profile(work: Work, call: Call, now: datetime) -> Json:
    """The profile of the business (OE-20)."""
    admit(work, call, ANYBODY)
    return views.profile(_business(work, call.tenant))


def update_profile(work: Work, call: Call, now: datetime) -> Json:
    """Change the profile and say so, whole; live counterparts hear of it (OE-20).

    Raises ChangedMeanwhile, ValidationError for two addresses of one type or two defaults.
    """
    before = _business(work, call.tenant, lock=True)
    admit(work, call, ADMIN)
    command = call.read(commands.UpdateProfile)
    check_version(call, before.version)
    after = businesses.change_profile(before, command.changes())
    if after is before:
        return views.profile(before)
    after = work.put(after)
    work.say(
        ProfileChanged(counter=after.counter, **views.told(after)),
        tenant=after.tenant,
        subject=after.tenant,
    )
    # Not here: there may be thousands of them, and lists do not see what this transaction has written.
    work.later(ProfileDue(), tenant=after.tenant, subject=after.tenant, at=now)
    return views.profile(after)


# People


def _say_user(work: Work, user: User) -> None:
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


def get_people(work: Work, call: Call, now: datetime) -> Json:
    """The company and the people with these ids, unknown ones left out; for services of the same side.

    `{"company": …, "items": [{id, name, email, role, active}]}`; with `settings` also `"offer_expiry_days"` (BX-01).
    """
    admit(work, call, ANYBODY)
    command = call.read(commands.GetPeople)
    wanted = sorted(set(command.ids))
    found = work.find(User, call.tenant, where={"id": wanted}, limit=len(wanted)) if wanted else None
    answer: Json = {
        "company": _business(work, call.tenant).company,
        "items": [views.person(user) for user in (found.items if found else ())],
    }
    if command.settings:
        chosen = work.peek(Settings, call.tenant, call.tenant)
        answer["offer_expiry_days"] = (chosen or Settings(tenant=call.tenant, id=call.tenant)).offer_expiry_days
    return answer


def create_user(work: Work, call: Call, command: commands.CreateUser, password_hash: str, now: datetime) -> Json:
    """Give somebody a login. Raises EmailTaken when the e-mail, or the contact, has one already."""
    admit(work, call, ADMIN)
    _business(work, call.tenant)
    if work.get(Login, call.tenant, command.email) is not None:
        raise EmailTaken()
    user_id = command.contact_id or new_id()
    if work.get(User, call.tenant, user_id) is not None:
        raise EmailTaken("This contact has a login already.")
    user = work.put(User(tenant=call.tenant, id=user_id, name=command.name, email=command.email, role=command.role))
    work.put(Login(tenant=call.tenant, id=user.email, user_id=user.id, password_hash=password_hash))
    if user.role == "admin":
        work.put(people.admins_with(_admins(work, call.tenant), user))
    _say_user(work, user)
    return views.user_(user)


def update_user(work: Work, call: Call, now: datetime) -> Json:
    """Change role, name or whether somebody may log in; whoever may not has no session any more. Raises LastAdmin."""
    before = work.get(User, call.tenant, call.ids["user_id"])
    if before is None:
        raise NotFound()
    admit(work, call, ADMIN)
    command = call.read(commands.UpdateUser)
    after = people.change(before, name=command.name, role=command.role, active=command.active)
    if after == before:
        return views.user_(before)
    if "admin" in (before.role, after.role):
        admins = _admins(work, call.tenant)
        remaining = people.admins_with(admins, after)
        if remaining != admins:
            work.put(remaining)
    after = work.put(after)
    if not after.active:
        _end_sessions(work, after.tenant, after.id)
    _say_user(work, after)
    return views.user_(after)


def _admins(work: Work, tenant: str) -> Admins:
    admins = work.get(Admins, tenant, tenant)
    if admins is None:
        raise NotFound()
    return admins


def get_me(work: Work, call: Call, now: datetime) -> Json:
    """The logged-in user, its business, what it may do, and its preferences."""
    user = _self(work, call)
    return views.me(user, _business(work, call.tenant).company)


def update_me(work: Work, call: Call, now: datetime) -> Json:
    """Change one's own name, language, time zone and preferences."""
    before = _self(work, call, lock=True)
    command = call.read(commands.UpdateMe)
    after = people.prefer(people.change(before, name=command.name, role=None, active=None), command.preferences)
    after = replace(after, locale=command.locale or before.locale, time_zone=command.time_zone or before.time_zone)
    if len(after.preferences) > people.PREFERENCES_LIMIT:
        raise ValidationError.of(("preferences", f"At most {people.PREFERENCES_LIMIT} preferences are kept."))
    if after != before:
        after = work.put(after)
    if after.name != before.name:
        _say_user(work, after)
    return views.me(after, _business(work, call.tenant).company)


# Logging in


class Knocking(NamedTuple):
    """What is known of a login before the password is looked at. `wait` is how many seconds nobody may try, 0 for none."""

    wait: int
    user_id: str
    password_hash: str
    counted_as: str


def login_email(text: str) -> str:
    """An e-mail as it is typed into a login, as it is kept."""
    return str(clean(text, breaks=False)).lower()


def find_login(work: Work, call: Call, email: str, counted_as: str, limit: float, now: datetime) -> Knocking:
    """The login with an e-mail; empty when there is none, or its user may not log in. Costs the same either way.

    `counted_as` is the id of its failures, of which `limit` are let pass.
    """
    login = work.peek(Login, call.tenant, email)
    user = work.peek(User, call.tenant, login.user_id if login else "")
    wait = attempts.wait(work.peek(Attempts, call.tenant, counted_as), limit, now)
    if login is None or user is None or not user.active:
        return Knocking(wait, "", "", counted_as)
    return Knocking(wait, user.id, login.password_hash, counted_as)


def own_login(work: Work, call: Call, limit: float, now: datetime) -> Knocking:
    """The login of whoever asks. Raises Forbidden when there is none."""
    user = _self(work, call)
    return find_login(work, call, user.email, attempts.account_key(call.tenant, user.email), limit, now)


def address_wait(work: Work, call: Call, address: str, limit: float, now: datetime) -> int:
    """For how many seconds nobody may log in from a network address; `limit` failures of an address are let pass."""
    known = work.peek(Attempts, call.tenant, attempts.address_key(address))
    return attempts.wait(known, limit, now)


def note_failure(work: Work, call: Call, counted_as: str, now: datetime) -> None:
    """Count a failed login, and forget some whose time is over."""
    for old in work.find(Attempts, call.tenant, order="since", limit=PRUNE).items:
        if old.id != counted_as and now >= old.since + attempts.WINDOW:
            work.delete(Attempts, old.tenant, old.id)
    known = work.get(Attempts, call.tenant, counted_as)
    work.put(attempts.failed_again(known, tenant=call.tenant, id=counted_as, now=now))


def ensure_no_wait(seconds: int) -> None:
    """Raises RateLimited, with `retry_after` in seconds, when there is one."""
    if seconds > 0:
        raise RateLimited("Too many failed logins. Try again later.", retry_after=seconds)


def open_session(work: Work, call: Call, found: Knocking, token: Token, now: datetime) -> Json:
    """Open a session for a login whose password was right a moment ago. Raises NotAuthenticated when that changed meanwhile."""
    user = work.get(User, call.tenant, found.user_id)
    login = work.get(Login, call.tenant, user.email) if user else None
    if user is None or login is None or not user.active or login.password_hash != found.password_hash:
        raise NotAuthenticated(WRONG_LOGIN)
    if work.peek(Attempts, call.tenant, found.counted_as) is not None:
        work.delete(Attempts, call.tenant, found.counted_as)
    for old in work.find(Session, call.tenant, where={"user_id": user.id}, limit=PRUNE).items:
        if not sessions.holds(old, now):
            work.delete(Session, old.tenant, old.id)
    session = work.put(sessions.opened(token, user.id, now))
    return {"token": str(token), "expires_at": views.session(session)["expires_at"], "user": views.user_(user)}


class Authenticated(NamedTuple):
    """Whose token it is, and whether its use is to be noted."""

    answer: Json
    touch: bool


def authenticate(work: Work, call: Call, token: Token, now: datetime) -> Authenticated:
    """Whose token it is. Raises NotAuthenticated for one that is unknown, expired or revoked, or whose user may not log in any more."""
    session = work.peek(Session, token.tenant, token.session_id)
    if session is None or not sessions.fits(session, token) or not sessions.holds(session, now):
        raise NotAuthenticated()
    user = work.peek(User, token.tenant, session.user_id)
    business = work.peek(Business, token.tenant, token.tenant)
    if user is None or not user.active or business is None:
        raise NotAuthenticated()
    answer = {"session_id": session.id, **views.me(user, business.company)}
    return Authenticated(answer, sessions.touched(session, now) is not session)


def touch_session(work: Work, call: Call, session_id: str, now: datetime) -> None:
    """Note that a session was used, at most once a minute. One that has ended meanwhile stays ended."""
    session = work.get(Session, call.tenant, session_id)
    if session is not None and sessions.touched(session, now) is not session:
        work.put(sessions.touched(session, now))


def close_session(work: Work, call: Call, token: Token, now: datetime) -> Json:
    """End the session of a token. Does nothing when it has ended already."""
    session = work.get(Session, token.tenant, token.session_id)
    if session is not None and sessions.fits(session, token):
        work.delete(Session, session.tenant, session.id)
    return {}


def list_sessions(work: Work, call: Call, now: datetime) -> Json:
    """The sessions of whoever asks, the newest first."""
    user = _self(work, call)
    command = call.read(commands.ListSessions)
    page = work.find(
        Session, call.tenant, where={"user_id": user.id}, order="-id", after=command.cursor, limit=command.limit
    )
    return {"items": [views.session(one) for one in page.items if sessions.holds(one, now)], "next": page.next}


def revoke_session(work: Work, call: Call, now: datetime) -> Json:
    """End one of one's own sessions. Raises NotFound for anybody else's."""
    session = work.get(Session, call.tenant, call.ids["session_id"])
    if session is None or session.user_id != call.actor:
        raise NotFound()
    _self(work, call)
    call.read(Empty)
    work.delete(Session, session.tenant, session.id)
    return {}


def change_password(
    work: Work, call: Call, command: commands.ChangePassword, checked_hash: str, password_hash: str, now: datetime
) -> Json:
    """Set a new password and end all other sessions. `checked_hash` is the one the old password was compared with."""
    user = _self(work, call, lock=True)
    login = work.get(Login, call.tenant, user.email)
    if login is None or login.password_hash != checked_hash:
        raise wrong_old_password()
    work.put(replace(login, password_hash=password_hash))
    _end_sessions(work, call.tenant, user.id, but=command.session_id)
    return {}


def wrong_old_password() -> ValidationError:
    """The refusal of a change by somebody who does not know the password."""
    return ValidationError.of(("old", "This is not your password."))


def _end_sessions(work: Work, tenant: str, user_id: str, *, but: str | None = None) -> None:
    after: str | None = None
    while True:
        page = work.find(Session, tenant, where={"user_id": user_id}, after=after, limit=200)
        for session in page.items:
            if session.id != but:
                work.delete(Session, tenant, session.id)
        after = page.next
        if after is None:
            return


# Environments and settings


def get_environments(work: Work, call: Call, now: datetime) -> Json:
    """The environments of the business and the roles in them."""
    admit(work, call, ANYBODY)
    return views.environments(_environments(work, call.tenant))


def dropped_roles(work: Work, call: Call, now: datetime) -> dict[str, str]:
    """The roles that a change of environments would drop: id → name. Raises what the change would."""
    return _changed_environments(work, call, lock=False)[2]


def set_environments(work: Work, call: Call, unused: frozenset[str], now: datetime) -> Json:
    """Replace the environments. `unused` are the roles that may be dropped since nobody holds them. Raises ChangedMeanwhile for others."""
    before, after, dropped = _changed_environments(work, call, lock=True)
    if not unused.issuperset(dropped):
        # Somebody added roles since we asked who holds which.
        raise ChangedMeanwhile()
    return views.environments(before if after == before else work.put(after))


def _changed_environments(work: Work, call: Call, *, lock: bool) -> tuple[Environments, Environments, dict[str, str]]:
    before = _environments(work, call.tenant, lock=lock)
    admit(work, call, ADMIN)
    command = call.read(commands.SetEnvironments)
    check_version(call, before.version)
    after = environments.change(before, command.wanted(), new_id)
    return before, after, environments.dropped_roles(before, after)


def _environments(work: Work, tenant: str, *, lock: bool = False) -> Environments:
    found = work.get(Environments, tenant, tenant) if lock else work.peek(Environments, tenant, tenant)
    if found is None:
        raise NotFound()
    return found


def get_settings(work: Work, call: Call, now: datetime) -> Json:
    """What the business has chosen."""
    admit(work, call, ANYBODY)
    found = work.peek(Settings, call.tenant, call.tenant)
    if found is None:
        raise NotFound()
    return views.settings(found)


def update_settings(work: Work, call: Call, now: datetime) -> Json:
    """Change what the business has chosen (BX-09)."""
    before = work.get(Settings, call.tenant, call.tenant)
    if before is None:
        raise NotFound()
    admit(work, call, ADMIN)
    command = call.read(commands.UpdateSettings)
    check_version(call, before.version)
    blocked = None if command.blocked_tenants is None else tuple(command.blocked_tenants)
    after = settings.change(
        before,
        offer_expiry_days=command.offer_expiry_days,
        offers_from=command.offers_from,
        blocked_tenants=blocked,
    )
    return views.settings(_choose(work, before, after))


def _choose(work: Work, before: Settings, after: Settings) -> Settings:
    """The settings as they are kept from now on; told when they changed."""
    if after == before:
        return before
    after = work.put(after)
    work.say(
        SettingsChanged(
            offers_from=after.offers_from,
            blocked=list(after.blocked_tenants),
            offer_expiry_days=after.offer_expiry_days,
        ),
        tenant=after.tenant,
        subject=after.tenant,
    )
    return after


# What others say


def looked_at(message: Heard[OfferArrived]) -> list[tuple[type[Login | Settings], str, str]]:
    """The records that `offer_arrived` looks at, so that those of a batch are read at once."""
    return [
        (Login, message.tenant, login_email(message.data.email)),
        (Settings, message.tenant, message.tenant),
    ]


def offer_arrived(work: Work, message: Heard[OfferArrived], now: datetime) -> None:
    """Say whether an offer at the door is for somebody here. Never says which part did not fit (protocol rule 10)."""
    origin, email = message.data.origin, login_email(message.data.email)
    login = work.peek(Login, message.tenant, email)
    user = work.peek(User, message.tenant, login.user_id) if login else None
    chosen = work.peek(Settings, message.tenant, message.tenant)
    found = user is not None and user.active and chosen is not None and settings.wants_offers_of(chosen, origin)
    fact = RecipientFound(origin=origin, user_id=user.id) if found and user else RecipientUnknown(origin=origin)
    work.say(fact, tenant=message.tenant, subject=message.subject)


def decline_given(work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
    """An offer was declined; whoever did it may have wanted no more of that business (BX-09)."""
    before = work.get(Settings, message.tenant, message.tenant) if message.data.block else None
    if before is not None:
        _choose(work, before, settings.block(before, message.data.partner))
