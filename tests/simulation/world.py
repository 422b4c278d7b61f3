"""Several businesses in cells of their own: the service classes of production with their doors, on twins, under one clock and one seed."""

from __future__ import annotations

import functools
import operator
import random
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

import shared.bus.memory
import shared.bus.outbox
import shared.ids
import shared.traces
from services.accounts import service as accounts_service
from services.accounts.service import AccountsService
from services.contacts.service import ContactsService
from services.history.service import HistoryService
from services.managers.service import ManagersService
from services.notifications.service import NotificationsService
from services.offers.service import OffersService
from shared.bus.deliveries import Tally
from shared.bus.entrypoints import Neighbour, Records
from shared.bus.inbox import Handler, Inbox
from shared.bus.records import Table, Tables
from shared.bus.session import Session, Stated
from shared.bus.storage import Away, Changes, Outgoing
from shared.bus.streams import Stream, Waiting
from shared.bus.work import Confirmed, Heard
from shared.errors import Refusal, Unavailable
from tests.simulation.bus import Broker, Carried, Relay
from tests.simulation.faults import Database, Killed, Stumbled
from tests.support.entrypoints import listens

START = datetime.fromisoformat("2026-05-04T09:00:00+00:00")
TENANTS = ("kazenor", "northwind", "solvik")
ELSEWHERE = "elsewhere"
"""The shared cell: it answers for names that nobody has claimed."""
CLASSES: dict[str, type[Any]] = {
    "accounts": AccountsService,
    "offers": OffersService,
    "contacts": ContactsService,
    "managers": ManagersService,
    "history": HistoryService,
    "notifications": NotificationsService,
}


class Ids:
    """Stands where uuid_utils stands in shared.ids: UUIDv7 of the virtual time, the rest from the seed."""

    def __init__(self, world: World) -> None:
        self.world = world

    def uuid7(self) -> str:
        at = int(self.world.now.timestamp() * 1000)
        value = at << 80 | 7 << 76 | self.world.ids.getrandbits(12) << 64 | 2 << 62 | self.world.ids.getrandbits(62)
        text = f"{value:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


class Hex:
    """Stands where secrets stands in shared.traces: the ids of traces come from the seed, too."""

    def __init__(self, world: World) -> None:
        self._world = world

    def token_hex(self, size: int) -> str:
        return self._world.ids.randbytes(size).hex()


class Asked:
    """A neighbour that answers at once, unless it is away; sometimes much happens between its answer and what is done with it."""

    def __init__(self, service: Service, name: str) -> None:
        self._asking, self._name = service, name

    def start(self, method: str, **request: Any) -> Any:
        answer: Any = None
        refused: Refusal | None = None
        world = self._asking.world
        if world.neighbour_away:
            world.neighbour_away = False
            world.met("a neighbour did not answer")
            refused = Unavailable()
        else:
            try:
                answer = getattr(world.services[self._asking.home, self._name].instance, method)(**request)
            except Refusal as error:
                refused = error
        if world.meanwhile is not None and method in world.meanwhile[0]:
            (_, meanwhile), world.meanwhile = world.meanwhile, None
            world.met("much happened between a question and its use")
            meanwhile()

        class Pending:
            def result(self) -> Any:
                if refused is not None:
                    raise refused
                return answer

            def forget(self) -> None:
                """It has been answered."""

        return Pending()

    def tell(self, method: str, **request: Any) -> None:
        self.start(method, **request)

    def __getattr__(self, method: str) -> Any:
        return lambda **request: self.start(method, **request).result()


class Records_(Session):
    """A session that never waits: what was not heard yet is not heard in time. Tells the world of each decision."""

    watch: Callable[[Any, Callable[[], Any], str], Any]

    def wait_for(self, tenant: str, stated: Stated, *, seconds: float = 0.0) -> None:
        super().wait_for(tenant, stated, seconds=0.0)

    def run(self, handler: Callable[..., Any], call: Any, *args: Any, **more: Any) -> Any:
        @functools.wraps(handler)
        def watched(work: Any, call: Any, *args: Any, **more: Any) -> Any:
            return self.watch(work, lambda: handler(work, call, *args, **more), call.ids.get("partnership_id", ""))

        return super().run(watched, call, *args, **more)


