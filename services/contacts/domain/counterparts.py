"""What a business that we work with is called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """The name of another tenant (the id), as it told last; `counter` is that of its profile (protocol rule 7)."""

    tenant: str
    id: str
    version: int = 0
    counter: int
    company: str
