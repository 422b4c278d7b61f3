"""docs/events describes what the services say: all of it, as it is, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any

from deploy import events
from shared.bus import topology
from shared.contracts.messages import CATALOGUE

DOCUMENT: dict[str, Any] = json.loads(events.FILE.read_text())


def test_the_description_is_that_of_the_catalogue() -> None:
    assert events.FILE.read_text() == events.text(), "the messages have changed: make events"


def test_every_message_is_described_and_travels_in_the_envelope() -> None:
    events.described()
    ours = {key for key, model in CATALOGUE.items() if model.__module__.startswith("shared.contracts.")}
    said = {type for kind, _, type in ours if kind != "timer"}
    messages = DOCUMENT["components"]["messages"].values()
    assert {message["name"] for message in messages} == said
    for message in messages:
        envelope, fixed = message["payload"]["allOf"]
        assert envelope == {"$ref": "#/components/schemas/Envelope"}
        assert fixed["properties"]["type"] == {"const": message["name"]}
        assert message["summary"], message


def test_every_reference_leads_somewhere() -> None:
    references = set(re.findall(r'"\$ref": "#/([^"]+)"', events.FILE.read_text()))
    assert references
    for reference in references:
        found: Any = DOCUMENT
        for step in reference.split("/"):
            assert step in found, reference
            found = found[step]


def test_who_hears_what_is_what_the_queues_are_bound_to() -> None:
    heard = {
        (name.split(".hears.")[0], name.split(".hears.")[1].split(".")[0])
        for name in DOCUMENT["operations"]
        if ".hears." in name
    }
    stating = {name.split(".states.")[0] for name in DOCUMENT["operations"] if ".states." in name}
    assert heard == {(s, p) for s in topology.services() for p in topology.LISTENS[s] if p in stating}
