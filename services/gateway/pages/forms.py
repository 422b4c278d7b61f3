"""A form as it was sent: what was entered, what was refused, and the key that makes sending it twice harmless."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from services.gateway.pages.words import UNANSWERED
from services.gateway.problems import retry_after, status_of
from shared.errors import Refusal, Unavailable
from shared.ids import is_id, new_id

KEY = "idempotency_key"


class Form:
    """The values of one form and the sentences that stand at its fields.

    `fields` are the names of its fields with their labels, in the order of the page; a sentence about anything else stands in the
    summary only.
    """

    def __init__(
        self, fields: Mapping[str, str], values: Mapping[str, Any] | None = None, *, key: str | None = None
    ) -> None:
        self.fields = fields
        self._values = {name: _listed(value) for name, value in (values or {}).items()}
        self.errors: dict[str, str] = {}
        self.others: list[str] = []
        # Whole seconds until a repetition makes sense, when a service said so.
        self.retry_after: int | None = None
        # A key that this page did not hand out is worth as much as none: it would only tie the sender to another request.
        self.key = key if is_id(key) else new_id()

    @classmethod
    def sent(cls, fields: Mapping[str, str], data: Any) -> Form:
        """The form from the parsed body of a request."""
        # In one go: `data.getlist` looks through everything that was sent, for each name again.
        values: dict[str, list[Any]] = {}
        for name, value in data.multi_items():
            values.setdefault(name, []).append(value)
        return cls(fields, values, key=data.get(KEY))

    def value(self, name: str, default: str = "") -> str:
        found = self._values.get(name)
        return found[0] if found else default

    def values(self, name: str) -> list[str]:
        return self._values.get(name, [])

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def set(self, name: str, value: Any) -> None:
        self._values[name] = _listed(value)

    def refuse(self, field: str, sentence: str) -> None:
        """Put a sentence at a field; the first one of a field stays."""
        if field in self.fields:
            self.errors.setdefault(field, sentence)
        elif sentence not in self.others:
            self.others.append(sentence)

    def refused(self, refusal: Refusal, rename: Callable[[str], str] = lambda name: name, *, at: str = "") -> int:
        """Put what a service refused where it belongs; returns the HTTP status of the page.

        `rename` turns a field of the API into one of this form; `at` is the field for a refusal that names none.
        """
        for error in refusal.info.get("errors") or []:
            self.refuse(rename(str(error["field"])), str(error["message"]))
        if not self.wrong:
            self.refuse(at, UNANSWERED if isinstance(refusal, Unavailable) else refusal.detail)
        status = status_of(refusal)
        self.retry_after = retry_after(refusal, datetime.now(UTC))
        # The form again, with what is to be corrected, is a page like any other: a browser would log a 422 as a failure of the site.
        return status if status in {403, 429, 503} else 200

    @property
    def wrong(self) -> bool:
        return bool(self.errors or self.others)

    @property
    def first(self) -> str | None:
        """The first field at fault: the one that gets the focus."""
        return next((name for name in self.fields if name in self.errors), None)

    @property
    def summary(self) -> list[tuple[str | None, str]]:
        """(field, sentence) pairs in the order of the page, the sentence with its label; None for what is about no field."""
        about = [(name, f"{label}: {self.errors[name]}") for name, label in self.fields.items() if name in self.errors]
        return [*((None, sentence) for sentence in self.others), *about]


def _listed(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else [str(value)]
