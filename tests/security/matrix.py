"""How one line of a matrix is put to the test: everybody who must not is refused first, then whoever may succeeds with the same request.

The least of those who may do it do it in the end: of a change in a partnership not the admin but a colleague with the role `partnerships`.
So "nothing was changed" needs no look of its own: what the refused ones asked for is still there to be done by its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.ids import new_id
from tests.security.town import Town
from tests.support.stack import Business

SUCCESS = range(200, 400)


@dataclass(frozen=True)
class Case:
    """One request, about things of the owner's: ids and other `names` for the path, a body (of a page: the form), a query.

    `partner` is the counterpart who knows these ids (a counterpart of the owner's in any case); `owner` is whose things they are, unless
    the town's owner's. `files` go with a form.
    """

    ids: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: str = ""
    partner: Business | None = None
    owner: Business | None = None
    files: Mapping[str, Any] | None = None
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> dict[str, str]:
        """All parts of the path."""
        return {**self.ids, **self.names}

    @property
    def of_nothing(self) -> Case:
        """The same with well-formed ids of nothing at all in the path."""
        return replace(self, ids={name: new_id() for name in self.ids})


def nothing(town: Town) -> Case:
    """A request that names nothing."""
    return Case()


@dataclass(frozen=True, kw_only=True)
class Line:
    """What each of them is answered.

    `own` is the success of whoever may. `partnerships`, `manager` (of this partnership) and `member` are the owner's colleagues, `partner`
    and `stranger` other businesses. None: not asked, since the request names nothing but the caller's own things. `personal`: it is about
    something of the owner's own, which colleagues know nothing of.
    """

    make: Callable[[Town], Case] = nothing
    own: int = 200
    partnerships: int | None
    manager: int | None
    member: int | None
    partner: int | None
    stranger: int | None
    personal: bool = False

    def asks(self, name: str, route: str) -> bool:
        """Whether that colleague is asked by the way: not when it is they who use it up in the end."""
        return route.startswith("GET ") or self.personal or name != "partnerships" or self.partnerships not in SUCCESS

    def whoever_may(self, case: Case, town: Town) -> Business:
        """Who does it in the end."""
        if case.owner is not None:
            return case.owner
        return town.owner if self.personal or self.partnerships not in SUCCESS else town.partnerships


def everybody(make: Callable[[Town], Case] = nothing, own: int = 200, others: int | None = None) -> Line:
    """Everybody may, each on what is theirs. `others`: what another business is told that names things of the owner's."""
    return Line(make=make, own=own, partnerships=own, manager=own, member=own, partner=others, stranger=others)


def one_of_ours(make: Callable[[Town], Case], own: int, others: int = 404) -> Line:
    """Something of one person's, which colleagues know as little of as anybody else."""
    return Line(
        make=make,
        own=own,
        partnerships=others,
        manager=others,
        member=others,
        partner=others,
        stranger=others,
        personal=True,
    )


def admins(
    make: Callable[[Town], Case] = nothing, own: int = 200, others: int | None = None, refused: int = 403
) -> Line:
    """Only admins may."""
    return Line(
        make=make, own=own, partnerships=refused, manager=refused, member=refused, partner=others, stranger=others
    )


def changers(make: Callable[[Town], Case], own: int = 200, others: int | None = None, refused: int = 403) -> Line:
    """Admins and `partnerships` may; it is about no partnership."""
    return Line(make=make, own=own, partnerships=own, manager=refused, member=refused, partner=others, stranger=others)


def seen(make: Callable[[Town], Case], own: int = 200, partner: int = 200, stranger: int = 404) -> Line:
    """Something to be seen of a partnership: by whoever runs or manages it. The counterpart sees its own record under the same id."""
    return Line(make=make, own=own, partnerships=own, manager=own, member=404, partner=partner, stranger=stranger)


def changed(
    make: Callable[[Town], Case],
    own: int = 200,
    *,
    partner: int,
    manager: int = 403,
    stranger: int = 404,
) -> Line:
    """Something to be changed in a partnership: by admins and `partnerships`. What `partner` is answered concerns its own record."""
    return Line(make=make, own=own, partnerships=own, manager=manager, member=404, partner=partner, stranger=stranger)
