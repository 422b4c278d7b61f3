"""From the JSON of the services to what a template shows: every name that a template uses is always there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from services.gateway.pages import words

Json = Mapping[str, Any]

# What the pages offer for an action of the contract: its words and where it leads.
ACTIONS = {
    "accept": ("Accept", "acceptance"),
    "decline": ("Decline", "decline"),
    "edit": ("Edit", "edit"),
    "withdraw": ("Withdraw offer", "withdrawal"),
    "remind": ("Send a reminder", "reminder"),
    "end": ("End Partnership", "termination"),
    "remove": ("Remove", "removal"),
}
# These are one question each, which may open in place; and those that cannot be taken back.
ASKING = frozenset({"decline", "withdraw", "remind", "end", "remove"})
GRAVE = frozenset({"decline", "withdraw", "end", "remove"})
TURNS = {"ours": "Your turn", "theirs": "Their turn"}


def tile(p: Json) -> dict[str, Any]:
    """A partnership as its tile and its page show it."""
    counterpart, status, role = p["counterpart"], p["status"], p["role"]
    company = counterpart.get("company") or counterpart["tenant"]
    url = f"/partnerships/{p['id']}"
    actions = [
        {
            "name": name,
            "label": ACTIONS[name][0],
            "url": f"{url}/{ACTIONS[name][1]}",
            "asks": name in ASKING,
            "grave": name in GRAVE,
        }
        for name in p.get("actions") or []
        # What has left home cannot be taken from there again.
        if name in ACTIONS and not (name == "remove" and p.get("removed"))
    ]
    # What cannot be taken back stands last.
    actions.sort(key=lambda action: bool(action["grave"]))
    if status == "modified" and p.get("turn") == "ours" and any(a["name"] == "edit" for a in actions):
        actions.insert(0, {"name": "review", "label": "Review", "url": f"{url}/review", "asks": False, "grave": False})
    owners, ended = p.get("owners") or {}, p.get("ended") or None
    turn = p.get("turn")
    return {
        "id": p["id"],
        "url": url,
        "tenant": counterpart["tenant"],
        "company": company,
        "logo": f"{url}/logo?v={counterpart['logo']}" if counterpart.get("logo") else "",
        "named": bool(counterpart.get("company")),
        "role": role,
        "counterpart_is": words.COUNTERPARTS.get(role, role),
        "status": status,
        "status_label": words.STATUSES.get(status, status.title()),
        "turn": turn,
        "turn_since": p.get("turn_since"),
        "turn_label": TURNS.get(turn or "", ""),
        "delivery": p.get("delivery"),
        "delivery_label": words.DELIVERIES.get(p.get("delivery") or "", ""),
        "shows_delivery": bool(p.get("delivery"))
        and status != "undeliverable"
        # While changes wait it is how ours fare; where one of theirs alone does, there is nothing of ours on its way.
        and (status != "modified" or turn == "theirs" or (p.get("pending_modifications") or 0) > 1)
        and (role == "partner" or status != "open"),
        "alert": _alert(p, company),
        "message": p.get("message") or "",
        "sent_by": (p.get("sent_by") or {}).get("name") or "",
        "sent_at": p.get("sent_at"),
        "expires_at": p.get("expires_at"),
        "contacts_count": p.get("contacts_count") or 0,
        "offered_count": p.get("offered_count") or 0,
        "managers_count": p.get("managers_count") or 0,
        "pending": p.get("pending_modifications") or 0,
        "our_owner": (owners.get("ours") or {}).get("name"),
        "their_owner": (owners.get("theirs") or {}).get("name"),
        "ended": _ended(ended, company),
        "decline_reason": p.get("decline_reason"),
        "final": status in words.ENDED,
        "removed": bool(p.get("removed")),
        # Whether it ever came to a partnership: what never did has contacts that were offered, and none that work.
        "begun": status in words.BEGUN,
        "actions": actions,
        "may": {a["name"] for a in actions},
        "offered": [
            {"id": c["contact_id"], "name": c.get("name") or "", "title": c.get("title") or ""}
            for c in p.get("offered") or []
        ],
        "customer_email": p.get("customer_email") or "",
        "profile": _profile(counterpart.get("profile") or {}),
        "updated_at": p.get("updated_at"),
        "version": p.get("version"),
    }


def _profile(told: Json) -> dict[str, Any]:
    """What the other business has told of itself (OE-20): `ways` to reach it as (label, value, link), and its `addresses`, the default first."""
    website = str(told.get("website") or "")
    ways = [
        ("E-mail", told.get("email") or "", f"mailto:{told.get('email')}"),
        ("Phone", told.get("phone") or "", f"tel:{_dialled(told.get('phone') or '')}"),
        ("Fax", told.get("fax") or "", ""),
        ("Website", website.removeprefix("https://").removesuffix("/"), website if website.startswith("http") else ""),
    ]
    addresses = [
        {
            "type": a.get("type") or "",
            "default": bool(a.get("default")),
            "lines": [
                line
                for line in (
                    a.get("line1"),
                    a.get("line2"),
                    " ".join(part for part in (a.get("zip"), a.get("city")) if part),
                    a.get("state"),
                    a.get("country"),
                )
                if line
            ],
        }
        for a in told.get("addresses") or []
    ]
    return {"ways": [way for way in ways if way[1]], "addresses": sorted(addresses, key=lambda a: not a["default"])}


def _dialled(phone: str) -> str:
    return "".join(c for c in phone if c.isdigit() or c == "+")


def _alert(p: Json, company: str) -> str:
    """A sentence when something is wrong, else nothing."""
    if p["status"] == "undeliverable":
        return "No business with that tenant name and login e-mail."
    return ""


def _ended(ended: Json | None, company: str) -> dict[str, Any] | None:
    if not ended:
        return None
    by = str(ended.get("by"))
    who = {
        "us": "You ended the partnership",
        "them": f"{company} ended the partnership",
        "both": "Both sides ended the partnership",
    }.get(by, "The partnership has ended")
    ours, theirs = ended.get("reason") or "", ended.get("their_reason") or ""
    if by == "them":
        # Theirs is the reason then, so the contract gives it twice.
        ours, theirs = "", theirs or ours
    return {"who": who, "both": by == "both", "reason": ours, "their_reason": theirs, "at": ended.get("at")}


PAST = ("declined", "withdrawn", "released")


def in_order(people: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whoever works there or may come first, then those who did or did not, each as they came: the newest first.

    Somebody who is here stands once: their earlier times are in the history.
    """
    here = [a for a in people if not a["past"]]
    known = {a["id"] for a in here}
    past = []
    for a in people:
        if a["past"] and a["id"] not in known:
            known.add(a["id"])
            past.append(a)
    return sorted(here, key=lambda a: a["state"] != "accepted") + past


