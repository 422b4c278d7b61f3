"""Each message has a stored example that today's code must read; additive changes pass, breaks do not."""

from __future__ import annotations

import importlib
import json
import pkgutil
from pathlib import Path
from typing import Any

import pytest

import shared.contracts
from shared.contracts.messages import CATALOGUE, Envelope, PeerMessage

EXAMPLES = sorted((Path(__file__).parent / "messages").glob("*.json"))

for module in pkgutil.iter_modules(shared.contracts.__path__):
    importlib.import_module(f"shared.contracts.{module.name}")
OURS = {key: model for key, model in CATALOGUE.items() if model.__module__.startswith("shared.contracts")}


def key_of(path: Path) -> tuple[str, str, str]:
    publisher, kind, type_ = path.stem.split(".", 2)
    return kind, "*" if publisher == "any" else publisher, type_


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_a_stored_example_is_read_whole(path: Path) -> None:
    envelope = Envelope.model_validate_json(path.read_text())
    model = OURS[key_of(path)]  # type: ignore[index]
    read = json.loads(model.model_validate(envelope.data).model_dump_json())
    stored = json.loads(path.read_text())["data"]

    def within(small: Any, large: Any) -> bool:
        if isinstance(small, dict):
            return all(k in large and within(v, large[k]) for k, v in small.items())
        if isinstance(small, list):
            return len(small) == len(large) and all(within(a, b) for a, b in zip(small, large, strict=True))
        return bool(small == large)

    assert within(stored, read)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_a_field_of_later_code_is_ignored(path: Path) -> None:
    document = json.loads(path.read_text())
    document["data"]["invented_later"] = {"x": 1}
    document["invented_later"] = 1
    envelope = Envelope.model_validate_json(json.dumps(document))
    OURS[key_of(path)].model_validate(envelope.data)  # type: ignore[index]


def test_each_message_of_the_catalogue_has_an_example() -> None:
    assert {key_of(path) for path in EXAMPLES} == set(OURS)


def test_a_peer_message_carries_only_what_the_other_side_may_know() -> None:
    """S2: the allow-list. A new field of a peer message is a decision, made here."""
    allowed = {
        "offer.sent": {"company", "email", "message", "sent_by", "sent_at", "expires_at", "contacts"},
        "offer.accepted": {"company", "accepted_by", "accepted_at", "contact_ids", "comment"},
        "offer.declined": {"company", "declined_by", "declined_at", "reason"},
        "offer.bounced": set(),
        "offer.withdrawn": {"company", "withdrawn_by", "withdrawn_at", "reason"},
        "offer.expired": {"expired_at"},
        "offer.reminded": {"company", "reminded_by", "reminded_at"},
        "partnership.ended": {"company", "ended_by", "ended_at", "reason"},
        "owner.named": {"counter", "name", "named_at", "renamed"},
        "modification.proposed": {"id", "reason", "proposed_by", "proposed_at", "items", "in_reply_to"},
        "modification.decided": {"modification_id", "decided_by", "decided_at", "items", "comment", "suggestion"},
        "modification.withdrawn": {"modification_id", "withdrawn_by", "withdrawn_at", "contact_ids"},
        "profile.shared": {"counter", "company", "phone", "email", "fax", "website", "logo", "addresses"},
        "details.shared": {"counter", "contacts"},
        "receipt": {"applied", "digest", "seen", "sent", "protocol", "parked", "wanted"},
    }
    peers = {
        model.type: set(model.model_fields)
        for model in OURS.values()
        if issubclass(model, PeerMessage) or model.type == "receipt"
    }
    assert peers == allowed
