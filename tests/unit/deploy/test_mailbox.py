"""The mailbox keeps each mail as a file, whatever its receiver is called."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiosmtpd.smtp import Envelope

from deploy.local.mailbox import Keep


def deliver(keep: Keep, *to: str) -> str:
    envelope = Envelope()
    envelope.rcpt_tos = list(to)
    envelope.original_content = b"Subject: Hello\r\n\r\nYou have an offer.\r\n"
    return asyncio.run(keep.handle_DATA(None, None, envelope))  # type: ignore[arg-type]


def test_a_mail_becomes_a_file_named_by_its_receiver(tmp_path: Path) -> None:
    assert deliver(Keep(tmp_path), "nils@northwind.example").startswith("250")
    (file,) = tmp_path.iterdir()
    assert file.name.endswith("-nils@northwind.example.eml")
    assert b"You have an offer." in file.read_bytes()


def test_no_receiver_can_write_elsewhere(tmp_path: Path) -> None:
    keep = Keep(tmp_path)
    for to in ("../../etc/passwd@x", "/etc/passwd", ".hidden@x", "a\0b@x", "x" * 500):
        assert deliver(keep, to).startswith("250")
    assert len(list(tmp_path.iterdir())) == 5


def test_a_folder_that_is_gone_is_a_reason_to_try_again_later(tmp_path: Path) -> None:
    assert deliver(Keep(tmp_path / "gone"), "nils@northwind.example").startswith("451")
