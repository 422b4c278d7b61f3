"""The RPC methods of all services, by their entrypoints."""

from __future__ import annotations

import functools
import importlib
import inspect

from nameko.rpc import Rpc

from deploy.local.paths import SERVICES


@functools.cache
def methods() -> frozenset[str]:
    """Every RPC method there is, as `service.method`."""
    return frozenset(
        f"{service}.{name}"
        for service in SERVICES
        for _, cls in inspect.getmembers(importlib.import_module(f"services.{service}.service"), inspect.isclass)
        for name, method in inspect.getmembers(cls, inspect.isfunction)
        if any(isinstance(entry, Rpc) for entry in getattr(method, "nameko_entrypoints", ()))
    )
