"""What a service class listens to, as its entrypoints declare it: so that tests run the very handlers that production runs."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from shared.bus.inbox import Handler
from shared.bus.work import Confirmed


class Listens(NamedTuple):
    """A method of a service, the model it hears (`Confirmed` for receipts), and which records it needs."""

    method: str
    model: type[Any]
    needs: Any


@functools.cache
def listens(service: type[Any]) -> tuple[Listens, ...]:
    """What the methods of a service class listen to, in the order of their names."""
    return tuple(
        Listens(name, entry.model, entry.needs)
        for name in sorted(dir(service))
        for entry in getattr(getattr(service, name), "nameko_entrypoints", ())
        if getattr(entry, "model", None) is not None
    )


def handlers(service: Any) -> tuple[dict[tuple[str, str, str], Handler], Callable[..., None] | None]:
    """The message handlers of a service instance for an inbox, and what hears of receipts."""
    found = listens(type(service))
    heard = {
        (one.model.kind, one.model.publisher, one.model.type): Handler(
            one.model, getattr(service, one.method), one.needs
        )
        for one in found
        if one.model is not Confirmed
    }
    confirmed = next((getattr(service, one.method) for one in found if one.model is Confirmed), None)
    return heard, confirmed
