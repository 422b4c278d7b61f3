"""The bodies of the requests that managers answers, in the form of the public contract."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from shared.calls import Body, Ids
from shared.text import Id


class AddManagers(Body):
    """`POST /partnerships/{id}/managers`."""

    contact_ids: Annotated[Ids, Field(min_length=1)]


class SetOwner(Body):
    """`PUT /partnerships/{id}/owner`."""

    contact_id: Id
