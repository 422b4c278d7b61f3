"""What goes wrong for an operator, as one sentence that says what to do."""

from __future__ import annotations

from shared.logs import mask


class Trouble(Exception):
    """It could not be done. The message is a sentence for the operator."""


def line(error: BaseException) -> str:
    """The first line of what a driver or a program says, without passwords."""
    return mask((str(error).strip() or type(error).__name__).splitlines()[0])


class NotSet(Trouble):
    """A setting is missing."""


def missing(error: Exception) -> NotSet:
    """A setting is missing: an operator may name a file of them."""
    return NotSet(str(error).removesuffix(".") + ", or name a file of settings with --env.")
