"""The directory, and its import."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.gateway.api.schemas.basics import Email, FieldProblem, Given, Id, Name, Page, Shown


class NewContact(Given):
    name: Name
    email: Email
    phone: Annotated[str, Field(max_length=50)] = ""
    title: Annotated[str, Field(max_length=200)] = ""


class ContactChange(Given):
    name: Name = ""
    email: Email = ""
    phone: Annotated[str, Field(max_length=50)] = ""
    title: Annotated[str, Field(max_length=200)] = ""


class ImportedContact(NewContact):
    """Somebody whose e-mail is there already is changed; a field that is left out stays as it is then."""


class ContactsImport(Given):
    items: Annotated[list[ImportedContact], Field(min_length=1, max_length=1000)]
    preview: Annotated[bool, Field(description="Only say what would happen.")] = False


class ImportedField(Shown):
    field: str
    before: str
    after: str


class ImportedRow(Shown):
    row: Annotated[int, Field(description="Its place in `items`, from 0.")]
    outcome: Annotated[str, Field(description="`new`, `changed`, `unchanged`, `invalid` or `double`.")]
    contact_id: Id | None
    changes: list[ImportedField]
    errors: Annotated[list[FieldProblem], Field(description="What is wrong with an invalid row.")]
    same_as: Annotated[int | None, Field(description="The row whose e-mail a double repeats.")]


class ContactsImported(Shown):
    items: list[ImportedRow]
    counts: Annotated[dict[str, int], Field(description="How many rows there are of each outcome.")]
    version: Annotated[
        int, Field(description="Of what the good rows do: as `If-Match` it lets happen only what was shown.")
    ]


class ContactSearch(Page):
    q: Annotated[str, Field(max_length=200, description="Part of a name, e-mail or title.")] = ""


class Contact(Shown):
    id: Id
    name: str
    email: str
    phone: str
    title: str
    version: int


class ContactList(Shown):
    items: list[Contact]
    next: str | None
