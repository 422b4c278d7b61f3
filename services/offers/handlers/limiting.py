"""Whether a business may send one more offer today."""

from __future__ import annotations

from datetime import datetime

from services.offers.domain import limiting as rules
from services.offers.domain.partnership import Partnership
from shared.bus.work import Work

_AT_MOST = 200


def ensure_within(work: Work, tenant: str, limits: rules.Limits, now: datetime) -> None:
    """Raises RateLimited, with `retry_after` in seconds, when the business has sent as many as it may, or too many that found nobody.

    The offers themselves are counted: a repeated request counts once, nothing is forgotten with a process, nothing has to be tidied up,
    and nobody waits for anybody. Those that others send at this very instant are not seen.
    """
    by_status = work.count(
        Partnership, tenant, by="status", where={"role": "partner"}, since=("sent_at", now - rules.DAY)
    )
    beyond = by_status.get("undeliverable", 0) - limits.undeliverable
    if beyond >= 0:
        raise rules.too_many_undeliverable(limits, _oldest(work, tenant, beyond, now, status="undeliverable"), now)
    beyond = sum(by_status.values()) - limits.offers
    if beyond >= 0:
        raise rules.too_many(limits, _oldest(work, tenant, beyond, now), now)


def _oldest(work: Work, tenant: str, beyond: int, now: datetime, **more: str) -> datetime | None:
    """When the offer was sent whose 24 hours must be over before the next one may be sent; `beyond` older ones go with it."""
    found = work.find(
        Partnership,
        tenant,
        where={"role": "partner", **more},
        since=("sent_at", now - rules.DAY),
        order="sent_at",
        limit=min(beyond + 1, _AT_MOST),
    )
    return found.items[-1].sent_at if found.items else None
