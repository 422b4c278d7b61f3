"""What both sides show in the end, against each other and against what was acknowledged: lost, doubled, diverged.

- *lost*: an acknowledged command whose effect is missing on one of the sides;
- *doubled*: an effect that is there twice: an entry, a notification, a partnership, somebody who works there twice;
- *diverged*: the two sides show different things, or one that cannot follow from what was acknowledged.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.chaos.deals import ENTRY, NOTICE, Deal, Done
from tests.chaos.doing import Pair
from tests.chaos.people import Business, Json, until

AT_ONCE = 8
"""So many partnerships are read at the same time."""
FINAL = {"declined", "withdrawn", "terminated"}


@dataclass
class Found:
    """The sentences, by kind."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)

    def __bool__(self) -> bool:
        return bool(self.lost or self.doubled or self.diverged)


@dataclass
class View:
    """What one side shows of a partnership; `partnership` is None when it knows of none."""

    side: Business
    partnership: Json | None
    contacts: list[Json] = field(default_factory=list)
    modifications: list[Json] = field(default_factory=list)
    managers: list[Json] = field(default_factory=list)
    history: list[Json] = field(default_factory=list)


async def view(deal: Deal, side: Business) -> View:
    """All that a side shows. Raises Stuck when it cannot be read."""

    async def there() -> list[Json | None]:
        try:
            answer = await side.gateway.http.get(deal.path(), headers={"Authorization": f"Bearer {side.token}"})
        except httpx.HTTPError:
            return []
        return [answer.json()] if answer.status_code == 200 else [None] if answer.status_code == 404 else []

    [partnership] = await until(there, f"{side.tenant} can be read")
    if partnership is None:
        return View(side, None)
    lists = [await side.all(deal.path(name)) for name in ("contacts", "modifications", "managers", "history")]
    return View(side, partnership, *lists)


async def compare(pairs: Iterable[Pair], mails: Path | None) -> Found:
    """Read everything of both sides and compare it. `mails` is where the mailbox keeps what it was given."""
    found, gate = Found(), asyncio.Semaphore(AT_ONCE)
    handed_over = _message_ids(mails) if mails is not None else None

    async def one(deal: Deal) -> None:
        async with gate:
            ours, theirs = await view(deal, deal.partner), await view(deal, deal.customer)
        judge(deal, ours, theirs, found)

    for pair in pairs:
        await asyncio.gather(*(one(deal) for deal in pair.deals))
        for side in pair.sides:
            tiles = await side.all(
                "/partnerships?" + "&".join(f"status={s}" for s in ("open", "accepted", "modified", "ended"))
            )
            home = await side.all("/partnerships")
            judge_home(side, pair.deals, tiles, home, found)
            notices = await side.all("/notifications")
            judge_notices(side, pair.deals, notices, found)
            if handed_over is not None:
                judge_mails(side, notices, handed_over, found)
    return found


# One partnership


def judge(deal: Deal, ours: View, theirs: View, found: Found) -> None:
    """Compare the partner's view and the customer's."""
    found.compared["partnerships"] += 1
    here, there = ours.partnership, theirs.partnership
    name = f"{deal.id} of {deal.partner.tenant} and {deal.customer.tenant}"
    if here is None:
        found.lost.append(f"{name}: the offer was acknowledged, and its sender knows nothing of it")
        return
    if there is None:
        # One that was taken back before it left is nothing to the other side.
        if here["status"] != "withdrawn" or any(e["shared"] for e in ours.history):
            found.lost.append(f"{name}: the customer knows nothing of it, it is {here['status']} at the partner")
        return
    for what, a, b in _pairs(ours, theirs):
        if a != b:
            found.diverged.append(f"{name}: {what}: {a} at the partner, {b} at the customer")
    if here["status"] not in deal.status:
        found.lost.append(
            f"{name}: it is {here['status']} and must be {' or '.join(sorted(deal.status))}: {_told(deal)}"
        )
    _ends(deal, ours, theirs, name, found)
    for side in (ours, theirs):
        _own(deal, side, name, found)
        _entries(deal, side, name, found)
        _decisions(deal, side, name, found)


