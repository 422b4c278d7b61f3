"""`make demo`: the main job, told while it happens, against the running stack and through its API only.

Each run registers two businesses of its own, so it can be repeated and leaves the demo people's partnership alone.
"""

from __future__ import annotations

import os
import secrets
import sys
import textwrap
from collections.abc import Callable
from typing import Any

from deploy.local.client import Api, Refused, until
from deploy.local.paths import RUN

PASSWORD = "accord-demo"
_WIDTH = 58


class Unfinished(Exception):
    """The story could not be told to its end; the message says where it stopped."""


def main() -> int:
    base = os.environ.get("ACCORD_URL") or _running()
    if base is None:
        print("accord: Accord is not running; make up starts it.", file=sys.stderr)
        return 1
    try:
        tell(Api(base))
    except (Unfinished, Refused, OSError) as error:
        print(f"accord: The demo stopped: {error}", file=sys.stderr)
        return 1
    return 0


def _running() -> str | None:
    """The address of the running stack."""
    try:
        known = dict(line.split("=", 1) for line in (RUN / "env").read_text().splitlines() if "=" in line)
    except OSError:
        return None
    return f"http://127.0.0.1:{known['PORT']}" if "PORT" in known else None


def tell(api: Api) -> None:
    """The story. Raises Unfinished or Refused where it does not go on."""
    tag = secrets.token_hex(3)
    _chapter("Two businesses")
    harbor = _register(api, f"harbor-{tag}", "Harbor Analytics", "Ines Duarte")
    summit = _register(api, f"summit-{tag}", "Summit Outdoor", "Karl Vogt")

    _chapter("Harbor offers two of its people")
    people = [
        harbor.post(
            "/contacts", {"name": name, "email": f"{name.split()[0].lower()}@harbor-{tag}.example", "title": title}
        )
        for name, title in (("Lena Brandt", "Data engineer"), ("Omar Haddad", "Analyst"))
    ]
    offer = harbor.post(
        "/partnerships",
        {
            "customer_tenant": f"summit-{tag}",
            "customer_email": f"karl@summit-{tag}.example",
            "message": "Lena and Omar could bring your figures in order.",
            "contact_ids": [person["id"] for person in people],
            "manager_ids": [],
        },
    )
    id = offer["id"]
    _show("Harbor", offer)
    arrived = _until("the offer arrives at Summit", lambda: _partnership(summit, id, "open"))
    _show("Summit", arrived)
    _say(f"Summit reads: “{arrived['message']}” from {arrived['sent_by']['name']}.")

    _chapter("Summit accepts one of the two, with a role")
    offered = _until("both people are shown to Summit", lambda: _assignments(summit, id, 2))
    lena = next(person for person in offered if person["name"] == "Lena Brandt")
    role = {"environment": "Production", "role": "Operator"}
    accepted = summit.post(
        f"/partnerships/{id}/acceptance",
        {"contacts": [{"contact_id": lena["contact_id"], "roles": [role]}], "comment": "Lena first, please."},
    )
    _show("Summit", accepted)
    _show("Harbor", _until("Harbor hears of it", lambda: _partnership(harbor, id, "accepted")))
    for side, view in (("Harbor", harbor), ("Summit", summit)):
        _until(f"{side}'s people are up to date", lambda view=view: _decided(view, id))  # type: ignore[misc]
        for person in view.get(f"/partnerships/{id}/contacts")["items"]:
            roles = ", ".join(f"{grant['role']} in {grant['environment']}" for grant in person.get("roles") or [])
            _say(f"{side} sees {person['name']}: {person['state']}{f' as {roles}' if roles else ''}.")

    _chapter("Summit offers somebody to Harbor, who declines")
    guide = summit.post("/contacts", {"name": "Petra Novak", "email": f"petra@summit-{tag}.example", "title": "Guide"})
    reverse = summit.post(
        "/partnerships",
        {
            "customer_tenant": f"harbor-{tag}",
            "customer_email": f"ines@harbor-{tag}.example",
            "message": "Petra could take your team up a mountain.",
            "contact_ids": [guide["id"]],
            "manager_ids": [],
        },
    )
    _until("the reverse offer arrives at Harbor", lambda: _partnership(harbor, reverse["id"], "open"))
    harbor.post(f"/partnerships/{reverse['id']}/decline", {"reason": "No mountains this year."})
    declined = _until("Summit hears of it", lambda: _partnership(summit, reverse["id"], "declined"))
    _say(f"Summit reads why: “{declined['decline_reason']}”")

    _chapter("One partnership, two histories")
    told = [
        _until(f"{side} has it in its history", lambda view=view: _history(view, id))  # type: ignore[misc]
        for side, view in (("Harbor", harbor), ("Summit", summit))
    ]
    _side_by_side("Harbor Analytics", told[0], "Summit Outdoor", told[1])
    _say("")
    _say("Nothing of either business was ever read by the other: all of it came by message.")


def _register(api: Api, tenant: str, company: str, name: str) -> Api:
    email = f"{name.split()[0].lower()}@{tenant}.example"
    api.post("/tenants", {"tenant": tenant, "company": company, "name": name, "email": email, "password": PASSWORD})
    _say(f"{company} registers as {tenant}; {name} is its first admin ({email}, {PASSWORD}).")
    return api.login(tenant, email, PASSWORD)


def _partnership(view: Api, id: str, status: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = view.get(f"/partnerships/{id}")
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return found if found["status"] == status else None


def _assignments(view: Api, id: str, count: int) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = view.get(f"/partnerships/{id}/contacts")["items"]
    return found if len(found) == count else None


def _decided(view: Api, id: str) -> bool | None:
    return all(person["state"] != "offered" for person in view.get(f"/partnerships/{id}/contacts")["items"]) or None


def _history(view: Api, id: str) -> list[str] | None:
    entries = view.get(f"/partnerships/{id}/history", limit=200)["items"]
    return [entry["title"] for entry in reversed(entries)] if len(entries) > 1 else None


def _until(what: str, condition: Callable[[], Any]) -> Any:
    value = until(condition, 20)
    if value is None:
        raise Unfinished(f"waited 20 seconds until {what}.")
    return value


def _chapter(title: str) -> None:
    print(f"\n== {title}", flush=True)


def _say(sentence: str) -> None:
    print(f"   {sentence}" if sentence else "", flush=True)


def _show(side: str, found: dict[str, Any]) -> None:
    turn = {"ours": "its turn", "theirs": "the other's turn"}.get(found["turn"], "nobody's turn")
    _say(
        f"{side}'s tile: {found['counterpart']['company']} · {found['status']} · {turn} · {found['contacts_count']} people at work"
    )


def _side_by_side(left_title: str, left: list[str], right_title: str, right: list[str]) -> None:
    rows = [(left_title, right_title), ("-" * len(left_title), "-" * len(right_title))]
    for i in range(max(len(left), len(right))):
        a = textwrap.wrap(f"{i + 1}. {left[i]}", _WIDTH) if i < len(left) else []
        b = textwrap.wrap(f"{i + 1}. {right[i]}", _WIDTH) if i < len(right) else []
        rows += [(a[j] if j < len(a) else "", b[j] if j < len(b) else "") for j in range(max(len(a), len(b)))]
    for a_line, b_line in rows:
        print(f"   {a_line:<{_WIDTH}}  {b_line}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
