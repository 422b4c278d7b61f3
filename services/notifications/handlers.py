"""Use cases of notifications: copies of users and teams, who is told of a fact, and what a person does with what they were told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from services.notifications.domain import account_mails, wording
from services.notifications.domain.people import (
    SEES_ALL,
    Audience,
    Mail,
    News,
    Notification,
    Preferences,
    Team,
    User,
)
from services.notifications.domain.recipients import TO_BE_ANSWERED, actor, candidates, hears, worth_telling
from shared import traces
from shared.bus.work import Heard, Work
from shared.calls import Body, Call, Ids, Paged
from shared.clock import iso
from shared.contracts.accounts import UserChanged
from shared.contracts.managers import TeamChanged
from shared.contracts.messages import Fact
from shared.contracts.notifications import CatchUp
from shared.contracts.offers import AcceptanceGiven, Manager, OfferReceived, OfferSubmitted
from shared.errors import NotFound, ValidationError
from shared.ids import derived_id
from shared.text import Id

Json = dict[str, Any]


class ListNotifications(Paged):
    """Query of my notifications; `unread` true shows only those."""

    unread: bool | None = None


class MarkRead(Body):
    """What I have read: some, all, or what the newest tell of one partnership, which I am looking at."""

    ids: Ids | None = None
    all: Literal[True] | None = None
    partnership_id: Id | None = None


class SetPreferences(Body):
    """How I want to hear. The app cannot be switched off; it may stand here so that what GET answers can be put back."""

    mail: bool
    app: Literal[True] = True


# Copies of what others own


def user_changed(work: Work, message: Heard[UserChanged], now: datetime) -> None:
    """Accounts tells of a user, whole. One of whom we hear for the first time may have missed something: see `catch_up`."""
    fact = message.data
    audience = _audience(work, message.tenant)
    known = work.get(User, message.tenant, message.subject)
    work.put(
        User(
            tenant=message.tenant,
            id=message.subject,
            name=fact.name,
            email=fact.email,
            role=fact.role,
            active=fact.active,
            since=known.since if known else message.time,
        )
    )
    others = tuple(i for i in audience.user_ids if i != message.subject)
    hearing = (*others, message.subject) if fact.active and fact.role in SEES_ALL else others
    if set(hearing) != set(audience.user_ids):
        work.put(replace(audience, user_ids=hearing))
    if known is None:
        work.later(CatchUp(since=message.time), tenant=message.tenant, subject=message.subject, at=now)


def catch_up(work: Work, message: Heard[CatchUp], now: datetime) -> None:
    """Tell a user what happened after accounts made them and before its word reached us.

    Streams of different services come in any order, so an offer may be here before the people who are to hear of it.
    """
    audience = _audience(work, message.tenant)
    user = work.get(User, message.tenant, message.subject)
    after: str | None = None
    while True:
        page = work.find(News, message.tenant, order="-at", after=after, limit=200)
        for news in page.items:
            if news.at < message.data.since:
                return
            if message.subject in candidates(news, audience, work.peek(Team, news.tenant, news.partnership_id)):
                _notify(work, news, user)
        after = page.next
        if after is None:
            return


# What people are told


def tell(work: Work, message: Heard[Any], now: datetime) -> None:
    """A fact that needs nothing kept but what it says: who hears of it stands in recipients.py, what they read in wording.py (OE-21)."""
    _learn(work, message)
    _tell(work, message)


def offer_submitted(work: Work, message: Heard[OfferSubmitted], now: datetime) -> None:
    """We sent an offer: those chosen to look after it are told, and hear of the answer even when managers' word is still on its way."""
    _learn(work, message, members=message.data.managers)
    _tell(work, message)


def offer_received(work: Work, message: Heard[OfferReceived], now: datetime) -> None:
    """An offer lies open: all who may answer it and the person it names are told, of this and of what becomes of it (OE-07)."""
    _learn(work, message, recipient_id=message.data.recipient_id)
    _tell(work, message)


def acceptance_given(work: Work, message: Heard[AcceptanceGiven], now: datetime) -> None:
    """We accepted an offer: those who look after the partnership are told, and hear from now on (OE-08)."""
    _learn(work, message, members=message.data.managers)
    _tell(work, message)


