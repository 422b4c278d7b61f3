"""The use cases of accounts. Each is one transaction; hashing passwords and asking neighbours happen before it, in service.py."""

from services.accounts.handlers import (
    admission,
    api_keys,
    audit,
    emails,
    environments,
    logging_in,
    mailed_links,
    me,
    passwords,
    profile,
    recipients,
    registering,
    sessions,
    settings,
    sharing,
    users,
)

__all__ = [
    "admission",
    "api_keys",
    "audit",
    "emails",
    "environments",
    "logging_in",
    "mailed_links",
    "me",
    "passwords",
    "profile",
    "recipients",
    "registering",
    "sessions",
    "settings",
    "sharing",
    "users",
]
