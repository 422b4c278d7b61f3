"""A stand-in for offers: northwind and kazenor have partnerships; ids that begin with `0e` nobody sees; version 0."""

from __future__ import annotations

from typing import Any

from shared.bus.rpc import Rpc
from shared.errors import NotFound, Refusal


class Offers:
    name = "offers"

    @Rpc.decorator(expected_exceptions=(Refusal,))
    def get_standing(self, tenant: str, actor: str, partnership_id: str, change: bool = False) -> dict[str, Any]:
        if tenant not in {"northwind", "kazenor"} or partnership_id.startswith("0e"):
            raise NotFound()
        # The last digit of the id says how far offers has come.
        return {
            "role": "customer",
            "status": "open",
            "suspended": False,
            "version": int(partnership_id[-1]),
            "managers": [],
        }
