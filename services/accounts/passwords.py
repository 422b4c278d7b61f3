"""Passwords as Argon2id hashes. Each function takes tens of milliseconds of a core: call them off the hub and outside of transactions."""

from __future__ import annotations

import contextlib
import ctypes

from argon2 import PasswordHasher, Type
from argon2.exceptions import Argon2Error, InvalidHashError

# The OWASP recommendation for Argon2id: 19 MiB, two passes, one lane.
_MEMORY_KIB, _PASSES, _LANES = 19 * 1024, 2, 1
_hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=_LANES, type=Type.ID)

# glibc would keep the 19 MiB of each hash for the thread that computed it, for all threads of the pool; this way it gives them back.
# Where there is no glibc there is no such function, and no need of it.
_M_MMAP_THRESHOLD, _MIB = -3, 1024 * 1024
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MIB)

# Verified when there is nobody to log in, so that the answer takes as long as if there were.
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The Argon2id hash of a password, with its salt and parameters."""
    return _hasher.hash(password.encode("utf-8", "surrogatepass"))


def verify_password(password_hash: str, password: str) -> bool:
    """Whether the password is the hashed one; with an empty hash False, and just as slowly."""
    try:
        _hasher.verify(password_hash or _NOBODY, password.encode("utf-8", "surrogatepass"))
    except (Argon2Error, InvalidHashError):
        return False
    return bool(password_hash)
