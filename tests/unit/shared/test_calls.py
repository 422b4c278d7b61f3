"""The words with which the form of a request is refused."""

from __future__ import annotations

from typing import Any

import pytest

from services.contacts.commands import AnswerModification, ProposeModification
from services.offers.commands import EndPartnership
from shared.calls import Call
from shared.errors import NotFound, ValidationError


@pytest.mark.parametrize(
    ("form", "body", "field", "message"),
    [
        (EndPartnership, {"reason": " \n"}, "reason", "This must not be empty."),
        (EndPartnership, {"reason": "x" * 501}, "reason", "Use at most 500 characters."),
        (EndPartnership, {"reason": 7}, "reason", "This must be text."),
        (EndPartnership, {}, "reason", "This field is required."),
        (EndPartnership, {"reason": "x", "colour": "red"}, "colour", "This field is not known here."),
        (AnswerModification, {"items": []}, "items", "Choose at least one."),
        (ProposeModification, {"reason": "x", "add_contact_ids": ["?"] * 201}, "add_contact_ids", "At most 200 entries fit here."),
    ],
)  # fmt: skip
def test_a_field_at_fault_is_told_what_to_do(form: Any, body: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Call("test", "kazenor", "ada", body=body).read(form)
    assert {"field": field, "message": message} in refused.value.info["errors"]


@pytest.mark.parametrize(
    "tenant", ["kazenor,northwind", "kazenor,", ",", "Kazenor", "kazenor northwind", "k" * 64, "kazenor\n"]
)
def test_what_is_no_tenant_name_names_no_tenant(tenant: str) -> None:
    """Row-level security is told the tenants as one list: a comma would name another one."""
    with pytest.raises(NotFound):
        Call.of("list_partnerships", {"tenant": tenant, "actor": "ada"})
    assert Call.of("list_partnerships", {"tenant": "kazenor-2", "actor": "ada"}).tenant == "kazenor-2"
