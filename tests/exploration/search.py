"""Breadth first through everything that can happen, so that what goes wrong is found in the fewest steps."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

T = TypeVar("T", bound=Hashable)


class Numbers(Generic[T]):
    """Things, each kept once, under a number."""

    def __init__(self) -> None:
        self._things: list[T] = []
        self._numbers: dict[T, int] = {}

    def of(self, thing: T) -> int:
        """The number of a thing."""
        number = self._numbers.get(thing)
        if number is None:
            number = self._numbers[thing] = len(self._things)
            self._things.append(thing)
        return number

    def __getitem__(self, number: int) -> T:
        return self._things[number]


class Move(NamedTuple):
    """One thing that happens, in words. `sure`: it is certain to come sooner or later, unlike what chance or people may do."""

    words: str
    sure: bool = True


@dataclass(slots=True)
class Found:
    """What a search has met. `wrong` says what is wrong with the first bad state, `trace` how it came to that."""

    states: int = 0
    moves: int = 0
    ends: int = 0
    seconds: float = 0.0
    wrong: str | None = None
    trace: list[str] = field(default_factory=list)
    full: bool = False

    @property
    def figures(self) -> str:
        return f"{self.states:>9,} states  {self.moves:>10,} moves  {self.ends:>8,} ends  {self.seconds:6.1f} s"


def explore(
    start: Hashable,
    moves: Callable[[Any], Iterable[tuple[Move, Hashable]]],
    wrong: Callable[[Any, bool], str | None],
    *,
    good: Callable[[Any], bool] | None = None,
    most: int = 5_000_000,
) -> Found:
    """Every state that can be reached from `start`, until a bad one is found: `wrong(state, quiet)` says what is bad about it.

    A state is quiet when nothing can happen any more. With `good`, a state is bad too from which no sure moves lead to a good one.
    The answer is `full` when there were more than `most` states.
    """
    began = time.process_time()
    # There is nothing to collect, and looking for it among millions of tuples takes a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        found = _explore(start, moves, wrong, good, most)
    finally:
        if collecting:
            gc.enable()
    found.seconds = time.process_time() - began
    return found


def _explore(
    start: Hashable,
    moves: Callable[[Any], Iterable[tuple[Move, Hashable]]],
    wrong: Callable[[Any, bool], str | None],
    good: Callable[[Any], bool] | None,
    most: int,
) -> Found:
    found = Found()
    numbers: dict[Hashable, int] = {start: 0}
    # The number of a state is its place; `came` tells from which state by which move it was reached first.
    came: list[tuple[int, Move]] = [(0, Move("the start"))]
    back: list[list[int]] = [[]]
    ends: list[int] = []
    todo: list[Any] = [start]
    bad: int | None = None
    for at, state in enumerate(todo):
        quiet = True
        for move, after in moves(state):
            quiet = False
            found.moves += 1
            number = numbers.get(after)
            if number is None:
                number = numbers[after] = len(todo)
                came.append((at, move))
                todo.append(after)
                if good is not None:
                    back.append([])
            if good is not None and move.sure:
                back[number].append(at)
        if quiet if good is None else good(state):
            ends.append(at)
        found.wrong = wrong(state, quiet)
        if found.wrong is not None:
            bad = at
            break
        if len(todo) > most:
            found.full = True
            break
    if good is not None and bad is None:
        bad = _hopeless(back, ends)
        if bad is not None:
            found.wrong = "stuck: nothing that is sure to come leads to a good end"
    while bad:
        bad, move = came[bad]
        found.trace.insert(0, move.words)
    found.states, found.ends = len(todo), len(ends)
    return found


def _hopeless(back: list[list[int]], ends: list[int]) -> int | None:
    """The first state from which none of `ends` can be reached. `back[n]` are the states from which a sure move leads to n."""
    saved, todo = set(ends), list(ends)
    while todo:
        for number in back[todo.pop()]:
            if number not in saved:
                saved.add(number)
                todo.append(number)
    return next((number for number in range(len(back)) if number not in saved), None)