def _told(deal: Deal) -> str:
    return ", ".join(f"{d.by.tenant} {d.kind}" for d in deal.done)


def _pairs(ours: View, theirs: View) -> Iterator[tuple[str, object, object]]:
    """What must be equal on both sides."""
    here, there = ours.partnership or {}, theirs.partnership or {}
    for name in (
        "status",
        "contacts_count",
        "pending_modifications",
        "message",
        "sent_at",
        "expires_at",
        "decline_reason",
    ):
        yield name, here[name], there[name]
    turns = {"ours": "theirs", "theirs": "ours"}
    if not (here["turn"] == there["turn"] == "ours" and here["status"] == "modified"):
        yield "turn", here["turn"], turns.get(there["turn"], there["turn"])
    yield "assignments", _assignments(ours), _assignments(theirs)
    yield "modifications", _modifications(ours, "us"), _modifications(theirs, "them")
    # Who knows of a partnership knows its history; the offer itself is in it.
    yield "shared history", _shared(ours, "us"), _shared(theirs, "them")
    if here["status"] in {"accepted", "modified", "suspended"}:
        yield "their owner", (here["owners"]["ours"] or {}).get("name"), (there["owners"]["theirs"] or {}).get("name")
        yield "our owner", (here["owners"]["theirs"] or {}).get("name"), (there["owners"]["ours"] or {}).get("name")
        yield "profile of the customer", here["counterpart"]["company"], theirs.side.company
        yield "profile of the partner", there["counterpart"]["company"], ours.side.company
        yield "phone of the customer", here["counterpart"]["profile"].get("phone") or "", theirs.side.phone
        yield "phone of the partner", there["counterpart"]["profile"].get("phone") or "", ours.side.phone


def _assignments(view: View) -> list[tuple[str, ...]]:
    return sorted((a["id"], a["contact_id"], a["state"]) for a in view.contacts)


def _modifications(view: View, us: str) -> list[tuple[object, ...]]:
    return sorted(
        (
            m["id"], m["state"], m["proposed_by"] == us, m["reason"],
            *sorted((i["contact_id"], i["action"], str(i["decision"]), str(i["assignment_id"])) for i in m["items"]),
        )
        for m in view.modifications
    )  # fmt: skip


def _shared(view: View, us: str) -> list[tuple[str, ...]]:
    return sorted(
        (e["type"], e["at"], str(e["by"]["side"] == us), e["by"]["name"], _marks(e))
        for e in view.history
        if e["shared"]
    )


def _marks(entry: Mapping[str, object]) -> str:
    """The marks of the command that an entry tells of."""
    details = entry["details"]
    assert isinstance(details, dict)
    return " ".join(str(details[name]) for name in ("message", "reason", "comment") if details.get(name))


def _ends(deal: Deal, ours: View, theirs: View, name: str, found: Found) -> None:
    by_partner, by_customer = bool(deal.of("end", deal.partner)), bool(deal.of("end", deal.customer))
    wanted = {
        (True, True): ("both", "both"), (True, False): ("us", "them"), (False, True): ("them", "us"), (False, False): (None, None),
    }[by_partner, by_customer]  # fmt: skip
    shown = tuple(((v.partnership or {}).get("ended") or {}).get("by") for v in (ours, theirs))
    if shown != wanted:
        found.lost.append(f"{name}: ended by {shown}, and {wanted} was acknowledged")


