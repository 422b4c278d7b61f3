"""The bodies of requests to contacts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from shared.calls import Body, Ids, Paged, no_doubles
from shared.text import Comment, Email, Id, Name, Reason, Short, clean


def _optional_line(value: object) -> object:
    return "" if value is None else clean(value, breaks=False)


# Null and nothing are the same: no phone, no title.
Phone = Annotated[str, BeforeValidator(_optional_line), StringConstraints(max_length=50)]
Title = Annotated[str, BeforeValidator(_optional_line), StringConstraints(max_length=200)]


class CreateContact(Body):
    """A new person of ours: `name` 1 to 200 characters, `email`, `phone` up to 50, `title` up to 200."""

    name: Name
    email: Email
    phone: Phone = ""
    title: Title = ""


class UpdateContact(Body):
    """What is to be changed; a field that is not given stays. The defaults are never looked at."""

    name: Name = Field(default="")
    email: Email = Field(default="")
    phone: Phone = ""
    title: Title = ""

    @property
    def given(self) -> dict[str, str]:
        """The fields that were sent, with their values."""
        return {field: getattr(self, field) for field in self.model_fields_set}


class ImportedContact(CreateContact):
    """One row of an import. Of a contact that is there already, a field that is not given stays."""

    @property
    def given(self) -> dict[str, str]:
        """The fields that were sent, with their values."""
        return {field: getattr(self, field) for field in self.model_fields_set}


class ImportContacts(Body):
    """`POST /contacts/import`: rows like `ImportedContact`, judged one by one; with `preview` nothing is done."""

    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]
    preview: bool = False


class ListContacts(Paged):
    """`q` is looked for in name, e-mail and title, without regard to case."""

    q: Short = ""


class GetContacts(Body):
    """Several contacts by their ids; asked by services of the same side."""

    contact_ids: Ids


class ReserveContacts(Body):
    """Contacts that an offer with the id `needed_by`, or the making of a login that is called so, is about to need; asked by services of the
    same side."""

    contact_ids: Ids
    needed_by: Id


class ReleaseContacts(Body):
    """Nothing with this id will need them after all."""

    needed_by: Id


class RolesInUse(Body):
    """Which of these roles, as many as a business may have, somebody holds; asked by accounts before it lets one be deleted."""

    role_ids: Annotated[list[Id], Field(max_length=2500)]


class ProposeModification(Body):
    """`POST /partnerships/{id}/modifications`: whom to add and to release, with one reason for all (OE-14)."""

    add_contact_ids: Ids = []
    release_contact_ids: Ids = []
    reason: Reason
    in_reply_to: Id | None = None


class RoleGiven(Body):
    """A role in an environment, each by id or exact name."""

    environment: Name
    role: Name


class ItemAnswer(Body):
    """What is decided of one item; roles for an accepted addition (OE-16)."""

    contact_id: Id
    decision: Literal["accept", "decline"]
    roles: Annotated[list[RoleGiven], Field(max_length=200), AfterValidator(no_doubles)] = []
    comment: Comment | None = None


class AnswerModification(Body):
    """`POST /partnerships/{id}/modifications/{mid}/answer`: every item that is still open (BX-04)."""

    items: Annotated[list[ItemAnswer], Field(min_length=1, max_length=200)]
    comment: Comment | None = None
    suggestion: Comment | None = None


States = Literal["pending", "answered", "withdrawn", "void"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


class ListModifications(Paged):
    """Those in one of these states, or all."""

    state: Annotated[list[States] | None, BeforeValidator(_listed)] = None
