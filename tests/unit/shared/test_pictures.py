"""What a picture really is, whatever it claims."""

from __future__ import annotations

import pytest

from shared import pictures

SIGNATURES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a",
    "webp": b"RIFF\x00\x00\x00\x00WEBP",
}


@pytest.mark.parametrize("kind", SIGNATURES)
def test_a_picture_goes_into_an_address_and_comes_out_again(kind: str) -> None:
    content = SIGNATURES[kind] + b"the rest"
    url = pictures.to_url(content)
    assert url is not None
    assert url.startswith(f"data:image/{kind};base64,")
    assert pictures.of_url(url) == (kind, content)


@pytest.mark.parametrize(
    "content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"MZ", b"RIFF\0\0\0\0WAVE", b"%PDF-"]
)
def test_what_is_no_picture_is_none(content: bytes) -> None:
    assert pictures.kind(content) is None
    assert pictures.to_url(content) is None


@pytest.mark.parametrize(
    "url",
    [
        "https://kazenor.example/logo.png",
        "data:image/png;base64,R0lGODlh",
        "data:image/svg+xml;base64,iVBORw0KGgo=",
        "data:text/html;base64,iVBORw0KGgo=",
        "data:image/png;base64,iVBORw0KGgo",
        "data:image/png,iVBORw0KGgo=",
        " data:image/png;base64,iVBORw0KGgo=",
    ],
)
def test_an_address_that_does_not_hold_what_it_claims_holds_no_picture(url: str) -> None:
    assert pictures.of_url(url) is None