def team_changed(work: Work, message: Heard[TeamChanged], now: datetime) -> None:
    """Managers tells the whole team; the newest version counts. Who was added, or made the account owner, is told (JB-08).

    When the last one has lost the login, the admins are. Who was removed is told nothing, from this very fact on.
    """
    team = _learn(work, message, members=message.data.members, revision=message.data.version)
    _tell(work, message, company=team.company)


def mail_about_login(work: Work, message: Heard[Any], now: datetime) -> None:
    """Accounts has something to say to one mailbox: a mail, and no notification (account_mails.py)."""
    data = message.data.model_dump(mode="json")
    work.add(
        Mail(
            tenant=message.tenant,
            id=derived_id(message.time, message.tenant, "accounts", message.subject, str(message.sequence)),
            user_id=message.subject,
            name=data["name"],
            email=data[account_mails.MAILS[message.data.type].to],
            type=message.data.type,
            at=message.time,
            partnership_id="",
            data=data,
            answers=False,
            traceparent=traces.header(),
        )
    )


def _audience(work: Work, tenant: str) -> Audience:
    return work.get(Audience, tenant, tenant) or Audience(tenant=tenant, id=tenant)


def _learn(
    work: Work,
    message: Heard[Any],
    *,
    members: Sequence[Manager] | None = None,
    revision: int = 0,
    recipient_id: str = "",
) -> Team:
    """What is known of a partnership with what this fact says of it."""
    fact: Fact = message.data
    known = work.get(Team, message.tenant, message.subject) or Team(tenant=message.tenant, id=message.subject)
    team = replace(known, recipient_id=recipient_id or known.recipient_id)
    if fact.publisher == "offers":
        # It is offers that knows how the other side is called, at first by its tenant name alone.
        said = getattr(fact, "company", "") or getattr(fact, "customer", "")
        team = replace(team, company=said or known.company)
    if members is not None and known.revision < revision:
        team = replace(team, revision=revision, user_ids=tuple(member.id for member in members))
    return team if team == known else work.put(team)


def _tell(work: Work, message: Heard[Any], **more: str) -> None:
    fact: Fact = message.data
    data = {**fact.model_dump(mode="json"), **more}
    if not worth_telling(fact.type, data):
        return
    audience = _audience(work, message.tenant)
    news = News(
        tenant=message.tenant,
        id=derived_id(message.time, message.tenant, fact.publisher, message.subject, str(message.sequence)),
        partnership_id=message.subject,
        type=fact.type,
        at=message.time,
        actor=actor(fact.type, data),
        data=data,
    )
    work.add(news)
    for user_id in candidates(news, audience, work.get(Team, message.tenant, message.subject)):
        _notify(work, news, work.peek(User, message.tenant, user_id))


def _notify(work: Work, news: News, user: User | None) -> None:
    """One notification, and one mail unless they want none; nothing when this person was told already."""
    if user is None or not hears(news, user):
        return
    id = derived_id(news.at, news.id, user.id)
    if work.get(Notification, news.tenant, id) is not None:
        return
    work.put(
        Notification(
            tenant=news.tenant,
            id=id,
            user_id=user.id,
            type=news.type,
            at=news.at,
            partnership_id=news.partnership_id,
            data=news.data,
        )
    )
    chosen = work.peek(Preferences, news.tenant, user.id)
    if chosen is None or chosen.mail:
        # There is a mail only where there is a notification.
        work.add(
            Mail(
                tenant=news.tenant,
                id=id,
                user_id=user.id,
                name=user.name,
                email=user.email,
                type=news.type,
                at=news.at,
                partnership_id=news.partnership_id,
                data=news.data,
                answers=answers(user),
                traceparent=traces.header(),
            )
        )


# What a person asks and does


def answers(user: User | None) -> bool:
    """Whether this person may answer what the other side proposes."""
    return user is not None and user.role in SEES_ALL


