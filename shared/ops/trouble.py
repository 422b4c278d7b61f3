"""What goes wrong for an operator, as one sentence that says what to do."""

from __future__ import annotations

from shared.logs import mask


class Trouble(Exception):
    """It could not be done. The message is a sentence for the operator."""


def line(error: BaseException) -> str:
    """The first line of what a driver or a program says, without passwords."""
    return mask((str(error).strip() or type(error).__name__).splitlines()[0])
