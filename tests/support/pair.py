"""A partner and a customer on a running stack, through HTTP: what both do, and what must be the same on both sides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.support.servers import until
from tests.support.stack import Business, Stack, patiently

VIEWER = [{"environment": "Production", "role": "Viewer"}]


class Pair:
    """A partner and a customer; `id` is their running partnership, in which `people` work."""

    def __init__(self, stack: Stack, partner: Business, customer: Business, *names: str) -> None:
        self.stack, self.partner, self.customer = stack, partner, customer
        self.people = {name: partner.contact(name) for name in names}
        self.id = ""

    @property
    def both(self) -> tuple[Business, Business]:
        return self.partner, self.customer

    def offer(self, *names: str) -> str:
        """A new offer that lies open at the customer."""
        chosen = [self.people[name] for name in names or self.people]
        self.id = str(self.partner.offer(self.customer, *chosen)["id"])
        self.customer.until(self.id, status="open")
        return self.id

    def begin(self, *names: str) -> str:
        """A running partnership with these people (all when none are named)."""
        self.offer(*names)
        chosen = [self.people[name] for name in names or self.people]
        body = {"contacts": [{"contact_id": id, "roles": VIEWER} for id in chosen]}
        until(lambda: self.attempt(self.customer, "acceptance", body)[0] == 200, 20, "the offer is accepted")
        self.partner.until(self.id, status="accepted", contacts_count=len(chosen))
        return self.id

    def path(self, rest: str = "") -> str:
        return f"/partnerships/{self.id}" + (f"/{rest}" if rest else "")

    def attempt(self, side: Business, rest: str, body: Any = None) -> tuple[int, Any]:
        """Status and answer of a POST, whatever they are."""
        answer = patiently(side.http, "POST", self.path(rest), {} if body is None else body)
        return answer.status_code, answer.json() if answer.content else None

    def at_once(self, *steps: Callable[[], tuple[int, Any]]) -> list[tuple[int, Any]]:
        """What comes of steps that begin at the same instant."""
        barrier = threading.Barrier(len(steps))

        def take(step: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
            barrier.wait(10)
            return step()

        with ThreadPoolExecutor(len(steps)) as pool:
            return list(pool.map(take, steps))

    def propose(self, side: Business, add: tuple[str, ...] = (), release: tuple[str, ...] = (), **more: Any) -> str:
        body = {
            "add_contact_ids": [self.people[n] for n in add],
            "release_contact_ids": [self.people[n] for n in release],
            "reason": "A change of plan",
        }
        return str(side.post(self.path("modifications"), body | more, 201)["id"])

    def modification(self, side: Business, mid: str) -> dict[str, Any] | None:
        answer = patiently(side.http, "GET", self.path(f"modifications/{mid}"))
        return answer.json() if answer.status_code == 200 else None

    def until_modification(self, side: Business, mid: str, **wanted: Any) -> dict[str, Any]:
        def shows() -> dict[str, Any] | None:
            found = self.modification(side, mid)
            return found if found and all(found[k] == v for k, v in wanted.items()) else None

        return until(shows, 20, f"{side.tenant} shows {wanted} of {mid}") or {}

    def answer(self, side: Business, mid: str, status: int = 200, **decisions: str) -> Any:
        found = self.until_modification(side, mid)
        actions = {i["contact_id"]: i["action"] for i in found["items"]}
        items = []
        for name, decision in decisions.items():
            id = self.people[name]
            roles = VIEWER if (actions[id], decision) == ("add", "accept") else []
            items.append({"contact_id": id, "decision": decision, "roles": roles})
        return side.post(self.path(f"modifications/{mid}/answer"), {"items": items}, status)

    def labels(self, side: Business) -> dict[str, str | None]:
        names = {id: name for name, id in self.people.items()}
        return {names[a["contact_id"]]: a["label"] for a in side.get(self.path("contacts"))["items"] if a["label"]}

    def view(self, side: Business) -> dict[str, Any]:
        """What must be the same on both sides once all is delivered."""
        p = side.partnership(self.id) or {}
        ended = p.get("ended") or {}
        return {
            "status": p.get("status"),
            "pending": p.get("pending_modifications"),
            "count": p.get("contacts_count"),
            "ended": {"us": side.tenant, "them": "other", "both": "both"}.get(ended.get("by")) and ended.get("at"),
            "assignments": sorted(
                (a["id"], a["contact_id"], a["state"]) for a in side.get(self.path("contacts"))["items"]
            ),
            "modifications": sorted(
                (m["id"], m["state"], tuple((i["contact_id"], i["action"], i["decision"]) for i in m["items"]))
                for m in side.get(self.path("modifications?limit=200"))["items"]
            ),
        }

    def history(self, side: Business) -> list[tuple[str, str]]:
        found = side.get(self.path("history?limit=200"))["items"]
        return sorted((e["type"], e["at"]) for e in found if e["shared"])

    def agree(self, **wanted: Any) -> dict[str, Any]:
        """Both sides show the same, and what is wanted; the same shared entries in both histories."""

        def same() -> dict[str, Any] | None:
            ours, theirs = (self.view(side) for side in self.both)
            fits = all(ours[k] == v for k, v in wanted.items())
            return (
                ours if ours == theirs and fits and self.history(self.partner) == self.history(self.customer) else None
            )

        try:
            return until(same, 30, "both sides agree") or {}
        except AssertionError:
            raise AssertionError(
                f"wanted {wanted}; {[self.view(side) for side in self.both]}; {[self.history(side) for side in self.both]}"
            ) from None