def _own(deal: Deal, view: View, name: str, found: Found) -> None:
    """What one side shows fits together."""
    p, tenant = view.partnership or {}, view.side.tenant
    working = Counter(a["contact_id"] for a in view.contacts if a["state"] == "accepted")
    found.doubled += [f"{name}: {id} works there {n} times at {tenant}" for id, n in working.items() if n > 1]
    pending = [m for m in view.modifications if m["state"] == "pending"]
    turn = None
    if p["status"] == "open":
        turn = "theirs" if view.side is deal.partner else "ours"
    elif p["status"] == "modified":
        turn = "ours" if any(m["proposed_by"] == "them" for m in pending) else "theirs"
    for what, a, b in (
        ("contacts", p["contacts_count"], len(working)),
        (
            "pending changes",
            p["pending_modifications"],
            len(pending) if p["status"] not in FINAL else p["pending_modifications"],
        ),
        ("turn", p["turn"], turn),
    ):
        if a != b:
            found.diverged.append(f"{name}: {tenant} shows {what} {a}, and it is {b}")
    team = deal.teams.get(tenant)
    if team is not None and p["status"] not in {"open", *FINAL}:
        shown = [m["contact_id"] for m in view.managers]
        if len(set(shown)) < len(shown):
            found.doubled.append(f"{name}: a manager stands twice in the team of {tenant}")
        if set(shown) != set(team) or [m["contact_id"] for m in view.managers if m["owner"]] != team[:1]:
            found.lost.append(f"{name}: the team of {tenant} is {view.managers}, and {team} was acknowledged")


def _entries(deal: Deal, view: View, name: str, found: Found) -> None:
    """Each acknowledged command has one entry on each side, and each entry one command."""
    found.compared["history entries"] += len(view.history)
    tenant = view.side.tenant
    entries: defaultdict[tuple[str, str, str], int] = defaultdict(int)
    for e in view.history:
        # What a rule decided has no person; what one side did for itself is no matter of both.
        if e["shared"] and e["by"]["name"] != "Accord":
            side = view.side if e["by"]["side"] == "us" else deal.other(view.side)
            entries[e["type"], side.tenant, _marks(e)] += 1
    wanted = Counter((ENTRY[d.kind], d.by.tenant, d.mark) for d in deal.done)
    for key in sorted(wanted.keys() | entries.keys()):
        told = f"{name}: {' of '.join(key[:2])} ({key[2]})"
        if entries[key] < wanted[key]:
            # What was taken back before it left is an entry of its author's alone, and of nobody else's.
            if not _never_left(view, key[0]):
                found.lost.append(f"{told}: acknowledged, and not in the history of {tenant}")
        elif entries[key] > wanted[key]:
            kind = found.doubled if wanted[key] else found.diverged
            kind.append(f"{told}: {entries[key]} times in the history of {tenant}, acknowledged {wanted[key]} times")


def _never_left(view: View, type_: str) -> bool:
    p = view.partnership or {}
    return (
        p["status"] == "withdrawn"
        and type_ in {"offer.sent", "offer.withdrawn"}
        and not any(e["type"] == "offer.sent" for e in view.history)
    )


def _decisions(deal: Deal, view: View, name: str, found: Found) -> None:
    """What was decided and acknowledged is what is shown; what nobody decided was taken back, or is as a rule has it."""
    found.compared["modifications"] += len(view.modifications)
    tenant = view.side.tenant
    shown = {m["id"]: {i["contact_id"]: i["decision"] for i in m["items"]} for m in view.modifications}
    for proposed in deal.of("propose"):
        if proposed.modification not in shown:
            found.lost.append(f"{name}: {proposed.mark} was proposed, and {tenant} knows nothing of it")
    if extra := shown.keys() - {d.modification for d in deal.of("propose")}:
        found.doubled.append(f"{name}: {tenant} shows proposals that nobody made: {sorted(extra)}")
    for answered in deal.of("answer"):
        _decided(answered, shown.get(answered.modification, {}), name, tenant, found)
    for retracted in deal.of("retract"):
        if None in shown.get(retracted.modification, {}).values():
            found.lost.append(f"{name}: {retracted.modification} was taken back, and is open at {tenant}")
    for accepted in deal.of("accept"):
        states = defaultdict(list)
        for a in view.contacts:
            states[a["contact_id"]].append(a["state"])
        for contact, decision in accepted.decisions.items():
            fits = {"accepted", "released"} if decision == "accept" else {"declined"}
            if not fits & set(states[contact]):
                found.lost.append(
                    f"{name}: {decision} of {contact} was acknowledged, it is {states[contact]} at {tenant}"
                )


