"""Links in mails: a token proves one thing, for one business, for one purpose, and only with the key."""

from __future__ import annotations

import pytest

from shared import links
from shared.ids import new_id
from shared.settings import MissingSetting

KEY, OTHER, ID = "k" * 32, "x" * 32, new_id()


def test_a_token_is_read_by_whoever_has_the_key() -> None:
    assert links.read(KEY, "reset", links.token(KEY, "reset", "kazenor", ID)) == ("kazenor", ID)


def test_a_token_proves_nothing_else() -> None:
    token = links.token(KEY, "reset", "kazenor", ID)
    forged = [
        links.token(OTHER, "reset", "kazenor", ID),
        token.replace("kazenor", "northwind"),
        token.replace(ID, new_id()),
        token[:-1] + ("0" if token[-1] != "0" else "1"),
        token + "\n",
        token.upper(),
        token.replace("reset_", "email_"),
        "",
        None,
        7,
    ]
    assert [links.read(KEY, "reset", one) for one in forged] == [None] * len(forged)
    assert links.read(KEY, "email", token) is None
    assert links.read(KEY, "email", token.replace("reset_", "email_")) is None


@pytest.mark.parametrize("value", ["", "short"])
def test_without_a_real_key_there_are_no_links(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ACCORD_LINK_KEY", value)
    with pytest.raises(MissingSetting):
        links.key()
    with pytest.raises(ValueError):
        links.token(value, "reset", "kazenor", ID)
