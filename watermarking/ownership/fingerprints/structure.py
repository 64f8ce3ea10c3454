"""Which channels of a network may change places: found by watching which weights its tensors meet on the way through.

A group is a set of channels that several weights share: the outputs of a layer, what normalises them, and the inputs of
the layers that they go to; through a residual sum those of several layers. Its channels may be put in any order, and
where nothing but ReLU, pooling and the like lies between, each may be multiplied by a positive number that the next
layers divide by. Whatever is not known here pins the channels that it sees: they stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from watermarking.errors import WatermarkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Group", "Part", "structure_of", "tensors_in"]

_SAME: Final = frozenset((
    "relu", "relu_", "leaky_relu", "max_pool1d", "max_pool2d", "max_pool2d_with_indices", "max_pool3d", "avg_pool1d",
    "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "boolean_dispatch",
    "dropout", "dropout2d", "float", "to", "contiguous", "detach", "clone", "type", "half", "double",
))  # fmt: skip
"""Functions that keep each channel to itself, and a positive factor a factor."""
_BENT: Final = frozenset((
    "sigmoid", "tanh", "gelu", "silu", "hardtanh", "relu6", "hardswish", "hardsigmoid", "elu", "softplus", "mish",
    "selu",
))  # fmt: skip
"""Functions that keep each channel to itself, but not a factor."""
_SUMS: Final = frozenset(("add", "add_", "__add__", "__iadd__", "__radd__"))
_MEANS: Final = frozenset(("mean", "sum", "amax"))
_FLAT: Final = frozenset(("flatten", "view", "reshape"))
_FILTERS: Final = frozenset(("conv1d", "conv2d", "conv3d"))
_LOOKS: Final = frozenset(("__get__", "size", "dim", "__len__", "is_floating_point", "stride", "numel"))


@dataclass(frozen=True, kw_only=True)
class Part:
    """One axis of one weight that a group's channels lie along.

    Attributes
    ----------
    name : str
    axis : int
    repeat : int
        Entries of the axis to a channel: a flattened picture's places.
    power : int
        1 where a channel's factor multiplies, -1 where it divides, 0 where it does not show.
    """

    name: str
    axis: int
    repeat: int = 1
    power: int = 0


@dataclass(frozen=True)
class Group:
    """Channels that change places together.

    Attributes
    ----------
    n : int
    parts : tuple of Part
        In the order in which the network meets them.
    scalable : bool
        Whether each may have a factor.
    """

    n: int
    parts: tuple[Part, ...]
    scalable: bool

    def config(self) -> dict[str, Any]:
        """Return JSON-able fields."""
        parts = [[part.name, part.axis, part.repeat, part.power] for part in self.parts]
        return {"n": self.n, "scalable": self.scalable, "parts": parts}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Group:
        """Make a group of its fields.

        Raises
        ------
        WatermarkError
            If they are no group.
        """
        try:
            parts = tuple(Part(name=str(n), axis=int(a), repeat=int(r), power=int(p)) for n, a, r, p in config["parts"])
            return cls(int(config["n"]), parts, bool(config["scalable"]))
        except (KeyError, TypeError, ValueError) as error:
            raise WatermarkError(f"{config!r} is no group of channels: let structure_of find them") from error


def structure_of(module: Any, example: Tensor | Sequence[int] | None = None) -> list[Group]:
    """Return the groups of a module's channels that may change places, in the order in which it meets them.

    Parameters
    ----------
    module : torch module in evaluation mode
    example : Tensor or shape, optional
        A batch of inputs, or the shape of one input; left out, the module's attribute ``shape``.

    Raises
    ------
    WatermarkError
        If no example is known, or the module does not take it.
    """
    if example is None:
        example = getattr(module, "shape", None)
    if example is None:
        raise WatermarkError("the network does not say what it takes: give an example of its inputs")
    given = example if isinstance(example, Tensor) else torch.zeros((1, *example))
    if module.training:
        raise WatermarkError("the module is in training mode: call eval() first")
    names = {id(value): name for name, value in (*module.named_parameters(), *module.named_buffers())}
    watch = _Watch(names)
    watch.kept.append(given)
    watch.tags[id(given)] = _Tag(watch.fresh(given.shape[1]), 1, None)
    watch.pin(given)
    try:
        with torch.no_grad(), watch:
            answer = module(given)
    except (RuntimeError, ValueError, TypeError) as error:
        raise WatermarkError(f"the network does not take an input of shape {tuple(given.shape)}: {error}") from error
    for one in tensors_in((answer,)):
        watch.pin(one)
    return watch.groups()


@dataclass
class _Tag:
    """What a tensor's channels are: their set, entries to a channel, and the parts of the filter it comes from."""

    channels: int
    repeat: int
    fresh: list[int] | None


