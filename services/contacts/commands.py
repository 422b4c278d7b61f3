"""The bodies of requests to contacts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from shared.calls import Body, Ids, Paged
from shared.text import Email, Name, Short, clean


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


class ListContacts(Paged):
    """`q` is looked for in name, e-mail and title, without regard to case."""

    q: Short = ""


class GetContacts(Body):
    """Several contacts by their ids; asked by services of the same side."""

    contact_ids: Ids


class RolesInUse(Body):
    """Which of these roles somebody holds; asked by accounts before it lets one be deleted."""

    role_ids: Ids