def _decided(answered: Done, shown: Mapping[str, str | None], name: str, tenant: str, found: Found) -> None:
    for contact, decision in answered.decisions.items():
        if shown.get(contact) != decision:
            found.lost.append(
                f"{name}: {decision} of {contact} in {answered.modification} was acknowledged, it is {shown.get(contact)} at {tenant}"
            )


# A whole side


def judge_home(side: Business, deals: Iterable[Deal], tiles: list[Json], home: list[Json], found: Found) -> None:
    """All partnerships are there, each once, and home shows what is neither removed nor ended by ourselves."""
    ids, known = Counter(t["id"] for t in tiles), {deal.id: deal for deal in deals}
    found.doubled += [f"{side.tenant} shows {id} {n} times" for id, n in ids.items() if n > 1]
    found.doubled += [f"{side.tenant} has a partnership that nobody began: {id}" for id in ids.keys() - known.keys()]
    mine = {id for id, deal in known.items() if deal.partner is side}
    found.lost += [f"{side.tenant} does not list {id}" for id in mine - ids.keys()]
    at_home = {t["id"] for t in home}
    for id in ids.keys() & known.keys():
        gone = side.tenant in known[id].removed or bool(known[id].of("end", side))
        if (id in at_home) == gone:
            found.lost.append(
                f"{side.tenant}: {id} is {'' if gone else 'not '}at home, and was {'' if gone else 'not '}taken off"
            )


def judge_notices(side: Business, deals: Iterable[Deal], notices: list[Json], found: Found) -> None:
    """The admin was told once of each thing that the other side did and that had an effect."""
    found.compared["notifications"] += len(notices)
    # Two owners named one after the other may arrive in one batch, at one time: what is read tells them apart.
    seen = Counter((n["partnership_id"], n["type"], n["at"], n["text"]) for n in notices)
    found.doubled += [f"{side.tenant} was told {n} times of {key}" for key, n in seen.items() if n > 1]
    told = Counter((n["partnership_id"], n["type"]) for n in notices)
    for deal in deals:
        other = deal.other(side)
        for kind, type_ in NOTICE.items():
            did, got = len(deal.of(kind, other)), told[deal.id, type_]
            # A rule answers too; and nobody is told of what came too late to have an effect, or never left.
            most = did if kind != "answer" else len(deal.of("propose", side)) * 2
            least = did if kind in {"accept", "decline", "propose", "answer"} else 0
            if kind == "propose" and deal.of("end"):
                # What nobody answered may have come after the end, theirs too, which goes another way; also when it was taken back since.
                least -= _never_answered(deal, other)
            if kind == "offer" and not deal.of("withdraw"):
                least = did
            if kind == "end" and not deal.of("end", side):
                least = did
            if got < least:
                found.lost.append(
                    f"{side.tenant} was told {got} times of {type_} of {deal.id}, it happened {did} times,"
                    f" among {' '.join(one.kind for one in deal.done)}"
                )
            if got > most:
                found.doubled.append(
                    f"{side.tenant} was told {got} times of {type_} of {deal.id}, it happened {did} times"
                )


def _never_answered(deal: Deal, by: Business) -> int:
    """How many proposals of a side nobody answered."""
    answered = {one.modification for one in deal.done if one.kind == "answer"}
    return sum(one.modification not in answered for one in deal.of("propose", by))


def judge_mails(side: Business, notices: list[Json], handed_over: Counter[str], found: Found) -> None:
    """There is a mail for each notification: at least one, all with the same id."""
    found.compared["mails"] += len(notices)
    for n in notices:
        copies = handed_over[f"{n['id']}.{side.tenant}"]
        if not copies:
            found.lost.append(f"{side.tenant} got no mail of {n['type']} of {n['partnership_id']}")
        elif copies > 1:
            found.compared["mails handed over twice, with the same id"] += 1


def _message_ids(folder: Path) -> Counter[str]:
    pattern = re.compile(rb"^Message-ID:\s*<([^@>]+)@", re.MULTILINE | re.IGNORECASE)
    found: Counter[str] = Counter()
    for path in folder.glob("*.eml"):
        if match := pattern.search(path.read_bytes()):
            found[match[1].decode()] += 1
    return found
