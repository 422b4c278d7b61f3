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
    lena, omar, noor, sam = (
        harbor.post(
            "/contacts", {"name": name, "email": f"{name.split()[0].lower()}@harbor-{tag}.example", "title": title}
        )["id"]
        for name, title in (
            ("Lena Brandt", "Data engineer"),
            ("Omar Haddad", "Analyst"),
            ("Noor Malik", "Data scientist"),
            ("Sam Okoro", "Project manager"),
        )
    )
    offer = {
        "customer_tenant": f"summit-{tag}",
        "customer_email": f"karl@summit-{tag}.example",
        "message": "Lena and Omar could bring your figures in order.",
        "contact_ids": [lena, omar],
        "manager_ids": [],
    }
    sent = harbor.post("/partnerships", offer)
    id = sent["id"]
    _show("Harbor", sent)
    arrived = _until("the offer arrives at Summit", lambda: _partnership(summit, id, "open"))
    _show("Summit", arrived)
    _say(f"Summit reads: “{arrived['message']}” from {arrived['sent_by']['name']}.")

    _chapter("Summit accepts both, each with a role")
    _until("both people are shown to Summit", lambda: _offered(summit, id, 2))
    roles = [{"environment": "Production", "role": "Operator"}]
    accepted = summit.post(
        f"/partnerships/{id}/acceptance",
        {"contacts": [{"contact_id": who, "roles": roles} for who in (lena, omar)], "comment": "Good to have you."},
    )
    _show("Summit", accepted)
    _show("Harbor", _until("Harbor hears of it", lambda: _partnership(harbor, id, "accepted")))
    _people(harbor, summit, id, {"Lena Brandt", "Omar Haddad"})

    _chapter("Harbor proposes a change: Sam comes, Omar goes, in one go and for one reason")
    proposed = harbor.post(
        f"/partnerships/{id}/modifications",
        {
            "add_contact_ids": [sam],
            "release_contact_ids": [omar],
            "reason": "Omar starts a new project in May; Sam could take over.",
        },
    )
    asked = _until("the proposal arrives at Summit", lambda: _modification(summit, id, proposed["id"], "pending"))
    _say(f"Summit reads: “{asked['reason']}”")
    for side, view in (("Harbor", harbor), ("Summit", summit)):
        _show(side, _until(f"{side}'s tile says so", lambda view=view: _partnership(view, id, "modified")))  # type: ignore[misc]
    _labels(harbor, summit, id)
    _say("Nothing has taken effect: it waits for Summit's answer.")

    _chapter("Summit answers each by itself, and suggests something else")
    summit.post(
        f"/partnerships/{id}/modifications/{proposed['id']}/answer",
        {
            "items": [
                {"contact_id": omar, "decision": "accept", "comment": "Thank you, Omar."},
                {"contact_id": sam, "decision": "decline", "comment": "We have a project manager."},
            ],
            "suggestion": "Could you send a data scientist instead?",
        },
    )
    answered = _until("the answer arrives", lambda: _modification(harbor, id, proposed["id"], "answered"))
    for item in answered["items"]:
        _say(f"Harbor reads: {item['action']} {item['name']}: {item['decision']}. “{item['comment']}”")
    _say(f"Summit suggests: “{answered['suggestion']}”")
    _people(harbor, summit, id, {"Lena Brandt"})

    _chapter("Harbor proposes it in reply, and Summit accepts")
    reply = harbor.post(
        f"/partnerships/{id}/modifications",
        {"add_contact_ids": [noor], "reason": "Noor is your data scientist.", "in_reply_to": proposed["id"]},
    )
    _until("it arrives at Summit", lambda: _modification(summit, id, reply["id"], "pending"))
    summit.post(
        f"/partnerships/{id}/modifications/{reply['id']}/answer",
        {
            "items": [
                {
                    "contact_id": noor,
                    "decision": "accept",
                    "roles": [{"environment": "Development", "role": "Administrator"}],
                }
            ],
            "comment": "That was quick!",
        },
    )
    _people(harbor, summit, id, {"Lena Brandt", "Noor Malik"})
    for side, view in (("Harbor", harbor), ("Summit", summit)):
        _show(side, _until(f"{side} waits for nothing", lambda view=view: _partnership(view, id, "accepted")))  # type: ignore[misc]

    _chapter("Summit ends the partnership")
    summit.post(f"/partnerships/{id}/termination", {"reason": "The figures are in order. Thank you!"})
    ended = _until("Harbor hears of it", lambda: _partnership(harbor, id, "terminated"))
    _show("Harbor", ended)
    _say(f"Harbor reads why: “{ended['ended']['reason']}” Its tile stays, to be read, until Harbor removes it.")
    home = [found["id"] for found in summit.get("/partnerships")["items"]]
    _say(f"Summit's home page has {'no tile' if id not in home else 'a tile'} of it any more.")

    _chapter("Afterwards Harbor may offer again, and changes its mind")
    again = harbor.post("/partnerships", {**offer, "message": "Shall we look at next year?", "contact_ids": [noor]})
    _until("the new offer arrives at Summit", lambda: _partnership(summit, again["id"], "open"))
    harbor.post(f"/partnerships/{again['id']}/withdrawal", {"reason": "Noor will be away until spring."})
    _show("Summit", _until("Summit hears of it", lambda: _partnership(summit, again["id"], "withdrawn")))

    _chapter("Either side may offer: Summit offers somebody to Harbor, who declines")
    petra = summit.post("/contacts", {"name": "Petra Novak", "email": f"petra@summit-{tag}.example", "title": "Guide"})
    reverse = summit.post(
        "/partnerships",
        {
            "customer_tenant": f"harbor-{tag}",
            "customer_email": f"ines@harbor-{tag}.example",
            "message": "Petra could take your team up a mountain.",
            "contact_ids": [petra["id"]],
            "manager_ids": [],
        },
    )
    _until("the reverse offer arrives at Harbor", lambda: _partnership(harbor, reverse["id"], "open"))
    harbor.post(f"/partnerships/{reverse['id']}/decline", {"reason": "No mountains this year."})
    declined = _until("Summit hears of it", lambda: _partnership(summit, reverse["id"], "declined"))
    _say(f"Summit reads why: “{declined['decline_reason']}”")

    _chapter("One partnership, two histories")
    told = [
        _until(f"{side} has all of it in its history", lambda view=view: _history(view, id))  # type: ignore[misc]
        for side, view in (("Harbor", harbor), ("Summit", summit))
    ]
    titles = [[entry["title"] for entry in entries] for entries in told]
    _side_by_side("Harbor Analytics", titles[0], "Summit Outdoor", titles[1])
    _say("")
    shared = [{(entry["type"], entry["at"]) for entry in entries if entry["shared"]} for entries in told]
    if shared[0] != shared[1]:
        raise Unfinished("the two sides do not tell the same.")
    _say(f"Both hold the same {len(shared[0])} entries of what they share, each in its own words.")
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


