"""``watermarking schemes``: what there is to choose from."""

from __future__ import annotations

import inspect
from typing import Any

import click

from watermarking.cli.lines import say
from watermarking.cli.options import json_option, logging_options
from watermarking.cli.output import print_record
from watermarking.errors import WatermarkError

__all__ = ["command"]


@click.command("schemes")
@json_option
@logging_options
def command(as_json: bool) -> None:
    """List the schemes, those of other installed packages included.

    A scheme whose package cannot be loaded is listed with the reason; it keeps no other scheme from working.
    """
    from watermarking.registry import scheme_ids

    for scheme_id in scheme_ids():
        row = _describe(scheme_id)
        if as_json:
            print_record(row)
        elif row["error"]:
            say(f"{scheme_id:<16}cannot be used: {row['error']}")
        else:
            say(f"{scheme_id:<16}{row['summary']}")


def _describe(scheme_id: str) -> dict[str, Any]:
    from watermarking.registry import scheme_class

    row = dict.fromkeys(("id", "summary", "payload_kind", "keyed", "bit_exact", "error"))
    row["id"] = scheme_id
    try:
        found = scheme_class(scheme_id)
    except WatermarkError as error:
        return {**row, "error": str(error)}
    traits = {name: getattr(found, name, None) for name in ("payload_kind", "keyed", "bit_exact")}
    return {**row, **traits, "summary": (inspect.getdoc(found) or "").partition("\n")[0]}
