"""Where users, teams, news, notifications and mails lie."""

from __future__ import annotations

from services.notifications.domain.people import Audience, Mail, News, Notification, Preferences, Team, User
from shared.bus.records import Column, Table

# by_subject: user ids and partnership ids are what messages are about, so a batch reads these at once.
USERS = Table(User, "users", by_subject=True)
TEAMS = Table(Team, "teams", by_subject=True)
AUDIENCES = Table(Audience, "audiences")
PREFERENCES = Table(Preferences, "preferences")
NEWS = Table(News, "news", columns={"at": Column("timestamptz", lambda n: n.at)})
NOTIFICATIONS = Table(
    Notification,
    "notifications",
    part="notifications",
    about=lambda n: n.user_id,
    columns={
        "user_id": Column("text", lambda n: n.user_id),
        "at": Column("timestamptz", lambda n: n.at),
        "unread": Column("boolean", lambda n: not n.read),
    },
)
# The columns beside `state` belong to the mailer; the service only ever inserts.
MAILS = Table(Mail, "mails")
TABLES = (AUDIENCES, USERS, TEAMS, PREFERENCES, NEWS, NOTIFICATIONS, MAILS)
