"""The audit trail: what other use cases note in it, and what admins read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.accounts import commands, views
from services.accounts.domain import audit
from services.accounts.domain.audit import Entry, Outcome
from services.accounts.domain.people import User
from services.accounts.handlers.admission import ADMIN, admit
from shared.bus.work import Json, Work
from shared.calls import Call
from shared.contracts.offers import Person
from shared.ids import new_id

PRUNE = 5
"""How many entries that are too old a new one removes at most."""


def note(
    work: Work,
    call: Call,
    action: str,
    now: datetime,
    *,
    by: User | None = None,
    outcome: Outcome = "done",
    shown: bool = True,
    **details: str,
) -> None:
    """Note in the transaction at hand that `by` did `action` (one of `audit.ACTIONS`), from where `call` comes; None: nobody we know."""
    # Ids begin with the time at which they were made: the oldest come first.
    for old in work.find(Entry, call.tenant, order="id", limit=PRUNE).items:
        if now >= old.at + audit.KEPT:
            work.delete(Entry, old.tenant, old.id)
    where = {"address": call.client.address, "agent": call.client.agent} if shown else {}
    _add(work, call.tenant, action, now, by, details, outcome=outcome, shown=shown, **where)


def note_heard(work: Work, tenant: str, action: str, now: datetime, *, by: Person, **details: str) -> None:
    """Note what follows from something that `by` did in another service, which knows from where."""
    _add(work, tenant, action, now, by, details)


def _add(
    work: Work, tenant: str, action: str, now: datetime, by: User | Person | None, details: dict[str, str], **more: Any
) -> None:
    work.add(
        Entry(
            tenant=tenant,
            id=new_id(),
            at=now,
            action=action,
            actor_id=by.id if by else "",
            actor_name=by.name if by else "",
            details=audit.kept_details(details),
            **more,
        )
    )


def list_entries(work: Work, call: Call, now: datetime) -> Json:
    """The audit trail, newest first; with `action` only those. For admins."""
    admit(work, call, ADMIN)
    command = call.read(commands.ListAudit)
    where: Json = {"shown": True}
    if command.action:
        where["action"] = command.action
    page = work.find(Entry, call.tenant, where=where, order="-at", after=command.cursor, limit=command.limit)
    return {"items": [views.audit_entry(one) for one in page.items], "next": page.next}
