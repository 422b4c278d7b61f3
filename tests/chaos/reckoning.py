"""What stands in the databases of all services when all is quiet: is anything left over, and what has each partnership left behind on each side."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from shared.bus import topology

Json = dict[str, Any]


class Books:
    """Reads everything of everybody, as an administrator of the database server may."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url

    def rows(self, service: str, sql: str, *parameters: Any) -> list[Json]:
        with psycopg.connect(
            make_conninfo(self._admin_url, dbname=f"accord_{service}"), row_factory=dict_row
        ) as connection:
            return connection.execute(sql, parameters).fetchall()  # type: ignore[arg-type]

    def restless(self) -> list[str]:
        """What is still on its way: one line each; nothing when all is quiet. What failed or died never gets quiet by itself."""
        found = []
        said: dict[tuple[str, ...], tuple[int, int, str]] = {}
        heard: dict[tuple[str, ...], tuple[int, str]] = {}
        for service in topology.services():
            due = self.rows(service, "select kind, type, count(*) as n from outbox where due_at <= now() group by 1, 2")
            found += [f"{service}: {r['n']} {r['kind']} {r['type']} are due" for r in due]
            kept = self.rows(
                service,
                "select state, type, max(error) as error, count(*) as n from inbox where state <> 'applied' group by 1, 2",
            )
            found += [f"{service}: {r['n']} {r['type']} are {r['state']} ({r['error']})" for r in kept]
            for s in self.rows(service, "select * from streams"):
                if s["parked"] or s["forked"] or s["receipt_due"]:
                    found.append(
                        f"{service}: the stream of {s['peer']} to {s['tenant']} is parked, forked, or owes a receipt"
                    )
                if s["peer"] != s["tenant"]:
                    said[service, s["tenant"], s["peer"], s["subject"]] = s["sent"], s["confirmed"], s["sent_digest"]
                    heard[service, s["peer"], s["tenant"], s["subject"]] = s["applied"], s["applied_digest"]
        for key, (sent, confirmed, digest) in said.items():
            if heard.get(key, (0, "")) != (sent, digest):
                found.append(f"{key}: {sent} were said and {heard.get(key, (0, ''))[0]} heard")
            if confirmed != sent:
                found.append(f"{key}: {sent} were said and {confirmed} confirmed")
        for (subject, publisher, service), behind in self._unheard_facts().items():
            found.append(f"{service} has not heard {behind} facts of {publisher} about {subject}")
        return found

    def _unheard_facts(self) -> dict[tuple[str, str, str], int]:
        behind = {}
        for publisher in topology.services():
            stated = self.rows(
                publisher,
                "select tenant, subject, sent from streams where peer = tenant and service = %s and sent > 0",
                publisher,
            )
            for service in (s for s in topology.services() if publisher in topology.LISTENS[s]):
                applied = {
                    (r["tenant"], r["subject"]): r["applied"]
                    for r in self.rows(
                        service,
                        "select tenant, subject, applied from streams where peer = tenant and service = %s",
                        publisher,
                    )
                }
                for r in stated:
                    missing = r["sent"] - applied.get((r["tenant"], r["subject"]), 0)
                    if missing:
                        behind[r["subject"], publisher, service] = missing
        return behind

    def effects(self, people: Mapping[str, str]) -> dict[str, dict[str, Json]]:
        """By partnership and side (partner, customer): what has become of it, in words that are the same for all that lived the same life.

        `people` gives the users names that are.
        """
        found: dict[str, dict[str, Json]] = defaultdict(dict)
        sides: dict[tuple[str, str], Json] = {}
        for r in self.rows("offers", "select tenant, id, state from partnerships"):
            state = r["state"]
            sides[r["tenant"], r["id"]] = found[r["id"]][state["role"]] = {
                "status": state["status"],
                "working": state["working"],
                "pending": state["pending"],
                "removed": state["removed"],
                "assignments": [],
                "modifications": [],
                "history": [],
                "shared": [],
                "notifications": [],
                "mails": [],
            }
        for r in self.rows("contacts", "select tenant, id, state from partnerships"):
            for a in r["state"]["assignments"]:
                sides[r["tenant"], r["id"]]["assignments"].append((a["id"], a["contact_id"], a["state"]))
        for r in self.rows("contacts", "select tenant, partnership_id, id, state from modifications"):
            items = [(i["contact_id"], i["action"], i["decision"]) for i in r["state"]["items"]]
            sides[r["tenant"], r["partnership_id"]]["modifications"].append((r["id"], sorted(items)))
        for r in self.rows("history", "select tenant, partnership_id, state from entries"):
            entry, side = r["state"], sides[r["tenant"], r["partnership_id"]]
            side["history"].append(entry["type"])
            if entry["shared"]:
                side["shared"].append((entry["type"], entry["at"]))
        for table in ("notifications", "mails"):
            for r in self.rows("notifications", f"select tenant, state from {table}"):
                told = r["state"]
                sides[r["tenant"], told["partnership_id"]][table].append((people[told["user_id"]], told["type"]))
        for side in sides.values():
            for kept in side.values():
                if isinstance(kept, list):
                    kept.sort()
        return found


def of_colleagues(type: str) -> bool:
    """Whether news is of what somebody of one's own side did. It goes to the others of the team, as notifications knows it by then: whether
    anybody is, depends on whose word came first, that of managers or that of the service in which it was done."""
    return type.endswith(".given") or type == "team.changed"


def alike(side: Json) -> Json:
    """What must be the same for all partnerships of the same life: everything but ids and times."""
    return {
        **{k: side[k] for k in ("status", "working", "pending", "removed")},
        # An offer is held back while the other side has not yet got the end of the partnership before.
        "history": [type for type in side["history"] if type != "offer.held"],
        "told of": sorted({type for _, type in side["notifications"] if not of_colleagues(type)}),
        "mails are as notifications": side["mails"] == side["notifications"],
        "shared": [type for type, _ in side["shared"]],
        "assignments": sorted(state for _, _, state in side["assignments"]),
        "modifications": sorted(
            tuple((action, decision) for _, action, decision in items) for _, items in side["modifications"]
        ),
    }


def most_told(side: Json) -> dict[str, int]:
    """By type of news: how often anybody was told such a thing of this partnership."""
    most: dict[str, int] = {}
    for (_, type), times in Counter(side["notifications"]).items():
        most[type] = max(times, most.get(type, 0))
    return most


def common(side: Json) -> Json:
    """What must be the same on both sides of a partnership."""
    return {k: side[k] for k in ("status", "working", "pending", "assignments", "modifications", "shared")}
