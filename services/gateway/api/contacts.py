"""The directory of our people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from services.gateway import sheets
from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.body import Form
from services.gateway.exporting import contacts_file
from services.gateway.rpc import Caller


class ContactsExport(Route):
    """All contacts as a file."""

    async def _ask(self, request: Request, form: Form, deadline: float) -> Response:
        rpc: Caller = request.app.state.rpc

        async def page(**more: Any) -> Any:
            return await rpc.call(self.service, self.rpc, deadline, **form.kwargs, **more)

        return await contacts_file(page, form.kwargs["tenant"])

    def _respond(self, result: Response, ids: Mapping[str, str]) -> Response:
        return result


ROUTES = (
    Route(
        method="GET",
        path="/contacts",
        service="contacts",
        rpc="list_contacts",
        scope="contacts:read",
        summary="Our people, by name",
        query=schemas.contacts.ContactSearch,
        result=schemas.contacts.ContactList,
    ),
    Route(
        method="POST",
        path="/contacts",
        service="contacts",
        rpc="create_contact",
        scope="contacts:write",
        summary="Add somebody to the directory",
        body=schemas.contacts.NewContact,
        result=schemas.contacts.Contact,
        status=201,
        location="/contacts/{id}",
    ),
    Route(
        method="POST",
        path="/contacts/import",
        service="contacts",
        rpc="import_contacts",
        scope="contacts:write",
        summary="Add and change many people at once, all or none; with `preview` only say what would happen",
        body=schemas.contacts.ContactsImport,
        result=schemas.contacts.ContactsImported,
        codes=("changed_meanwhile",),
    ),
    ContactsExport(
        method="GET",
        path="/contacts/export",
        service="contacts",
        rpc="list_contacts",
        scope="contacts:read",
        operation="export_contacts",
        summary="All our people as a CSV file",
        media_type=sheets.MEDIA_TYPE.partition(";")[0],
    ),
    Route(
        method="GET",
        path="/contacts/{contact_id}",
        service="contacts",
        rpc="get_contact",
        scope="contacts:read",
        summary="One of our people",
        result=schemas.contacts.Contact,
    ),
    Route(
        method="PATCH",
        path="/contacts/{contact_id}",
        service="contacts",
        rpc="update_contact",
        scope="contacts:write",
        summary="Change somebody's details",
        body=schemas.contacts.ContactChange,
        result=schemas.contacts.Contact,
        codes=("changed_meanwhile",),
    ),
    Route(
        method="DELETE",
        path="/contacts/{contact_id}",
        service="contacts",
        rpc="delete_contact",
        scope="contacts:write",
        summary="Take somebody out of the directory",
        status=204,
        codes=("contact_in_use", "changed_meanwhile"),
    ),
)
