"""``watermarking dataset embed``: mark a whole data set."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.dataset.options import open_source, source_options, workers_option
from watermarking.cli.dataset.progress import duration, shown_progress, tell_failures
from watermarking.cli.lines import say
from watermarking.cli.notices import BAD_INPUT, DONE, FAILED, detail
from watermarking.cli.options import (
    json_option,
    key_option,
    logging_options,
    message_options,
    read_message,
    scheme_option,
)
from watermarking.cli.output import print_record, strength_line
from watermarking.cli.pictures import announce_compilation

if TYPE_CHECKING:
    from watermarking.datasets.plan import Plan
    from watermarking.datasets.run import Progress
    from watermarking.datasets.wording import Wording
    from watermarking.keys import Key

__all__ = ["command"]


@click.command("embed")
@click.argument("source", metavar="IN", type=click.Path())
@click.option("-o", "--output", metavar="OUT", required=True, type=click.Path(), help="Folder for the marked data set.")
@message_options
@click.option("--message-column", metavar="NAME", help="Field or column that holds each sample's message.")
@click.option("--record", type=click.Path(), metavar="FILE", help="A record of up to 1 KB that all pictures share.")
@click.option("--recipients", metavar="CSV", type=click.Path(), help="Who gets a copy of their own, a row each.")
@click.option("--only", metavar="NAME", multiple=True, help="Write this recipient's copy now; the others' can wait.")
@click.option("--collusion", type=click.IntRange(1), metavar="N", help="A code that names N who merge copies.")
@key_option
@click.option("--key-per-sample", is_flag=True, help="Derive a key of its own for every sample.")
@scheme_option("without it, the one that measures best")
@click.option("--fidelity", metavar="SCORE", help="How little the mark shows: discreet, normal, strong, or a score.")
@click.option("--psnr", type=float, metavar="DB", help="Strength in dB instead; more is fainter.")
@click.option("--insist", is_flag=True, help="Let the mark show more, down to 70, where the message needs it.")
@click.option("--no-verify", is_flag=True, help="Do not read the marked samples back.")
@click.option(
    "--on-error",
    type=click.Choice(["copy", "skip", "stop"]),
    default="copy",
    show_default=True,
    help="What becomes of samples that cannot be marked.",
)
@source_options
@click.option("--engine", default="local", show_default=True, help="local, or ray for many machines.")
@click.option("--address", metavar="A", help="Of a Ray cluster; without it, one is started here.")
@workers_option
@click.option("--dry-run", is_flag=True, help="Say what would be done, write nothing.")
@click.option("--sample", type=click.IntRange(2), metavar="N", help="Mark N samples, write none, estimate the rest.")
@json_option
@logging_options
def command(
    source: str, output: str, kind: str | None, column: str | None, dry_run: bool, sample: int | None, as_json: bool,
    engine: str, address: str | None, workers: int | None, **asked: Any,
) -> int:  # fmt: skip
    """Mark every picture of a data set; the marked data set OUT has the same files, names and order.

    IN is a folder of pictures, a list of files, a CSV or Parquet file or folder, tar shards, arrays (NPY, NPZ, HDF5) or
    what the Hugging Face library saved. Interrupted, it is started again as it was and goes on.

    The message may be a template: -m "{customer}-{index:06d}" takes fields of the sample and its recipient.
    """
    announce_compilation()
    if address is not None and engine != "ray":
        raise click.UsageError("--address is of a Ray cluster: add --engine ray.")
    plan = _plan(source, output, kind, column, **asked)
    if dry_run or sample is not None:
        from watermarking.datasets.plan import check_place

        check_place(plan.source, plan.target, make=False)
        plan.check()
    if dry_run:
        return _tell_plan(plan, as_json)
    if sample is not None:
        return _tell_estimate(plan, sample, workers, as_json)
    from watermarking.datasets.engines.engine import get_engine
    from watermarking.datasets.plan import check_place
    from watermarking.datasets.run import carry_out

    check_place(plan.source, plan.target)
    options = {"workers": workers} | ({"address": address} if engine == "ray" else {})
    progress = None
    with shown_progress(as_json) as show:
        for progress in carry_out(plan, get_engine(engine, **options)):
            show(progress)
            tell_failures(progress, as_json)
    assert progress is not None
    return _tell_end(plan, progress, as_json)


def _plan(
    source: str, output: str, kind: str | None, column: str | None, *, key: Key, scheme: str | None,
    fidelity: str | None, psnr: float | None, insist: bool, no_verify: bool, on_error: Any, key_per_sample: bool,
    recipients: str | None, only: tuple[str, ...], collusion: int | None, message_column: str | None,
    record: str | None, **message: str | None,
) -> Plan:  # fmt: skip
    """Plan the run that is asked for."""
    from watermarking.cli.options import fidelity_number
    from watermarking.datasets.collusion import code_against, with_words
    from watermarking.datasets.operator import MarkSamples
    from watermarking.datasets.plan import Plan
    from watermarking.datasets.wording import read_recipients
    from watermarking.messages.marker import Marker

    marker = Marker(scheme, key=key, fidelity=fidelity_number(fidelity), psnr=psnr, insist=insist)
    detail(strength_line(marker))
    people = read_recipients(Path(recipients), key.commitment) if recipients else []
    code = None
    if collusion is not None:
        people = with_words(people)
        code = code_against(len(people), collusion)
    if record is None:
        wording = _wording(message_column, bool(people), message)
    else:
        wording = _wording_of_record(record, key, bool(message_column or people or key_per_sample), message)
    operator = MarkSamples(
        marker=marker, wording=wording, on_error=on_error,
        verify=not no_verify, keys_per_sample=key_per_sample, code=code,
    )  # fmt: skip
    store = open_source(source, kind, column)
    return Plan(
        store=store, source=Path(source), target=Path(output), operator=operator, recipients=people,
        shards=store.shards(), only=only,
    )  # fmt: skip


def _wording(column: str | None, has_recipients: bool, message: dict[str, str | None]) -> Wording:
    from watermarking.codes.messages import to_bytes
    from watermarking.datasets.wording import Wording

    if column is not None or (has_recipients and not any(message.values())):
        if any(message.values()):
            raise click.UsageError("--message-column is a message already: leave -m, --message-hex and --message-file.")
        return Wording(column=column)
    content = read_message(**message)
    if message["message_text"] is not None and "{" in message["message_text"]:
        return Wording(template=str(content))
    return Wording(fixed=to_bytes(content))


def _wording_of_record(path: str, key: Key, clashes: bool, message: dict[str, str | None]) -> Wording:
    """Read the record that all pictures carry parts of."""
    from watermarking.datasets.set_message import SetMessage
    from watermarking.datasets.wording import Wording
    from watermarking.errors import FileFormatError

    if clashes or any(message.values()):
        raise click.UsageError("--record is the message of all pictures, read with one key: leave out -m, --message-*, "
                               "--recipients and --key-per-sample.")  # fmt: skip
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise FileFormatError(f"the record cannot be read from {path}: {error.strerror or error}") from error
    if not content:
        raise FileFormatError(f"the record {path} is empty: write what the set is to say")
    return Wording(record=SetMessage(content, key))


def _tell_plan(plan: Plan, as_json: bool) -> int:
    found = {
        "source": str(plan.source), "target": str(plan.target), "kind": plan.store.kind,
        "shards": len(plan.wanted_tasks()), "samples": plan.n_samples, "bytes": plan.n_bytes,
        "recipients": len(plan.only or plan.recipients), "passed_over": plan.store.passed_over(),
    }  # fmt: skip
    if as_json:
        print_record(found)
        return DONE
    copies = f", {len(plan.only or plan.recipients)} copies" if plan.recipients else ""
    say(
        f"{plan.source}: {plan.store.kind}, {plan.n_samples:,} samples in {len(plan.wanted_tasks()):,} shards{copies}, "
        f"{_size(plan.n_bytes)}; nothing is written"
    )
    for reason, n in plan.store.passed_over().items():
        say(f"{plan.source}: {n} passed over ({reason})")
    return DONE


def _tell_estimate(plan: Plan, n: int, workers: int | None, as_json: bool) -> int:
    from watermarking.datasets.estimate import estimate
    from watermarking.threads import n_threads

    found = estimate(plan, n, workers or n_threads())
    if as_json:
        print_record(found)
        return DONE
    say(
        f"{plan.source}: {found['n_tried']} samples tried, {found['n_failed']} cannot be marked; "
        f"all {plan.n_samples:,} take about {duration(found['seconds'])} and {_size(found['bytes'])}, "
        f"{_size(found['bytes_free'])} are free"
    )
    for name, reason in found["reasons"]:
        say(f"watermarking: {name}: {reason}", err=True)
    return DONE if found["bytes"] < found["bytes_free"] else FAILED


def _tell_end(plan: Plan, progress: Progress, as_json: bool) -> int:
    for line in progress.failures:
        say(f"watermarking: {line}", err=True)
    counts = progress.counts
    if as_json:
        print_record({"target": str(plan.target), "whole": progress.is_whole, "counts": dict(counts)})
    else:
        words = {"marked": "marked", "already": "marked already", "copied": "copied", "skipped": "left out"}
        parts = [f"{counts[kind]:,} {word}" for kind, word in words.items() if counts[kind] or kind == "marked"]
        if counts["failed"]:
            parts.append(f"{counts['failed']:,} of them could not be marked")
        if not progress.is_whole:
            n_left = progress.n_shards - progress.n_shards_done
            parts.append(f"{n_left:,} of {progress.n_shards:,} shards are not done: start it again")
        say(f"{plan.target}: {', '.join(parts)}")
        for reason, n in plan.store.passed_over().items() if progress.is_whole else ():
            say(f"{plan.source}: {n} passed over ({reason})", err=True)
    sys.stdout.flush()
    if not progress.is_whole:
        return FAILED
    return BAD_INPUT if counts["failed"] else DONE


def _size(n_bytes: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} TB"
