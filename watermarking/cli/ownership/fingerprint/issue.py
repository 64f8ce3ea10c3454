"""``watermarking ownership fingerprint issue``: copies of a model, one a customer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE
from watermarking.cli.options import json_option, key_option, logging_options
from watermarking.cli.output import print_record
from watermarking.cli.ownership.fingerprint.teaching import BEGINNING, Teacher, check_folder, teaching_options
from watermarking.cli.ownership.options import read_json

if TYPE_CHECKING:
    from watermarking.keys import Key
    from watermarking.ownership.fingerprints.issue import Issuer
    from watermarking.ownership.fingerprints.mark import WeightMark
    from watermarking.ownership.fingerprints.structure import Group

__all__ = ["command"]


@click.command("issue")
@click.argument("folder", metavar="FOLDER", type=click.Path())
@click.option("--model", metavar="FILE", type=click.Path(),
              help="Your model, .safetensors: needed once, to begin FOLDER.")  # fmt: skip
@click.option("--name", metavar="NAME", help="Of the model and its version: its key is derived by it; with --model.")
@click.option("--customer", "customers", multiple=True, metavar="C", help="Who gets a copy; several may be given.")
@click.option("--customers", "customers_file", metavar="FILE", type=click.Path(), help="Names, one a line.")
@key_option
@click.option("--code", type=click.Choice(["tardos", "identifier", "and"]), help="With --model; tardos if left out.")
@click.option("--length", type=click.IntRange(1), metavar="N", help="With --model: places of the code; 1216.")
@click.option("--colluders", type=click.IntRange(1), metavar="N", help="With --model: made against so many; 10.")
@click.option("--strength", type=float, metavar="S", help="With --model: share of the weights' size; 0.015.")
@click.option("--layer", "layers", multiple=True, metavar="L", help="With --model: weights that carry, else all.")
@click.option("--groups", metavar="FILE", type=click.Path(),
              help="With --model: JSON list of what Group.config() returns, for --reshape.")  # fmt: skip
@teaching_options
@click.option("--reshape", is_flag=True, help="Put each copy's channels in an order of their own.")
@click.option("--issued", default="", metavar="DATE", help="A date, for the manifest.")
@click.option("--commitment", metavar="FILE", type=click.Path(), help="Write what to publish beforehand.")
@json_option
@logging_options
def command(folder: str, key: Key, as_json: bool, **given: Any) -> int:
    """Write copies of a model into FOLDER, one a customer, and note down who got which in FOLDER/manifest.json.

    FOLDER keeps the unmarked model as own.safetensors: like the key, nobody else may have it. A customer who has a copy
    gets no second one. With --black-box each copy is trained for seconds to a minute.
    """
    names = _customers(given)
    _check_usage(given)
    teacher = None if given["data"] is None else Teacher(given)
    issuer = _issuer(Path(folder), key, given, teacher)
    check_folder(issuer.manifest, given["data"])
    if given["commitment"] is not None:
        _write_commitment(Path(given["commitment"]), issuer)
    for name in names:
        issuer.manifest.check_new(name)  # before the first is written
    for name in names:
        taught = None if teacher is None else teacher.taught(issuer, name, issuer.own)
        path = issuer.issue(name, reshape=given["reshape"], taught=taught, issued=given["issued"])
        copy = issuer.manifest.copies[-1]
        if as_json:
            print_record({"customer": name, "file": str(path), "sha256": copy.sha256, "reshaped": copy.reshaped,
                          "taught": copy.taught or None})  # fmt: skip
        else:
            say(f"{path}: the copy of {name}")
    if not names and not as_json:
        say(f"{folder}: begun, nobody has a copy yet")
    return DONE


def _customers(given: dict[str, Any]) -> list[str]:
    from watermarking.cli.ownership.classifier.options import read_names
    from watermarking.ownership.fingerprints.manifest import check_customer

    names = list(given["customers"])
    if given["customers_file"] is not None:
        names += read_names(given["customers_file"], "customers")
    if twice := [name for name in names if names.count(name) > 1]:
        raise click.UsageError(f"The customer {twice[0]!r} is given twice: each gets one copy.")
    for name in names:
        check_customer(name)
    return names


def _check_usage(given: dict[str, Any]) -> None:
    if given["data"] is None:
        for name in (*BEGINNING, "epochs", "flips"):
            if given[name]:
                raise click.UsageError(f"--{name} is for copies that are taught: add --black-box.")
        if given["reshape"] and given["model"] is not None and given["groups"] is None:
            raise click.UsageError("--reshape needs --groups: a file of weights does not say which channels may move.")


def _issuer(folder: Path, key: Key, given: dict[str, Any], teacher: Teacher | None) -> Issuer:
    """Begin a folder, or go on with one."""
    from watermarking.ownership.fingerprints.issue import Issuer, start

    beginning = ("name", "code", "length", "colluders", "strength", "groups", "carrier", "profile")
    stated = [name for name in beginning if given[name] is not None] + (["layer"] if given["layers"] else [])
    if given["model"] is None:
        if stated:
            raise click.UsageError(f"--{stated[0]} is for the beginning: it goes with --model.")
        return Issuer(folder, key=key)
    if given["name"] is None:
        raise click.UsageError("--model needs --name: of the model and its version.")
    more = {"model": Path(given["model"])} if teacher is None else teacher.beginning(Path(given["model"]))
    return start(folder, name=given["name"], key=key, mark=_mark(given), groups=_groups(given["groups"]), **more)


def _mark(given: dict[str, Any]) -> WeightMark:
    from watermarking.ownership.fingerprints.mark import WeightMark

    stated = {name: given[name] for name in ("code", "length", "colluders", "strength") if given[name] is not None}
    if given["code"] == "identifier":
        stated = {"length": 304} | stated
    return WeightMark(**stated, layers=given["layers"] or None)


def _groups(path: str | None) -> list[Group] | None:
    from watermarking.errors import FileFormatError
    from watermarking.ownership.fingerprints.structure import Group

    if path is None:
        return None
    found = read_json(path, "groups")
    if not isinstance(found, list):
        raise FileFormatError(f"{path} holds no list of groups")
    return [Group.from_config(one) for one in found]


def _write_commitment(path: Path, issuer: Issuer) -> None:
    from watermarking.datasets.writing import write_whole
    from watermarking.ownership.sealing import commitment

    text = json.dumps(commitment(issuer.manifest.name, issuer.manifest.mark, issuer.key), indent=1) + "\n"
    write_whole(path, lambda stream: stream.write(text.encode()))
