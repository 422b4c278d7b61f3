"""The environments of a business and the roles people can hold in them (OE-08)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from shared.errors import RoleInUse, ValidationError

DEFAULT_ENVIRONMENTS = ("Production", "Development", "Quality Testing")
DEFAULT_ROLES = ("Viewer", "Operator", "Administrator")
ENVIRONMENTS_LIMIT = 50
ROLES_LIMIT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRole:
    """A role somebody can hold in one environment."""

    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A place people work in, with its roles."""

    id: str
    name: str
    roles: tuple[EnvironmentRole, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Environments:
    """All environments of a business, one record; its id is the tenant name."""

    tenant: str
    id: str
    version: int = 0
    items: tuple[Environment, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A role or an environment as somebody wants it: `id` of an existing one, or None for a new one or one found by its name."""

    id: str | None
    name: str
    roles: tuple[Wanted, ...] = ()


def default_environments(tenant: str, new_id: Callable[[], str]) -> Environments:
    """What a business starts with: three environments with three roles each."""
    return Environments(
        tenant=tenant,
        id=tenant,
        items=tuple(
            Environment(
                id=new_id(),
                name=name,
                roles=tuple(EnvironmentRole(id=new_id(), name=role) for role in DEFAULT_ROLES),
            )
            for name in DEFAULT_ENVIRONMENTS
        ),
    )


def change(now: Environments, wanted: Sequence[Wanted], new_id: Callable[[], str]) -> Environments:
    """The environments as wanted, in that order. What is named by id, or else by its name, keeps its id.

    Raises ValidationError for an unknown id, one that stands there twice, or two of the same name.
    """
    errors: list[tuple[str, str]] = []
    items = []
    for place, (want, old) in enumerate(_matched(wanted, now.items, "items", errors)):
        old_roles = old.roles if old else ()
        roles = tuple(
            EnvironmentRole(id=old_role.id if old_role else new_id(), name=role.name)
            for role, old_role in _matched(want.roles, old_roles, f"items.{place}.roles", errors)
        )
        items.append(Environment(id=old.id if old else new_id(), name=want.name, roles=roles))
    if errors:
        raise ValidationError.of(*errors)
    return replace(now, items=tuple(items))


def dropped_roles(before: Environments, after: Environments) -> dict[str, str]:
    """The roles that are gone after a change: id → "Role in Environment"."""
    kept = {role.id for environment in after.items for role in environment.roles}
    return {
        role.id: f"{role.name} in {environment.name}"
        for environment in before.items
        for role in environment.roles
        if role.id not in kept
    }


def told(before: Environments, after: Environments) -> str:
    """What a change came to: `added Operator in Staging, removed Viewer in Production`; otherwise names or order."""
    parts = {"added": dropped_roles(after, before), "removed": dropped_roles(before, after)}
    said = [f"{verb} {', '.join(roles.values())}" for verb, roles in parts.items() if roles]
    return "; ".join(said) or "names or their order"


def ensure_unused(dropped: dict[str, str], in_use: Collection[str]) -> None:
    """Raises RoleInUse, naming them, when somebody holds one of the dropped roles."""
    held = {role_id: name for role_id, name in dropped.items() if role_id in set(in_use)}
    if held:
        # The ids are for pages, which say it at the role.
        it = "It" if len(held) == 1 else "Each"
        raise RoleInUse(
            f"Somebody holds {_listed(list(held.values()))}. {it} can be removed once they have been released or the partnership has ended.",
            role_ids=list(held),
        )


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


T = TypeVar("T", Environment, EnvironmentRole)


def _matched(
    wanted: Sequence[Wanted], existing: Iterable[T], path: str, errors: list[tuple[str, str]]
) -> Iterator[tuple[Wanted, T | None]]:
    """Each wanted one with the existing one it means. Ids go first, so that a new one cannot take the name of a renamed one by chance."""
    by_id = {one.id: one for one in existing}
    named = {want.id for want in wanted if want.id is not None}
    by_name = {one.name.casefold(): one for one in by_id.values() if one.id not in named}
    ids: set[str] = set()
    names: set[str] = set()
    for place, want in enumerate(wanted):
        if want.name.casefold() in names:
            errors.append((f"{path}.{place}.name", "This name stands here twice."))
        names.add(want.name.casefold())
        if want.id is None:
            yield want, by_name.pop(want.name.casefold(), None)
            continue
        if want.id not in by_id:
            errors.append((f"{path}.{place}.id", "There is nothing with this id. Leave it out for a new one."))
        elif want.id in ids:
            errors.append((f"{path}.{place}.id", "This id stands here twice."))
        ids.add(want.id)
        yield want, by_id.get(want.id)
