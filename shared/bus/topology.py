"""Who listens to whom, and what everything is called on the broker: exchanges, queues, bindings, keys, permissions.

A cell's own vhost carries the facts of its tenants; the vhost `accord` carries what tenants say to each other.
Everything here is described as data first, so that tests and deployment read the same description that `declare`
carries out.

Nobody can speak in another's name: topic permissions let a cell publish only keys that end in its tenants, and the
receiver takes the origin from the routing key. That holds only as long as no cell may write to another's queue by
another way, so cells get no permission on the default exchange of the vhost `accord`: what dies there goes through an
exchange of the cell's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from shared.settings import SHARED

CONTENT_TYPE: Final = "application/vnd.accord.message+json"

EVENTS: Final = "accord.events"
UNHEARD: Final = "accord.events.unheard"
LIVE: Final = "accord.live"
UNHEARD_QUEUE: Final = "events.unheard.v1"
PEERS: Final = "accord.peers"
PEERS_SHARED: Final = "accord.peers.shared"
PEERS_VHOST: Final = "accord"
DEFAULT_EXCHANGE: Final = ""

# A far fence only: attempts are counted in the inbox, since this count rises for a whole prefetch window at each lost
# connection.
DELIVERY_LIMIT: Final = 1000
UNHEARD_LENGTH: Final = 1000

# Facts: who listens to which publishers. A service without a line here can neither be prepared nor relayed.
LISTENS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "accounts": ("offers", "contacts"),
        "offers": ("accounts", "managers", "contacts"),
        "contacts": ("accounts", "offers"),
        "managers": ("accounts", "offers"),
        "history": ("offers", "contacts", "managers"),
        "notifications": ("accounts", "offers", "contacts", "managers"),
    }
)
# Who talks to its own kind on the other side.
SPEAKS_TO_PEERS: Final = ("accounts", "offers", "contacts")

_NAME = re.compile(r"[a-z0-9-]+")


def services() -> tuple[str, ...]:
    """Every service that has a place on the bus."""
    return tuple(LISTENS)


# --- names -----------------------------------------------------------------------------------------------------------


def cell_vhost(cell: str) -> str:
    """The vhost of a cell."""
    return f"cell-{cell}"


def cell_user(cell: str) -> str:
    """The broker user of a cell. Whoever holds its password is that cell."""
    return f"cell-{cell}"


def events_queue(service: str) -> str:
    """The queue of facts, timers and retries of a service, in its cell's vhost."""
    return f"{service}.events.v1"


def dead_queue(service: str) -> str:
    """Where undecodable messages of `events_queue` end, in the cell's vhost."""
    return f"{service}.dead.v1"


def peers_queue(service: str, cell: str) -> str:
    """The queue of what other tenants' services say to this one, in the vhost `accord`."""
    return f"{service}.peers.v1" if cell == SHARED else f"{cell}.{service}.peers.v1"


def peers_dead_queue(service: str, cell: str) -> str:
    """Where undecodable messages of `peers_queue` end, in the vhost `accord`."""
    return f"{service}.dead.v1" if cell == SHARED else f"{cell}.{service}.dead.v1"


def peers_dead_exchange(cell: str) -> str:
    """The exchange through which a cell's messages die in the vhost `accord`: its own, see above."""
    return f"accord.dead.{cell}"


# --- routing keys ----------------------------------------------------------------------------------------------------


class PeerKey(NamedTuple):
    """What a peer message's routing key says: the receiving tenant, the service, the tenant that speaks."""

    to: str
    service: str
    origin: str


def fact_key(publisher: str, type: str) -> str:
    """The routing key of a fact on `accord.events`: `offers.offer.received`."""
    return f"{publisher}.{type}"


def peer_key(to: str, service: str, origin: str) -> str:
    """The routing key of a peer message on `accord.peers`.

    Raises ValueError for a name that could forge another key.
    """
    for name in (to, service, origin):
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot stand in a routing key.")
    return f"{to}.{service}.{origin}"


