"""Records: frozen dataclasses kept as one JSON document each, with the columns beside it that lists are searched and sorted by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import TypeAdapter


class Record(Protocol):
    """What every record has. `version` counts its saves."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def tenant(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def version(self) -> int: ...


R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class Column:
    """A column kept beside the document: its SQL type and how it is computed from the record."""

    sql_type: str
    value: Callable[[Any], Any]


@dataclass(frozen=True)
class Table(Generic[R]):
    """Where records of one kind are kept. `by_subject`: their id is the subject of messages, so a batch loads them all at once.

    `part` is what readers see change when such a record does (BX-10), `about` whom or what it concerns: a partnership, a person, or
    nothing in particular. Records that nobody looks at have none. `kept` is what a record becomes when it is saved, after the one before.
    """

    record: type[R]
    name: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    by_subject: bool = False
    part: str = ""
    about: Callable[[Any], str] = lambda record: ""
    kept: Callable[[Any, Any], Any] = lambda before, after: after

    @cached_property
    def _adapter(self) -> TypeAdapter[R]:
        return TypeAdapter(self.record)

    def dump(self, record: R) -> str:
        """The record as the text of its JSON document."""
        return self._adapter.dump_json(record).decode()

    def load(self, document: str) -> R:
        """The record of a stored document. Raises pydantic.ValidationError when it is not one."""
        return self._adapter.validate_json(document)


class Tables:
    """The tables of one service, found by their record's class; in the order in which rows are locked."""

    def __init__(self, tables: Iterable[Table[Any]]) -> None:
        self.all = tuple(tables)
        self._by_record = {table.record: table for table in self.all}

    def of(self, record: type[R]) -> Table[R]:
        """The table of a kind of record. Raises KeyError for one that the service does not keep."""
        return self._by_record[record]

    @property
    def by_subject(self) -> tuple[Table[Any], ...]:
        return tuple(table for table in self.all if table.by_subject)