def shown(notification: Notification, reader: User | None) -> Json:
    """A notification in the shape of the public contract; `href` is the path of the page where its reader acts."""
    said = wording.words(notification.type, notification.data, notification.user_id)
    way = wording.way(notification.type, notification.data, notification.partnership_id, answers=answers(reader))
    return {
        "id": notification.id,
        "type": notification.type,
        "at": iso(notification.at),
        "title": said.title,
        "text": wording.text(said),
        "partnership_id": notification.partnership_id,
        "href": way.path,
        "read": notification.read,
    }


def _unread(work: Work, call: Call) -> int:
    return int(
        work.count(Notification, call.tenant, by="unread", where={"user_id": call.actor, "unread": True}).get(True, 0)
    )


def list_notifications(work: Work, call: Call, query: ListNotifications, now: datetime) -> Json:
    """My notifications, newest first: `{items, next, unread_count}`. Nobody sees another's."""
    where: Json = {"user_id": call.actor}
    if query.unread is not None:
        where["unread"] = query.unread
    page = work.find(Notification, call.tenant, where=where, order="-at", after=query.cursor, limit=query.limit)
    # The bell of every page asks this; only what may be answered depends on who reads.
    answerable = any(n.type in TO_BE_ANSWERED for n in page.items)
    reader = work.peek(User, call.tenant, call.actor) if answerable else None
    return {"items": [shown(n, reader) for n in page.items], "next": page.next, "unread_count": _unread(work, call)}


def mark_read(work: Work, call: Call, command: MarkRead, now: datetime) -> Json:
    """Mark some or all of my notifications as read: `{unread_count}`.

    Raises ValidationError unless exactly one of `ids`, `all` and `partnership_id` is given, NotFound for an id that is not mine.
    """
    if [command.ids, command.all, command.partnership_id].count(None) != 2:
        raise ValidationError.of(("ids", "Give either ids or all."))
    unread = _unread(work, call)
    if command.ids is not None:
        meant: Iterable[Notification] = _mine(work, call, command.ids)
    elif command.partnership_id is not None:
        meant = _about(work, call, command.partnership_id)
    else:
        meant = _all_unread(work, call)
    marked = sum(_mark(work, n) for n in meant)
    return {"unread_count": max(0, unread - marked)}


def _mark(work: Work, notification: Notification) -> bool:
    if notification.read:
        return False
    work.put(replace(notification, read=True))
    return True


def _mine(work: Work, call: Call, ids: Sequence[str]) -> list[Notification]:
    # Locked in key order, so that two requests never wait for each other.
    found = [work.get(Notification, call.tenant, id) for id in sorted(ids)]
    mine = [n for n in found if n is not None and n.user_id == call.actor]
    if len(mine) < len(ids):
        raise NotFound()
    return mine


def _about(work: Work, call: Call, partnership_id: str) -> list[Notification]:
    """What is unread of one partnership, among the newest of mine: whoever has not looked at more than a page of them marks these at once."""
    page = work.find(Notification, call.tenant, where={"user_id": call.actor, "unread": True}, order="-at", limit=200)
    return _mine(work, call, [n.id for n in page.items if n.partnership_id == partnership_id])


def _all_unread(work: Work, call: Call) -> Iterable[Notification]:
    after: str | None = None
    while True:
        page = work.find(
            Notification,
            call.tenant,
            where={"user_id": call.actor, "unread": True},
            order="-at",
            after=after,
            limit=200,
        )
        for seen in page.items:
            locked = work.get(Notification, call.tenant, seen.id)
            if locked is not None:
                yield locked
        after = page.next
        if after is None:
            return


def get_preferences(work: Work, call: Call, now: datetime) -> Json:
    """How I hear: `{app, mail}`; both unless I chose otherwise."""
    chosen = work.peek(Preferences, call.tenant, call.actor)
    return {"app": True, "mail": chosen.mail if chosen else True}


def set_preferences(work: Work, call: Call, command: SetPreferences, now: datetime) -> Json:
    """Choose how I hear; answers like `get_preferences`."""
    work.put(Preferences(tenant=call.tenant, id=call.actor, mail=command.mail))
    return {"app": True, "mail": command.mail}
