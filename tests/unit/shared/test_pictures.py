"""What a picture really is, whatever it claims."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shared import pictures

SIGNATURES = {
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff\xe0",
    "gif": b"GIF89a\x01\x00\x01\x00",
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


def png(width: int, height: int) -> bytes:
    return (
        b"\x89PNG\r\n\x1a\n"
        + b"\x00\x00\x00\x0dIHDR"
        + width.to_bytes(4, "big")
        + height.to_bytes(4, "big")
        + b"\x08\x06"
    )


def gif(width: int, height: int) -> bytes:
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")


def webp(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00" + size


def jpeg(width: int, height: int) -> bytes:
    frame = b"\xff\xc2\x00\x11\x08" + height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc4\x00\x03x" + frame


@pytest.mark.parametrize("make", [png, gif, webp, jpeg])
def test_a_picture_that_claims_to_be_huge_is_none(make: Callable[[int, int], bytes]) -> None:
    assert pictures.sides(make(300, 200)) == (300, 200)
    for width, height, fits in ((4096, 4096, True), (4097, 1, False), (1, 60_000, False)):
        url = pictures.to_url(make(width, height))
        assert url is not None
        assert (pictures.of_url(url) is not None) == fits


@pytest.mark.parametrize("rest", [b"", b"\xff", b"\xff\xe0\x00\x00" * 50, b"\xff\xc0"])
def test_a_head_that_ends_early_claims_nothing_that_is_too_large(rest: bytes) -> None:
    assert max(pictures.sides(b"\xff\xd8\xff" + rest) or (0, 0)) == 0
