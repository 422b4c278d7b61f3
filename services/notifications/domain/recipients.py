"""Who hears of what (OE-21, JB-10)."""

from __future__ import annotations

from collections.abc import Iterable

from services.notifications.domain.people import Audience, News, Team, User

# An offer that comes in has no team yet: everybody who may answer it hears of it, and the person it names.
TO_ALL = frozenset({"offer.received"})
TO_TEAM = frozenset({"offer.undeliverable", "acceptance.received", "decline.received"})


def candidates(news: News, audience: Audience, team: Team | None) -> tuple[str, ...]:
    """The ids of all who may have to hear of it, each once, in a fixed order; whether they may is for `hears`."""
    ids: Iterable[str] = ()
    if news.type in TO_ALL:
        ids = (str(news.data.get("recipient_id", "")), *audience.user_ids)
    elif news.type in TO_TEAM:
        ids = team.user_ids if team else ()
    return tuple(dict.fromkeys(i for i in ids if i))


def hears(news: News, user: User | None) -> bool:
    """Whether a candidate hears of it: active users only, and never the one who did it."""
    return user is not None and user.active and user.id != news.actor
