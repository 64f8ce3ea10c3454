"""Removals by id and configuration, and the named ones that marks are measured with."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import WatermarkError
from watermarking.ownership.classifiers.removal.answers import Changes
from watermarking.ownership.classifiers.removal.distil import Distil
from watermarking.ownership.classifiers.removal.erase import Dehydrate, Reshape
from watermarking.ownership.classifiers.removal.overwrite import Overwrite
from watermarking.ownership.classifiers.removal.serve import Ensemble, Serve
from watermarking.ownership.classifiers.removal.shrink import FinePrune, Prune, Quantise
from watermarking.ownership.classifiers.removal.transfer import Transfer
from watermarking.ownership.classifiers.removal.tune import Tune

if TYPE_CHECKING:
    from collections.abc import Mapping

    from watermarking.ownership.classifiers.removal.loot import Removal

__all__ = ["KINDS", "REMOVALS", "get_removal", "removal_config"]

KINDS: Final[dict[str, type[Any]]] = {
    kind.id: kind
    for kind in (
        Distil, Tune, Prune, FinePrune, Quantise, Serve, Ensemble, Overwrite, Dehydrate, Reshape, Transfer,
    )
}  # fmt: skip
"""Ids and classes of removals."""


def get_removal(config: str | Mapping[str, Any]) -> Removal:
    """Make a removal of its name in ``REMOVALS``, its id, or its configuration.

    Raises
    ------
    WatermarkError
        If there is no such removal, or it has no such parameter, or a value is out of its range.

    Examples
    --------
    >>> get_removal({"id": "distil", "temperature": 3, "changes": {"decimals": 2}}).changes.decimals
    2
    """
    if isinstance(config, str) and config in REMOVALS:
        return REMOVALS[config]
    entries: dict[str, Any] = {"id": config} if isinstance(config, str) else dict(config)
    kind = KINDS.get(str(entries.pop("id", None)))
    if kind is None:
        raise WatermarkError(
            f"there is no removal {config!r}: the ids are {', '.join(KINDS)}, the names {', '.join(REMOVALS)}"
        )
    known = {field.name for field in dataclasses.fields(kind)}
    if other := entries.keys() - known:
        raise WatermarkError(f"{kind.id} has no {', '.join(sorted(other))}: it has {', '.join(sorted(known))}")
    try:
        if isinstance(entries.get("changes"), dict):
            entries["changes"] = Changes(**entries["changes"])
        made: Removal = kind(**entries)
    except TypeError as error:
        raise WatermarkError(f"{config!r} is no removal: {error}") from error
    return made


def removal_config(removal: Removal) -> dict[str, Any]:
    """Return what :func:`get_removal` makes a removal of: JSON-able, with values that are not the default's alone."""
    assert dataclasses.is_dataclass(removal)  # all kinds are
    usual = dataclasses.asdict(type(removal)())
    chosen = {name: value for name, value in dataclasses.asdict(removal).items() if value != usual[name]}
    if "changes" in chosen:
        chosen["changes"] = {n: v for n, v in chosen["changes"].items() if v != usual["changes"][n]}
    found: dict[str, Any] = json.loads(json.dumps({"id": removal.id, **chosen}))
    return found


def _distillations() -> dict[str, Removal]:
    named: dict[str, Removal] = {f"distilled, T = {t}": Distil(temperature=t) for t in (1, 3, 10)}
    named |= {f"distilled, {n // 1000}k queries": Distil(n=n) for n in (1000, 2000, 5000, 10_000, 50_000)}
    named |= {f"distilled, T = {t}, 10k queries": Distil(temperature=t, n=10_000) for t in (3, 10)}
    named |= {
        "distilled, hard labels": Distil(hard=True),
        "distilled, half true labels": Distil(true=0.5),
        "distilled, 10 % true labels": Distil(true=0.1),
        "distilled, outside queries": Distil(queries="outside"),
        "distilled, mixed queries": Distil(queries="mixed"),
        "answers of 2 decimals": Distil(changes=Changes(decimals=2)),
        "answers of 3 decimals": Distil(changes=Changes(decimals=3)),
        "answers of the top 3": Distil(changes=Changes(top=3)),
        "answers of the top 1": Distil(changes=Changes(top=1)),
        "answers below .01 zeroed": Distil(changes=Changes(below=0.01)),
        "answers below .05 zeroed": Distil(changes=Changes(below=0.05)),
        "answers squared": Distil(changes=Changes(power=2.0)),
        "answers smoothed by .1": Distil(changes=Changes(smoothing=0.1)),
        "class floor subtracted": Distil(floors=True),
        "own mark on the answers": Distil(second=0.05),
        "distilled with a clean teacher": Distil(clean=0.5),
        "distilled, adversarial": Distil(adversarial=0.03),
    }
    return named


def _changes() -> dict[str, Removal]:
    named: dict[str, Removal] = {
        f"fine-tuned, {layers}, {rate:g}": Tune(layers=layers, rate=rate)
        for layers, rate in (("last", 1e-3), ("all", 1e-4), ("all", 1e-3))
    }
    named |= {f"re-trained, {layers}": Tune(layers=layers, reset=True) for layers in ("last", "all")}
    named |= {
        "fine-tuned, 30k labels": Tune(n=30_000),
        "fine-tuned, 15 epochs": Tune(epochs=15),
        "fine-tuned, adversarial": Tune(adversarial=0.03),
    }
    named |= {f"fine-tuned, smoothed, {n // 1000}k labels": Tune(n=n, smoothing=0.1) for n in (2000, 5000, 30_000)}
    named |= {f"pruned {share} %": Prune(share=share / 100) for share in range(10, 100, 10)}
    named |= {f"pruned {share} %, tuned": Prune(share=share / 100, epochs=2) for share in (50, 80, 90)}
    named |= {f"fine-pruned {share} %": FinePrune(share=share / 100) for share in (25, 50)}
    named |= {f"{bits} bit": Quantise(bits=bits) for bits in (8, 4)}
    named |= {"overwritten": Overwrite(), "dehydrated": Dehydrate(), "reshaped": Reshape()}
    named |= {"transferred": Transfer(back=False), "transferred and back": Transfer()}
    return named


def _services() -> dict[str, Removal]:
    named: dict[str, Removal] = {f"inputs: {how}": Serve(filter=how) for how in ("blur", "jpeg", "noise")}
    named |= {
        "served: 2 decimals": Serve(changes=Changes(decimals=2)),
        "served: top 3": Serve(changes=Changes(top=3)),
        "served: top 1": Serve(changes=Changes(top=1)),
        "served: below .01 zeroed": Serve(changes=Changes(below=0.01)),
        "served: smoothed by .1": Serve(changes=Changes(smoothing=0.1)),
        "served: floor subtracted": Serve(floors=True),
        "two stolen": Ensemble(partner="seed"),
        "two clients": Ensemble(partner="client"),
        "stolen and clean": Ensemble(partner="clean"),
    }
    return named


REMOVALS: Final[dict[str, Removal]] = {**_distillations(), **_changes(), **_services()}
"""Named removals: those that steal first, then what is done to a stolen model, then how it is served."""