def parse_peer_key(key: str) -> PeerKey:
    """The parts of a peer message's routing key. Raises ValueError for anything that is not three names."""
    parts = key.split(".")
    if len(parts) != 3 or not all(_NAME.fullmatch(part) for part in parts):
        raise ValueError(f"{key!r} is not the routing key of a peer message.")
    return PeerKey(*parts)


# --- the description -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exchange:
    """An exchange. With `theirs` it belongs to another cell: it is looked for, never declared."""

    name: str
    type: str
    alternate: str | None = None
    theirs: bool = False

    @property
    def arguments(self) -> dict[str, Any]:
        return {"alternate-exchange": self.alternate} if self.alternate else {}


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue.

    Its arguments can never change (406): another set of arguments is another version in the name.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    exchange: str
    key: str
    queue: str


@dataclass(frozen=True, slots=True)
class Layout:
    """What one service needs in one vhost, in the order in which it is declared."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()


def _stream_queue(name: str, *, dies_through: str, into: str) -> Queue:
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": DELIVERY_LIMIT,
            "x-dead-letter-exchange": dies_through,
            "x-dead-letter-routing-key": into,
            # At least once needs reject-publish: a full queue says no to its publisher instead of dropping its oldest.
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        },
    )


def _dead(name: str) -> Queue:
    return Queue(name, {"x-queue-type": "quorum"})


def _known(service: str) -> None:
    if service not in LISTENS:
        raise ValueError(f"There is no service {service!r}; there are {', '.join(LISTENS)}.")


def cell_layout(service: str) -> Layout:
    """What `service` needs in its cell's vhost. Raises ValueError for an unknown service."""
    _known(service)
    return Layout(
        # Whoever listens to `accord.live` brings a queue of its own; without one, what is said there is gone.
        exchanges=(Exchange(UNHEARD, "fanout"), Exchange(EVENTS, "topic", alternate=UNHEARD), Exchange(LIVE, "topic")),
        queues=(
            # Nobody reads it: it counts what nobody listens to, and shows an operator the last of it.
            Queue(UNHEARD_QUEUE, {"x-queue-type": "quorum", "x-max-length": UNHEARD_LENGTH, "x-overflow": "drop-head"}),
            _dead(dead_queue(service)),
            _stream_queue(events_queue(service), dies_through=DEFAULT_EXCHANGE, into=dead_queue(service)),
        ),
        bindings=(
            Binding(UNHEARD, "", UNHEARD_QUEUE),
            *(Binding(EVENTS, f"{publisher}.#", events_queue(service)) for publisher in LISTENS[service]),
        ),
    )


def peers_layout(service: str, cell: str = SHARED, tenants: Sequence[str] = ()) -> Layout:
    """What `service` of `cell` needs in the vhost `accord`: empty unless it talks to its own kind elsewhere.

    The shared cell takes everything no dedicated cell has bound; a dedicated cell binds its `tenants` and leaves the
    exchanges to the shared cell. Raises ValueError for an unknown service.
    """
    _known(service)
    if service not in SPEAKS_TO_PEERS:
        return Layout()
    dead, queue, through = peers_dead_queue(service, cell), peers_queue(service, cell), peers_dead_exchange(cell)
    theirs = cell != SHARED
    if theirs:
        bindings = [Binding(PEERS, f"{tenant}.{service}.*", queue) for tenant in tenants]
    else:
        bindings = [Binding(PEERS_SHARED, f"*.{service}.*", queue)]
    return Layout(
        exchanges=(
            Exchange(PEERS_SHARED, "topic", theirs=theirs),
            Exchange(PEERS, "topic", alternate=PEERS_SHARED, theirs=theirs),
            Exchange(through, "direct"),
        ),
        queues=(_dead(dead), _stream_queue(queue, dies_through=through, into=dead)),
        bindings=(Binding(through, dead, dead), *bindings),
    )


