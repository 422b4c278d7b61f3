"""The safety guards of Accord, each with its removal and the tests that must then turn red (`make mutants`).

A guard that can be taken out without a test noticing is not guarded. Text that no longer stands in its file, or stands there twice,
fails `tests/guards/test_mutants.py`: whoever moves a guard moves its line here.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A guard's removal: in `file`, `before` (standing there once) becomes `after`. `tests` are pytest arguments, one of which must fail."""

    name: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...]


INBOX = "tests/integration/bus/test_inbox.py"
SAID = "tests/integration/bus/test_anything_may_be_said.py"
RELAY = "tests/integration/bus/test_relay.py"
UNIT = "tests/integration/bus/test_unit_of_work.py"
CONSUMER = "tests/integration/bus/test_consumer.py"
TABLES = "tests/guards/test_tables_and_roles.py"
SESSIONS = "tests/unit/accounts/test_sessions.py"
IDENTITY = "tests/unit/gateway/test_identity.py"
REQUESTS = "tests/unit/gateway/test_requests.py"
PAGES = "tests/unit/gateway/pages/test_pages.py"
STOLEN = "tests/security/test_stolen_sessions.py"
POISON = "tests/chaos/test_poison.py"
FORKED = "tests/integration/ops/test_forked_streams.py"

