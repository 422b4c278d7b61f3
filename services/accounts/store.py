"""Where the records of this service are kept, and the columns their lists are searched and sorted by."""

from __future__ import annotations

from services.accounts.domain.api_keys import ApiKey
from services.accounts.domain.attempts import Attempts
from services.accounts.domain.audit import Entry
from services.accounts.domain.businesses import Business
from services.accounts.domain.counterparts import Counterpart
from services.accounts.domain.environments import Environments
from services.accounts.domain.mailed_links import MailedLink
from services.accounts.domain.people import Admins, Login, User
from services.accounts.domain.reserving import Reservations
from services.accounts.domain.sessions import Session
from services.accounts.domain.settings import Settings
from shared.bus.records import Column, Table
from shared.text import fold

BUSINESSES = Table(Business, "businesses", part="business")
ADMINS = Table(Admins, "admins")
USERS = Table(
    User,
    "users",
    part="business",
    columns={"name_search": Column("text", lambda user: fold(f"{user.name} {user.email}"))},
)
LOGINS = Table(Login, "logins")
API_KEYS = Table(ApiKey, "api_keys", columns={"user_id": Column("text", lambda key: key.user_id)})
SESSIONS = Table(Session, "sessions", columns={"user_id": Column("text", lambda session: session.user_id)})
ENVIRONMENTS = Table(Environments, "environments", part="business")
RESERVATIONS = Table(Reservations, "reservations")
SETTINGS = Table(Settings, "settings", part="business")
ATTEMPTS = Table(Attempts, "attempts", columns={"since": Column("timestamptz", lambda attempts: attempts.since)})
COUNTERPARTS = Table(
    Counterpart, "counterparts", columns={"live": Column("boolean", lambda counterpart: bool(counterpart.live))}
)
AUDIT = Table(
    Entry,
    "audit",
    columns={
        "at": Column("timestamptz", lambda entry: entry.at),
        "action": Column("text", lambda entry: entry.action),
        "shown": Column("boolean", lambda entry: entry.shown),
    },
)
MAILED_LINKS = Table(MailedLink, "mailed_links", columns={"user_id": Column("text", lambda link: link.user_id)})

TABLES = (
    BUSINESSES,
    ADMINS,
    USERS,
    LOGINS,
    API_KEYS,
    SESSIONS,
    ENVIRONMENTS,
    RESERVATIONS,
    SETTINGS,
    ATTEMPTS,
    COUNTERPARTS,
    AUDIT,
    MAILED_LINKS,
)