class _Watch(TorchFunctionMode):
    """Follows channels through a network."""

    def __init__(self, names: dict[int, str]) -> None:
        super().__init__()
        self.names, self.tags, self.kept = names, dict[int, _Tag](), list[Tensor]()
        self._parent: list[int] = []
        self._n: list[int] = []
        self._pinned, self._unscaled = set[int](), set[int]()
        self._parts: list[tuple[int, Part]] = []
        self._owners: dict[tuple[str, int], int] = {}

    def fresh(self, n: int) -> int:
        """Make a new set of channels."""
        self._parent.append(len(self._parent))
        self._n.append(n)
        return len(self._parent) - 1

    def pin(self, tensor: Tensor) -> None:
        """Keep a tensor's channels where they are."""
        if (tag := self.tags.get(id(tensor))) is not None:
            self._pinned.add(tag.channels)

    def root(self, one: int) -> int:
        """Return what stands for a set and all that it was joined with."""
        while self._parent[one] != one:
            one = self._parent[one]
        return one

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function, and say what becomes of the channels of its tensors."""
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in _LOOKS or not isinstance(found, Tensor):
            if name not in _LOOKS:
                self._pin_all(args, kwargs)
            return found
        tag = self._tag_of(name, args, kwargs, found)
        self.kept.append(found)  # an id stands for a tensor only while it lives
        if tag is not None:
            self.tags[id(found)] = tag
        return found

    def _tag_of(self, name: str, args: Any, kwargs: Any, found: Tensor) -> _Tag | None:
        first = args[0] if args and isinstance(args[0], Tensor) else kwargs.get("input")
        tag = self.tags.get(id(first))
        if name in _FILTERS or name == "linear":
            return self._layer(tag, name, args, kwargs, found)
        if name == "batch_norm" and tag is not None:
            return self._normalised(tag, args, kwargs)
        if name in _SUMS:
            return self._summed([self.tags.get(id(one)) for one in args[:2]], args, kwargs, found)
        if tag is None:
            self._pin_all(args, kwargs)
            return None
        if name in _BENT:
            self._unscaled.add(tag.channels)
        if name in _SAME or name in _BENT:
            if found.ndim >= 2 and found.shape[1] == first.shape[1]:
                return _Tag(tag.channels, tag.repeat, None)
        elif (name in _MEANS and first.ndim > 2 and found.ndim >= 2 and found.shape[1] == first.shape[1]
              and name != "sum"):  # fmt: skip
            return _Tag(tag.channels, tag.repeat, None)
        elif name in _FLAT and found.shape[0] == first.shape[0] and found.ndim == 2:
            return _Tag(tag.channels, tag.repeat * (found.shape[1] // first.shape[1]), None)
        self._pin_all(args, kwargs)
        return None

    def _layer(self, tag: _Tag | None, name: str, args: Any, kwargs: Any, found: Tensor) -> _Tag | None:
        """Follow a layer: what comes out are channels of its own, wherever its inputs come from."""
        weight = args[1] if len(args) > 1 else kwargs["weight"]
        bias = args[2] if len(args) > 2 else kwargs.get("bias")
        label = self.names.get(id(weight))
        grouped = name != "linear" and weight.shape[1] != args[0].shape[1]
        deep = name == "linear" and found.ndim != 2
        if label is None or grouped or deep:
            self._pin_all(args, kwargs)
            return None
        if tag is not None:
            self._add(tag.channels, Part(name=label, axis=1, repeat=tag.repeat, power=-1))
        mine = self.fresh(weight.shape[0])
        added = [self._add(mine, Part(name=label, axis=0, power=1))]
        if bias is not None and (called := self.names.get(id(bias))) is not None:
            added.append(self._add(mine, Part(name=called, axis=0, power=1)))
        return _Tag(mine, 1, added)

    def _normalised(self, tag: _Tag, args: Any, kwargs: Any) -> _Tag:
        """Follow batch normalisation: after it a factor is its own, and what is before it has none."""
        given = dict(zip(("input", "running_mean", "running_var", "weight", "bias"), args, strict=False)) | kwargs
        if tag.fresh is None or given.get("weight") is None or given.get("bias") is None:
            self._unscaled.add(tag.channels)
        for place in tag.fresh or ():
            channels, part = self._parts[place]
            self._parts[place] = channels, Part(name=part.name, axis=part.axis, repeat=part.repeat, power=0)
        for role, power in (("running_mean", 0), ("running_var", 0), ("weight", 1), ("bias", 1)):
            if (label := self.names.get(id(given.get(role)))) is not None:
                self._add(tag.channels, Part(name=label, axis=0, repeat=tag.repeat, power=power))
        return _Tag(tag.channels, tag.repeat, None)

    def _summed(self, tags: list[_Tag | None], args: Any, kwargs: Any, found: Tensor) -> _Tag | None:
        one, other = tags[0], tags[1] if len(tags) > 1 else None
        same = all(isinstance(some, Tensor) and some.shape == found.shape for some in args[:2])
        if one is None or other is None or one.repeat != other.repeat or not same:
            self._pin_all(args, kwargs)
            return None
        self._parent[self.root(other.channels)] = self.root(one.channels)
        return _Tag(one.channels, one.repeat, None)

    def _add(self, channels: int, part: Part) -> int:
        """Note a part; a weight that is used twice joins the sets that it is used for, and keeps them unscaled."""
        before = self._owners.setdefault((part.name, part.axis), channels)
        if self.root(before) != self.root(channels) or (channels, part) in self._parts:
            self._parent[self.root(before)] = self.root(channels)
            self._unscaled.add(channels)
        self._parts.append((channels, part))
        return len(self._parts) - 1

    def _pin_all(self, args: Any, kwargs: Any) -> None:
        for one in tensors_in((*args, *kwargs.values())):
            self.pin(one)

    def groups(self) -> list[Group]:
        """Return the sets that are free to change places, once each."""
        pinned = {self.root(one) for one in self._pinned}
        unscaled = {self.root(one) for one in self._unscaled}
        found: dict[int, dict[Part, None]] = {}
        for channels, part in self._parts:
            found.setdefault(self.root(channels), {})[part] = None
        return [
            Group(self._n[root], tuple(parts), root not in unscaled)
            for root, parts in found.items() if root not in pinned and self._n[root] > 1
        ]  # fmt: skip


def tensors_in(values: Any) -> list[Tensor]:
    """Return the tensors among values, and in lists and mappings among them."""
    found: list[Tensor] = []
    for value in values:
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            found += tensors_in(value)
        elif isinstance(value, dict):
            found += tensors_in(value.values())
    return found
