"""Our environments and the roles people can hold in them, changed as one form (OE-08).

The form works without a script: its buttons that add or remove a row post it, and it comes back with the row there or gone.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway.pages.desk import Desk
from services.gateway.pages.forms import Form
from services.gateway.pages.rooms import desk_of, rooms
from shared.errors import ChangedMeanwhile, Forbidden, NotFound, Refusal, RoleInUse

pages = rooms()

_FIELD = re.compile(r"e\.([0-9]{1,4})\.(?:(name|id)|r\.([0-9]{1,4})\.(name|id))")
MOST_ENVIRONMENTS, MOST_ROLES = 50, 50
UNTIL_THEN = (
    "It can be removed once they have been released or the partnership has ended; until then you can rename it."
)
ONLY_ADMINS = "Environments and roles are changed by people with the role Admin."


@dataclass
class Row:
    """An environment or a role as it stands in the form; without an id it is new. A `roles` row has none of its own."""

    id: str = ""
    name: str = ""
    roles: list[Row] = field(default_factory=list)


def rows_of(items: list[dict[str, Any]]) -> list[Row]:
    """The rows for what accounts has."""
    return [Row(e["id"], e["name"], [Row(r["id"], r["name"]) for r in e["roles"]]) for e in items]


def rows_sent(data: Any) -> list[Row]:
    """The rows as they were sent, in their order; whatever does not look like one of the form is left out."""
    rows: dict[str, Row] = {}
    roles: dict[tuple[str, str], Row] = {}
    for name, value in data.multi_items():
        found = _FIELD.fullmatch(name)
        if found is None or not isinstance(value, str):
            continue
        place, own, role_place, of_role = found.groups()
        row = rows.setdefault(place, Row())
        if own:
            setattr(row, own, value)
            continue
        if (place, role_place) not in roles:
            roles[place, role_place] = Row()
            row.roles.append(roles[place, role_place])
        setattr(roles[place, role_place], of_role, value)
    return list(rows.values())


def _form(rows: list[Row], version: str) -> Form:
    """An empty form that knows the fields of these rows, so that each can hold a sentence."""
    fields: dict[str, str] = {}
    for i, row in enumerate(rows):
        label = row.name.strip() or ("An environment" if row.id else "New environment")
        fields[f"e.{i}.name"] = label
        fields |= {
            f"e.{i}.r.{j}.name": f"{role.name.strip() or ('A role' if role.id else 'New role')} in {label}"
            for j, role in enumerate(row.roles)
        }
        fields[f"e.{i}.roles"] = label
    return Form(fields, {"version": version})


async def _page(desk: Desk, rows: list[Row], form: Form, status: int = 200, *, focus: str = "") -> Response:
    return await desk.page(
        "environments.html",
        status,
        rows=rows,
        form=form,
        focus=focus,
        may=desk.person.runs_business,
        most=MOST_ENVIRONMENTS,
        most_roles=MOST_ROLES,
    )


@pages.get("/environments")
async def environments(request: Request) -> Response:
    desk = desk_of(request)
    found = await desk.ask("accounts", "get_environments")
    rows = rows_of(found["items"])
    return await _page(desk, rows, _form(rows, str(found.get("version") or "")))


@pages.post("/environments")
async def change_environments(request: Request) -> Response:
    desk, data = desk_of(request), await request.form()
    if not desk.person.runs_business:
        raise Forbidden(ONLY_ADMINS)
    rows, version = rows_sent(data), str(data.get("version") or "")
    for name, act in ACTS.items():
        if name in data:
            focus = act(rows, [int(n) for n in str(data[name]).split(".") if n.isascii() and n.isdigit()][:2])
            return await _page(desk, rows, _form(rows, version), focus=focus)
    return await _save(desk, rows, version)


# — rows —


def _add_environment(rows: list[Row], at: list[int]) -> str:
    rows.append(Row(roles=[Row()]))
    return f"e.{len(rows) - 1}.name"


def _add_role(rows: list[Row], at: list[int]) -> str:
    if not at or at[0] >= len(rows):
        return ""
    roles = rows[at[0]].roles
    roles.append(Row())
    return f"e.{at[0]}.r.{len(roles) - 1}.name"


def _remove_environment(rows: list[Row], at: list[int]) -> str:
    if at and at[0] < len(rows):
        del rows[at[0]]
    return "add_environment"


def _remove_role(rows: list[Row], at: list[int]) -> str:
    if len(at) < 2 or at[0] >= len(rows):
        return ""
    roles = rows[at[0]].roles
    if at[1] < len(roles):
        del roles[at[1]]
    return f"add_role.{at[0]}"


ACTS: dict[str, Callable[[list[Row], list[int]], str]] = {
    "add_environment": _add_environment,
    "add_role": _add_role,
    "remove_environment": _remove_environment,
    "remove_role": _remove_role,
}
"""The buttons of the form. Each says where (`2` or `2.0`), changes the rows and answers what gets the focus."""


# — saving —


async def _save(desk: Desk, rows: list[Row], version: str) -> Response:
    # A new row that was left empty is not meant.
    for row in rows:
        row.roles = [role for role in row.roles if role.id or role.name.strip()]
    rows = [row for row in rows if row.id or row.name.strip() or row.roles]
    form = _form(rows, version)
    _check(rows, form)
    status = 200
    if not form.wrong:
        items = [
            {
                **({"id": row.id} if row.id else {}),
                "name": row.name,
                "roles": [{**({"id": role.id} if role.id else {}), "name": role.name} for role in row.roles],
            }
            for row in rows
        ]
        try:
            await desk.do("accounts", "set_environments", items=items, **({"if_match": version} if version else {}))
            return desk.go("/environments", "environments-changed")
        except (Forbidden, NotFound):
            raise
        except RoleInUse as refusal:
            rows, form = await _with_held(desk, rows, version, refusal)
        except ChangedMeanwhile:
            form = await _meanwhile(desk, rows)
        except Refusal as refusal:
            status = form.refused(refusal, _field)
    return await _page(desk, rows, form, status)


def _check(rows: list[Row], form: Form) -> None:
    if not rows:
        form.refuse("", "At least one environment is needed: whoever is accepted gets a role in one.")
    for i, row in enumerate(rows):
        if not row.name.strip():
            form.refuse(f"e.{i}.name", "Give the environment a name, or remove it.")
        if not row.roles:
            form.refuse(f"e.{i}.roles", "Add at least one role, or remove the environment.")
        for j, role in enumerate(row.roles):
            if not role.name.strip():
                form.refuse(f"e.{i}.r.{j}.name", "Give the role a name, or remove it.")


def _field(name: str) -> str:
    """`items.0.roles.1.name` of the API as the field of the form."""
    parts = name.split(".")
    if len(parts) >= 4 and parts[2] == "roles":
        return f"e.{parts[1]}.r.{parts[3]}.name"
    if len(parts) >= 3:
        return f"e.{parts[1]}.{'roles' if parts[2] == 'roles' else 'name'}"
    return ""


async def _with_held(desk: Desk, rows: list[Row], version: str, refusal: Refusal) -> tuple[list[Row], Form]:
    """The rows with the roles back that somebody holds, where they stood, each with the sentence that says so."""
    held = set(refusal.info.get("role_ids") or [])
    found = await desk.ask("accounts", "get_environments")
    stood = rows_of(found["items"])
    names: dict[str, str] = {}
    for before in stood:
        for role in before.roles:
            if role.id not in held:
                continue
            row = next((row for row in rows if row.id == before.id), None)
            if row is None:
                row = Row(before.id, before.name)
                _put_back(rows, row, stood)
            _put_back(row.roles, role, before.roles)
            names[role.id] = f"{role.name} in {before.name}"
    form = _form(rows, version)
    for i, row in enumerate(rows):
        for j, role in enumerate(row.roles):
            if role.id in names:
                form.refuse(f"e.{i}.r.{j}.name", f"Somebody holds {names[role.id]}. {UNTIL_THEN}")
    if not form.wrong:
        form.refuse("", refusal.detail)
    return rows, form


def _put_back(rows: list[Row], row: Row, stood: list[Row]) -> None:
    """Behind the nearest of those before it that is still there."""
    before = {other.id for other in takewhile(lambda other: other.id != row.id, stood)}
    behind = [i for i, other in enumerate(rows) if other.id in before]
    rows.insert(behind[-1] + 1 if behind else 0, row)


async def _meanwhile(desk: Desk, rows: list[Row]) -> Form:
    """Somebody else was faster. What they did is said; saving again, with the version of now, does what stands here."""
    found = await desk.ask("accounts", "get_environments")
    now = rows_of(found["items"])
    form = _form(rows, str(found.get("version") or ""))
    form.refuse(
        "", "Somebody else changed the environments after you opened this page. Nothing of yours has been saved yet."
    )
    for sentence in _differences(now, rows):
        form.refuse("", sentence)
    form.refuse("", "Saving again puts what stands here in the place of theirs.")
    return form


def _differences(now: list[Row], rows: list[Row]) -> list[str]:
    """What there is by now that does not stand in the form."""
    ours = {row.id: row for row in rows if row.id}
    sentences = []
    for environment in now:
        row = ours.get(environment.id)
        if row is None:
            sentences.append(f"There is {environment.name}, which does not stand here.")
            continue
        if row.name.strip() != environment.name:
            sentences.append(f"{row.name.strip() or 'One without a name'} is called {environment.name} there.")
        names = {role.id: role.name.strip() for role in row.roles}
        for role in environment.roles:
            if role.id not in names:
                sentences.append(f"{environment.name} has the role {role.name}, which does not stand here.")
            elif names[role.id] != role.name:
                sentences.append(f"The role {names[role.id]} in {environment.name} is called {role.name} there.")
    return sentences