def of_before(past: Sequence[Mapping[str, Any]]) -> str:
    """Those who do not work there, in a few words: `2 former contacts, 1 not accepted, 1 withdrawn`; empty for nobody."""
    counted = Counter(a["state"] for a in past)
    told = [words.plural(counted["released"], "former contact")] if counted["released"] else []
    for state, label in (("declined", "not accepted"), ("withdrawn", "withdrawn")):
        if number := counted[state]:
            told.append(f"{number if told else words.plural(number, 'contact')} {label}")
    return ", ".join(told)


def assignment(a: Json) -> dict[str, Any]:
    """Somebody of the partner's, as they stand in this partnership."""
    return {
        "id": a["contact_id"],
        "name": a.get("name") or "",
        "title": a.get("title") or "",
        "email": a.get("email") or "",
        "phone": a.get("phone") or "",
        "state": a.get("state") or "",
        "past": a.get("state") in PAST,
        "label": a.get("label") or "",
        "roles": _roles(a.get("roles") or []),
    }


STATES = {"pending": "Pending", "answered": "Answered", "withdrawn": "Withdrawn", "void": "Void"}
DECIDED = {
    "accept": "Accepted",
    "decline": "Declined",
    "withdraw": "Withdrawn",
    "withdrawn": "Withdrawn",
    "void": "Void",
}


