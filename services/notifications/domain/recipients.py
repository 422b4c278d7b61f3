"""Who hears of what (OE-21, JB-08, JB-10)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from services.notifications.domain.people import Audience, News, Team, User

Data = Mapping[str, Any]

# An offer that comes in has no team yet: everybody who may answer it hears of it and of what becomes of it, and the person it names.
TO_ALL = frozenset({"offer.received", "withdrawal.received", "expiry.received", "reminder.received"})
# Those who look after the partnership on our side, whichever side did it; all who see it when nobody does.
TO_TEAM = frozenset(
    {
        "offer.undeliverable",
        "acceptance.given",
        "acceptance.received",
        "decline.given",
        "decline.received",
        "withdrawal.given",
        "expiry.given",
        "reminder.given",
        "end.given",
        "end.received",
        "owner.received",
        "proposal.given",
        "proposal.received",
        "answer.given",
        "answer.received",
        "retraction.given",
        "retraction.received",
    }
)
# What waits for an answer: when nobody of the team may give it, those hear too who may.
TO_BE_ANSWERED = frozenset({"proposal.received"})
# Whom somebody chose: only they themselves are told.
TO_CHOSEN = frozenset({"offer.submitted", "team.changed"})
TOLD = TO_ALL | TO_TEAM | TO_CHOSEN


def worth_telling(type_: str, data: Data) -> bool:
    """Whether anybody may have to hear of it.

    Not of what has no effect any more, nor of a team that is as was told before or that only the one who made it is in.
    """
    if any(data.get(has, True) is False for has in ("counts", "first")):
        return False
    if type_ == "owner.received" and (data.get("renamed") or not data.get("name")):
        # The same person under another name, or nobody for the moment: it shows, and asks nothing of anybody.
        return False
    if (
        type_ == "answer.given"
        and not data.get("by")
        and all(i.get("decision") == "accept" for i in data.get("items", []))
    ):
        # Both release the same person: the answer to our own proposal tells it, once.
        return False
    people = chosen(type_, data)
    if people and all(id == actor(type_, data) for id in people):
        return False
    if type_ == "team.changed":
        return bool(people or emptied(type_, data)) and not data.get("final")
    return type_ in TOLD


def actor(type_: str, data: Data) -> str:
    """The id of who of us did it, or nothing. An id that the other side said is never one of ours."""
    if type_ == "offer.submitted":
        return _id(data.get("sent_by"))
    if type_ == "team.changed" or type_.endswith(".given"):
        return _id(data.get("by"))
    return ""


def emptied(type_: str, data: Data) -> bool:
    """Whether the last one who looked after the partnership has lost the login."""
    return type_ == "team.changed" and data.get("cause") == "deactivated" and not data.get("members")


def candidates(news: News, audience: Audience, team: Team | None) -> tuple[str, ...]:
    """The ids of all who may have to hear of it, each once, in a fixed order; whether they may is for `hears`."""
    now = team.user_ids if team else ()
    ids: Iterable[str] = ()
    if news.type in TO_ALL:
        named = str(news.data.get("recipient_id") or (team.recipient_id if team else ""))
        ids = (named, *audience.user_ids)
    elif news.type in TO_TEAM:
        ids = now or audience.user_ids
        if news.type in TO_BE_ANSWERED and not set(now) & set(audience.user_ids):
            ids = (*now, *audience.user_ids)
    elif emptied(news.type, news.data):
        ids = () if now else audience.user_ids
    elif news.type in TO_CHOSEN:
        # Whoever was chosen and has gone again meanwhile is told nothing.
        ids = (id for id in chosen(news.type, news.data) if id in now)
    return tuple(dict.fromkeys(i for i in ids if i))


def chosen(type_: str, data: Data) -> tuple[str, ...]:
    """The ids of those whom a fact makes look after a partnership: by an offer or its acceptance, added to a team, made its owner."""
    if type_ in {"offer.submitted", "acceptance.given"}:
        return tuple(_id(one) for one in data.get("managers", []))
    if type_ != "team.changed" or data.get("cause") in {"formed", "renamed"}:
        return ()
    new_owner = [data.get("owner")] if data.get("previous_owner") else []
    return tuple(i for one in (*data.get("added", []), *new_owner) if (i := _id(one)))


def hears(news: News, user: User | None) -> bool:
    """Whether a candidate hears of it: active users only, never the one who did it, and of an empty team those who appoint users."""
    if user is None or not user.active or user.id == news.actor:
        return False
    return user.role == "admin" or not emptied(news.type, news.data)


def _id(person: Any) -> str:
    return str((person or {}).get("id") or "")
