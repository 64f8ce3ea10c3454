"""``watermarking ownership report``: check a report that somebody wrote."""

from __future__ import annotations

from pathlib import Path

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, FAILED, NOT_FOUND
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.pictures import announce_compilation

__all__ = ["command"]


@click.command("report")
@click.argument("folder", metavar="REPORT", type=click.Path())
@json_option
@logging_options
def command(folder: str, as_json: bool) -> int:
    """Check a report of 'ownership verify --report' with nothing but itself.

    Its pictures and its key must lead to the p-value that it states. The exit status is 0 if all is as the report says
    and the mark is there, 1 if it is not there, 3 if something was changed.
    """
    announce_compilation()
    from watermarking.ownership.report import check_report

    found = check_report(Path(folder))
    result = found.report["result"]
    if as_json:
        p_value = None if found.detection is None else float(found.detection.p_value)
        print_record({"report": folder, "p_value": p_value, "stated": result["p_value"], "problems": found.problems})
    else:
        for problem in found.problems:
            say(f"watermarking: {folder}: {problem}", err=True)
        if not found.problems:
            dated = "published before" if found.report["published"] else "not published before"
            say(f"{folder}: as it was written, p = {result['p_value']:.2g}, key commitment {dated}")
    if found.problems:
        return FAILED
    return DONE if result["is_present"] else NOT_FOUND