def _offered(view: Api, id: str, count: int) -> list[dict[str, Any]] | None:
    found: list[dict[str, Any]] = view.get(f"/partnerships/{id}/contacts")["items"]
    return found if len(found) == count else None


def _modification(view: Api, id: str, modification: str, state: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = view.get(f"/partnerships/{id}/modifications/{modification}")
    except Refused as refused:
        if refused.status != 404:
            raise
        return None
    return found if found["state"] == state else None


def _working(view: Api, id: str) -> list[dict[str, Any]]:
    return [person for person in view.get(f"/partnerships/{id}/contacts")["items"] if person["state"] == "accepted"]


def _people(harbor: Api, summit: Api, id: str, names: set[str]) -> None:
    """Both sides agree on who works there; only the customer knows in which roles."""
    for side, view in (("Harbor", harbor), ("Summit", summit)):

        def agreed(view: Api = view) -> list[dict[str, Any]] | None:
            people = _working(view, id)
            return people if {person["name"] for person in people} == names else None

        told = []
        for person in sorted(_until(f"{side} shows who works there", agreed), key=lambda one: str(one["name"])):
            roles = ", ".join(f"{grant['role']} in {grant['environment']}" for grant in person.get("roles") or [])
            told.append(f"{person['name']}{f' as {roles}' if roles else ''}")
        _say(f"At work, {side} says: {'; '.join(told)}.")


def _labels(harbor: Api, summit: Api, id: str) -> None:
    for side, view in (("Harbor", harbor), ("Summit", summit)):
        people = view.get(f"/partnerships/{id}/contacts")["items"]
        labels = sorted(f"{person['name']} · {person['label']}" for person in people if person["label"])
        _say(f"{side}'s labels: {'; '.join(labels)}.")


# Sent, accepted, twice proposed and answered, ended; what is private to a side may stand between.
_SHARED_ENTRIES = 7


def _history(view: Api, id: str) -> list[dict[str, Any]] | None:
    """The history, oldest first, once all that both sides share is in it."""
    entries = view.get(f"/partnerships/{id}/history", limit=200)["items"]
    return list(reversed(entries)) if sum(entry["shared"] for entry in entries) >= _SHARED_ENTRIES else None


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
        a = textwrap.wrap(f"{i + 1}. {left[i]}", _WIDTH, subsequent_indent="   ") if i < len(left) else []
        b = textwrap.wrap(f"{i + 1}. {right[i]}", _WIDTH, subsequent_indent="   ") if i < len(right) else []
        rows += [(a[j] if j < len(a) else "", b[j] if j < len(b) else "") for j in range(max(len(a), len(b)))]
    for a_line, b_line in rows:
        print(f"   {a_line:<{_WIDTH}}  {b_line}".rstrip(), flush=True)


if __name__ == "__main__":
    sys.exit(main())
