"""What leaves as a CSV file (BX-15)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from services.gateway import sheets

CONTACT_COLUMNS = {"name": "Name", "email": "E-mail", "title": "Title", "phone": "Phone"}
AT_ONCE = 200


def attachment(content: str, name: str) -> Response:
    """A CSV file to be kept under this name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Response(content, headers=headers, media_type=sheets.MEDIA_TYPE)


def heading() -> str:
    """The first line of a file of contacts."""
    return sheets.BOM + sheets.written([tuple(CONTACT_COLUMNS.values())])


async def contacts_file(page: Callable[..., Awaitable[Any]], tenant: str) -> Response:
    """All contacts of a business, by name. `page` asks contacts.list_contacts with the arguments it is given.

    The file begins when the last page is here: half of a directory would look like all of it. Raises what a page refuses.
    """
    parts = [heading()]
    cursor: dict[str, str] = {}
    while True:
        found = await page(limit=AT_ONCE, **cursor)
        parts.append(sheets.written([str(c.get(name) or "") for name in CONTACT_COLUMNS] for c in found["items"]))
        if not found.get("next"):
            return attachment("".join(parts), f"contacts-{tenant}-{datetime.now(UTC):%Y-%m-%d}")
        cursor = {"cursor": found["next"]}