class Service:
    """One service of one business: the class of production with a session and an inbox on its twin, and a relay beside it."""

    def __init__(self, world: World, home: str, name: str) -> None:
        self.world, self.home, self.name = world, home, name
        self.cls = CLASSES[name]
        self.tables = Tables(self.cls.records.tables.all)
        self.database = Database()
        self.database.committed = self._committed
        self.relay = Relay(self.name, self.database)
        self.start()

    def copy_of(self, other: Service) -> None:
        """Begin where another world's service stands."""
        self.database.copy_of(other.database)
        self.relay.copy_of(other.relay)

    def start(self) -> None:
        """Begin with nothing but what the database holds."""
        clock = lambda: self.world.now  # noqa: E731
        self.instance = self.cls()
        session = Records_(self.database, self.name, self.tables, clock=clock, pause=lambda seconds: None)
        session.watch = functools.partial(self.world.watch, self)
        for name, value in vars(self.cls).items():
            if isinstance(value, Records):
                setattr(self.instance, name, session)
            elif isinstance(value, Neighbour):
                setattr(self.instance, name, Asked(self, value.service))
        hear: dict[tuple[str, str, str], Handler] = {}
        confirmed = None
        for name, model, needs in listens(self.cls):
            method = getattr(self.instance, name)
            if model is Confirmed:
                confirmed = self._watched(method)
            else:
                hear[model.kind, model.publisher, model.type] = Handler(model, self._watched(method), needs)
        self.inbox = Inbox(
            self.database, self.name, self.tables, hear,
            confirmed=confirmed, clock=clock, jitter=self.world.random.random,
        )  # fmt: skip

    def _watched(self, method: Callable[..., None]) -> Callable[..., None]:
        def watched(work: Any, heard: Any, now: datetime) -> None:
            try:
                self.world.stumble(self, heard)
                self.world.watch(self, work, lambda: method(work, heard, now), heard.subject, heard)
            except Stumbled:
                raise
            except Exception:
                said = type(heard.data).__name__ if isinstance(heard, Heard) else "a receipt"
                self.world.problem(f"{self.home}: {self.name} failed on {said}:\n{traceback.format_exc()}")
                raise

        return watched

    def _committed(self, changes: Changes) -> None:
        self.relay.committed(changes)
        for row in changes.outbox:
            self.world.said(self, row)


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks for, as it can be repeated."""

    tenant: str
    service: str
    method: str
    actor: str
    arguments: dict[str, Any]
    key: str

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in self.arguments.items())
        return f"{self.tenant} {self.actor[-4:]} {self.service}.{self.method}({shown})"


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value[-4:] if len(value) == 36 else repr(value)
    if isinstance(value, list):
        return f"[{', '.join(_short(one) for one in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_short(one)}" for name, one in value.items()) + "}"
    return str(value)


class World:
    """All of it. Everything that is random comes from `random` and `ids`, all time from `now`: the seed gives the same trace again."""

    def __init__(self, seed: int, *, services: tuple[str, ...] = tuple(CLASSES), begin: World | None = None) -> None:
        self.seed = seed
        self.random, self.ids = random.Random(f"{seed}"), random.Random(f"{seed} ids")
        self.now = START if begin is None else begin.now
        self.broker = Broker((*TENANTS, ELSEWHERE), services)
        self.trace: list[str] = []
        self.problems: list[str] = []
        self.times: dict[str, int] = {}
        self.neighbour_away = False
        self.meanwhile: tuple[tuple[str, ...], Callable[[], None]] | None = None
        """What happens after a neighbour has answered one of these questions, before anything is done with that."""
        self.stumbles = 0
        """How often the next message that is handled fails, before it does not."""
        self.stumbling: tuple[Any, ...] | None = None
        self.listeners: list[Callable[[Service, Outgoing], None]] = []
        self.watchers: list[Callable[[Service, Any, str, Any], Callable[[], None] | None]] = []
        self.unanswered: list[Request] = []
        self.done: set[str] = set()
        """Keys of requests that were committed though nobody was told."""
        self.expected: Any = None
        self.names = services
        self.services: dict[tuple[str, str], Service] = {
            (home, name): Service(self, home, name) for home in (*TENANTS, ELSEWHERE) for name in services
        }
        for key, service in self.services.items():
            if begin is not None:
                service.copy_of(begin.services[key])

    # What happens is noted

    def met(self, situation: str, times: int = 1) -> None:
        """An interesting situation came up."""
        self.times[situation] = self.times.get(situation, 0) + times

    def note(self, text: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{(self.now - START).total_seconds():>12.0f}  {text}")

    def problem(self, text: str) -> None:
        """Something that must never be."""
        self.problems.append(text)
        self.note(f"PROBLEM {text}")

    def said(self, service: Service, row: Outgoing) -> None:
        """A service has committed that it says this."""
        for listener in self.listeners:
            listener(service, row)

    def watch(self, service: Service, work: Any, step: Callable[[], Any], subject: str, heard: Any = None) -> Any:
        """Let a handler do its work while the watchers look at what there was before, and what it says."""
        after = [then for w in self.watchers if (then := w(service, work, subject, heard)) is not None]
        result = step()
        for then in after:
            then()
        return result

    def stumble(self, service: Service, heard: Any) -> None:
        """Raises Stumbled as often as was asked for, over one message."""
        if not self.stumbles or not isinstance(heard, Heard):
            return
        message = (service.home, service.name, heard.origin, heard.subject, heard.sequence, heard.data.type)
        if self.stumbling is None:
            self.stumbling = message
        if self.stumbling == message:
            self.stumbles -= 1
            self.note(f"{service.home}: {service.name} stumbles over {heard.data.type} {heard.subject[-4:]}")
            raise Stumbled

    # Time

    def wait(self, time: timedelta) -> None:
        self.now += time

    # The bus

    def publish(self, service: Service, *, most: int = 500, marked: bool = True, receipts: bool = True) -> int:
        """Let the relay of a service publish what is due. Not `marked`: it dies before it notes that, so that all goes out again."""
        due = service.relay.take(self.now)[:most]
        for one in due:
            self.broker.publish(service.home, service.relay.message(one))
            if one.attempts:
                self.met("sent again without a receipt")
        if marked:
            service.relay.mark(due, self.now)
        elif due:
            self.met("published twice")
            self.note(f"{service.home}: the relay of {service.name} dies after it published {len(due)}")
        messages = service.relay.take_receipts() if receipts else []
        for message in messages:
            self.broker.publish(service.home, message)
        return len(due) + len(messages)

    def deliver(self, key: tuple[str, str, str], batch: list[Carried], *, acknowledged: bool = True) -> Tally | None:
        """Let a service handle a batch out of one of its queues. None when it was not done with it: all of it comes again."""
        home, name, kind = key
        service = self.services[home, name]
        for one in batch:
            if one.again:
                self.met("redelivered")
        names = ", ".join(one.name for one in batch)
        try:
            tally = service.inbox.handle([one.heard for one in batch])
        except Away:
            self.note(f"{home}: {name} hears {names}: its database is away")
            self.broker.queue(*key).extend(batch)
            return None
        except Killed:
            self.note(f"{home}: {name} hears {names}: it dies")
            for one in batch:
                one.deaths += 1
            self.broker.queue(*key).extend(batch)
            self.restart(service)
            return None
        words = [f"{n} {what}" for what in ("duplicate", "parked", "failed", "dead", "forked") if (n := getattr(tally, what))]  # fmt: skip
        self.note(f"{home}: {name} hears {names}{': ' if words else ''}{', '.join(words)}")
        self.met("message applied", tally.applied)
        self.met("duplicate", tally.duplicate)
        self.met("gap parked", tally.parked)
        if tally.failed and self.stumbling is not None:
            self.met("a use case failed, and its message waits for another try")
            tally.failed = 0
        for what in ("failed", "dead", "forked"):
            if getattr(tally, what):
                self.problem(f"{home}: {name}: {getattr(tally, what)} {what} of {names}")
        if not acknowledged:
            self.note(f"{home}: {name} dies before it acknowledges that")
            for one in batch:
                one.deaths += 1
            self.broker.queue(*key).extend(batch)
            self.restart(service)
        return tally

    def restart(self, service: Service) -> None:
        """End a service at once and start it: what it had taken and not acknowledged comes again."""
        self.met("restarted")
        for kind in ("events", "peers"):
            for one in self.broker.queue(service.home, service.name, kind):
                one.again = True
        service.start()

    # People

    def ask(self, request: Request) -> Any:
        """Let a person ask for something. Answers what the service answers; the refusal; or None when nobody knows what became of it."""
        service = self.services[request.tenant, request.service]
        try:
            result = getattr(service.instance, request.method)(
                tenant=request.tenant, actor=request.actor, idempotency_key=request.key, **request.arguments
            )
        except Killed:
            happened = service.database.happened
            self.note(f"{request}: the service dies ({happened})")
            self.met("a command's service died before its commit" if happened == "killed before" else "a command's service died between commit and answer")  # fmt: skip
            self.unanswered.append(request)
            if happened == "killed after":
                self.done.add(request.key)
            self.restart(service)
            return None
        except Unavailable as refused:
            self.note(f"{request}: unavailable: {refused.detail}")
            self.met("refused: unavailable")
            if self.random.random() < 0.5:
                self.unanswered.append(request)
            return refused
        except Refusal as refused:
            self.note(f"{request}: {refused.code}: {refused.detail} {refused.info['errors'] or ''}".rstrip())
            self.met(f"refused: {refused.code}")
            return refused
        happened = service.database.happened
        self.note(f"{request}: done{f' ({happened})' if happened else ''}")
        if happened == "away after":
            self.met("a command's outcome was learnt from its stored answer")
        self.met(f"{request.service}.{request.method}")
        return result if result is not None else {}

    def records(self, home: str, service: str, table: str) -> dict[tuple[str, str], Any]:
        """The rows of a table."""
        return self.services[home, service].database.records.get(table, {})


class Copying:
    """Stands where copy stands in shared.bus.memory, which copies streams all the time: does the same, sooner."""

    _fields = {cls: operator.attrgetter(*(f.name for f in fields(cls))) for cls in (Stream, Waiting)}

    @classmethod
    def copy(cls, value: Any) -> Any:
        return type(value)(*cls._fields[type(value)](value))


_load = Table.load


@functools.lru_cache(maxsize=5_000)
def _loaded(record: type[Any], document: str, table: _Unhashed) -> Any:
    return _load(table.table, document)


class _Unhashed:
    """A table as an argument that makes no difference to a cache."""

    def __init__(self, table: Table[Any]) -> None:
        self.table = table

    def __hash__(self) -> int:
        return 0

    def __eq__(self, other: object) -> bool:
        return True


def load(table: Table[Any], document: str) -> Any:
    """Stands where Table.load stands: records are frozen, so what was read of a document once need not be read again."""
    return _loaded(table.record, document, _Unhashed(table))


@contextmanager
def running(world: World) -> Iterator[None]:
    """While this lasts, ids and the relay's clock are those of the world, and passwords, copies and reading twice cost nothing."""
    with (
        mock.patch.object(shared.bus.memory, "copy", Copying),
        mock.patch.object(Table, "load", load),
        mock.patch.object(shared.ids, "uuid_utils", Ids(world)),
        mock.patch.object(shared.traces, "secrets", Hex(world)),
        mock.patch.object(shared.bus.outbox, "now", lambda: world.now),
        mock.patch.object(accounts_service, "_hash", lambda password: "hash"),
    ):
        yield
