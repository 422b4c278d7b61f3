"""What a business has chosen: how long its offers stay open, and who may send it offers (BX-09)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from shared.errors import ValidationError

OfferSenders = Literal["all", "none"]

BLOCKED_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """What the installation lets each business do in any 24 hours; offers counts and refuses.

    Undeliverable offers tell who has a login where: their limit is the fence against finding that out by trying.
    """

    offers_per_day: int = 10_000
    undeliverable_offers_per_day: int = 50


USUAL_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a business, one record; its id is the tenant name. `offer_expiry_days` is 1 to 365."""

    tenant: str
    id: str
    version: int = 0
    offer_expiry_days: int = 30
    offers_from: OfferSenders = "all"
    blocked_tenants: tuple[str, ...] = ()


def change(
    settings: Settings,
    *,
    offer_expiry_days: int | None = None,
    offers_from: OfferSenders | None = None,
    blocked_tenants: tuple[str, ...] | None = None,
) -> Settings:
    """The settings with what is not None changed. Raises ValidationError when a business would block itself."""
    if blocked_tenants is not None and settings.tenant in blocked_tenants:
        place = blocked_tenants.index(settings.tenant)
        raise ValidationError.of((f"blocked_tenants.{place}", "A business cannot block itself."))
    return replace(
        settings,
        offer_expiry_days=settings.offer_expiry_days if offer_expiry_days is None else offer_expiry_days,
        offers_from=settings.offers_from if offers_from is None else offers_from,
        blocked_tenants=settings.blocked_tenants if blocked_tenants is None else blocked_tenants,
    )


def block(settings: Settings, origin: str) -> Settings:
    """The settings without offers of `origin`; when the list is full, its oldest entry makes room."""
    if origin in settings.blocked_tenants or origin == settings.tenant:
        return settings
    return replace(settings, blocked_tenants=(*settings.blocked_tenants, origin)[-BLOCKED_LIMIT:])


def wants_offers_of(settings: Settings, origin: str) -> bool:
    """Whether the business wants to hear of offers of `origin` at all."""
    return settings.offers_from == "all" and origin not in settings.blocked_tenants
