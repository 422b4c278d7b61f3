"""The pages: HTML for people, as plain forms (post, redirect, get). `mount(app)` puts all of them into the gateway.

They ask the services through `app.state.rpc`, with the same calls as the JSON API.
"""

from __future__ import annotations

from fastapi import FastAPI


def mount(app: FastAPI) -> None:
    """Add the pages, the static files and the page for unknown addresses. Call it after all other routes."""
    # Here and not above: the gateway's own modules use `pages.csrf` and `pages.tenant_names`, and the pages use them.
    from services.gateway.pages import site

    site.mount(app)
