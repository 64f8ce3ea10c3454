"""``watermarking ownership fingerprint``: from issuing to a checked report, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from tests.ownership.fingerprints.world import KEY, network
from watermarking.ownership.fingerprints.structure import structure_of

if TYPE_CHECKING:
    from click.testing import Result

    from tests.cli.conftest import Run

BEGIN = ("issue", "net", "--model", "own.safetensors", "--name", "net 1", "-k", "my.key", "--length", "304",
         "--colluders", "3")  # fmt: skip


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Run:
    monkeypatch.chdir(tmp_path)
    KEY.save("my.key")
    module = network()
    save_file({name: value.numpy() for name, value in module.state_dict().items()}, "own.safetensors")
    Path("groups.json").write_text(json.dumps([group.config() for group in structure_of(module)]))
    Path("names.txt").write_text("bob\ncleo\n")

    def call(*args: object, stdin: bytes | None = None) -> Result:
        return run("ownership", "fingerprint", *args, stdin=stdin)

    return call


def test_from_issuing_to_a_checked_report(there: Run, run: Run) -> None:
    done = there(*BEGIN, "--customer", "Ada", "--groups", "groups.json", "--reshape", "--commitment", "out.json")
    assert done.exit_code == 0, done.output
    assert "net/00001-Ada.safetensors: the copy of Ada" in done.output
    done = there("issue", "net", "-k", "my.key", "--customers", "names.txt", "--issued", "2026-11-26", "--json")
    assert [json.loads(line)["customer"] for line in done.output.splitlines()] == ["bob", "cleo"]

    leaked = "net/00001-Ada.safetensors"
    found = there("trace", leaked, "net", "-k", "my.key", "--report", "report", "--commitment", "out.json")
    assert found.exit_code == 0, found.output
    assert f"{leaked}: made of the copy of 'Ada'" in found.output
    assert "secret no more" in found.output
    checked = run("ownership", "report", "report", "--commitment", "out.json")
    assert checked.exit_code == 0, checked.output
    assert "the mark is there" in checked.output

    copies = [load_file(f"net/0000{name}.safetensors") for name in ("2-bob", "3-cleo")]
    save_file({name: (value + copies[1][name]) / 2 for name, value in copies[0].items()}, "both.safetensors")
    said = json.loads(there("trace", "both.safetensors", "net/manifest.json", "-k", "my.key", "--json").output)
    assert set(said["named"]) == {"bob", "cleo"}
    assert said["customers"] == 3
    missing = there("trace", "own.safetensors", "net", "-k", "my.key")
    assert missing.exit_code == 1
    assert "nobody of 3 customers can be named" in missing.output


@pytest.mark.parametrize("what", ["name", "p_value", "level", "customer", "page", "key"])
def test_reports_that_were_changed(there: Run, run: Run, what: str) -> None:
    there(*BEGIN, "--customer", "Ada", "--customer", "bob")
    there("trace", "net/00002-bob.safetensors", "net", "-k", "my.key", "--report", "report")
    path = Path("report/report.json")
    said = json.loads(path.read_text())
    if what == "page":
        page = Path("report/report.html")
        page.write_text(page.read_text().replace("bob", "eve"))
    elif what == "p_value":
        said["result"]["named"]["bob"] = 1e-300
    elif what == "level":
        said["levels"]["values"] = [-value for value in said["levels"]["values"]]
    elif what == "customer":
        said["customers"][1] = "eve"
    elif what == "key":
        said["key"] = bytes(32).hex()
    else:
        said["name"] = "net 2"
    path.write_text(json.dumps(said))
    assert run("ownership", "report", "report").exit_code == 3


def test_no_report_of_fingerprints(there: Run, run: Run) -> None:
    Path("report").mkdir()
    Path("report/report.json").write_text('{"kind": "fingerprints"}')
    done = run("ownership", "report", "report")
    assert done.exit_code == 2
    assert "holds no report of fingerprints" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("issue", "net", "-k", "my.key", "--customer", "a"), "no manifest can be read"),
        (("issue", "net", "-k", "my.key", "--model", "own.safetensors"), "--model needs --name"),
        (("issue", "net", "-k", "my.key", "--length", "31"), "goes with --model"),
        ((*BEGIN, "--customer", "a", "--customer", "a"), "given twice"),
        ((*BEGIN, "--strength", "3"), "a strength of 3"),
        ((*BEGIN, "--groups", "names.txt"), "groups cannot be read"),
        ((*BEGIN, "--layer", "trunk.0.weight"), "304 are needed"),
        ((*BEGIN, "--customer", "a", "--reshape"), "which channels"),
        ((*BEGIN, "--code", "and"), "no AND code of 304 places"),
        (("issue", "net", "--model", "net.pt", "--name", "n", "-k", "my.key"), "is a pickle"),
        (("trace", "own.safetensors", "nowhere", "-k", "my.key"), "no manifest can be read"),
        (("trace", "x", "y", "-k", "my.key", "--own", "z"), "add --inputs"),
        (("trace", "x", "y", "-k", "my.key", "--inputs", "z"), "no manifest can be read"),
        (("trace", "x", "y", "-k", "my.key", "--commitment", "z"), "add --report"),
    ],
)  # fmt: skip
def test_what_is_refused(there: Run, args: tuple[str, ...], words: str) -> None:
    torch.save(torch.zeros(2), "net.pt")
    done = there(*args)
    assert done.exit_code == 2, done.output
    assert words in done.output
    assert "Traceback" not in done.output
    assert not Path("net").exists()  # what is refused begins nothing


def test_a_second_copy_is_refused_before_anything_is_written(there: Run) -> None:
    there(*BEGIN, "--customer", "Ada")
    done = there("issue", "net", "-k", "my.key", "--customer", "new", "--customer", "Ada")
    assert done.exit_code == 2
    assert "'Ada' has a copy" in done.output
    assert len(list(Path("net").glob("0*.safetensors"))) == 1


def test_onnx_suspects(there: Run) -> None:
    onnx = pytest.importorskip("onnx")
    there(*BEGIN, "--customer", "Ada")
    weights = load_file("net/00001-Ada.safetensors")
    tensors = [onnx.numpy_helper.from_array(value, f"w{i}") for i, value in enumerate(weights.values())]
    graph = onnx.helper.make_graph([], "net", [], [], tensors)
    onnx.save(onnx.helper.make_model(graph), "leaked.onnx")
    done = there("trace", "leaked.onnx", "net", "-k", "my.key")
    assert done.exit_code == 0, done.output
    Path("broken.onnx").write_bytes(np.arange(99, dtype=np.uint8).tobytes())
    done = there("trace", "broken.onnx", "net", "-k", "my.key")
    assert done.exit_code == 2
    assert "no ONNX model" in done.output
