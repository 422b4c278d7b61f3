"""People with a login."""

from __future__ import annotations

from services.gateway.api import schemas
from services.gateway.api.routing import Route
from services.gateway.identity import ANY_KEY, NO_KEY

ROUTES = (
    Route(
        method="GET",
        path="/users",
        service="accounts",
        rpc="list_users",
        scope=ANY_KEY,
        summary="The people of our business who have a login",
        query=schemas.accounts.UserSearch,
        result=schemas.accounts.UserList,
    ),
    Route(
        method="POST",
        path="/users",
        service="accounts",
        rpc="create_user",
        scope=NO_KEY,
        summary="Give somebody a login; they are a contact as well",
        body=schemas.accounts.NewUser,
        result=schemas.accounts.User,
        status=201,
        location="/users/{id}",
        codes=("email_taken",),
    ),
    Route(
        method="PATCH",
        path="/users/{user_id}",
        service="accounts",
        rpc="update_user",
        scope=NO_KEY,
        summary="Change name or role, switch the login off or on",
        body=schemas.accounts.UserChange,
        result=schemas.accounts.User,
        codes=("last_admin",),
    ),
)
