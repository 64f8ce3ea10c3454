"""The paragraph for a data set's card, and its description in Croissant."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import mlcroissant
import pytest

from tests.datasets.conftest import KEY, Run
from watermarking.datasets.manifest import BOOK, Manifest
from watermarking.datasets.statistics import statistics

if TYPE_CHECKING:
    from pathlib import Path


def test_the_card_says_what_was_marked(folder: Path, tmp_path: Path, run: Run) -> None:
    (folder / "broken.jpg").write_bytes(b"broken")
    run.embed(folder, tmp_path / "out")
    card = (tmp_path / "out" / BOOK / "card.md").read_text()
    assert card.startswith("## Watermark\n\n4 of 6 files carry an invisible watermark (scheme `dwt`).")
    assert KEY.commitment in card
    assert "PSNR 39.30 dB on average" in card
    assert "1 pictures could not be marked" in card


def test_croissant_says_where_it_comes_from_and_how_it_was_made(folder: Path, tmp_path: Path, run: Run) -> None:
    run.embed(folder, tmp_path / "out")
    found = json.loads((tmp_path / "out" / BOOK / "croissant.json").read_text())
    assert found["conformsTo"] == "http://mlcommons.org/croissant/1.1"
    assert found["prov:wasDerivedFrom"]["name"] == folder.name
    assert found["prov:wasGeneratedBy"]["prov:wasAssociatedWith"]["name"] == "watermarking"
    known = {one["@id"] for one in found["distribution"]}
    fields = found["recordSet"][0]["field"]
    assert {one["source"]["fileSet"]["@id"] for one in fields} <= known
    columns = set(Manifest.find(tmp_path / "out").dataset().schema.names)
    assert {one["source"]["extract"]["column"] for one in fields} <= columns
    assert str(tmp_path) not in json.dumps(found)  # folders of whoever marked it are nobody's business


@pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")  # by the library it reads with
def test_the_library_of_croissant_reads_it(
    folder: Path, tmp_path: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    run.embed(folder, tmp_path / "out")
    found = mlcroissant.Dataset(jsonld=str(tmp_path / "out" / BOOK / "croissant.json")).metadata
    assert not found.ctx.issues.errors
    assert "not standard" not in caplog.text
    assert {one.name for one in found.record_sets[0].fields} >= {"sample", "status", "sha256_after"}


def test_statistics_are_kept_and_agree(folder: Path, tmp_path: Path, run: Run) -> None:
    (folder / "broken.jpg").write_bytes(b"broken")
    run.embed(folder, tmp_path / "out")
    manifest = Manifest.find(tmp_path / "out")
    found = manifest.stats()
    assert found == statistics(manifest)
    assert found["counts"] == {"marked": 4, "copied": 2, "failed": 1}
    assert list(found["reasons"].values()) == [1]
    assert found["measures"]["psnr"]["n"] == 4
