"""Promise S1 over RPC: whoever is inside the cell's vhost and names a tenant and an actor that do not belong together is refused.

The list is held against the entrypoints of all services: a method without a line fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from nameko.exceptions import RemoteError

from shared.calls import SYSTEM
from shared.ids import new_id
from tests.security.api_lines import LINES
from tests.security.matrix import SUCCESS, Case
from tests.security.rpc_lines import ANONYMOUS, BY_CREDENTIAL, BY_ROUTE, FILLED, INTERNAL
from tests.security.town import Town
from tests.support.methods import methods
from tests.support.stack import PASSWORD, Business

REFUSALS = {403: "Forbidden", 404: "NotFound", 409: "WrongState", 422: "ValidationError"}
Ask = Callable[..., tuple[str, Any]]


def test_every_method_has_a_line() -> None:
    there, lines = methods(), BY_ROUTE.keys() | INTERNAL.keys() | ANONYMOUS
    assert there - lines == set(), "Give each of these a line in tests/security/rpc_lines.py"
    assert lines - there == set()


@pytest.fixture(scope="module")
def ask(town: Town) -> Iterator[Ask]:
    """`ask("offers.get_partnership", tenant=…, actor=…)` is ("", the answer) or (the name of the refusal, its sentence)."""
    with town.stack.rpc() as proxy:

        def call(method: str, /, **request: Any) -> tuple[str, Any]:
            service, _, name = method.partition(".")
            for _ in range(10):
                try:
                    return "", getattr(getattr(proxy, service), name)(**request)
                except RemoteError as error:
                    if error.exc_type != "Unavailable":
                        return error.exc_type, error.value
            raise AssertionError(f"{method} is away")

        yield call


def kwargs(method: str, case: Case, town: Town) -> dict[str, Any]:
    filled = FILLED[method](case, town) if method in FILLED else {}
    return {**case.ids, **(case.body or {}), **filled}


def who_is_nobody_there(ask: Ask, method: str, request: dict[str, Any], town: Town, owner: Business) -> None:
    """A tenant and an actor that do not fit together, and names that are none."""
    stranger = town.stranger
    pairs = {
        "another business's admin": (owner.tenant, stranger.user["id"]),
        "somebody made up": (owner.tenant, new_id()),
        "somebody disabled": (owner.tenant, town.disabled.user["id"]),
        "the owner's admin elsewhere": (stranger.tenant, owner.user["id"]),
    }
    for name, (tenant, actor) in pairs.items():
        refused, said = ask(method, tenant=tenant, actor=actor, **request)
        assert refused in {"Forbidden", "NotFound"}, f"{name}: {refused} {said}"
        assert owner.tenant not in str(said) and "Owner of It All" not in str(said), name
    both = f"{stranger.tenant},{owner.tenant}"
    for tenant in (both, owner.tenant.upper(), "%", f"{owner.tenant}' or '1'='1", "x" * 64):
        refused, said = ask(method, tenant=tenant, actor=stranger.user["id"], **request)
        assert refused == "NotFound", f"{tenant}: {refused} {said}"
    for nothing in ("", None, [owner.tenant], {"tenant": owner.tenant}):
        refused, said = ask(method, tenant=nothing, actor=owner.user["id"], **request)
        assert refused == "ValidationError", f"{nothing}: {refused} {said}"


@pytest.mark.parametrize("method", BY_ROUTE)
def test_a_method_answers_its_tenant_and_nobody_else(town: Town, ask: Ask, method: str) -> None:
    line, reads = LINES[BY_ROUTE[method]], BY_ROUTE[method].startswith("GET ")
    case = line.make(town)
    who, request = line.whoever_may(case, town), kwargs(method, case, town)

    if method not in BY_CREDENTIAL:
        who_is_nobody_there(ask, method, request, town, who)
    for name, other in (("stranger", town.stranger), ("partner", case.partner or town.lasting.partner)):
        status = getattr(line, name)
        if status is not None and status not in SUCCESS:
            refused, said = ask(method, tenant=other.tenant, actor=other.user["id"], **request)
            assert refused == REFUSALS[status], f"{name}: {refused} {said}"
            assert who.tenant not in str(said), name
    for name in ("member", "manager", "partnerships"):
        status = getattr(line, name)
        if status not in SUCCESS and case.owner is None:
            refused, said = ask(method, tenant=who.tenant, actor=getattr(town, name).user["id"], **request)
            assert refused == REFUSALS[status], f"{name}: {refused} {said}"
    refused, answer = ask(method, tenant=who.tenant, actor=who.user["id"], **request)
    assert refused == "", f"whoever may: {refused} {answer}"
    assert not reads or answer is not None


@pytest.mark.parametrize("method", INTERNAL)
def test_a_method_for_neighbours_knows_one_tenant_at_a_time(town: Town, ask: Ask, method: str) -> None:
    line, stranger = INTERNAL[method], town.stranger
    owner = line.whose(town)
    request = line.request(town)
    refused, answer = ask(method, tenant=owner.tenant, actor=line.actor or owner.user["id"], **request)
    assert (refused, line.found(answer)) == ("", True), (refused, answer)
    refused, answer = ask(method, tenant=stranger.tenant, actor=line.actor or stranger.user["id"], **request)
    if isinstance(line.others, str):
        assert refused == line.others, answer
    else:
        assert (refused, line.others(answer)) == ("", True), (refused, answer)
    if not line.actor:
        who_is_nobody_there(ask, method, request, town, owner)
    refused, answer = ask(method, tenant=f"{stranger.tenant},{owner.tenant}", actor=SYSTEM, **request)
    assert refused == "NotFound", answer


def test_a_token_opens_the_business_in_it_and_no_other(town: Town, ask: Ask) -> None:
    token, stranger = town.owner.token, town.stranger
    assert ask("accounts.authenticate", token=token)[1]["tenant"] == town.owner.tenant
    elsewhere = token.replace(town.owner.tenant, stranger.tenant)
    mixed = "_".join([*stranger.token.split("_")[:3], token.split("_")[3]])
    for wrong in (elsewhere, mixed, token[:-1], token + "0", "", None, town.disabled.token):
        assert ask("accounts.authenticate", token=wrong)[0] == "NotAuthenticated", wrong
    # Nor does another business's login close it.
    ask("accounts.close_session", tenant=stranger.tenant, actor=stranger.user["id"], token=token)
    assert ask("accounts.authenticate", token=token)[0] == ""


def test_a_login_opens_the_business_it_belongs_to_and_no_other(town: Town, ask: Ask) -> None:
    login = {"email": town.owner.email, "password": PASSWORD}
    assert ask("accounts.open_session", tenant=town.owner.tenant, **login)[0] == ""
    for tenant in (town.stranger.tenant, f"{town.stranger.tenant},{town.owner.tenant}", "system", "%", "nobody"):
        assert ask("accounts.open_session", tenant=tenant, **login)[0] == "NotAuthenticated", tenant


def test_a_registration_takes_nobody_over(town: Town, ask: Ask) -> None:
    body = {"company": "Owner of It All", "name": "M", "email": town.stranger.email, "password": PASSWORD}
    assert ask("accounts.register_tenant", tenant=town.owner.tenant, **body)[0] == "TenantTaken"
    assert ask("accounts.register_tenant", tenant="system", **body)[0] == "ValidationError"
    assert ask("accounts.open_session", tenant=town.owner.tenant, email=town.stranger.email, password=PASSWORD)[0] == "NotAuthenticated"  # fmt: skip
