"""The directory of our people."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route

ROUTES = (
    Route(
        method="GET",
        path="/contacts",
        service="contacts",
        rpc="list_contacts",
        summary="Our people, by name",
        query=schemas.ContactSearch,
        result=schemas.ContactList,
    ),
    Route(
        method="POST",
        path="/contacts",
        service="contacts",
        rpc="create_contact",
        summary="Add somebody to the directory",
        body=schemas.NewContact,
        result=schemas.Contact,
        status=201,
        location="/contacts/{id}",
    ),
    Route(
        method="GET",
        path="/contacts/{contact_id}",
        service="contacts",
        rpc="get_contact",
        summary="One of our people",
        result=schemas.Contact,
    ),
    Route(
        method="PATCH",
        path="/contacts/{contact_id}",
        service="contacts",
        rpc="update_contact",
        summary="Change somebody's details",
        body=schemas.ContactChange,
        result=schemas.Contact,
        codes=("changed_meanwhile",),
    ),
    Route(
        method="DELETE",
        path="/contacts/{contact_id}",
        service="contacts",
        rpc="delete_contact",
        summary="Take somebody out of the directory",
        status=204,
        codes=("contact_in_use", "changed_meanwhile"),
    ),
)
