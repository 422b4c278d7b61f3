"""Promise S3: whatever fits the OpenAPI description, and whatever does not, is answered as it says; nothing is a failure of ours.

Schemathesis makes requests from the description: some that fit it, about things that are there, and some with something wrong. All are sent
as the admin of a business of its own, so that nobody else's things are touched. The same seed makes the same requests; `make fuzz` sends
many more, and others.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from services.gateway.api import ROUTES
from services.gateway.app import VERSION
from services.gateway.openapi import describe
from tests.security.town import Town
from tests.support.stack import Business

EXAMPLES = int(os.environ.get("ACCORD_FUZZ_EXAMPLES", "3"))
SEED = int(os.environ.get("ACCORD_FUZZ_SEED", "1"))
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
# What would log the tester out or take the role away, and what never ends; each is tested by itself.
LEFT_OUT = {"/sessions/current", "/sessions/others", "/sessions", "/me/password", "/me/email", "/events"}

schema = schemathesis.openapi.from_dict(describe(ROUTES, VERSION))


def operations() -> Iterator[Any]:
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation is not None and operation.path.removeprefix("/api/v1") not in LEFT_OUT:
            yield pytest.param(operation, id=f"{operation.method.upper()} {operation.path}")


@pytest.fixture(scope="module")
def tester(town: Town) -> tuple[Business, dict[str, str]]:
    """Somebody with things to ask for, and their ids."""
    who = town.stack.register("fuzz")
    contact = who.contact("Fuzzy Logic")
    id = str(who.offer(town.stranger, contact)["id"])
    town.stranger.until(id, status="open")
    return who, {"partnership_id": id, "contact_id": contact, "user_id": str(who.user["id"])}


def fuzz(operation: Any, mode: GenerationMode, who: Business, **more: Any) -> None:
    """Send what Schemathesis thinks of. Fails with what was sent, as a command for curl, when an answer is not as described."""

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode, **more))
    def ask(case: Any) -> None:
        for _ in range(5):
            answer = case.call(base_url=who.stack.url, headers={"Authorization": f"Bearer {who.token}"}, timeout=20)
            if answer.status_code != 503:
                break
        case.validate_response(answer, checks=CHECKS)

    ask()


@pytest.mark.parametrize("operation", operations())
def test_an_answer_is_as_described(tester: tuple[Business, dict[str, str]], operation: Any) -> None:
    who, ids = tester
    wanted = {parameter.name for parameter in operation.iter_parameters() if parameter.location == "path"}
    known = {name: ids[name] for name in wanted & ids.keys()}
    fuzz(operation, GenerationMode.POSITIVE, who, **({"path_parameters": known} if known.keys() == wanted and known else {}))  # fmt: skip


@pytest.mark.parametrize("operation", operations())
def test_an_answer_to_what_is_wrong_is_as_described(tester: tuple[Business, dict[str, str]], operation: Any) -> None:
    if not list(operation.iter_parameters()) and not operation.body:
        # Nothing of it can be wrong.
        fuzz(operation, GenerationMode.POSITIVE, tester[0])
    else:
        fuzz(operation, GenerationMode.NEGATIVE, tester[0])
