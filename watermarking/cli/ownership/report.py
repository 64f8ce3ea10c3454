"""``watermarking ownership report``: check a report that somebody wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, FAILED, NOT_FOUND
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.options import read_commitment
from watermarking.cli.pictures import announce_compilation

__all__ = ["command"]


@click.command("report")
@click.argument("folder", metavar="REPORT", type=click.Path())
@click.option("--fpr", type=click.FloatRange(0, 1, min_open=True), default=1e-6, show_default=True, metavar="P",
              help="False-positive rate at which the mark counts as found.")  # fmt: skip
@click.option("--commitment", metavar="FILE", type=click.Path(), help="The commitment, from where it was published.")
@json_option
@logging_options
def command(folder: str, fpr: float, commitment: str | None, as_json: bool) -> int:
    """Check a report of 'ownership verify --report' with nothing but itself, and the commitment that was published.

    That commitment is a hash by which the owner tied himself to his key beforehand. The verdict is worked out anew from
    the report's pictures and key, without references. The exit status is 0 if the mark is there, 1 if not, 3 if
    something was changed, report.html included. (One that another version of this package wrote is told by its hash
    alone: read what this prints.)
    """
    announce_compilation()
    from watermarking.ownership.report import check_report

    published = None if commitment is None else read_commitment(commitment)
    found = check_report(Path(folder), fpr=fpr, published=published)
    p_value = None if found.detection is None else float(found.detection.p_value)
    if as_json:
        control, metering = found.report.get("control"), found.report.get("metering")
        print_record(
            {"report": folder, "found": found.is_present, "p_value": p_value, "problems": found.problems}
            | ({} if control is None else {"control_p_value": control["p_value"], "controls": len(control["scores"])})
            | ({} if metering is None else {"e_value": metering["e_values"][-1], "level": metering["level"]})
        )
    else:
        for problem in found.problems:
            say(f"watermarking: {folder}: {problem}", err=True)
        if p_value is not None and not found.problems:
            _tell(folder, found.report, found.is_present, p_value, published is not None)
    if found.problems:
        return FAILED
    return DONE if found.is_present else NOT_FOUND


def _tell(folder: str, report: dict[str, Any], is_present: bool, p_value: float, compared: bool) -> None:
    verdict = "the mark is there" if is_present else "no mark can be told"
    enclosed = report["published"]
    if compared:
        dated = "its key is the one that was published"
    elif enclosed:
        dated = f"look where the commitment {enclosed['sha256'][:16]}... was published, and when"
    else:
        dated = "no commitment is enclosed"
    how = f"p = {p_value:.2g}"
    if report.get("metering") is not None:
        how = f"e = {report['metering']['e_values'][-1]:.2g}, {how}"
    if report.get("control") is not None:
        control = report["control"]
        how += f"; beside {len(control['scores']):,} models that never saw it p = {control['p_value']:.2g}"
    say(f"{folder}: as it was written, {verdict} ({how}); {dated}")
