"""``watermarking dataset status``: how far a marked data set is, and what its manifest says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, NOT_FOUND
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record
from watermarking.codes.messages import as_text

if TYPE_CHECKING:
    from watermarking.datasets.manifest import Record

__all__ = ["command"]


@click.command("status")
@click.argument("target", metavar="DATASET", type=click.Path())
@click.option("--look-up", metavar="SAMPLE", multiple=True, help="Show the records of these samples.")
@json_option
@logging_options
def command(target: str, look_up: tuple[str, ...], as_json: bool) -> int:
    """Say how much of a data set is marked and what could not be; with --look-up, what was done to single samples.

    The exit status is 0 if all of it is done, or all samples were found; else 1.
    """
    from watermarking.datasets.lock import is_locked
    from watermarking.datasets.manifest import Manifest
    from watermarking.datasets.run import Seen
    from watermarking.datasets.statistics import statistics

    manifest = Manifest.find(target)
    if look_up:
        found = manifest.look_up(look_up)
        for record in found:
            _tell_record(record, as_json)
        for name in sorted(set(look_up) - {one.sample for one in found}):
            say(f"watermarking: {name}: the manifest does not know it", err=True)
        return DONE if set(look_up) == {one.sample for one in found} else NOT_FOUND
    stats, run = manifest.stats(), manifest.run()
    if stats.get("n_shards_done") != len(manifest.done()):  # a run is at work, or was killed
        stats = statistics(manifest)
    working = is_locked(manifest.folder)
    stats["n_at_hand"] = Seen(manifest.running).count()
    if as_json:
        print_record({**stats, "running": working, "key_commitment": run["key_commitment"], "scheme": run["scheme"]})
    else:
        _tell(target, stats, run, working)
    return DONE if stats["n_shards_done"] == stats["n_shards"] else NOT_FOUND


def _tell(target: str, stats: dict[str, Any], run: dict[str, Any], working: bool) -> None:
    n_done = sum(n for status, n in stats["counts"].items() if status != "failed")
    state = "whole" if stats["n_shards_done"] == stats["n_shards"] else "being marked" if working else "not finished"
    n_done += stats["n_at_hand"]
    say(f"{target}: {state}, {n_done:,} of {stats['n_samples']:,} samples, {stats['n_shards_done']:,} of "
        f"{stats['n_shards']:,} shards")  # fmt: skip
    say(f"scheme {run['scheme']['id']}, key {run['key_commitment'][:16]}..., watermarking {run['watermarking']}")
    counts = ", ".join(f"{n:,} {status}" for status, n in sorted(stats["counts"].items()))
    say(f"samples: {counts}")
    for name, words in (("psnr", "PSNR, dB"), ("fidelity", "SSIMULACRA2"), ("bit_error_rate", "bit error rate")):
        if name in stats["measures"]:
            one = stats["measures"][name]
            say(f"{words}: {one['mean']:.4g} on average, {one['min']:.4g} to {one['max']:.4g}")
    for reason, n in stats["reasons"].items():
        say(f"{n:,} not marked: {reason}")


def _tell_record(record: Record, as_json: bool) -> None:
    import json

    if as_json:
        print_record(json.loads(record.to_json()))
        return
    message = record.message
    said = "" if message is None else f", message {as_text(message) or message.hex()!r}"
    copy = f", copy of {record.recipient}" if record.recipient else ""
    reason = f" ({record.reason})" if record.reason else ""
    say(f"{record.sample}: {record.status}{reason}{said}{copy}, shard {record.shard}, sha256 {record.sha256_after}")
