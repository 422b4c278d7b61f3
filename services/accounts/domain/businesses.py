"""A business: its claimed tenant name and its profile (OE-20)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from shared.errors import ValidationError

_TENANT = re.compile(r"[a-z][a-z0-9-]{0,61}[a-z0-9]")

AddressType = Literal["Billing", "Business", "Private", "Shipping", "Other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address. A business has at most one of each type, and at most one default."""

    type: AddressType
    line1: str = ""
    line2: str = ""
    city: str = ""
    state: str = ""
    zip: str = ""
    country: str = ""
    default: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """A registered business; its id is the tenant name. `counter` orders what partners hear of the profile (protocol rule 7)."""

    tenant: str
    id: str
    version: int = 0
    company: str
    registered_at: datetime
    counter: int = 0
    phone: str = ""
    email: str = ""
    fax: str = ""
    website: str = ""
    logo: str = ""
    addresses: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileChanges:
    """What is to be changed of a profile; None leaves a field as it is."""

    company: str | None = None
    phone: str | None = None
    email: str | None = None
    fax: str | None = None
    website: str | None = None
    logo: str | None = None
    addresses: tuple[Address, ...] | None = None


def change_profile(business: Business, changes: ProfileChanges) -> Business:
    """The business with the changes and the next counter; the same business when nothing differs.

    Raises ValidationError when the addresses break `ensure_addresses`.
    """
    if changes.addresses is not None:
        ensure_addresses(changes.addresses)
    given = {name: getattr(changes, name) for name in ProfileChanges.__dataclass_fields__}
    after = replace(business, **{name: value for name, value in given.items() if value is not None})
    return business if after == business else replace(after, counter=business.counter + 1)


def ensure_addresses(addresses: Sequence[Address]) -> None:
    """Raises ValidationError when a type stands there twice, or more than one is the default (OE-20)."""
    types: Counter[str] = Counter()
    errors = []
    for place, address in enumerate(addresses):
        types[address.type] += 1
        if types[address.type] == 2:
            errors.append((f"addresses.{place}.type", f"There can be only one address of the type {address.type}."))
    defaults = [place for place, address in enumerate(addresses) if address.default]
    if len(defaults) > 1:
        errors.append((f"addresses.{defaults[1]}.default", "Only one address can be the default."))
    if errors:
        raise ValidationError.of(*errors)


def may_be_tenant(text: str) -> bool:
    """Whether something looks like a tenant name; whether it may be claimed is another question."""
    return _TENANT.fullmatch(text) is not None
