"""Counts over a manifest, however many rows it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watermarking.extras import needed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from watermarking.datasets.manifest import Manifest

__all__ = ["statistics"]

_MEASURES = ("psnr", "fidelity", "bit_error_rate")


def statistics(manifest: Manifest, recipients: Sequence[str] = ()) -> dict[str, Any]:
    """Count samples by status, reasons and recipients, and describe what was measured; of all copies, or of some.

    Returns
    -------
    dict
        ``counts`` by status, with ``"failed"`` for samples that could not be marked; ``reasons`` and ``recipients``
        with their numbers, of reasons the most frequent twenty; for each measure ``n``, ``mean``, ``min`` and ``max``.
    """
    needed("pyarrow", "datasets")
    import pyarrow.compute as pc

    columns = ["status", "reason", "recipient", *_MEASURES]
    chosen = pc.field("recipient").isin(list(recipients)) if recipients else None
    table = manifest.dataset().to_table(columns=columns, filter=chosen).unify_dictionaries().combine_chunks()
    counts = _counted(table["status"])
    counts["failed"] = table.num_rows - table["reason"].null_count
    measures = {}
    for name in _MEASURES:
        column = table[name]
        n = len(column) - column.null_count
        if n:
            extremes = pc.min_max(column).as_py()
            measures[name] = {"n": n, "mean": pc.mean(column).as_py(), **extremes}
    reasons = sorted(_counted(table["reason"].drop_null()).items(), key=lambda item: (-item[1], item[0]))
    run = manifest.run()
    return {
        "n_samples": run["n_samples"],
        "n_shards": run["n_shards"],
        "n_shards_done": len(manifest.done()),
        "counts": counts,
        "measures": measures,
        "reasons": dict(reasons[:20]),
        "recipients": _counted(table["recipient"].drop_null()),
    }


def _counted(column: Any) -> dict[str, int]:
    return {one["values"]: one["counts"] for one in column.value_counts().to_pylist()}
