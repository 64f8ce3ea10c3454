"""What two processes say to each other: tensors with a header, checked before anything is made of them.

Every pair of processes has a gloo group of its own. What goes wrong with one of them, a death or a time-out, closes
that pair's connection and no other; in a common group it would end them all. Tensors travel from main memory to main
memory, on machines with GPUs, too: NCCL cannot share a GPU between two processes, and ends a process whose peer dies.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

import torch
from torch import Tensor

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch.distributed import Work

__all__ = ["Kind", "Pair", "Peer", "PeerError", "Wanted", "as_text", "from_text"]

_MAGIC: Final = 0x5713_7EA2
_MOST_TENSORS: Final = 3
_MOST_DIMS: Final = 6
_HEADER: Final = 3 + _MOST_TENSORS * (2 + _MOST_DIMS)
_TYPES: Final = (torch.float32, torch.int64, torch.uint8)
_MOST_TEXT: Final = 4096
_LEAST_WAIT: Final = 0.5
_MOST_DRAINED: Final = 1 << 26  # bytes


class Pair(Protocol):
    """A gloo group of two, :class:`torch.distributed.ProcessGroupGloo`, whose stubs leave out what it does."""

    def send(self, tensors: list[Tensor], rank: int, tag: int, /) -> Work:
        """Begin to send."""
        ...

    def recv(self, tensors: list[Tensor], rank: int, tag: int, /) -> Work:
        """Begin to receive."""
        ...


class PeerError(WatermarkError):
    """Another process is gone, hangs, or sent what it must not; the message names it."""


class Kind(IntEnum):
    """What a message is."""

    HELLO = 1
    ROUND = 2
    ACTIVATIONS = 3
    LOGITS = 4
    LOGIT_GRADIENT = 5
    GRADIENT = 6
    WEIGHTS = 7
    STOP = 8
    REFUSED = 9


@dataclass(frozen=True)
class Wanted:
    """What a tensor of a message must be.

    Attributes
    ----------
    what : str, its name in errors
    shape : tuple of int or None
        A None stands for 1 to ``most``.
    dtype : float32 or int64
    most : int
    low, high : int
        Of whole numbers, from low to below high.
    """

    what: str
    shape: tuple[int | None, ...]
    dtype: torch.dtype = torch.float32
    most: int = 1 << 20
    low: int = -(1 << 62)
    high: int = 1 << 62

    def check_form(self, who: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        """Refuse a tensor of another form, before it is received."""
        fits = len(shape) == len(self.shape) and all(
            1 <= size <= self.most if wanted is None else size == wanted
            for size, wanted in zip(shape, self.shape, strict=True)
        )
        if not fits or dtype != self.dtype:
            wanted = ", ".join("n" if size is None else str(size) for size in self.shape)
            raise PeerError(
                f"{who} sent {self.what} of shape {shape} and type {_name(dtype)}, ({wanted}) and {_name(self.dtype)} "
                "are expected: it runs another job or another version"
            )

    def check_values(self, who: str, values: Tensor) -> None:
        """Refuse values that are not finite, or out of range."""
        if values.is_floating_point():
            n = int((~values.isfinite()).sum())
            if n:
                raise PeerError(
                    f"{who} sent {self.what} with {n} of {values.numel()} values NaN or infinite: lower its learning "
                    "rate or look at its data"
                )
        elif values.numel() and not self.low <= int(values.min()) <= int(values.max()) < self.high:
            raise PeerError(
                f"{who} sent {self.what} from {int(values.min())} to {int(values.max())}, {self.low} to "
                f"{self.high - 1} are allowed"
            )


@dataclass
class Peer:
    """The other end of a connection between two processes.

    Attributes
    ----------
    name : str, as errors call it
    group : Pair
    other : int, its place in the group
    timeout : float, seconds
    """

    name: str
    group: Pair
    other: int
    timeout: float
    broken: str | None = field(default=None, init=False)

    def send(self, kind: Kind, *tensors: Tensor, number: int = 0, deadline: float | None = None) -> None:
        """Send a message.

        Parameters
        ----------
        deadline : float, optional
            See :meth:`receive`.

        Raises
        ------
        PeerError
            If the other is gone or takes nothing in time.
        """
        header = torch.zeros(_HEADER, dtype=torch.int64)
        header[:3] = torch.tensor([_MAGIC, int(kind) * 16 + len(tensors), number])
        ready = [one.detach().to("cpu").contiguous() for one in tensors]
        for place, one in enumerate(ready):
            at = 3 + place * (2 + _MOST_DIMS)
            header[at : at + 2 + one.ndim] = torch.tensor([_TYPES.index(one.dtype), one.ndim, *one.shape])
        deadline = time.monotonic() + self.timeout if deadline is None else deadline
        for one in (header, *ready):
            self._wait(partial(self.group.send, [one], self.other, 0), deadline, "took")

    def receive(
        self, kind: Kind, wanted: Sequence[Wanted] = (), *, number: int | None = None, deadline: float | None = None
    ) -> list[Tensor]:
        """Receive a message of this kind, its tensors in the form that is wanted.

        Parameters
        ----------
        number : int, optional
            Of the round that it must be about.
        deadline : float, optional
            On :func:`time.monotonic`'s clock; by default the time-out from now.

        Raises
        ------
        PeerError
            If the other is gone, sends nothing in time, something else, or says that it refuses this process.
        """
        _, at, tensors = self.receive_any((kind,), wanted, deadline=deadline)
        if number is not None and at != number:
            raise PeerError(f"{self.name} is in round {at}, not in {number}: it was started from another checkpoint")
        return tensors

    def receive_any(
        self, kinds: Sequence[Kind], wanted: Sequence[Wanted] = (), *, deadline: float | None = None
    ) -> tuple[Kind, int, list[Tensor]]:
        """Receive a message of one of the kinds; return which, its number and its tensors."""
        deadline = time.monotonic() + self.timeout if deadline is None else deadline
        header = torch.zeros(_HEADER, dtype=torch.int64)
        self._wait(partial(self.group.recv, [header], self.other, 0), deadline, "sent")
        magic, packed, number = header[:3].tolist()
        kind, n = divmod(packed, 16)
        if magic != _MAGIC or n > _MOST_TENSORS or kind not in set(Kind):
            raise PeerError(f"{self.name} sent what is no message of this program: it runs another version")
        forms = [self._form(header, place) for place in range(n)]
        if kind in (Kind.STOP, Kind.REFUSED) and kind not in kinds:
            reason = [Wanted("a reason", (None,), torch.uint8, _MOST_TEXT)]
            self._check_forms(forms, reason)
            said = as_text(self._payload(forms, reason, deadline)[0])
            raise PeerError(f"{self.name} {'refuses this process' if kind == Kind.REFUSED else 'stopped'}: {said}")
        if kind == Kind.STOP:
            wanted = [Wanted("a reason", (None,), torch.uint8, _MOST_TEXT)]
        try:
            if kind not in kinds:
                raise PeerError(
                    f"{self.name} sent {Kind(kind).name.lower()} where {kinds[0].name.lower()} are expected: it runs "
                    "with other settings"
                )
            self._check_forms(forms, wanted)
        except PeerError:
            self._drain(forms, deadline)
            raise
        return Kind(kind), number, self._payload(forms, wanted, deadline)

    def _form(self, header: Tensor, place: int) -> tuple[tuple[int, ...], torch.dtype]:
        at = 3 + place * (2 + _MOST_DIMS)
        code, n_dims = header[at : at + 2].tolist()
        if not 0 <= code < len(_TYPES) or not 0 <= n_dims <= _MOST_DIMS:
            raise PeerError(f"{self.name} sent a header that makes no sense: it runs another version")
        return tuple(header[at + 2 : at + 2 + n_dims].tolist()), _TYPES[code]

    def _check_forms(self, forms: list[tuple[tuple[int, ...], torch.dtype]], wanted: Sequence[Wanted]) -> None:
        if len(forms) != len(wanted):
            names = " and ".join(one.what for one in wanted) or "nothing"
            raise PeerError(f"{self.name} sent {len(forms)} tensors, {names} expected: it runs with other settings")
        for one, (shape, dtype) in zip(wanted, forms, strict=True):
            one.check_form(self.name, shape, dtype)

    def _payload(
        self, forms: list[tuple[tuple[int, ...], torch.dtype]], wanted: Sequence[Wanted], deadline: float
    ) -> list[Tensor]:
        found = self._tensors(forms, deadline)
        for one, tensor in zip(wanted, found, strict=True):
            one.check_values(self.name, tensor)
        return found

    def _tensors(self, forms: list[tuple[tuple[int, ...], torch.dtype]], deadline: float) -> list[Tensor]:
        found = [torch.empty(shape, dtype=dtype) for shape, dtype in forms]
        for tensor in found:
            self._wait(partial(self.group.recv, [tensor], self.other, 0), deadline, "sent")
        return found

    def _drain(self, forms: list[tuple[tuple[int, ...], torch.dtype]], deadline: float) -> None:
        """Take what is refused, if it is not large: the other waits for that, and cannot be told why until then."""
        sizes = [math.prod(shape) * dtype.itemsize for shape, dtype in forms]
        if all(size >= 0 for shape, _ in forms for size in shape) and sum(sizes) <= _MOST_DRAINED:
            self._tensors(forms, deadline)

    def _wait(self, begin: Callable[[], Work], deadline: float, did: str) -> None:
        if self.broken is not None:
            raise PeerError(self.broken)
        left = max(deadline - time.monotonic(), _LEAST_WAIT)  # whoever is not to blame for the wait gets a little
        try:
            begin().wait(timedelta(seconds=left))
        except RuntimeError as error:
            if "imed out" in str(error):
                self.broken = (
                    f"{self.name} {did} nothing for {self.timeout:g} s: it hangs, or its machine or network is too "
                    "slow for this time-out"
                )
            else:
                self.broken = f"{self.name} is gone: its process ended or the connection broke"
            raise PeerError(self.broken) from error


def from_text(text: str) -> Tensor:
    """Return a text as bytes that can be sent."""
    return torch.tensor(list(text.encode("utf-8", "replace")[:_MOST_TEXT] or b" "), dtype=torch.uint8)


def as_text(values: Tensor) -> str:
    """Return the text that was sent, without what could steer a terminal."""
    text = bytes(values.tolist()).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