def modification(m: Json, p: Mapping[str, Any], titles: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A proposal in the partnership `p` (as `tile` shows it). `titles` are those of the people who are known, by contact."""
    ours, by = m.get("proposed_by") == "us", (m.get("created_by") or {}).get("name") or ""
    items = [_item(i, ours, p["role"], titles or {}) for i in m.get("items") or []]
    delivery = m.get("delivery") or ""
    return {
        "id": m["id"],
        "url": f"{p['url']}/modifications/{m['id']}",
        "ours": ours,
        "proposer": (by or "You") if ours else (f"{by} of {p['company']}" if by else p["company"]),
        "state": m.get("state") or "",
        "state_label": STATES.get(m.get("state") or "", m.get("state") or ""),
        "wishes": words.listed(
            [
                f"{verb} {words.plural(number, 'contact')}"
                for verb, number in (
                    ("add", sum(i["action"] == "add" for i in items)),
                    ("release", sum(i["action"] == "release" for i in items)),
                )
                if number
            ]
        ),
        "items": items,
        "reason": m.get("reason") or "",
        "comment": m.get("comment") or "",
        "suggestion": m.get("suggestion") or "",
        "in_reply_to": m.get("in_reply_to"),
        "delivery": delivery,
        "delivery_label": words.DELIVERIES.get(delivery, delivery),
        "created_at": m.get("created_at"),
        "answered_at": m.get("answered_at"),
        "answered_by": (m.get("answered_by") or {}).get("name") or "",
        "may": set(m.get("actions") or []),
        "version": m.get("version"),
    }


def _item(i: Json, ours: bool, role: str, titles: Mapping[str, str]) -> dict[str, Any]:
    action, decision = i.get("action") or "", i.get("decision") or ""
    label = "Offered"
    if action == "release":
        # Who proposed it: we, or the other side by its role (OE-16).
        label = "Released" if ours else f"Released by {words.COUNTERPARTS.get(role, 'them')}"
    return {
        "id": i["contact_id"],
        "name": i.get("name") or "",
        "title": i.get("title") or titles.get(i["contact_id"], ""),
        "action": action,
        "label": label,
        "wish": {"add": "to be added", "release": "to be released"}.get(action, action),
        "open": not decision,
        "decision": decision,
        "decision_label": DECIDED.get(decision, decision),
        "comment": i.get("comment") or "",
    }


def _roles(roles: Sequence[Json]) -> list[dict[str, Any]]:
    """Roles by environment: `[{environment, roles: [name]}]`, in the order in which they come."""
    by: dict[str, list[str]] = {}
    for grant in roles:
        by.setdefault(str(grant.get("environment") or ""), []).append(str(grant.get("role") or ""))
    return [{"environment": environment, "roles": names} for environment, names in by.items()]


def person(p: Json) -> dict[str, Any]:
    """Somebody of our own side."""
    return {
        "id": p.get("contact_id") or p.get("id"),
        "name": p.get("name") or "",
        "email": p.get("email") or "",
        "title": p.get("title") or "",
        "phone": p.get("phone") or "",
        "role": p.get("role") or "",
        "owner": bool(p.get("owner")),
        "version": p.get("version"),
    }


_TEXTS = {"message": "Message", "reason": "Reason", "comment": "Comment", "suggestion": "Suggestion"}
_FACTS = {
    "customer": "Tenant name",
    "email": "Login e-mail",
    "owner": "Account owner",
    "previous_owner": "Account owner before",
}
_PEOPLE = {
    "items": "Contacts",
    "contacts": "Contacts",
    "declined": "Not accepted",
    "added": "Added",
    "removed": "Removed",
    "managers": "Partner managers",
}
# What is for programs: ids that say nothing to a person.
_SILENT = frozenset({"in_reply_to", "modification_id", "automatic"})


def entry(e: Json) -> dict[str, Any]:
    """One thing that happened. `texts`, `facts` and `people` are what its chevron opens, each a list of (label, value)."""
    details = e.get("details") or {}
    known = {*_TEXTS, *_FACTS, *_PEOPLE, *_SILENT}
    return {
        "id": e["id"],
        "type": e.get("type") or "",
        "at": e.get("at"),
        "title": e.get("title") or "",
        "side": (e.get("by") or {}).get("side"),
        "name": (e.get("by") or {}).get("name") or "",
        "known": bool(e.get("known", e.get("shared"))),
        "facts": [(label, _named(details[name])) for name, label in _FACTS.items() if details.get(name)]
        + [
            (name.replace("_", " ").capitalize(), str(value))
            for name, value in details.items()
            if name not in known and isinstance(value, (str, int, float)) and str(value)
        ],
        "texts": [(label, str(details[name])) for name, label in _TEXTS.items() if details.get(name)],
        "people": [(label, [_told(p) for p in details[name]]) for name, label in _PEOPLE.items() if details.get(name)],
    }


def _named(value: Any) -> str:
    """A name, or the name of a person."""
    return str(value.get("name") or "") if isinstance(value, Mapping) else str(value)


def _told(p: Json) -> dict[str, Any]:
    """Somebody in the history, with what was wished and decided about them."""
    wish = {"add": "to be added", "release": "to be released"}.get(p.get("action") or "", "")
    decision = p.get("decision") or ""
    return {
        "id": p.get("contact_id") or p.get("id"),
        "name": p.get("name") or "",
        "title": p.get("title") or "",
        "roles": _roles(p.get("roles") or []),
        "notes": ", ".join(part for part in (wish, DECIDED.get(decision, decision).lower()) if part),
        "comment": p.get("comment") or "",
    }


def notification(n: Json) -> dict[str, Any]:
    """One notification; it leads to where one acts, else to the partnership it is about."""
    about, href = n.get("partnership_id"), str(n.get("href") or "")
    return {
        "id": n["id"],
        "type": n.get("type") or "",
        "title": n.get("title") or "",
        "text": n.get("text") or "",
        "at": n.get("at"),
        "read": bool(n.get("read")),
        "url": href if href.startswith("/") else f"/partnerships/{about}" if about else "/",
    }
