"""What the services of these tests know: a partnership as the pages read it, and how a browser sends a form."""

from __future__ import annotations

import re
from typing import Any

from starlette.testclient import TestClient

from services.gateway.pages import csrf
from shared.ids import new_id
from tests.support.ids import id_of
from tests.unit.gateway.fake_rpc import TOKEN

ID = id_of("partnership")
CONTACT = {
    "id": new_id(),
    "name": "Amara Diallo",
    "email": "amara@kazenor.example",
    "phone": "",
    "title": "Engineer",
    "version": 1,
}
PLACES: dict[str, Any] = {
    "items": [
        {
            "id": new_id(),
            "name": "Production",
            "roles": [{"id": new_id(), "name": "Viewer"}, {"id": new_id(), "name": "Operator"}],
        }
    ]
}


def partnership(**other: Any) -> dict[str, Any]:
    offered = [{"contact_id": CONTACT["id"], "name": CONTACT["name"], "title": ""}]
    return {
        "id": ID, "role": "customer", "counterpart": {"tenant": "northwind", "company": "Northwind Traders", "profile": {}},
        "status": "open", "turn": "ours", "turn_since": "2026-01-02T03:04:05Z", "delivery": "delivered", "message": "Shall we?",
        "sent_by": {"id": ID, "name": "Nils"}, "sent_at": "2026-01-02T03:04:05Z", "expires_at": "2026-02-02T03:04:05Z",
        "contacts_count": 0, "offered_count": 1, "offered": offered, "managers_count": 0, "pending_modifications": 0,
        "owners": {"ours": None, "theirs": None}, "ended": None, "decline_reason": None, "actions": ["accept", "decline", "view"],
        "more_actions": [], "version": 1, "updated_at": "2026-01-02T03:04:05Z", **other,
    }  # fmt: skip


MID = id_of("modification")
LENT, NEWCOMER = id_of("lent"), id_of("newcomer")
LENT_ONE: dict[str, Any] = {"id": new_id(), "contact_id": LENT, "name": "Bruno Keller", "title": "Consultant", "email": None, "phone": None, "state": "accepted", "label": None, "roles": []}  # fmt: skip


def item(contact: str, action: str, **other: Any) -> dict[str, Any]:
    name = {LENT: "Bruno Keller", NEWCOMER: "Cleo Sand"}.get(contact, "Somebody")
    return {"contact_id": contact, "assignment_id": new_id(), "name": name, "action": action, "decision": None, "comment": "", **other}  # fmt: skip


def modification(**other: Any) -> dict[str, Any]:
    """A mixed proposal of the other side that waits for our answer."""
    return {
        "id": MID, "proposed_by": "them", "state": "pending", "reason": "Bruno moves on.",
        "items": [item(LENT, "release"), item(NEWCOMER, "add")], "comment": "", "suggestion": "", "in_reply_to": None,
        "delivery": None, "created_at": "2026-01-03T03:04:05Z", "created_by": {"name": "Nils"}, "answered_by": None,
        "answered_at": None, "actions": ["answer"], "version": 1, **other,
    }  # fmt: skip


def ours(**other: Any) -> dict[str, Any]:
    """A proposal of ours that waits for their answer."""
    return modification(**{"proposed_by": "us", "created_by": {"name": "Ada"}, "actions": ["withdraw"], **other})


def listing(*modifications: dict[str, Any]) -> Any:
    """contacts.list_modifications with these."""

    def answer(state: str = "", **_: Any) -> dict[str, Any]:
        return {"items": [m for m in modifications if state in {"", m["state"]}], "next": None}

    return answer


def live(**other: Any) -> dict[str, Any]:
    """A partnership that may be changed."""
    return partnership(**{"status": "accepted", "turn": None, "actions": ["edit", "end", "view"], **other})


def send(client: TestClient, path: str, **fields: Any) -> Any:
    """Send a form as a page of this session would."""
    return client.post(path, data={csrf.FIELD: csrf.token(TOKEN), **fields})


def whole(answer: Any) -> None:
    """A page is whole and keeps to itself: one heading, no inline code, nothing from elsewhere, each field labelled, each form ours."""
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"<script(?! (?:type=.module. )?src=)|<style|\sstyle=|\son\w+=", answer.text)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', answer.text)
    ids = re.findall(r'\sid="([^"]+)"', answer.text)
    assert len(ids) == len(set(ids)), ids
    for form in re.findall(r'<form[^>]*method="post".*?</form>', answer.text, re.DOTALL):
        assert f'name="{csrf.FIELD}"' in form
    for element in re.findall(r"<(?:input|select|textarea)[^>]*>", answer.text):
        if 'type="hidden"' in element or 'type="checkbox"' in element or 'type="radio"' in element:
            continue
        id = re.search(r'id="([^"]+)"', element)
        assert id is not None, element
        assert f'for="{id[1]}"' in answer.text
