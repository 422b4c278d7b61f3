"""The description of what services say to each other, as AsyncAPI: `make events` writes it to docs/events/asyncapi.json.

Everything in it is read from the catalogue of messages and the layout of the broker; nothing is said twice. Timers are left out: a service
says them to itself.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import shared.contracts
from deploy.local.paths import ROOT
from shared.bus import topology
from shared.contracts.messages import CATALOGUE, Envelope, Message
from shared.settings import SHARED

Json = dict[str, Any]

FILE = ROOT / "docs" / "events" / "asyncapi.json"
_INTRODUCTION = (
    "What the services of Accord say. A fact is stated within one business, on the exchange `accord.events` of its cell: the services of the same "
    "business react. A peer message goes from a service of one business to the same service of another, on the exchange `accord.peers` of the vhost "
    "`accord`. All travel in one envelope, numbered in streams without holes; readers ignore fields that they do not know."
)


def described() -> Json:
    """The AsyncAPI document."""
    for module in pkgutil.iter_modules(shared.contracts.__path__):
        importlib.import_module(f"shared.contracts.{module.name}")
    ours = {key: model for key, model in CATALOGUE.items() if model.__module__.startswith("shared.contracts.")}
    said = {key: ours[key] for key in sorted(ours) if key[0] != "timer"}
    models: list[type[BaseModel]] = sorted({Envelope, *said.values()}, key=lambda model: str(model.__name__))
    refs, defined = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    messages = {
        _name(*key): _message(key, model, refs[model, "validation"], refs[Envelope, "validation"])
        for key, model in said.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Accord: events", "version": "1", "description": _INTRODUCTION},
        "defaultContentType": topology.CONTENT_TYPE,
        "channels": _channels(list(said)),
        "operations": _operations(list(said)),
        "components": {"messages": messages, "schemas": defined["$defs"]},
    }


def _name(kind: str, source: str, type: str) -> str:
    return f"{kind}.{source}.{type}" if source != "*" else f"{kind}.{type}"


def _message(key: tuple[str, str, str], model: type[Message], data: Json, envelope: Json) -> Json:
    kind, source, type = key
    fixed: Json = {"kind": {"const": kind}, "type": {"const": type}, "data": data}
    if source != "*":
        fixed["source"] = {"const": source}
    said = inspect.cleandoc(model.__doc__ or "")
    return {
        "name": type,
        "title": model.__name__,
        "summary": said.split("\n\n")[0].replace("\n", " "),
        "contentType": topology.CONTENT_TYPE,
        "payload": {"allOf": [envelope, {"type": "object", "properties": fixed}]},
    }


def _channels(keys: list[tuple[str, str, str]]) -> Json:
    channels: Json = {}
    for kind, source, type in keys:
        if kind == "fact":
            channels[_name(kind, source, type)] = {
                "address": topology.fact_key(source, type),
                "description": f"Stated by {source}; heard by {', '.join(_listeners(source))}.",
                "messages": {type: {"$ref": f"#/components/messages/{_name(kind, source, type)}"}},
                "bindings": _bound(topology.EVENTS, topology.cell_vhost(SHARED)),
            }
    channels["peers"] = {
        "address": "{to}.{service}.{from}",
        "description": "What one business says to another. The receiver takes from the key, and never from the body, who spoke.",
        "parameters": {
            "to": {"description": "The tenant that is spoken to."},
            "service": {"description": "The service that speaks, and is spoken to.", "enum": list(topology.SPEAKS_TO_PEERS)},
            "from": {"description": "The tenant that speaks. A cell may publish only keys that end in a tenant of its own."},
        },
        "messages": {
            _name(*key): {"$ref": f"#/components/messages/{_name(*key)}"} for key in keys if key[0] == "peer"
        },
        "bindings": _bound(topology.PEERS, topology.PEERS_VHOST),
    }  # fmt: skip
    return channels


def _operations(keys: list[tuple[str, str, str]]) -> Json:
    """Who says and who hears what: one operation for each service and each channel."""
    operations: Json = {}
    for kind, source, type in keys:
        channel = {"$ref": f"#/channels/{_name(kind, source, type)}"}
        if kind == "fact":
            operations[f"{source}.states.{type}"] = {"action": "send", "channel": channel}
            for service in _listeners(source):
                operations[f"{service}.hears.{source}.{type}"] = {"action": "receive", "channel": channel}
    for service in topology.SPEAKS_TO_PEERS:
        spoken = [_name(*key) for key in keys if key[0] == "peer" and key[1] in {service, "*"}]
        refs = [{"$ref": f"#/channels/peers/messages/{name}"} for name in spoken]
        for action in ("send", "receive"):
            operations[f"{service}.{action}s.peers"] = {
                "action": action, "channel": {"$ref": "#/channels/peers"}, "messages": refs
            }  # fmt: skip
    return operations


def _listeners(publisher: str) -> list[str]:
    return [service for service in topology.services() if publisher in topology.LISTENS[service]]


def _bound(exchange: str, vhost: str) -> Json:
    bound = {"name": exchange, "type": "topic", "durable": True, "vhost": vhost}
    return {"amqp": {"is": "routingKey", "exchange": bound}}


def text() -> str:
    """The document as it is kept: indented, in an order that does not change by itself."""
    return json.dumps(described(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text())
    print(f"{FILE.relative_to(ROOT)} is written anew.")
