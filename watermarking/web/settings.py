"""What a server is told before it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from watermarking.keys import Key

__all__ = ["Limits", "Refusal", "Settings"]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a server does at most.

    Attributes
    ----------
    max_bytes, max_pixels : int, of a picture
    per_minute : int, pictures taken from one address
    upload_seconds : float, that a picture may take to arrive
    work_seconds : float, that marking or reading may take
    n_workers : int, pictures at a time
    n_waiting : int, pictures that may wait for a worker; memory is bounded by all of them
    wrong_tokens : int, taken a minute from one address
    """

    max_bytes: int = 50_000_000
    max_pixels: int = 50_000_000
    per_minute: int = 60
    upload_seconds: float = 120.0
    work_seconds: float = 60.0
    n_workers: int = 2
    n_waiting: int = 6
    wrong_tokens: int = 10


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Keys, names and limits of one server.

    Attributes
    ----------
    keys : tuple of Key, tried in turn; pictures are marked with the one that is asked for
    key_names : tuple of str, what they are called
    scheme : str, or None for the one that measures best, and to read with every classical one
    token : str, or None where none is asked for
    hosts : names besides IP addresses under which the server may be addressed
    """

    keys: tuple[Key, ...] = field(repr=False)
    key_names: tuple[str, ...]
    scheme: str | None = None
    token: str | None = field(default=None, repr=False)
    hosts: frozenset[str] = frozenset({"localhost"})
    limits: Limits = field(default_factory=Limits)


class Refusal(Exception):  # noqa: N818  # no error of ours: the answer to what cannot be done
    """What cannot be done, as an answer.

    Parameters
    ----------
    status : int, of HTTP
    code : str, one word for programs
    message : str, for people: what is wrong, and the way out
    retry_after : int, seconds after which to ask again
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int | None = None) -> None:
        super().__init__(status, code, message, retry_after)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after

    def __str__(self) -> str:
        return self.message
