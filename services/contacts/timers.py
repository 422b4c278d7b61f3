"""What contacts tells itself to do a moment later."""

from __future__ import annotations

from typing import ClassVar

from shared.contracts.messages import Timer


class DetailsDue(Timer):
    """A person was changed: tell whom they are lent to. Subject: the contact. `after`: the last run's cursor."""

    publisher: ClassVar[str] = "contacts"
    type: ClassVar[str] = "details.due"
    after: str | None = None
