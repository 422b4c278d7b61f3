"""What a pair of businesses does with each other: everything, drawn from the seed, often both at the same instant."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any

from tests.chaos.deals import Deal, Done
from tests.chaos.people import Answer, Business, Json, Log, Stuck, until

VIEWER = [{"environment": "Production", "role": "Viewer"}]
PEOPLE = 5

BEGINNINGS = ("accept", "accept in part", "withdrawal × acceptance", "withdraw and offer again", "accept", "decline")
CHANGES = (
    "add", "release", "add and release", "customer releases", "proposals cross", "both release one", "take back",
    "answer × take back", "leave open", "team", "profile",
)  # fmt: skip
ENDINGS = ("partner", "customer", "both")

LATE = {"wrong_state", "contact_has_pending_change"}
"""How the second of two is refused, who did the same, or the opposite, at the same instant."""


class Deck:
    """Cards in an order of their own, again and again: each is drawn as often as any other."""

    def __init__(self, cards: Sequence[str], first: int) -> None:
        self.cards, self.next = cards, first

    def draw(self) -> str:
        card = self.cards[self.next % len(self.cards)]
        self.next += 1
        return card


class Pair:
    """Two businesses, and every partnership they have had. What they do follows from the seed; how it goes, from the machine."""

    def __init__(self, number: int, seed: str, sides: tuple[Business, Business], log: Log) -> None:
        self.number, self.sides, self.log = number, sides, log
        self.random = random.Random(f"{seed}/{number}")
        self.deals: list[Deal] = []
        self.marks, self.left = 0, False
        # Whatever can be done is done by some pair soon, also in a short run.
        self.beginnings = Deck(BEGINNINGS, number)
        self.changes = Deck(CHANGES, 2 * number)
        self.endings = Deck(ENDINGS, number)

    async def run(self) -> None:
        """Register, and have one partnership after another until all commands were given. What is stuck is a problem."""
        pace = self.sides[0].gateway.pace
        try:
            await asyncio.gather(*(side.register(PEOPLE) for side in self.sides))
            while not pace.over:
                partner, customer = self.sides if self.random.random() < 0.6 else self.sides[::-1]
                await self._partnership(partner, customer)
        except Stuck as stuck:
            self.log.problems.append(f"stuck: pair {self.number}: {stuck}")

    def _mark(self) -> str:
        self.marks += 1
        return f"mark {self.number}.{self.marks}."

    # One partnership

    async def _partnership(self, partner: Business, customer: Business) -> None:
        beginning, changes = self.beginnings.draw(), self.random.randint(2, 4)
        ending, chance = self.endings.draw(), self.random
        deal = await self._offer(partner, customer)
        reminds, unheard = chance.random() < 0.3, await partner.gateway.pace.offered()
        if reminds or unheard:
            await self._remind(deal)
        if beginning == "withdraw and offer again":
            # At once: the second one is held back until the customer knows that the first is over.
            await self._withdraw(deal)
            deal = await self._offer(partner, customer)
        await self._seen(deal, customer, {"open"})
        if beginning == "decline":
            await self._done(deal, customer, "decline", deal.path("decline"), "reason")
            await self._seen(deal, partner, {"declined"})
            return
        part = beginning == "accept in part"
        if beginning == "withdrawal × acceptance":
            await asyncio.gather(self._withdraw(deal, allowed=LATE), self._accept(deal, part=part, allowed=LATE))
            self.log.met["crossing commands"] += 1
        else:
            await self._accept(deal, part=part)
        for side in deal.both:
            await self._seen(deal, side, deal.status)
        if not deal.of("accept"):
            return
        for _ in range(changes):
            change = self.changes.draw()
            await self._change(deal, change)
            if change == "leave open" or partner.gateway.pace.over:
                break
        if partner.gateway.pace.over:
            # Some partnerships live on, so that living ones are compared, too.
            return
        await self._end(deal, ending)

    async def _offer(self, partner: Business, customer: Business) -> Deal:
        chosen = sorted(self.random.sample(partner.people, self.random.randint(2, PEOPLE - 1)))
        mark = self._mark()
        body = {
            "customer_tenant": customer.tenant, "customer_email": customer.email, "message": mark, "contact_ids": chosen,
            "manager_ids": [],
        }  # fmt: skip
        again = any(d.partner is partner for d in self.deals)
        made = await partner.do("offer again" if again else "offer", "POST", "/partnerships", body)
        if not made.done:
            raise Stuck(f"no offer from {partner.tenant} to {customer.tenant}")
        deal = Deal(made.body["id"], partner, customer, chosen, [Done(partner, "offer", mark)])
        deal.teams[partner.tenant] = [partner.admin]
        self.deals.append(deal)
        return deal

    async def _remind(self, deal: Deal) -> None:
        # One that is held back until they know that the last one is over cannot be reminded of.
        done = await deal.partner.do("remind", "POST", deal.path("reminder"), allowed={"wrong_state"})
        if done.done:
            deal.done.append(Done(deal.partner, "remind"))

    async def _withdraw(self, deal: Deal, **more: Any) -> None:
        await self._done(deal, deal.partner, "withdraw", deal.path("withdrawal"), "reason", **more)

    async def _accept(self, deal: Deal, *, part: bool, **more: Any) -> None:
        taken = deal.offered[:-1] if part else deal.offered
        body = {"contacts": [{"contact_id": id, "roles": VIEWER} for id in taken]}
        decisions = {id: "accept" if id in taken else "decline" for id in deal.offered}
        kind = "accept in part" if part else "accept"
        done = await self._done(
            deal,
            deal.customer,
            "accept",
            deal.path("acceptance"),
            "comment",
            body,
            named=kind,
            decisions=decisions,
            **more,
        )
        if done:
            deal.teams[deal.customer.tenant] = [deal.customer.admin]

    async def _end(self, deal: Deal, who: str) -> None:
        enders = {"partner": [deal.partner], "customer": [deal.customer], "both": list(deal.both)}[who]
        allowed = LATE if who == "both" else ()
        await asyncio.gather(
            *(
                self._done(
                    deal, side, "end", deal.path("termination"), "reason", named=f"end by {who}", allowed=allowed
                )
                for side in enders
            )
        )
        if who == "both":
            self.log.met["crossing commands"] += 1
        for side in deal.both:
            await self._seen(deal, side, {"terminated"})
        left = [side for side in deal.both if not deal.of("end", side)]
        for side in left:
            await side.do("remove", "DELETE", deal.path())
            deal.removed.add(side.tenant)

    async def _done(
        self,
        deal: Deal,
        side: Business,
        kind: str,
        path: str,
        text: str,
        body: Json | None = None,
        *,
        named: str = "",
        modification: str = "",
        decisions: dict[str, str] | None = None,
        allowed: Any = (),
    ) -> Answer | None:
        """Do a command whose body has the mark under `text`, and take it down when it is acknowledged. None when it is refused."""
        mark = self._mark()
        answer = await side.do(named or kind, "POST", path, {**(body or {}), text: mark}, allowed=allowed)
        if not answer.done:
            return None
        deal.done.append(
            Done(side, kind, mark, modification or (answer.body["id"] if kind == "propose" else ""), decisions or {})
        )
        return answer

    # What is seen

    async def _seen(self, deal: Deal, side: Business, wanted: set[str]) -> None:
        async def look() -> bool:
            p = await side.look(deal.path())
            return p is not None and p["status"] in wanted

        await until(look, f"{side.tenant} shows {deal.id} as {' or '.join(sorted(wanted))}")

    async def _calm(self, deal: Deal) -> None:
        """Wait until nothing waits for an answer on either side."""
        for side in deal.both:

            async def look(side: Business = side) -> bool:
                page = await side.look(deal.path("modifications?state=pending&limit=1"))
                return page is not None and not page["items"]

            await until(look, f"nothing is pending of {deal.id} at {side.tenant}")

    async def _working(self, deal: Deal, side: Business) -> list[str]:
        """Who works there now, as this side sees it."""
        found = await side.all(deal.path("contacts"))
        return sorted(a["contact_id"] for a in found if a["state"] == "accepted")

    # Changes

    async def _change(self, deal: Deal, change: str) -> None:
        if change == "team":
            return await self._team(deal, deal.both[self.random.randrange(2)])
        if change == "profile":
            return await self._profile(deal.both[self.random.randrange(2)])
        chance, say_yes = self.random.random(), [self.random.random() < 0.6 for _ in range(PEOPLE)]
        here = {side.tenant: await self._working(deal, side) for side in deal.both}
        if len(set(map(tuple, here.values()))) > 1:
            # What was decided last is still on its way to one of them.
            async def same() -> bool:
                here.update({side.tenant: await self._working(deal, side) for side in deal.both})
                return here[deal.partner.tenant] == here[deal.customer.tenant]

            await until(same, f"both sides of {deal.id} show the same people")
        there = here[deal.partner.tenant]
        away = [id for id in deal.partner.people if id not in there]
        one = there[int(chance * len(there))] if there else None
        other = away[int(chance * len(away))] if away else None
        if one is None or (other is None and change in {"add", "add and release", "take back", "answer × take back"}):
            # Nobody is there, or nobody is left: what can be done is the other thing.
            change = "add" if one is None else "release"
        partner, customer = deal.both
        if change == "add":
            await self._answered(deal, partner, add=[other], yes=say_yes)
        elif change == "release":
            await self._answered(deal, partner, release=[one], yes=say_yes)
        elif change == "add and release":
            await self._answered(deal, partner, add=[other], release=[one], yes=say_yes)
        elif change == "customer releases":
            await self._answered(deal, customer, release=[one], yes=say_yes)
        elif change == "both release one":
            self.log.met["crossing commands"] += 1
            await asyncio.gather(
                self._propose(deal, partner, change, release=[one], allowed=LATE),
                self._propose(deal, customer, change, release=[one], allowed=LATE),
            )
            # Both have agreed; should one have come first, whose release the other found done, it was refused.
            await self._answer_all(deal, say_yes)
        elif change == "proposals cross":
            self.log.met["crossing commands"] += 1
            first = there[0]
            await asyncio.gather(
                self._propose(deal, partner, change, add=[other] if other else [], release=[one], allowed=LATE),
                self._propose(deal, customer, change, release=[first], allowed=LATE),
            )
            await self._answer_all(deal, say_yes)
        elif change == "take back":
            mid = await self._propose(deal, partner, change, add=[other])
            await self._retract(deal, partner, mid)
        elif change == "answer × take back":
            self.log.met["crossing commands"] += 1
            mid = await self._propose(deal, partner, change, add=[other])
            found = await self._modification(deal, customer, mid)
            await asyncio.gather(
                self._retract(deal, partner, mid, allowed=LATE),
                self._answer(deal, customer, found, say_yes, allowed=LATE),
            )
        elif change == "leave open":
            await self._propose(deal, customer, change, release=[one])
            return
        await self._calm(deal)

    async def _propose(
        self, deal: Deal, side: Business, change: str, *, add: Any = (), release: Any = (), allowed: Any = ()
    ) -> str:
        body = {"add_contact_ids": list(add), "release_contact_ids": list(release)}
        made = await self._done(
            deal,
            side,
            "propose",
            deal.path("modifications"),
            "reason",
            body,
            named=f"propose: {change}",
            allowed=allowed,
        )
        if made is None and not allowed:
            raise Stuck(f"{side.tenant} cannot propose")
        return str(made.body["id"]) if made else ""

    async def _answered(
        self, deal: Deal, side: Business, *, add: Any = (), release: Any = (), yes: Sequence[bool]
    ) -> None:
        change = "add and release" if add and release else "add" if add else "release"
        mid = await self._propose(deal, side, change, add=add, release=release)
        other = deal.other(side)
        await self._answer(deal, other, await self._modification(deal, other, mid), yes)

    async def _modification(self, deal: Deal, side: Business, mid: str) -> Json:
        found: Json = await until(
            lambda: side.look(deal.path(f"modifications/{mid}")), f"{side.tenant} knows of {mid} in {deal.id}"
        )
        return found

    async def _answer_all(self, deal: Deal, yes: Sequence[bool]) -> None:
        """Each side answers what the other proposed, as far as that is open when it is there."""
        for proposed in [d for d in deal.of("propose") if not self._settled(deal, d.modification)]:
            addressee = deal.other(proposed.by)
            found = await self._modification(deal, addressee, proposed.modification)
            await self._answer(deal, addressee, found, yes, allowed=LATE)

    def _settled(self, deal: Deal, mid: str) -> bool:
        return any(d.modification == mid for d in deal.done if d.kind in {"answer", "retract"})

    async def _answer(self, deal: Deal, side: Business, found: Json, yes: Sequence[bool], *, allowed: Any = ()) -> None:
        decisions, items = {}, []
        for n, item in enumerate(item for item in found["items"] if item["decision"] is None):
            decision = "accept" if yes[n] else "decline"
            decisions[item["contact_id"]] = decision
            roles = VIEWER if (item["action"], decision) == ("add", "accept") else []
            items.append({"contact_id": item["contact_id"], "decision": decision, "roles": roles})
        if items:
            await self._done(
                deal,
                side,
                "answer",
                deal.path(f"modifications/{found['id']}/answer"),
                "comment",
                {"items": items},
                modification=found["id"],
                decisions=decisions,
                allowed=allowed,
            )

    async def _retract(self, deal: Deal, side: Business, mid: str, *, allowed: Any = ()) -> None:
        done = await side.do(
            "take back a proposal", "POST", deal.path(f"modifications/{mid}/withdrawal"), allowed=allowed
        )
        if done.done:
            deal.done.append(Done(side, "retract", "", mid))

    async def _team(self, deal: Deal, side: Business) -> None:
        """Bea joins, owns the account for a while, and stays or leaves."""
        team = deal.teams[side.tenant]
        if side.bea not in team:
            await side.do("add a manager", "POST", deal.path("managers"), {"contact_ids": [side.bea]})
            team.append(side.bea)
        await side.do("set the owner", "PUT", deal.path("owner"), {"contact_id": side.bea})
        team.remove(side.bea)
        team.insert(0, side.bea)
        if self.random.random() < 0.5 or not self.left:
            self.left = True
            await side.do("remove a manager", "DELETE", deal.path(f"managers/{side.bea}"))
            team.remove(side.bea)

    async def _profile(self, side: Business) -> None:
        side.phone = f"+46 {self.number} {self.marks}"
        await side.do("change the profile", "PATCH", "/tenants/current", {"phone": side.phone})
