"""Settings: environment variables, read in one place and named in one sentence when they are missing.

Nothing is read at import, so that a test or a supervisor can set the environment first.
"""

from __future__ import annotations

import os

SHARED = "shared"


class MissingSetting(RuntimeError):
    """A setting is missing or cannot be used. The message is a sentence for an operator."""


def required(name: str) -> str:
    """The value of the environment variable `name`. Raises MissingSetting when it is unset or empty."""
    value = os.environ.get(name, "").strip()
    if not value:
        raise MissingSetting(f"The setting {name} is missing: set this environment variable.")
    return value


def optional(name: str, default: str) -> str:
    """The value of the environment variable `name`, or `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def number(name: str, default: float) -> float:
    """The environment variable `name` as a number of 0 or more, or `default`.

    Raises MissingSetting for anything else.
    """
    text = optional(name, str(default))
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise MissingSetting(f"The setting {name} must be a number of 0 or more, not {text!r}.")
    return value


def port(name: str) -> int | None:
    """The environment variable `name` as a port (1 to 65535), or None when it is unset.

    Raises MissingSetting otherwise.
    """
    text = optional(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise MissingSetting(f"The setting {name} must be a port between 1 and 65535, not {text!r}.")
    return int(text)


def cell() -> str:
    """The cell this process belongs to (`CELL`, default `shared`)."""
    return optional("CELL", SHARED)


def tenants() -> tuple[str, ...]:
    """The tenants a dedicated cell hosts (`ACCORD_TENANTS`, comma-separated).

    The shared cell hosts all others and names none.
    """
    return tuple(name for name in (part.strip() for part in optional("ACCORD_TENANTS", "").split(",")) if name)


def amqp_uri() -> str:
    """The cell's vhost: RPC, facts, timers."""
    return required("ACCORD_AMQP_URI")


def peers_amqp_uri() -> str:
    """The vhost `accord`, in which the cells meet: peer messages."""
    return required("ACCORD_PEERS_AMQP_URI")


def database_url(service: str, role: str = "") -> str:
    """The database URL of `service` for the role `""` (the service itself), `"relay"`, `"owner"`, `"ops"` or `"backup"`."""
    middle = f"_{role}" if role else ""
    return required(f"ACCORD_{service}{middle}_DATABASE_URL".upper())


def health_port() -> int | None:
    """The port of this process's health endpoint (`ACCORD_HEALTH_PORT`); None: it serves none."""
    return port("ACCORD_HEALTH_PORT")


def health_host() -> str:
    """The address the health endpoint binds (`ACCORD_HEALTH_HOST`): loopback unless a container needs another one."""
    return optional("ACCORD_HEALTH_HOST", "127.0.0.1")
