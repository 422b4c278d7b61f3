"""The account owner's name: all that the other side learns of a team, as a shared value with its counter (protocol rule 7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.offers.domain.partnership import RUNNING, Named, Partnership


def team(p: Partnership, *, members: tuple[str, ...], owner: Named | None, version: int) -> Partnership:
    """Our team as managers told last; the newest version counts (rule 8)."""
    if version <= p.team_version:
        return p
    return replace(p, managers=members, owner=owner, team_version=version, owner_told=_told(p))


def _told(p: Partnership) -> str:
    """The name they heard last: in the offer or in the acceptance, if never since. Records of before did not note it."""
    if p.owner_told or p.owner_counter:
        return p.owner_told
    if p.role == "partner":
        return p.sent_by.name
    return p.owner.name if p.owner else ""


def name(p: Partnership) -> Partnership:
    """Our account owner as the other side is to know it, "" for nobody; unchanged when it knows."""
    theirs_to_know = p.status in RUNNING or (p.role == "partner" and p.status == "open" and not p.held)
    name = p.owner.name if p.owner else ""
    if not theirs_to_know or name == _told(p):
        return p
    return replace(p, owner_told=name, owner_counter=p.owner_counter + 1, sent=p.sent + 1)


def named(p: Partnership, *, counter: int, name: str, now: datetime) -> Partnership:
    """Their account owner has another name, or is somebody else; the highest counter counts."""
    if counter <= p.their_owner_counter:
        return p
    return replace(p, their_owner=name, their_owner_counter=counter, updated_at=now)