MUTANTS = (
    # What comes in
    Mutant(
        "a message that was applied already is applied again",
        "shared/bus/streams.py",
        "    return Verdict.DUPLICATE\n",
        "    return Verdict.APPLY\n",
        (INBOX,),
    ),
    Mutant(
        "a message is acknowledged before it is handled",
        "shared/bus/consumer.py",
        "            self._note(self._settle(link, deliveries))\n",
        "            channel.basic_ack(last, multiple=True)\n            last = None\n            self._note(self._settle(link, deliveries))\n",
        (CONSUMER,),
    ),
    Mutant(
        "a read does not wait for what was stated before it",
        "shared/bus/session.py",
        "if after is None or storage.applied(after.key(call.tenant)) >= after.version:",
        "if True:",
        (UNIT,),
    ),
    Mutant(
        "a message that comes too early does not wait",
        "shared/bus/streams.py",
        "    if sequence > stream.applied + 1:\n",
        "    if False:\n",
        (INBOX,),
    ),
    Mutant(
        "a message need not follow the one that we have",
        "shared/bus/streams.py",
        "return Verdict.APPLY if previous == stream.applied_digest else Verdict.FORK",
        "return Verdict.APPLY",
        (INBOX, SAID),
    ),
    Mutant(
        "other words under an older number are taken for a repetition",
        "shared/bus/inbox.py",
        "        return bool(told) and d.digest not in told\n",
        "        return False\n",
        (INBOX,),
    ),
    Mutant(
        "other words under a number that was applied are taken for a repetition",
        "shared/bus/streams.py",
        "    if sequence == stream.applied and own_digest != stream.applied_digest:\n",
        "    if False:\n",
        (INBOX,),
    ),
    Mutant(
        "a receipt for more than was said confirms",
        "shared/bus/streams.py",
        "    if receipt.applied > stream.sent or other:\n",
        "    if False:\n",
        (INBOX, SAID),
    ),
    Mutant(
        "a mark that was settled comes back with the next receipt",
        "shared/bus/streams.py",
        "        if receipt.applied != stream.claimed:\n",
        "        if True:\n",
        (FORKED,),
    ),
    Mutant(
        "a receipt for a very high number silences all that follow",
        "shared/bus/streams.py",
        "        if receipt.applied != stream.claimed:\n",
        "        if receipt.applied > stream.claimed:\n",
        (FORKED,),
    ),
    Mutant(
        "what was dropped is a new fork when it is said again",
        "shared/bus/inbox.py",
        "        return d.digest in unit.heard(d.key, d.envelope.sequence)\n",
        "        return False\n",
        (FORKED,),
    ),
    Mutant(
        "a fork in the place of what was applied under its id is not kept",
        "shared/bus/inbox.py",
        'unit.keep(replace(dead, id=d.digest, error="fork: another message was said under this number"))',
        'unit.keep(replace(dead, error="fork: another message was said under this number"))',
        (FORKED, INBOX),
    ),
    Mutant(
        "a stream is settled while what contradicts it is dead",
        "shared/ops/streams.py",
        "    if dead:\n",
        "    if False:\n",
        (FORKED,),
    ),
    Mutant(
        "a receipt confirms before all that was sent with it is applied",
        "shared/bus/streams.py",
        "    if stream.applied < stream.receipt_sent:\n",
        "    if False:\n",
        (INBOX,),
    ),
    Mutant(
        "two messages wait under one number and nobody notices",
        "shared/bus/inbox.py",
        "            if near and self._rivals(unit, d):\n",
        "            if False:\n",
        (INBOX,),
    ),
    Mutant(
        "a receipt that waits for what never comes holds all later ones up",
        "shared/bus/streams.py",
        "    if not waiting or receipt.sent <= stream.applied < stream.receipt_sent:\n",
        "    if not waiting:\n",
        ("tests/unit/bus/test_receipts.py",),
    ),
    Mutant(
        "the origin is what the body says, not the routing key",
        "shared/bus/deliveries.py",
        "    if route is not None and (envelope.destination, envelope.source, envelope.origin) != route:\n",
        "    if False:\n",
        (INBOX,),
    ),
    Mutant(
        "another business may state our facts",
        "shared/bus/deliveries.py",
        '    if route is not None and envelope.kind != "peer":\n',
        "    if False:\n",
        (SAID,),
    ),
    Mutant(
        "what comes from far ahead of its stream is kept",
        "shared/bus/inbox.py",
        'near = e.kind == "fact" or e.sequence <= stream.applied + AHEAD',
        "near = True",
        (SAID,),
    ),
    Mutant(
        "a failing message is tried for ever",
        "shared/bus/attempts.py",
        "            dead = attempts >= ATTEMPTS\n",
        "            dead = False\n",
        (INBOX,),
    ),
    Mutant(
        "a message that ends the process is not counted before it is handled",
        "shared/bus/inbox.py",
        "        if any(d.again for d in deliveries):\n",
        "        if False:\n",
        (INBOX,),
    ),
    Mutant(
        "what is parked is not let go when its gap is filled",
        "shared/bus/inbox.py",
        "        while stream.parked and (row := next_parked(unit, stream)) is not None:\n",
        "        while False and (row := next_parked(unit, stream)) is not None:\n",
        (INBOX,),
    ),
    Mutant(
        "what is no message of ours is acknowledged and gone",
        "shared/bus/consumer.py",
        "                channel.basic_reject(tag, requeue=False)\n",
        "                channel.basic_ack(tag)\n",
        (CONSUMER,),
    ),
    Mutant(
        "a content type of somebody else is read as ours",
        "shared/bus/consumer.py",
        '        if message.properties.get("content_type") != topology.CONTENT_TYPE:\n',
        "        if False:\n",
        (CONSUMER,),
    ),
    Mutant(
        "a connection that has gone is not noticed, and calls reach nobody",
        "shared/bus/rpc.py",
        "            if connection is None or not connection.connected:\n",
        "            if False:\n",
        ("tests/integration/bus/test_calls_after_a_lost_connection.py",),
    ),
    # What goes out
    Mutant(
        "a peer message that no queue takes counts as sent",
        "shared/bus/outbox.py",
        "        return Outgoing(row.id, row.type, topology.PEERS, key, row.body, mandatory=True)\n",
        "        return Outgoing(row.id, row.type, topology.PEERS, key, row.body, mandatory=False)\n",
        (RELAY,),
    ),
    Mutant(
        "what the broker never confirmed counts as sent",
        "shared/bus/publisher.py",
        "    if not confirmation.done() or confirmation.cancelled():\n        return Verdict.UNKNOWN\n",
        "    if not confirmation.done() or confirmation.cancelled():\n        return Verdict.SENT\n",
        (RELAY,),
    ),
    Mutant(
        "a peer message is sent once, receipted or not",
        "shared/bus/outbox.py",
        "(d.sent and o.kind <> 'peer')",
        "d.sent",
        (RELAY,),
    ),
    Mutant(
        "headers travel beside the envelope",
        "shared/bus/publisher.py",
        "content_type=CONTENT_TYPE, delivery_mode=2, headers={}, message_id",
        'content_type=CONTENT_TYPE, delivery_mode=2, headers={"user": "ada"}, message_id',
        (RELAY,),
    ),
    Mutant(
        "messages do not survive the broker",
        "shared/bus/publisher.py",
        "content_type=CONTENT_TYPE, delivery_mode=2, headers",
        "content_type=CONTENT_TYPE, delivery_mode=1, headers",
        (RELAY, CONSUMER),
    ),
    # The database
    Mutant(
        "who was second overwrites who was first",
        "shared/bus/postgres.py",
        " where r.version = excluded.version - 1 returning 1)",
        " returning 1)",
        (UNIT,),
    ),
    Mutant(
        "a write that met somebody else's is taken for done",
        "shared/bus/migrations/0001_bus.sql",
        "    if written <> wanted then\n",
        "    if false then\n",
        (UNIT,),
    ),
    Mutant(
        "the owner of the tables sees every tenant's messages",
        "shared/bus/migrations/0001_bus.sql",
        "alter table outbox force row level security;\n",
        "",
        (TABLES,),
    ),
    Mutant(
        "row-level security of the people is off",
        "services/accounts/migrations/0001_accounts.sql",
        "alter table users enable row level security;\n",
        "",
        (TABLES,),
    ),
    Mutant(
        "the policy of the messages lets every tenant see all",
        "shared/bus/migrations/0001_bus.sql",
        "create policy own on inbox to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));",
        "create policy own on inbox to ${service} using (true);",
        (TABLES,),
    ),
    Mutant(
        "the policy of the partnerships lets every tenant see all",
        "services/offers/migrations/0001_partnerships.sql",
        "create policy own on partnerships to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));",
        "create policy own on partnerships to ${service} using (true);",
        (TABLES,),
    ),
    Mutant(
        "a tenant's name may hold a comma, and so name another one",
        "shared/calls.py",
        "        if not anonymous and not _TENANT.fullmatch(tenant):\n",
        "        if False:\n",
        ("tests/unit/shared/test_calls.py",),
    ),
    Mutant(
        "a repeated key does the work again",
        "shared/bus/session.py",
        "        if found is None:\n            return None\n        if found.fingerprint",
        "        if True:\n            return None\n        if found.fingerprint",
        ("tests/integration/bus", "-k", "key or answer or repeated"),
    ),
    Mutant(
        "a key answers another request with the first one's answer",
        "shared/bus/session.py",
        "        if found.fingerprint != call.fingerprint:\n",
        "        if False:\n",
        ("tests/integration/bus", "-k", "key or answer or repeated"),
    ),
    # Who may
    Mutant(
        "a business speaks about a partnership that is not its own",
        "services/offers/handlers/finding.py",
        "    if p is not None and p.counterpart != message.origin:\n        raise Stranger(message.origin)\n    return p\n",
        "    return p\n",
        ("tests/unit/offers",),
    ),
    Mutant(
        "a member sees every partnership",
        "services/offers/handlers/finding.py",
        "    if not p.seen_by(person.id, all=person.changes):\n",
        "    if False:\n",
        ("tests/unit/offers",),
    ),
    Mutant(
        "somebody without an active login is let in by the services",
        "shared/bus/door.py",
        'if p["id"] == call.actor and p["active"])',
        'if p["id"] == call.actor)',
        ("tests/unit/bus/test_door.py",),
    ),
    Mutant(
        "any secret opens a session that is known",
        "services/accounts/domain/sessions.py",
        "    return hmac.compare_digest(session.secret_hash, hashed(token.secret))\n",
        "    return True\n",
        (SESSIONS,),
    ),
    Mutant(
        "a session never ends",
        "services/accounts/domain/sessions.py",
        "    return now < session.expires_at and now < session.used_at + IDLE\n",
        "    return True\n",
        (SESSIONS,),
    ),
    Mutant(
        "a logout leaves the session",
        "services/accounts/handlers/sessions.py",
        "        work.delete(Session, session.tenant, session.id)\n    return {}\n\n\ndef list_sessions",
        "    return {}\n\n\ndef list_sessions",
        (STOLEN,),
    ),
    Mutant(
        "the gateway still knows a session that has ended",
        "services/gateway/identity.py",
        "    def forget(self, tenant: str) -> None:\n",
        "    def forget(self, tenant: str) -> None:\n        return\n\n    def _forget(self, tenant: str) -> None:\n",
        (IDENTITY,),
    ),
    Mutant(
        "passwords may be tried for ever",
        "services/accounts/domain/attempts.py",
        "    if attempts is None or attempts.failed < limit:\n",
        "    if True:\n",
        (SESSIONS,),
    ),
    Mutant(
        "nobody to log in is told at once, somebody slowly",
        "services/accounts/passwords.py",
        "_hasher.verify(password_hash or _NOBODY, password",
        '_hasher.verify(password_hash or "none", password',
        ("tests/unit/accounts/test_passwords.py",),
    ),
    Mutant(
        "any link in a mail proves the mailbox",
        "shared/links.py",
        '    right = hmac.compare_digest(found["proof"], _proof(key, purpose, found["tenant"], found["id"]))\n',
        "    right = True\n",
        ("tests/unit/shared/test_links.py",),
    ),
    Mutant(
        "a link for a new password works again and again",
        "services/accounts/handlers/passwords.py",
        '    forget(work, call.tenant, user.id, "reset")\n    end_all(work, call.tenant, user.id)\n',
        "    end_all(work, call.tenant, user.id)\n",
        ("tests/unit/accounts/test_mailed_links.py",),
    ),
    Mutant(
        "everybody reads the audit trail",
        "services/accounts/handlers/audit.py",
        "    admit(work, call, ADMIN)\n",
        "    admit(work, call, ())\n",
        ("tests/unit/accounts/test_audit.py",),
    ),
    Mutant(
        "the keys of somebody who was deactivated go on",
        "services/accounts/handlers/users.py",
        "        api_keys.revoke_all(work, after.tenant, after.id)\n",
        "",
        ("tests/unit/accounts/test_api_keys.py",),
    ),
    Mutant(
        "a key may more than its user",
        "services/accounts/domain/api_keys.py",
        "if scope in wide and scope in permissions(role)",
        "if scope in wide",
        ("tests/unit/accounts/test_api_keys.py",),
    ),
    Mutant(
        "a business sends as many offers as it likes",
        "services/offers/handlers/sending.py",
        "    limiting.ensure_within(work, tenant, answers.limits, now)\n",
        "",
        ("tests/unit/offers/test_limiting.py",),
    ),
    # The gateway
    Mutant(
        "a key opens what its scopes do not name",
        "services/gateway/api/routing.py",
        "            identity.check_scope(who, self.scope or identity.NO_KEY)\n",
        "",
        ("tests/unit/gateway/test_api_keys.py",),
    ),
    Mutant(
        "a cookie needs no proof that our page asks",
        "services/gateway/identity.py",
        "    if not csrf.same_site(request) or not csrf.fits(who.token, request.headers.get(csrf.HEADER)):\n",
        "    if False:\n",
        (IDENTITY,),
    ),
    Mutant(
        "any token of a form fits every session",
        "services/gateway/pages/csrf.py",
        "hmac.compare_digest(_xor(raw[:_SIZE], raw[_SIZE:]), _digest(cookie))",
        "True",
        (PAGES,),
    ),
    Mutant(
        "the host of another business is no matter",
        "services/gateway/identity.py",
        "    if named is not None and named != who.tenant:\n",
        "    if False:\n",
        (IDENTITY,),
    ),
    Mutant(
        "a body may name another caller",
        "services/gateway/body.py",
        "        if name in reserved:\n",
        "        if False:\n",
        (REQUESTS,),
    ),
    Mutant(
        "a body without an end is read to its end",
        "services/gateway/body.py",
        "                if size > LIMIT:\n",
        "                if False:\n",
        (REQUESTS,),
    ),
    Mutant(
        "what others wrote is markup on our pages",
        "services/gateway/pages/rendering.py",
        "        autoescape=True,\n",
        "        autoescape=False,\n",
        (PAGES,),
    ),
    Mutant(
        "a cell of an export may be a formula",
        "services/gateway/sheets.py",
        'return f"\'{cell}" if _FORMULA.match(cell) else cell',
        "return cell",
        ("tests/unit/gateway/test_sheets.py",),
    ),
    Mutant(
        "a login leads to any address that is asked for",
        "services/gateway/pages/desk.py",
        '    if not isinstance(path, str) or not path.startswith("/") or path.startswith(("//", "/\\\\")):\n',
        '    if not isinstance(path, str) or path.startswith("/\\\\"):\n',
        (PAGES,),
    ),
    Mutant(
        "a contact is deleted while an offer of them is being sent",
        "services/contacts/handlers/directory.py",
        "    if reserved(work, call.tenant, contact.id, now):\n",
        "    if False:\n",
        ("tests/unit/contacts/test_reserving.py",),
    ),
    Mutant(
        "a role is dropped although one was given since it was asked who holds it",
        "services/accounts/handlers/environments.py",
        "        if reservations.begun != unused.begun:\n",
        "        if False:\n",
        ("tests/unit/accounts/test_reserving.py",),
    ),
    # What runs
    Mutant(
        "a process runs with a role that bypasses row-level security",
        "shared/db/roles.py",
        "        elif bypasses:\n",
        "        elif False:\n",
        ("tests/integration/bus/test_roles.py",),
    ),
    Mutant(
        "a foreign trace is joined",
        "shared/traces.py",
        "    return begin(found) if foreign else below(found)\n",
        "    return below(found)\n",
        ("tests/unit/bus/test_traces_in_messages.py",),
    ),
    Mutant(
        "callers of a service at whose queue nobody stands wait for their deadline",
        "services/gateway/circuits.py",
        "        self._note(attended=consumers > 0, mute=self._mute)\n",
        "        self._note(attended=True, mute=self._mute)\n",
        ("tests/unit/gateway/test_circuits.py",),
    ),
    Mutant(
        "a service that hangs is never found out",
        "services/gateway/circuits.py",
        "            self._note(attended=self._attended, mute=True)\n",
        "            pass\n",
        ("tests/unit/gateway/test_circuits.py",),
    ),
    Mutant(
        "a body is taken without end",
        "services/gateway/receiving.py",
        "            if self._body > MOST_BODY:\n",
        "            if False:\n",
        ("tests/unit/gateway/test_receiving.py",),
    ),
    Mutant(
        "a connection is closed behind its answer while the body still comes",
        "services/gateway/receiving.py",
        "        if self._cycle.response_complete and self._cycle.more_body and not self._connection.transport.is_closing():\n",
        "        if False:\n",
        ("tests/unit/gateway/test_receiving.py",),
    ),
    Mutant(
        "a service connects anew for ever over properties that its client cannot read",
        "shared/bus/run.py",
        "    careful_amqp.patch()\n",
        "",
        (POISON,),
    ),
    Mutant(
        "the operator's tool lists nothing while a letter lies there that nobody can read",
        "shared/ops/__main__.py",
        "    careful_amqp.patch()\n",
        "",
        (POISON,),
    ),
    Mutant(
        "a command without a key is handed out again after a crash",
        "shared/bus/entrypoints.py",
        "Rpc.decorator(once=replay, expected",
        "Rpc.decorator(expected",
        ("tests/unit/bus/test_entrypoints.py",),
    ),
)
