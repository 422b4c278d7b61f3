"""Proposing changes of who is lent, answering and withdrawing them; what the other side says of them; and the list of them (OE-12 to OE-16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from services.contacts import views
from services.contacts.commands import AnswerModification, ListModifications, ProposeModification
from services.contacts.domain import modifying as rules
from services.contacts.domain.directory import Contact
from services.contacts.domain.lending import Partnership, assignment_id
from services.contacts.domain.modifying import Agreement, Answer, Item, Modification
from services.contacts.handlers.keeping import (
    answered,
    company,
    keep,
    load,
    say_decision,
    settled,
    speak,
    tell_details,
    wish,
    wished,
)
from shared.bus.door import Person, check_version
from shared.bus.work import Heard, Json, Work
from shared.calls import Call
from shared.contracts import contacts as said
from shared.contracts import offers as from_offers
from shared.errors import NotFound, ValidationError, WrongState
from shared.ids import new_id

SAID = (said.ModificationProposed, said.ModificationDecided, said.ModificationWithdrawn)
Said = said.ModificationProposed | said.ModificationDecided | said.ModificationWithdrawn
Spoken = Heard[said.ModificationProposed] | Heard[said.ModificationDecided] | Heard[said.ModificationWithdrawn]


# What people of ours do


def propose_modification(
    work: Work, call: Call, command: ProposeModification, *, person: Person, now: datetime
) -> Json:
    """Propose to add and to release people, with one reason for all; nothing takes effect before the other side accepts (OE-12 to OE-15).

    Answers the modification. Raises WrongState, ContactHasPendingChange, ValidationError.
    """
    replied = (command.in_reply_to,) if command.in_reply_to else ()
    before = load(work, call.tenant, call.ids["partnership_id"], *replied)
    if before is None:
        raise WrongState("Contacts can be changed once the offer has been accepted.")
    # Locked: nobody is proposed and deleted at the same moment.
    people = work.get_many(Contact, call.tenant, command.add_contact_ids)
    wanted = [people.get(id) for id in command.add_contact_ids]
    mid = new_id()
    items = rules.wishes(
        before,
        mid=mid,
        add=[(one.id, one.name, one.title) if one else None for one in wanted],
        release=command.release_contact_ids,
        at=now,
    )
    if command.in_reply_to and command.in_reply_to not in before.modifications:
        raise ValidationError.of(("in_reply_to", "There is no such proposal in this partnership."))
    partnership = before.partnership
    proposal = Modification(
        tenant=call.tenant,
        id=rules.key(partnership.id, mid),
        partnership_id=partnership.id,
        by="us",
        reason=command.reason,
        proposer_id=person.id,
        proposer=person.name,
        created_at=now,
        items=items,
        in_reply_to=command.in_reply_to or "",
        number=partnership.told + 1,
    )
    who = from_offers.Person(id=person.id, name=person.name)
    work.say(
        said.ProposalGiven(**_proposal(work, partnership, proposal, who)), tenant=call.tenant, subject=partnership.id
    )
    message = said.ModificationProposed(
        id=mid,
        reason=command.reason,
        proposed_by=who,
        proposed_at=now,
        items=[said.ProposedItem(**wish(item), assignment_id=item.assignment_id) for item in items],
        in_reply_to=command.in_reply_to,
    )
    after = replace(before, partnership=speak(work, partnership, message))
    # What we wish may settle an open wish of theirs: both who release agree (rule 2).
    return _shown(keep(work, before, settled(work, rules.propose(after, proposal), now)), mid)


def answer_modification(
    work: Work,
    call: Call,
    command: AnswerModification,
    *,
    person: Person,
    environments: Sequence[Json] = (),
    now: datetime,
) -> Json:
    """Decide every open item of their proposal, each by itself (OE-16, BX-04). The same answer again changes nothing.

    Answers the modification. Raises NotFound, ChangedMeanwhile, WrongState, ValidationError.
    """
    before = _found(work, call)
    mid = call.ids["modification_id"]
    check_version(call, before.modifications[mid].version)
    faults: list[tuple[str, str]] = []
    given = [
        (
            one.contact_id,
            Answer(one.decision, one.comment or "", views.grants(f"items.{i}", one.roles, environments, faults)),
        )
        for i, one in enumerate(command.items)
    ]
    answers = rules.ensure_answer(before, mid, given, faults=faults)
    if not answers:
        return _shown(before, mid)
    comment, suggestion = command.comment or "", command.suggestion or ""
    after = rules.decide(before, mid, answers, by=person.name, at=now, comment=comment, suggestion=suggestion)
    who = from_offers.Person(id=person.id, name=person.name)
    after = say_decision(work, after, mid, answers, by=who, at=now, comment=comment, suggestion=suggestion)
    return _shown(keep(work, before, settled(work, after, now)), mid)


def withdraw_modification(work: Work, call: Call, *, person: Person, now: datetime) -> Json:
    """Take back what is still open of a proposal of ours; an answer that was given before counts (rule 1).

    Answers the modification. Raises NotFound, ChangedMeanwhile, WrongState.
    """
    before = _found(work, call)
    mid = call.ids["modification_id"]
    proposal = before.modifications[mid]
    rules.ensure_withdrawable(before, mid)
    check_version(call, proposal.version)
    items = [item for item in proposal.items if item.decision is None]
    after = rules.withdraw(before, mid)
    after = after.with_(replace(after.modifications[mid], withdrawal=after.partnership.told + 1))
    who = from_offers.Person(id=person.id, name=person.name)
    partnership = after.partnership
    work.say(
        said.RetractionGiven(
            modification_id=mid,
            counterpart=partnership.counterpart,
            company=company(work, partnership),
            by=who,
            at=now,
            items=wished(items),
        ),
        tenant=call.tenant,
        subject=partnership.id,
    )
    message = said.ModificationWithdrawn(
        modification_id=mid, withdrawn_by=who, withdrawn_at=now, contact_ids=[item.contact_id for item in items]
    )
    after = replace(after, partnership=speak(work, partnership, message))
    return _shown(keep(work, before, settled(work, after, now)), mid)


def _found(work: Work, call: Call) -> Agreement:
    mid = call.ids["modification_id"]
    agreement = load(work, call.tenant, call.ids["partnership_id"], mid)
    if agreement is None or mid not in agreement.modifications:
        raise NotFound()
    return agreement


# What the other side says


def about(data: Said) -> str:
    """Which modification is spoken of."""
    return data.id if isinstance(data, said.ModificationProposed) else data.modification_id


def hear(work: Work, agreement: Agreement, data: Said, now: datetime) -> Agreement:
    """Contacts of the counterpart speaks of a proposal, ours or theirs: never refused, it counts as far as it is the strongest (rule 1)."""
    if isinstance(data, said.ModificationProposed):
        return _hear_proposal(work, agreement, data)
    known = agreement.modifications.get(data.modification_id)
    # Nobody decides but the addressee, and nobody withdraws but the proposer.
    if known is None or known.by != ("us" if isinstance(data, said.ModificationDecided) else "them"):
        return agreement
    if isinstance(data, said.ModificationDecided):
        return _hear_decision(work, agreement, known, data)
    return _hear_withdrawal(work, agreement, known, data)


def _hear_proposal(work: Work, agreement: Agreement, data: said.ModificationProposed) -> Agreement:
    partnership = agreement.partnership
    if data.id in agreement.modifications:
        return agreement
    # Who is there goes by the name that we know, whatever the other side calls them.
    known = {(one.id, one.contact_id): one for one in partnership.assignments}
    items = {
        one.contact_id: Item(
            action=one.action,
            contact_id=one.contact_id,
            # An addition makes an assignment that both sides derive, whatever the other side calls it (rule 3).
            assignment_id=assignment_id(data.id, one.contact_id, data.proposed_at)
            if one.action == "add"
            else one.assignment_id,
            name=(known.get((one.assignment_id, one.contact_id)) or one).name,
            title=(known.get((one.assignment_id, one.contact_id)) or one).title,
        )
        for one in data.items
    }
    proposal = Modification(
        tenant=partnership.tenant,
        id=rules.key(partnership.id, data.id),
        partnership_id=partnership.id,
        by="them",
        reason=data.reason,
        proposer_id=data.proposed_by.id,
        proposer=data.proposed_by.name,
        created_at=data.proposed_at,
        items=tuple(items.values()),
        in_reply_to=data.in_reply_to or "",
    )
    work.say(
        said.ProposalReceived(
            **_proposal(work, partnership, proposal, data.proposed_by), counts=partnership.phase == "accepted"
        ),
        tenant=partnership.tenant,
        subject=partnership.id,
    )
    return rules.propose(agreement, proposal)


def _hear_decision(work: Work, agreement: Agreement, known: Modification, data: said.ModificationDecided) -> Agreement:
    if 0 < known.withdrawal <= agreement.partnership.confirmed:
        # They had receipted our withdrawal: what they had decided before it was here before that (rule 9).
        return agreement
    answers = {
        one.contact_id: Answer(one.decision, one.comment)
        for one in data.items
        if (item := known.item(one.contact_id)) is not None and rules.outranks(one.decision, item.decision)
    }
    by = data.decided_by.name if data.decided_by else ""
    after = rules.decide(
        agreement,
        known.mid,
        answers,
        by=by,
        at=data.decided_at,
        comment=data.comment,
        suggestion=data.suggestion,
    )
    partnership = after.partnership
    work.say(
        said.AnswerReceived(
            modification_id=known.mid,
            counterpart=partnership.counterpart,
            company=company(work, partnership),
            by=data.decided_by,
            at=data.decided_at,
            items=answered(known, answers),
            comment=data.comment,
            suggestion=data.suggestion,
            reason=known.reason,
        ),
        tenant=partnership.tenant,
        subject=partnership.id,
    )
    if partnership.phase == "accepted" and any(
        item.action == "add" and item.contact_id in answers for item in known.items
    ):
        partnership = tell_details(work, partnership)
    if partnership.word == known.number and after.modifications[known.mid].state == "answered":
        partnership = replace(partnership, word_answered=True)
    return replace(after, partnership=partnership)


def _hear_withdrawal(
    work: Work, agreement: Agreement, known: Modification, data: said.ModificationWithdrawn
) -> Agreement:
    after = rules.withdraw(agreement, known.mid)
    partnership = after.partnership
    work.say(
        said.RetractionReceived(
            modification_id=known.mid,
            counterpart=partnership.counterpart,
            company=company(work, partnership),
            by=data.withdrawn_by,
            at=data.withdrawn_at,
            items=wished([item for item in known.items if item.contact_id in data.contact_ids]),
            counts=known.open,
        ),
        tenant=partnership.tenant,
        subject=partnership.id,
    )
    return after


def _proposal(work: Work, partnership: Partnership, proposal: Modification, by: from_offers.Person) -> Json:
    return {
        "modification_id": proposal.mid,
        "counterpart": partnership.counterpart,
        "company": company(work, partnership),
        "by": by,
        "at": proposal.created_at,
        "reason": proposal.reason,
        "items": wished(proposal.items),
        "in_reply_to": proposal.in_reply_to or None,
    }


# What people ask


def list_modifications(
    work: Work, call: Call, query: ListModifications, *, changes: bool = True, now: datetime
) -> Json:
    """The modifications of a partnership, the newest first: {"items": [modification], "next": cursor or None}.

    `changes`: the viewer may change the partnership. Whether they may see it was asked at the door.
    """
    partnership = work.peek(Partnership, call.tenant, call.ids["partnership_id"])
    where: dict[str, object] = {"partnership_id": call.ids["partnership_id"]}
    if query.state is not None:
        where["shown_as"] = query.state
    page = work.find(Modification, call.tenant, where=where, order="-created_at", after=query.cursor, limit=query.limit)
    if partnership is None:
        return {"items": [], "next": None}
    return {"items": [views.modification(partnership, one, changes=changes) for one in page.items], "next": page.next}


def get_modification(work: Work, call: Call, *, changes: bool = True, now: datetime) -> Json:
    """One modification. Raises NotFound."""
    partnership = work.peek(Partnership, call.tenant, call.ids["partnership_id"])
    found = work.peek(Modification, call.tenant, rules.key(call.ids["partnership_id"], call.ids["modification_id"]))
    if partnership is None or found is None:
        raise NotFound()
    return views.modification(partnership, found, changes=changes)


def _shown(agreement: Agreement, mid: str) -> Json:
    return views.modification(agreement.partnership, agreement.modifications[mid], changes=True)
