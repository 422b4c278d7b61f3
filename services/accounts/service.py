"""Entrypoints of the accounts service; what they mean is in handlers/. Here passwords are hashed off the hub, and neighbours asked."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from eventlet.semaphore import Semaphore

from services.accounts import commands, handlers, passwords
from services.accounts.domain import attempts, environments, mailed_links
from services.accounts.domain.api_keys import Key, read_key
from services.accounts.domain.businesses import may_be_tenant
from services.accounts.domain.sessions import Token, read_token
from services.accounts.domain.settings import USUAL_LIMITS, Limits
from services.accounts.store import TABLES
from shared import links, settings
from shared.bus.door import reserving_contacts
from shared.bus.entrypoints import Neighbour, Records, command, off_hub, on, query
from shared.bus.work import Heard, Json, Work
from shared.calls import SYSTEM, Call
from shared.contracts.accounts import PasswordResetDue, ProfileDue, ProfileShared
from shared.contracts.offers import (
    AcceptanceGiven,
    AcceptanceReceived,
    DeclineGiven,
    EndGiven,
    EndReceived,
    OfferArrived,
)
from shared.errors import NotAuthenticated, Unavailable, ValidationError
from shared.ids import new_id

# Each hash takes a core and 19 MiB for tens of milliseconds: more at once would only make all of them slower, and the process larger.
_HASHING = Semaphore(2)
# How often, and how long apart, it is asked whether those who were about to give a role have done so.
_POLLS, _POLL_S = 50, 0.02


log = logging.getLogger(__name__)


def _hash(password: str) -> str:
    with _HASHING:
        return str(off_hub(passwords.hash_password, password))


def _per_account() -> float:
    return settings.number("ACCORD_FAILED_LOGINS_PER_ACCOUNT", attempts.PER_ACCOUNT)


def _limits() -> Limits:
    return Limits(
        offers_per_day=int(settings.number("ACCORD_OFFERS_PER_DAY", USUAL_LIMITS.offers_per_day)),
        undeliverable_offers_per_day=int(
            settings.number("ACCORD_UNDELIVERABLE_OFFERS_PER_DAY", USUAL_LIMITS.undeliverable_offers_per_day)
        ),
    )


class AccountsService:
    """Businesses, their profiles, people and sessions, environments and settings; and accounts' word on who receives an offer."""

    name = "accounts"
    # Many who log in at once wait for their hashes; nobody else shall wait behind them.
    workers = 200
    publishers = ("offers", "contacts")
    records = Records("accounts", TABLES)
    contacts = Neighbour("contacts")

    # Businesses

    @command(anonymous=True)
    def register_tenant(self, call: Call) -> Json:
        body = call.read(commands.RegisterTenant)
        call = replace(call, tenant=body.tenant, actor=SYSTEM)
        if (answered := self.records.answered(call)) is not None:
            return answered.result
        if call.client.address:
            limit = settings.number("ACCORD_REGISTRATIONS_PER_MINUTE", attempts.REGISTRATIONS_PER_ADDRESS)
            counting = replace(call, tenant=handlers.logging_in.INSTALLATION, idempotency_key=None)
            self.records.run(handlers.registering.count_registration, counting, limit)
        return self.records.run(handlers.registering.register_tenant, call, body, _hash(body.password))

    @query()
    def get_profile(self, call: Call) -> Json:
        return self.records.read(handlers.profile.get_profile, call)

    @command()
    def update_profile(self, call: Call) -> Json:
        return self.records.run(handlers.profile.update_profile, call)

    # People

    @query()
    def list_users(self, call: Call) -> Json:
        return self.records.read(handlers.users.list_users, call)

    @query()
    def get_people(self, call: Call) -> Json:
        return self.records.read(handlers.users.get_people, call, limits=_limits())

    @command()
    def create_user(self, call: Call) -> Json:
        self.records.read(handlers.admission.check_admin, call)
        body = call.read(commands.CreateUser)
        with self._from_contact(call, body.contact_id):
            password_hash = _hash(body.password) if body.password else ""
            return self.records.run(handlers.users.create_user, call, body, password_hash)

    @command("user_id")
    def update_user(self, call: Call) -> Json:
        return self.records.run(handlers.users.update_user, call)

    @query()
    def get_me(self, call: Call) -> Json:
        return self.records.read(handlers.me.get_me, call)

    @command()
    def update_me(self, call: Call) -> Json:
        return self.records.run(handlers.me.update_me, call)

    # Logging in

    @query(anonymous=True)
    def open_session(self, call: Call) -> Json:
        body = call.read(commands.OpenSession)
        tenant, email = body.tenant.strip().lower(), handlers.logging_in.login_email(body.email)
        counted_as = attempts.account_key(tenant, email)
        # A gateway of before says it in the body.
        address = call.client.address or body.address
        # Whatever cannot be a tenant name is looked for under one that nobody has, so that it takes as long as any other.
        call = replace(
            call,
            tenant=tenant if may_be_tenant(tenant) else handlers.logging_in.INSTALLATION,
            actor=SYSTEM,
            idempotency_key=None,
        )

        # Also before one's turn: an address that may not try now does not keep others waiting.
        self._ensure_address(body.address)

        def find() -> handlers.logging_in.Knocking:
            self._ensure_address(address)
            return self.records.read(handlers.logging_in.find_login, call, email, counted_as, _per_account())

        found = self._opened_by(body.password, call, find, "login.failed", address)
        if found is None:
            raise NotAuthenticated(handlers.logging_in.WRONG_LOGIN)
        token = Token(call.tenant, new_id(), secrets.token_hex(32))
        return self.records.run(handlers.logging_in.open_session, call, found, token)

    @query(anonymous=True)
    def authenticate(self, call: Call) -> Json:
        text = call.body.get("token")
        if (key := read_key(text)) is not None:
            call = replace(call, tenant=key.tenant, actor=SYSTEM, idempotency_key=None)
            known = self.records.read(handlers.api_keys.authenticate, call, key)
            if known.touch:
                self.records.run(handlers.api_keys.touch_api_key, call, key.id)
            return known.answer
        token = read_token(text)
        if token is None:
            raise NotAuthenticated()
        call = replace(call, tenant=token.tenant, actor=SYSTEM, idempotency_key=None)
        known = self.records.read(handlers.sessions.authenticate, call, token)
        if known.touch:
            self.records.run(handlers.sessions.touch_session, call, token.session_id)
        return known.answer

    @command()
    def close_session(self, call: Call) -> Json:
        token = read_token(call.read(commands.CloseSession).token)
        # A token of another business is none of ours, and one that is none needs no closing.
        return (
            self.records.run(handlers.sessions.close_session, call, token)
            if token and token.tenant == call.tenant
            else {}
        )

    @query()
    def list_sessions(self, call: Call) -> Json:
        return self.records.read(handlers.sessions.list_sessions, call)

    @command("session_id")
    def revoke_session(self, call: Call) -> Json:
        return self.records.run(handlers.sessions.revoke_session, call)

    @command()
    def revoke_sessions(self, call: Call) -> Json:
        return self.records.run(handlers.sessions.revoke_sessions, call)

    @command()
    def change_password(self, call: Call) -> Json:
        self.records.read(handlers.logging_in.own_login, call, _per_account())
        body = call.read(commands.ChangePassword)
        found = self._own(body.old, call)
        if found is None:
            raise handlers.passwords.wrong_old_password()
        password_hash = _hash(body.new)
        return self.records.run(handlers.passwords.change_password, call, body, found.password_hash, password_hash)

    # Links in mails

    @command(anonymous=True)
    def request_password_reset(self, call: Call) -> Json:
        body = call.read(commands.RequestPasswordReset)
        tenant, email = body.tenant.strip().lower(), handlers.logging_in.login_email(body.email)
        # What cannot be a tenant name goes the same way, under a name that nobody has.
        call = self._nobodys(call, tenant if may_be_tenant(tenant) else handlers.logging_in.INSTALLATION)
        if call.client.address:
            limit = settings.number("ACCORD_PASSWORD_RESETS_PER_ADDRESS", mailed_links.PER_ADDRESS)
            installation = replace(call, tenant=handlers.logging_in.INSTALLATION)
            self.records.run(handlers.passwords.count_resets_from, installation, call.client.address, limit)
        limit = settings.number("ACCORD_PASSWORD_RESETS_PER_ACCOUNT", mailed_links.PER_ACCOUNT)
        return self.records.run(handlers.passwords.request_reset, call, email, limit)

    @command(anonymous=True)
    def reset_password(self, call: Call) -> Json:
        body = call.read(commands.ResetPassword)
        call, link_id = self._followed(call, "reset", body.token)
        # Hashing costs; it is for those whose link holds.
        self.records.read(handlers.mailed_links.look, call, link_id, "reset")
        return self.records.run(handlers.passwords.reset_password, call, link_id, _hash(body.password))

    @command()
    def request_email_change(self, call: Call) -> Json:
        self.records.read(handlers.logging_in.own_login, call, _per_account())
        body = call.read(commands.RequestEmailChange)
        found = self._own(body.password, call)
        if found is None:
            raise handlers.passwords.wrong_old_password("password")
        return self.records.run(handlers.emails.request_change, call, body.email, found.password_hash)

    @command(anonymous=True)
    def confirm_email_change(self, call: Call) -> Json:
        call, link_id = self._followed(call, "email", call.read(commands.FollowLink).token)
        return self.records.run(handlers.emails.confirm_change, call, link_id)

    @query(anonymous=True)
    def get_mailed_link(self, call: Call) -> Json:
        body = call.read(commands.LookAtLink)
        call, link_id = self._followed(call, body.purpose, body.token)
        return self.records.read(handlers.mailed_links.look, call, link_id, body.purpose)

    @on(PasswordResetDue)
    def password_reset_due(self, work: Work, message: Heard[PasswordResetDue], now: datetime) -> None:
        handlers.passwords.reset_due(work, message, now)

    # API keys

    @command()
    def create_api_key(self, call: Call) -> Json:
        key = Key(call.tenant, new_id(), secrets.token_hex(32))
        made = self.records.run(handlers.api_keys.create_api_key, call, key)
        # Told this once, and kept nowhere: a repetition gets the answer without it.
        return {**made, "key": str(key)} if made["id"] == key.id else made

    @query()
    def list_api_keys(self, call: Call) -> Json:
        return self.records.read(handlers.api_keys.list_api_keys, call)

    @command("api_key_id")
    def revoke_api_key(self, call: Call) -> Json:
        return self.records.run(handlers.api_keys.revoke_api_key, call)

    # Environments and settings

    @query()
    def get_environments(self, call: Call) -> Json:
        return self.records.read(handlers.environments.get_environments, call)

    @command()
    def set_environments(self, call: Call) -> Json:
        dropped = self._dropped(call)
        if dropped.roles:
            wanted = sorted(dropped.roles)
            in_use = self.contacts.roles_in_use(tenant=call.tenant, actor=SYSTEM, role_ids=wanted)["role_ids"]
            environments.ensure_unused(dropped.roles, in_use)
        return self.records.run(handlers.environments.set_environments, call, dropped)

    @command()
    def reserve_roles(self, call: Call) -> Json:
        return self.records.run(handlers.reserving.reserve_roles, call, call.read(commands.Reserve))

    @command()
    def release_roles(self, call: Call) -> Json:
        return self.records.run(handlers.reserving.release_roles, call, call.read(commands.Reserve))

    @query()
    def get_settings(self, call: Call) -> Json:
        return self.records.read(handlers.settings.get_settings, call, limits=_limits())

    @command()
    def update_settings(self, call: Call) -> Json:
        return self.records.run(handlers.settings.update_settings, call, limits=_limits())

    @query()
    def list_audit(self, call: Call) -> Json:
        return self.records.read(handlers.audit.list_entries, call)

    # What offers tells

    @on(OfferArrived, needs=handlers.recipients.looked_at)
    def offer_arrived(self, work: Work, message: Heard[OfferArrived], now: datetime) -> None:
        handlers.recipients.offer_arrived(work, message, now)

    @on(DeclineGiven)
    def decline_given(self, work: Work, message: Heard[DeclineGiven], now: datetime) -> None:
        handlers.recipients.decline_given(work, message, now)

    # Profiles, ours and those of counterparts

    @on(AcceptanceGiven)
    def acceptance_given(self, work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
        handlers.sharing.acceptance_given(work, message, now)

    @on(AcceptanceReceived)
    def acceptance_received(self, work: Work, message: Heard[AcceptanceReceived], now: datetime) -> None:
        handlers.sharing.acceptance_received(work, message, now)

    @on(EndGiven)
    def end_given(self, work: Work, message: Heard[EndGiven], now: datetime) -> None:
        handlers.sharing.partnership_ended(work, message, now)

    @on(EndReceived)
    def end_received(self, work: Work, message: Heard[EndReceived], now: datetime) -> None:
        handlers.sharing.partnership_ended(work, message, now)

    @on(ProfileShared)
    def profile_shared(self, work: Work, message: Heard[ProfileShared], now: datetime) -> None:
        handlers.sharing.profile_shared(work, message, now)

    @on(ProfileDue)
    def profile_due(self, work: Work, message: Heard[ProfileDue], now: datetime) -> None:
        handlers.sharing.profile_due(work, message, now)

    # Helpers

    def _dropped(self, call: Call) -> handlers.environments.Dropped:
        """What a change of environments would drop, once nobody is about to give a role. Raises Unavailable when that takes too long."""
        for _ in range(_POLLS):
            found: handlers.environments.Dropped | None = self.records.read(handlers.environments.dropped_roles, call)
            if found is not None:
                return found
            self.records.pause(_POLL_S)
        raise handlers.environments.busy()

    def _nobodys(self, call: Call, tenant: str) -> Call:
        """The call for a tenant by nobody who is logged in: its key is not kept, as whoever repeats it is not known."""
        return replace(call, tenant=tenant, actor=SYSTEM, idempotency_key=None)

    def _followed(self, call: Call, purpose: links.Purpose, token: str) -> tuple[Call, str]:
        """The call for the tenant of a link, and the link's id. Raises ValidationError for a token that proves nothing, Unavailable without
        the key of this installation."""
        try:
            key = links.key()
        except settings.MissingSetting as missing:
            log.error("%s", missing)
            raise Unavailable() from missing
        followed = links.read(key, purpose, token)
        if followed is None:
            raise handlers.mailed_links.dead_link()
        return self._nobodys(call, followed.tenant), followed.id

    @contextlib.contextmanager
    def _from_contact(self, call: Call, contact_id: str | None) -> Iterator[None]:
        """Within, whoever is to become a user stays in the directory. Raises ValidationError when they are not there."""
        if contact_id is None:
            yield
            return
        with reserving_contacts(self.contacts, call, [contact_id], needed_by=new_id()) as asked:
            if not asked.result()["items"]:
                raise ValidationError.of(("contact_id", "There is no such contact."))
            yield

    def _ensure_address(self, address: str | None) -> None:
        if address:
            call = Call("open_session", handlers.logging_in.INSTALLATION, SYSTEM)
            limit = settings.number("ACCORD_FAILED_LOGINS_PER_ADDRESS", attempts.PER_ADDRESS)
            handlers.logging_in.ensure_no_wait(
                self.records.read(handlers.logging_in.address_wait, call, address, limit)
            )

    def _opened_by(
        self,
        password: str,
        call: Call,
        find: Callable[[], handlers.logging_in.Knocking],
        failed: str,
        address: str | None = None,
    ) -> handlers.logging_in.Knocking | None:
        """The login that `find` finds, if the password is its own; else None, and a failure more, noted as `failed`. Raises RateLimited.

        The failures are looked at when it is one's turn to hash: many who try at once try no more often than one after the other.
        """
        with _HASHING:
            found = find()
            handlers.logging_in.ensure_no_wait(found.wait)
            if off_hub(passwords.verify_password, found.password_hash, password):
                return found
            self._note_failure(call, found, failed, address)
            return None

    def _own(self, password: str, call: Call) -> handlers.logging_in.Knocking | None:
        """The login of whoever asks, if that is its password; else None."""

        def find() -> handlers.logging_in.Knocking:
            return self.records.read(handlers.logging_in.own_login, call, _per_account())

        return self._opened_by(password, call, find, "password.refused")

    def _note_failure(self, call: Call, found: handlers.logging_in.Knocking, failed: str, address: str | None) -> None:
        keyless = replace(call, idempotency_key=None)
        self.records.run(handlers.logging_in.note_failed_login, keyless, found, failed)
        if address:
            call = Call("open_session", handlers.logging_in.INSTALLATION, SYSTEM)
            self.records.run(handlers.logging_in.note_failure, call, attempts.address_key(address))
