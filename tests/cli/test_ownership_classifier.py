"""``watermarking ownership classifier``: from marking to a checked report, and a thief in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tests.ownership.classifiers.world import KEY, World, softmax, world
from watermarking.cli import main
from watermarking.ownership.classifiers.files.mark import MarkFile, read_mark, write_mark
from watermarking.ownership.proof import subkey

if TYPE_CHECKING:
    import numpy.typing as npt

NAMED = ("--mark", "a.mark", "--name", "digits v1", "-k", "my.key")
OWN = ("--own", "own.npy", *NAMED)


def run(*args: Any) -> Result:
    return CliRunner().invoke(main, ["ownership", *map(str, args)])


def student(there: World, client: str | None = None, *, noise: float = 0.7) -> npt.NDArray[Any]:
    """Return answers of somebody who learnt what was marked."""
    key = subkey(KEY, "digits v1")
    return there.student(key if client is None else key.derive(f"client/{client}"), noise=noise)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.delenv("WATERMARKING_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    found = world(10)
    KEY.save("my.key")
    np.save("inputs.npy", found.pictures)
    np.save("own.npy", found.own)
    write_mark(Path("a.mark"), MarkFile(found.mark))
    np.save("thief.npy", student(found))
    np.save("innocent.npy", found.model(5))
    return found


def test_from_marking_to_a_checked_report(there: World) -> None:
    Path("a.mark").unlink()
    done = run("classifier", "embed", "inputs.npy", "own.npy", "-o", "served.npy", *NAMED, "--commitment", "out.json")
    assert done.exit_code == 0, done.output
    assert "a.mark: new mark of 10 classes" in done.output
    assert "served.npy: 400 answers marked for 'digits v1'" in done.output
    assert "0 first classes changed" in done.output
    assert read_mark(Path("a.mark")).mark == there.mark  # fitting has no chance in it
    served = np.load("served.npy")
    assert np.array_equal(served.argmax(1), there.own.argmax(1))
    assert np.array_equal(served, there.mark.answer(there.own, there.pictures, key=subkey(KEY, "digits v1")))
    found = run(
        "classifier", "verify", "thief.npy", "inputs.npy", *OWN, "--report", "r", "--commitment", "out.json",
        "--enclose-inputs",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "thief.npy: 400 of 400 answers compared, they carry the mark (p = " in found.output
    assert "are few" in found.output  # no references
    checked = run("report", "r", "--commitment", "out.json")
    assert checked.exit_code == 0, checked.output
    assert "its key is the one that was published" in checked.output
    report = json.loads(Path("r/report.json").read_text())
    Path("r/report.json").write_text(json.dumps({**report, "n_keys": 2}))
    assert run("report", "r").exit_code == 3


def test_who_did_not_learn_is_not_accused(there: World) -> None:
    np.save("served.npy", there.own)
    for suspect, more in (
        ("innocent.npy", OWN),
        ("own.npy", OWN),
        ("thief.npy", (*OWN, "--client", "bob")),
        ("thief.npy", ("--own", "own.npy", "--mark", "a.mark", "--name", "v2", "-k", "my.key")),
    ):
        found = run("classifier", "verify", suspect, "inputs.npy", *more, "--json")
        assert found.exit_code == 1, found.output
        assert json.loads(found.stdout)["p_value"] > 1e-4


def test_clients_are_told_apart(there: World) -> None:
    np.save("bobs.npy", student(there, "bob"))
    Path("clients.txt").write_text("alice\nbob\n\ncarol\n")
    for client in ("alice", "bob"):
        args = ("classifier", "embed", "inputs.npy", *NAMED, "--client", client, "--commitment", f"{client}.json")
        assert run(*args).exit_code == 0
    found = run(
        "classifier", "verify", "bobs.npy", "inputs.npy", *OWN, "--clients", "clients.txt", "--report", "r",
        "--commitment", "alice.json", "--commitment", "bob.json",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "they carry the mark of 'digits v1/bob' (p = " in found.output
    assert "times 3 keys tried" in found.output
    report = json.loads(Path("r/report.json").read_text())
    assert (report["name"], report["n_keys"]) == ("digits v1/bob", 3)
    assert run("report", "r", "--commitment", "bob.json").exit_code == 0
    assert run("report", "r", "--commitment", "alice.json").exit_code == 3
    alone = run("classifier", "verify", "bobs.npy", "inputs.npy", *OWN, "--client", "bob", "--json")
    assert report["result"]["p_value"] == pytest.approx(3 * json.loads(alone.stdout)["p_value"])


def test_two_clients_are_both_named(there: World) -> None:
    key = subkey(KEY, "digits v1")
    both = [there.mark.answer(there.own, there.pictures, key=key.derive(f"client/{one}")) for one in ("a", "b")]
    np.save("both.npy", softmax(np.log(sum(both))))
    found = run(
        "classifier", "verify", "both.npy", "inputs.npy", *OWN, "--client", "a", "--client", "b", "--client", "c"
    )
    assert found.exit_code == 0
    assert found.stdout.count("carry the mark of") == 2
    assert "'digits v1/c'" not in found.stdout


def test_evidence_query_by_query(there: World) -> None:
    np.save("thief.npy", student(there, noise=0.3))
    args = ("classifier", "verify", "thief.npy", "inputs.npy", *OWN, "--metered")
    found = run(*args, "--report", "r")
    assert found.exit_code == 0, found.output
    assert "it ended for: enough evidence" in found.stdout
    asked = json.loads(Path("r/report.json").read_text())
    assert asked["n_queries"] < 400
    assert asked["metering"]["e_values"][-1] >= 1e6 > asked["metering"]["e_values"][-2]
    checked = run("report", "r")
    assert checked.exit_code == 0
    assert "(e = " in checked.output
    short = run(*args, "--at-most", 3, "--json")
    assert short.exit_code == 1
    said = json.loads(short.stdout)
    assert (said["queries"], said["stopped"]) == (3, "as many queries as allowed")
    innocent = run("classifier", "verify", "innocent.npy", "inputs.npy", *OWN, "--metered")
    assert innocent.exit_code == 1
    assert "no more queries" in innocent.stdout


def test_changed_e_values_are_found(there: World) -> None:
    np.save("thief.npy", student(there, noise=0.3))
    assert run("classifier", "verify", "thief.npy", "inputs.npy", *OWN, "--metered", "--report", "r").exit_code == 0
    from watermarking.ownership.sealing import sealed

    report = json.loads(Path("r/report.json").read_text())
    del report["sha256"]
    report["metering"]["e_values"][-1] *= 10
    Path("r/report.json").write_bytes(sealed(report))
    checked = run("report", "r")
    assert checked.exit_code == 3
    assert "other e-values than the report says" in checked.output


def test_references_that_were_committed_to_count(there: World) -> None:
    for number, one in enumerate(there.references):
        np.save(f"r{number}.npy", one)
    references = [word for number in range(3) for word in ("--reference", f"r{number}.npy")]
    commit = ("classifier", "embed", "inputs.npy", *NAMED, "--commitment", "c.json", "--asked", "inputs.npy")
    assert run(*commit, "--own", "own.npy", *references, "--queries", 300).exit_code == 0
    args = (
        "classifier",
        "verify",
        "thief.npy",
        "inputs.npy",
        *OWN,
        *references,
        "--report",
        "r",
        "--commitment",
        "c.json",
    )
    other = run(*args)
    assert other.exit_code == 2  # before anybody was asked
    assert "or of other answers" in other.output
    found = run(*args, "--queries", 300)
    assert found.exit_code == 0, found.output
    assert "300 of 300 answers compared" in found.output
    assert "without references p = " in found.output
    report = json.loads(Path("r/report.json").read_text())
    assert report["result"]["with_references"]
    assert run("report", "r", "--commitment", "c.json").exit_code == 0


def test_the_owner_serves_in_python(there: World) -> None:
    Path("a.mark").unlink()
    done = run("classifier", "embed", "inputs.npy", *NAMED, "--n-classes", 10, "--profile", "light")
    assert done.exit_code == 0
    assert "serve the model in ProtectedClassifier" in done.output
    assert read_mark(Path("a.mark")).mark.tau == 0.005
    again = run("classifier", "embed", "inputs.npy", *NAMED, "--profile", "strong")
    assert again.exit_code == 2
    assert "a.mark is there" in again.output


def test_logits_stay_logits(there: World) -> None:
    np.save("logits.npy", (np.log(there.own) + 2).astype(np.float32))
    assert run("classifier", "embed", "inputs.npy", "logits.npy", "-o", "served.npy", *NAMED).exit_code == 0
    served = np.load("served.npy")
    assert served.dtype == np.float32
    wanted = there.mark.answer(there.own, there.pictures, key=subkey(KEY, "digits v1"))
    assert np.allclose(softmax(served.astype(np.float64)), wanted, atol=1e-5)


@pytest.mark.parametrize("order", [("alice", "bob", "carol"), ("carol", "bob", "alice")])
def test_labels_alone_name_the_client_whose_they_are(tmp_path: Path, there: World, order: tuple[str, ...]) -> None:
    many = world(10, 3000)
    mark = many.mark.for_labels(many.own, many.pictures, price=0.03)
    alice = subkey(KEY, "digits v1").derive("client/alice")
    served = mark.answer(many.own, many.pictures, key=alice).argmax(1)
    write_mark(Path("swaps.mark"), MarkFile(mark))
    np.save("many.npy", many.pictures)
    np.save("many-own.npy", many.own)
    np.save("labels.npy", np.eye(10, dtype=np.float32)[served])
    clients = [part for name in order for part in ("--client", name)]
    how = ("--own", "many-own.npy", "--mark", "swaps.mark", "--name", "digits v1", "-k", "my.key")
    done = run("classifier", "verify", "labels.npy", "many.npy", *how, *clients, "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["found"], found["name"], found["form"]) == (True, "digits v1/alice", "labels")
    assert {name for name, p in found["names"].items() if p <= 1e-6} == {"digits v1/alice"}
