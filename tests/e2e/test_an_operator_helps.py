"""What an operator does on a running stack, with no setting of their own: a message that is lost for good comes after `ask`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import amqp
import kombu
import psycopg

from deploy.local.paths import ROOT
from shared.bus import topology
from tests.support.servers import until
from tests.support.stack import Business, Stack


def ops(stack: Stack, *words: str, status: int | None = 0) -> str:
    """What the operator's tool says, started as `make ops` does. AssertionError for another exit status, unless any will do (None)."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ACCORD_")}
    done = subprocess.run(
        [sys.executable, "-m", "shared.ops", *words], cwd=ROOT, env=environment | {"ACCORD_RUN": str(stack.folder / "run")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert status in {None, done.returncode}, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def accepted(stack: Stack, partner: Business, customer: Business, *contacts: str) -> str:
    """The id of an accepted partnership."""
    id = str(partner.offer(customer, *contacts)["id"])
    customer.until(id, status="open")
    roles = [{"environment": "Production", "role": "Viewer"}]
    customer.post(f"/partnerships/{id}/acceptance", {"contacts": [{"contact_id": c, "roles": roles} for c in contacts]})
    partner.until(id, status="accepted")
    return id


def propose(partner: Business, id: str, *contacts: str) -> None:
    body = {"add_contact_ids": list(contacts), "release_contact_ids": [], "reason": "More of us"}
    partner.post(f"/partnerships/{id}/modifications", body, 201)


def test_a_message_that_is_lost_for_good_comes_as_soon_as_an_operator_asks(stack: Stack) -> None:
    partner, customer = stack.register("loser"), stack.register("waiter")
    ann, bob, cas = (partner.contact(name) for name in ("Ann One", "Bob Two", "Cas Three"))
    id = accepted(stack, partner, customer, ann)
    queue, trap = topology.peers_queue("contacts", "shared"), topology.peers_dead_queue("contacts", "shared")
    key = "*.contacts.*"
    with kombu.Connection(stack.env["ACCORD_PEERS_AMQP_URI"]) as connection, connection.channel() as channel:
        # What is said now is confirmed, and never arrives where it should.
        channel.queue_bind(trap, topology.PEERS_SHARED, key)
        channel.queue_unbind(queue, topology.PEERS_SHARED, key)
        try:
            propose(partner, id, bob)
            until(lambda: sent(stack, partner, id) >= 1, 10, "the proposal has left")
        finally:
            channel.queue_bind(queue, topology.PEERS_SHARED, key)
            channel.queue_unbind(trap, topology.PEERS_SHARED, key)
            channel.queue_purge(trap)
    later(stack, partner)
    propose(partner, id, cas)

    def waiting() -> list[Any]:
        found = json.loads(ops(stack, "parked", "list", "--tenant", customer.tenant, "--json"))
        return [s for s in found if s["subject"] == id]

    (stream,) = until(waiting, 20, "the second waits for the first")
    assert (stream["peer"], stream["reason"]) == (partner.tenant, "gap")
    later(stack, partner)
    assert customer.get(f"/partnerships/{id}")["pending_modifications"] == 0
    ops(stack, "parked", "ask", stream["ref"])
    customer.until(id, 10, pending_modifications=2)
    assert not waiting()


def sent(stack: Stack, of: Business, id: str) -> int:
    with psycopg.connect(stack.env["ACCORD_CONTACTS_OPS_DATABASE_URL"]) as connection:
        found = connection.execute(
            "select count(*) from outbox where tenant = %s and subject = %s and type = 'modification.proposed' and sent_at is not null",
            [of.tenant, id],
        ).fetchone()
    assert found
    return int(found[0])


def later(stack: Stack, of: Business) -> None:
    """By themselves, they are sent again in an hour."""
    with psycopg.connect(stack.env["ACCORD_CONTACTS_OPS_DATABASE_URL"]) as connection:
        connection.execute(
            "update outbox set due_at = now() + interval '1 hour', attempts = 9, sent_at = now() - interval '1 minute' "
            "where tenant = %s and kind = 'peer' and due_at is not null and sent_at is not null",
            [of.tenant],
        )


def test_what_no_service_can_read_is_found_and_taken_away(stack: Stack) -> None:
    body = f'{{"no": "envelope", "of": "{stack.folder.name}"}}'
    with kombu.Connection(stack.env["ACCORD_PEERS_AMQP_URI"]) as connection, connection.channel() as channel:
        channel.basic_publish(
            amqp.Message(body.encode()), exchange=topology.PEERS, routing_key="kazenor.offers.northwind"
        )
    (letter,) = until(lambda: json.loads(ops(stack, "dead", "list", "--service", "offers", "--json")), 15)
    assert (letter["place"], letter["tenant"], letter["peer"]) == ("peers", "kazenor", "northwind")
    assert '"no": "envelope"' in ops(stack, "dead", "show", letter["ref"])
    assert "dead list" in ops(stack, "status", status=3)
    ops(stack, "dead", "drop", letter["ref"], "--yes")
    assert json.loads(ops(stack, "dead", "list", "--service", "offers", "--json")) == []
    assert letter["ref"] in (stack.folder / "run" / "log" / "ops.log").read_text()
