"""A little service to try the bus with: counts what it hears, on tables of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from shared.bus.inbox import Handler
from shared.bus.records import Column, Table, Tables
from shared.bus.work import Heard, Work
from shared.contracts.messages import Fact, PeerMessage, Timer

MIGRATION = """
create table notes (tenant text collate "C" not null, id text collate "C" not null, version bigint not null, state jsonb not null,
                    colour text collate "C" not null, at timestamptz not null, primary key (tenant, id));
alter table notes enable row level security;
alter table notes force row level security;
create policy own on notes to offers using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on notes to offers;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    tenant: str
    id: str
    version: int = 0
    words: tuple[str, ...] = ()
    colour: str = "red"
    at: datetime = datetime(2026, 1, 1, tzinfo=UTC)


NOTES = Table(
    Note,
    "notes",
    by_subject=True,
    columns={"colour": Column("text", lambda n: n.colour), "at": Column("timestamptz", lambda n: n.at)},
)
TABLES = Tables([NOTES])


class WordSaid(PeerMessage):
    publisher: ClassVar[str] = "offers"
    type: ClassVar[str] = "sample.word_said"
    word: str


class WordHeard(Fact):
    publisher: ClassVar[str] = "offers"
    type: ClassVar[str] = "sample.word_heard"
    word: str


class WordDue(Timer):
    publisher: ClassVar[str] = "offers"
    type: ClassVar[str] = "sample.word_due"
    word: str


class Poison(Exception):
    """What a handler raises for the word `poison`."""


def hear(work: Work, message: Heard[Any], now: datetime) -> None:
    """Write the word down; choke on poison."""
    if message.data.word == "poison":
        raise Poison("this word cannot be heard")
    note = work.get(Note, message.tenant, message.subject) or Note(tenant=message.tenant, id=message.subject)
    work.put(replace(note, words=(*note.words, message.data.word)))


HANDLERS = {
    ("peer", "offers", "sample.word_said"): Handler(WordSaid, hear),
    ("fact", "offers", "sample.word_heard"): Handler(WordHeard, hear),
    ("timer", "offers", "sample.word_due"): Handler(WordDue, hear),
}