def declare(connection: Any, layout: Layout) -> None:
    """Carry `layout` out on a kombu connection; repeating it changes nothing.

    Raises what the broker says: NotFound for an exchange of another cell that is not there, PreconditionFailed for
    other arguments than those that stand, AccessRefused.
    """
    with connection.channel() as channel:
        for exchange in layout.exchanges:
            channel.exchange_declare(
                exchange=exchange.name,
                type=exchange.type,
                passive=exchange.theirs,
                durable=True,
                auto_delete=False,
                arguments=exchange.arguments,
            )
        for queue in layout.queues:
            channel.queue_declare(queue=queue.name, durable=True, auto_delete=False, arguments=dict(queue.arguments))
        for binding in layout.bindings:
            channel.queue_bind(queue=binding.queue, exchange=binding.exchange, routing_key=binding.key)


# --- permissions -----------------------------------------------------------------------------------------------------

NOTHING: Final = "^$"
EVERYTHING: Final = ".*"


@dataclass(frozen=True, slots=True)
class Permission:
    """What `user` may configure, write and read in `vhost`: regular expressions over names."""

    user: str
    vhost: str
    configure: str
    write: str
    read: str


@dataclass(frozen=True, slots=True)
class TopicPermission:
    """Which routing keys `user` may publish (`write`) and bind (`read`) on the topic exchange `exchange` of `vhost`."""

    user: str
    vhost: str
    exchange: str
    write: str
    read: str


def _any_of(names: Sequence[str]) -> str:
    return f"(?:{'|'.join(re.escape(name) for name in names)})"


def _exactly(names: Sequence[str]) -> str:
    return f"^{_any_of(names)}$" if names else NOTHING


def permissions(cell: str) -> tuple[Permission, ...]:
    """The broker permissions of a cell's user.

    All of its own vhost; of the vhost `accord` its own queues, its own exchange for what dies, and `accord.peers`.
    """
    own = [peers_dead_exchange(cell)]
    for service in SPEAKS_TO_PEERS:
        own += [peers_queue(service, cell), peers_dead_queue(service, cell)]
    # To name an alternate exchange needs the permission to write to it; the topic permissions below take back the rest.
    shared = [PEERS_SHARED] if cell == SHARED else []
    made = [PEERS, *shared] if cell == SHARED else []
    return (
        Permission(cell_user(cell), cell_vhost(cell), EVERYTHING, EVERYTHING, EVERYTHING),
        Permission(
            cell_user(cell),
            PEERS_VHOST,
            configure=_exactly([*own, *made]),
            write=_exactly([*own, PEERS, *shared]),
            read=_exactly([*own, PEERS, *shared]),
        ),
    )


def topic_permissions(
    cell: str, tenants: Sequence[str] = (), dedicated: Sequence[str] = ()
) -> tuple[TopicPermission, ...]:
    """Which keys a cell's user may publish and bind in the vhost `accord`.

    A dedicated cell: keys that end in, and bindings that begin with, one of its `tenants`. The shared cell: keys that
    end in none of the tenants that live in any dedicated cell (`dedicated`).
    """
    user, kinds = cell_user(cell), _any_of(SPEAKS_TO_PEERS)
    if cell != SHARED:
        write = rf"^[^.]+\.{kinds}\.{_any_of(tenants)}$" if tenants else NOTHING
        read = rf"^{_any_of(tenants)}\.{kinds}\.\*$" if tenants else NOTHING
        return (TopicPermission(user, PEERS_VHOST, PEERS, write, read),)
    others = rf"(?!{_any_of(dedicated)}$)" if dedicated else ""
    return (
        TopicPermission(user, PEERS_VHOST, PEERS, rf"^[^.]+\.{kinds}\.{others}[^.]+$", NOTHING),
        TopicPermission(user, PEERS_VHOST, PEERS_SHARED, NOTHING, rf"^\*\.{kinds}\.\*$"),
    )
