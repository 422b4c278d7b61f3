"""Which business a typed text, a pasted address or a host means."""

from __future__ import annotations

import pytest

from services.gateway.pages.tenant_names import from_host, from_typed


@pytest.mark.parametrize(
    ("typed", "tenant"),
    [
        ("kazenor", "kazenor"),
        ("  Kazenor ", "kazenor"),
        ("https://kazenor.am.dev.oneenterprise.com/", "kazenor"),
        ("http://kazenor.localhost:8080/partnerships?x=1#y", "kazenor"),
        ("kazenor.localhost:8080", "kazenor"),
        ("www.kazenor.example", "kazenor"),
        ("//kazenor.example/x", "kazenor"),
        ("kazenor/", "kazenor"),
        ("user:secret@kazenor.example", "user:secret@kazenor.example"),
        ("nils@northwind.example", "nils@northwind.example"),
        ("Kazenor Works", "kazenor works"),
        ("https://[::1", "https://[::1"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_what_is_pasted_is_reduced_to_the_tenant_name(typed: str, tenant: str) -> None:
    assert from_typed(typed) == tenant


@pytest.mark.parametrize(
    ("host", "tenant"),
    [
        ("kazenor.localhost", "kazenor"),
        ("KAZENOR.localhost.:8080", "kazenor"),
        ("localhost:8080", None),
        ("127.0.0.1:8080", None),
        ("[::1]:8080", None),
        ("www.localhost", None),
        ("a.b.localhost", None),
        ("kazenor.elsewhere.example", None),
        ("kazenorlocalhost", None),
        ("", None),
    ],
)
def test_the_host_names_a_tenant_below_the_base_only(host: str, tenant: str | None) -> None:
    assert from_host(host, "localhost") == tenant
