"""Reading and keeping a partnership with its proposals, and what is stated and told of it: what all use cases on a partnership begin and end with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from services.contacts.domain import lending, modifying
from services.contacts.domain.counterparts import Counterpart
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Figures, Lent, Partnership
from services.contacts.domain.modifying import Agreement, Item, Modification
from shared.bus.work import Work
from shared.contracts import contacts as said
from shared.contracts.messages import PeerMessage
from shared.contracts.offers import Grant, Person


def load(work: Work, tenant: str, partnership_id: str, *mids: str) -> Agreement | None:
    """The partnership, locked, with all its open modifications and these; None when there is none. Unknown modifications are left out."""
    partnership = work.get(Partnership, tenant, partnership_id)
    if partnership is None:
        return None
    keys = [modifying.key(partnership_id, mid) for mid in {*partnership.open, *mids}]
    found = work.get_many(Modification, tenant, keys) if keys else {}
    return Agreement(partnership, {one.mid: one for one in found.values()})


def keep(work: Work, before: Agreement | None, after: Agreement) -> Agreement:
    """Keep what has changed, and state the figures when they have; answers the agreement as it is kept."""
    partnership = replace(
        after.partnership, open=tuple(sorted(mid for mid, one in after.modifications.items() if one.open))
    )
    figures = _figures(partnership, after.modifications.values())
    if figures != partnership.figures:
        version = work.said(partnership.tenant, partnership.id) + 1
        work.say(
            said.AssignmentsChanged(version=version, **asdict(figures)),
            tenant=partnership.tenant,
            subject=partnership.id,
        )
        partnership = replace(partnership, figures=figures)
    known = before.modifications if before else {}
    kept = {mid: work.put(one) if one is not known.get(mid) else one for mid, one in after.modifications.items()}
    if before is None or partnership != before.partnership:
        partnership = work.put(partnership)
    return Agreement(partnership, kept)


def _figures(partnership: Partnership, modifications: Iterable[Modification]) -> Figures:
    """What offers shows of this: nothing is pending after an end."""
    pending = [one for one in modifications if one.open]
    theirs = [one.created_at for one in pending if one.by == "them"]
    ours = [one.created_at for one in pending if one.by == "us"]
    return Figures(
        working=len(lending.working(partnership)),
        pending=len(pending),
        to_answer=len(theirs),
        to_answer_since=min(theirs, default=None),
        awaiting=len(ours),
        awaiting_since=min(ours, default=None),
        last_word=lending.last_word(partnership),
    )


def company(work: Work, partnership: Partnership) -> str:
    """The name of the other business, as it told last."""
    known = work.peek(Counterpart, partnership.tenant, partnership.counterpart)
    return (known.company if known else "") or partnership.company or partnership.counterpart


def tell(work: Work, partnership: Partnership, message: PeerMessage) -> Partnership:
    """Say something to contacts of the other side; answers the partnership, which counts it."""
    work.tell(message, tenant=partnership.tenant, to=partnership.counterpart, subject=partnership.id)
    return replace(partnership, told=partnership.told + 1)


def speak(work: Work, partnership: Partnership, message: PeerMessage) -> Partnership:
    """`tell` what a person of ours has to say."""
    after = tell(work, partnership, message)
    return replace(after, word=after.told, word_answered=False)


def tell_details(work: Work, partnership: Partnership) -> Partnership:
    """Tell the customer about everybody who works there, unless it has heard just that."""
    found = work.get_many(Contact, partnership.tenant, lending.working(partnership))
    people = [lent(found[id]) for id in lending.working(partnership) if id in found]
    after = lending.share(partnership, people)
    if after is partnership:
        return partnership
    details = [said.ContactDetails(**asdict(one)) for one in after.details]
    return tell(work, after, said.DetailsShared(counter=after.details_counter, contacts=details))


def lent(contact: Contact) -> Lent:
    """What the customer may know of somebody of ours."""
    return Lent(id=contact.id, name=contact.name, email=contact.email, phone=contact.phone, title=contact.title)


def settled(work: Work, agreement: Agreement, now: datetime) -> Agreement:
    """The agreement after we decided what is obvious, and said so like any decision (rule 2)."""
    after, decided = modifying.settle(agreement, now)
    for mid, answers in decided:
        after = say_decision(work, after, mid, answers, by=None, at=now)
    return after


def say_decision(
    work: Work,
    agreement: Agreement,
    mid: str,
    answers: Mapping[str, modifying.Answer],
    *,
    by: Person | None,
    at: datetime,
    comment: str = "",
    suggestion: str = "",
) -> Agreement:
    """State and tell what we decided of a modification."""
    modification = agreement.modifications[mid]
    partnership = agreement.partnership
    work.say(
        said.AnswerGiven(
            modification_id=mid,
            counterpart=partnership.counterpart,
            company=company(work, partnership),
            by=by,
            at=at,
            items=answered(modification, answers),
            comment=comment,
            suggestion=suggestion,
            reason=modification.reason,
        ),
        tenant=partnership.tenant,
        subject=partnership.id,
    )
    message = said.ModificationDecided(
        modification_id=mid,
        decided_by=by,
        decided_at=at,
        items=[
            said.DecidedItem(contact_id=id, decision=answer.decision, comment=answer.comment)
            for id, answer in answers.items()
        ],
        comment=comment,
        suggestion=suggestion,
    )
    say = tell if by is None else speak
    return replace(agreement, partnership=say(work, partnership, message))


def answered(modification: Modification, answers: Mapping[str, modifying.Answer]) -> list[said.Answered]:
    """The items that were decided, for those who tell of it."""
    return [
        said.Answered(
            **wish(item),
            decision=answers[item.contact_id].decision,
            comment=answers[item.contact_id].comment,
            roles=[Grant(**asdict(grant)) for grant in answers[item.contact_id].roles],
        )
        for item in modification.items
        if item.contact_id in answers
    ]


def wished(items: Sequence[Item]) -> list[said.Wish]:
    """Items for those who tell of them."""
    return [said.Wish(**wish(item)) for item in items]


def wish(item: Item) -> dict[str, str]:
    """What all messages say of an item."""
    return {"action": item.action, "contact_id": item.contact_id, "name": item.name, "title": item.title}
