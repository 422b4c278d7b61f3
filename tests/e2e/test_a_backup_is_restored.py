"""A backup taken while people work is restored into an empty stack: everything is there, and both sides come to agree on what was on its way."""

from __future__ import annotations

import contextlib
import json
import threading
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.test_an_operator_helps import accepted, ops, propose
from tests.support.servers import temporary_folder, until
from tests.support.stack import PASSWORD, Business, Stack


class Load(threading.Thread):
    """One pair that never rests: an offer, its withdrawal, the next one. Notes each offer that was acknowledged."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.partner, self.customer = stack.register("busy"), stack.register("called")
        self.contact = self.partner.contact("Ann Busy")
        self.offered: list[str] = []
        self.enough = threading.Event()
        self.failed: Exception | None = None

    def run(self) -> None:
        try:
            while not self.enough.is_set() and len(self.offered) < 400:
                id = self.partner.offer(self.customer, self.contact)["id"]
                self.offered.append(id)
                self.partner.post(f"/partnerships/{id}/withdrawal", {"reason": "Not now"})
        except Exception as error:
            self.failed = error


def elsewhere(business: Business, stack: Stack) -> Business:
    """The same person with the same session, at another stack."""
    return Business(stack, business.tenant, business.email, business.user, business.token)


def everything(business: Business, id: str) -> dict[str, Any]:
    """What a person there can see."""
    paths = [
        f"/partnerships/{id}", f"/partnerships/{id}/contacts", f"/partnerships/{id}/modifications", f"/partnerships/{id}/managers",
        f"/partnerships/{id}/history?limit=200", "/partnerships", "/partnerships/counts", "/contacts", "/users", "/environments",
        "/settings", "/tenants/current", "/notifications", "/me",
    ]  # fmt: skip
    return {path: business.get(path) for path in paths}


def test_a_backup_under_load_is_restored_and_both_sides_agree(stack: Stack) -> None:
    partner, customer = stack.register("keeper"), stack.register("kept")
    ann, bob = partner.contact("Ann One"), partner.contact("Bob Two")
    id = accepted(stack, partner, customer, ann)
    propose(partner, id, bob)
    customer.until(id, pending_modifications=1)
    customer.http.put(f"/partnerships/{id}/seen")
    logged_out = httpx.post(
        f"{stack.url}/api/v1/sessions", json={"tenant": partner.tenant, "email": partner.email, "password": PASSWORD}
    ).json()["token"]
    httpx.delete(f"{stack.url}/api/v1/sessions/current", headers={"Authorization": f"Bearer {logged_out}"})
    busy = [Load(stack) for _ in range(2)]
    with temporary_folder() as folder:
        backup = folder / "backup"
        for load in busy:
            load.start()
        try:
            until(lambda: all(len(load.offered) >= 5 or load.failed for load in busy), 30, "they work")
            before = [list(load.offered) for load in busy]
            made = json.loads(ops(stack, "backup", str(backup), "--json"))
            during = [len(load.offered) - len(kept) for load, kept in zip(busy, before, strict=True)]
        finally:
            for load in busy:
                load.enough.set()
            for load in busy:
                load.join(60)
        assert [load.failed for load in busy] == [None, None]
        assert all(during), "nobody worked while the backup was made"
        assert made["services"].keys() == {"accounts", "offers", "contacts", "managers", "history", "notifications"}
        assert "are as they were" in ops(stack, "verify", str(backup))
        # Nothing of it was touched since, but for its own messages that were on their way.
        there = {b.tenant: everything(b, id) for b in (partner, customer)}

        second = Stack(folder)
        second._environment["ACCORD_RESTORE"] = str(backup)
        second.up()
        try:
            look_at(second, there, [elsewhere(b, second) for b in (partner, customer)], id)
            refuses(second, logged_out)
            agree(second, busy, before)
            goes_on(second, elsewhere(partner, second), elsewhere(customer, second))
            refuse_again(second, backup)
        finally:
            second.down()


def look_at(second: Stack, there: dict[str, Any], businesses: list[Business], id: str) -> None:
    """Both sides, history, notifications, people and settings are as they were; whoever was logged in still is."""
    for business in businesses:

        def differs(business: Business = business) -> list[str]:
            here = everything(business, id)
            return [
                f"{path}: {here[path]} was {was}" for path, was in there[business.tenant].items() if here[path] != was
            ]

        # A receipt that was on its way may still have to tell that somebody has looked.
        with contextlib.suppress(AssertionError):
            until(lambda: not differs(), 30)
        assert differs() == []


def refuses(second: Stack, logged_out: str) -> None:
    """Whoever had logged out still has."""
    answer = httpx.get(f"{second.url}/api/v1/me", headers={"Authorization": f"Bearer {logged_out}"})
    assert answer.status_code == 401


def agree(second: Stack, busy: list[Load], before: list[list[str]]) -> None:
    """What was acknowledged before is there, and whatever was on its way arrives: both records of each partnership become the same."""
    for load, acknowledged in zip(busy, before, strict=True):
        partner, customer = elsewhere(load.partner, second), elsewhere(load.customer, second)
        ours = {p["id"] for p in everyone(partner)}
        assert set(acknowledged) <= ours
        assert ours <= set(load.offered)

        def differs(partner: Business = partner, customer: Business = customer) -> dict[str, tuple[str, str | None]]:
            mine, theirs = statuses(partner), statuses(customer)
            # An offer that was taken back before it left was held back, and arrives nowhere.
            return {
                id: (status, theirs.get(id))
                for id, status in mine.items()
                if theirs.get(id) != status and (status, theirs.get(id)) != ("withdrawn", None)
            }

        with contextlib.suppress(AssertionError):
            until(lambda: not differs(), 60)
        assert differs() == {}, ops(second, "status", status=None)
        assert statuses(customer).keys() <= ours


def everyone(business: Business) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for query in ("", "&status=ended"):
        cursor: str | None = ""
        while cursor is not None:
            page = business.get(f"/partnerships?limit=200{query}{f'&cursor={cursor}' if cursor else ''}")
            found += page["items"]
            cursor = page["next"]
    return found


def statuses(business: Business) -> dict[str, str]:
    return {p["id"]: p["status"] for p in everyone(business)}


def goes_on(second: Stack, partner: Business, customer: Business) -> None:
    """New things are numbered behind the old ones: nothing is taken for something else."""
    id = customer.offer(partner, customer.contact("Cas New"))["id"]
    partner.until(id, status="open")
    customer.until(id, delivery="delivered")

    def settled() -> bool:
        found = json.loads(ops(second, "status", "--json", status=None))
        return all(not row["look"] and not row["due"] and not row["failing"] for row in found)

    until(settled, 30, "nothing is forked, dead or waiting")


def refuse_again(second: Stack, backup: Path) -> None:
    """Nothing is put over a stack that runs."""
    ops(second, "restore", str(backup), status=1)
    ops(second, "restore", str(backup), "--replace", "--yes", status=1)
