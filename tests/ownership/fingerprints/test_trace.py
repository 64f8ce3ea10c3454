"""Copies are issued, changed and merged; those they were issued to are named, and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.ownership.fingerprints.world import KEY, SMALL, begun, network
from watermarking import Key
from watermarking.errors import FileFormatError, WatermarkError, WeightsError
from watermarking.ownership.fingerprints.attacks.changes import noisy, overwritten, reordered
from watermarking.ownership.fingerprints.attacks.merging import MERGES, merged
from watermarking.ownership.fingerprints.issue import Issuer, start
from watermarking.ownership.fingerprints.manifest import read_manifest
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.report import write_tracing_report
from watermarking.ownership.fingerprints.trace import trace
from watermarking.ownership.fingerprints.weights import write_weights
from watermarking.ownership.proof import subkey
from watermarking.ownership.report import check_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prints") / "net"
    issuer = begun(path, network("mlp"), WeightMark())
    for i in range(12):
        issuer.issue(f"customer {i}")
    issuer.issue("reshaped", reshape=True)
    return path


def weights_of(folder: Path, customer: str) -> dict[str, Any]:
    (copy,) = [one for one in read_manifest(folder).copies if one.customer == customer]
    return dict(load_file(folder / copy.file))


def test_files_modules_and_mappings_are_traced_alike(folder: Path) -> None:
    copy = read_manifest(folder).copies[3]
    module = network("mlp")
    module.load_state_dict({name: torch.from_numpy(value) for name, value in weights_of(folder, "customer 3").items()})
    for suspect in (folder / copy.file, str(folder / copy.file), module, module.state_dict()):
        found = trace(suspect, folder, KEY)
        assert found.named() == ["customer 3"]
        assert found.best[1].p_value < 1e-50
        assert len(found) == 13
        assert found.likeness > 0.99


@pytest.mark.parametrize("customer", ["customer 5", "reshaped"])
@pytest.mark.parametrize("attack", ["noise", "order", "overwriting", "zeros", "half precision"])
def test_who_leaked_a_changed_copy(folder: Path, customer: str, attack: str) -> None:
    copy, rng = weights_of(folder, customer), np.random.default_rng(0)
    known = read_manifest(folder)
    suspect: dict[str, Any] = {
        "noise": lambda: noisy(copy, 0.3, rng=rng),
        "order": lambda: reordered(copy, known.groups, key=Key(bytes(16))),
        "overwriting": lambda: overwritten(copy, WeightMark(strength=0.2), key=Key(bytes(16))),
        "zeros": lambda: {n: np.where(np.abs(v) < np.median(np.abs(v)), 0, v) if v.ndim > 1 else v
                          for n, v in copy.items()},
        "half precision": lambda: {name: value.astype(np.float16) for name, value in copy.items()},
    }[attack]()  # fmt: skip
    found = trace(suspect, known_path(folder), KEY)
    assert found.named() == [customer]
    assert found.best[1].p_value < 1e-9


def known_path(folder: Path) -> Path:
    return folder / "manifest.json"


@pytest.mark.parametrize("way", MERGES)
def test_who_merged_their_copies(folder: Path, way: str) -> None:
    guilty = [f"customer {i}" for i in (1, 4, 6, 9)]
    rng = np.random.default_rng(1)
    suspect = noisy(merged([weights_of(folder, one) for one in guilty], way, rng=rng), 0.05, rng=rng)
    named = trace(suspect, folder, KEY).named()
    assert set(named) <= set(guilty)
    assert len(named) >= (2 if way in ("interpolation", "layers") else 4)


def test_whoever_gave_a_layer_is_named(folder: Path, tmp_path: Path) -> None:
    """Each layer from another copy: of all weights together that of the largest layer is read."""
    copies = {f"customer {i}": weights_of(folder, f"customer {i}") for i in range(12)}
    (name, *_) = layers = [name for name, value in copies["customer 0"].items() if value.ndim == 2]
    givers = [f"customer {2 * i}" for i in range(len(layers))]
    mixed = dict(copies["customer 11"]) | {
        layer: copies[giver][layer] for layer, giver in zip(layers, givers, strict=True)
    }
    found = trace(mixed, folder, KEY)
    assert set(found.named()) == set(givers)
    assert found.n_looks == 1 + len(layers)
    assert any(name in note and "layer by layer" in note for note in found.notes)
    write_tracing_report(tmp_path / "report", found, read_manifest(folder), subkey(KEY, "net 1"))
    checked = check_report(tmp_path / "report")
    assert checked.problems == []
    assert set(checked.report["result"]["named"]) == set(givers)
    whole = trace(copies["customer 3"], folder, KEY)
    assert whole.named() == ["customer 3"]
    assert whole.layers == {}


def test_layers_by_other_names_in_another_order_or_missing(folder: Path) -> None:
    copy = weights_of(folder, "customer 2")
    renamed = {f"net.layer{i}": value for i, value in enumerate(reversed(list(copy.values())))}
    found = trace(renamed, folder, KEY)
    assert found.named() == ["customer 2"]
    assert "other names" in found.notes[0]
    wrapped = {f"module.{name}": value for name, value in copy.items()}
    assert trace(wrapped, folder, KEY).named() == ["customer 2"]
    turned = {f"m{i}": value.T.copy() for i, value in enumerate(copy.values())}
    assert trace(turned, folder, KEY).named() == ["customer 2"]
    partly = {name: value for name, value in copy.items() if name != "trunk.1.weight"}
    found = trace(partly, folder, KEY)
    assert found.named() == ["customer 2"]
    assert "trunk.1.weight: not there" in found.notes[0]


def test_suspects_that_cannot_be_read(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WatermarkError, match="another architecture"):
        trace(network("c2"), folder, KEY)
    with pytest.raises(WatermarkError, match="give inputs that the suspect is asked"):
        trace(lambda x: x, folder, KEY)
    torch.save({"a": torch.zeros(3)}, tmp_path / "net.pt")
    (tmp_path / "net.pt").rename(tmp_path / "net.safetensors")
    with pytest.raises(WeightsError, match="is a pickle"):
        trace(tmp_path / "net.safetensors", folder, KEY)
    with pytest.raises(WeightsError, match="is a pickle"):
        trace(tmp_path / "other.pth", folder, KEY)
    broken = weights_of(folder, "customer 1") | {"head.weight": np.full((10, 128), np.nan, np.float32)}
    with pytest.raises(WeightsError, match="holds NaN"):
        trace(broken, folder, KEY)
    with pytest.raises(WeightsError, match="no matrices"):
        trace({"a": np.zeros(4, np.float32)}, folder, KEY)
    with pytest.raises(WatermarkError, match="not the key"):
        trace(network("mlp"), folder, Key(bytes(16)))
    with pytest.raises(WatermarkError, match="not taught"):
        trace(lambda x: x, folder, KEY, inputs=np.zeros((4, 64)))


def test_layers_that_could_be_any_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    own = {f"w{i}": rng.normal(size=(64, 64)).astype(np.float32) for i in range(3)}
    begun(tmp_path / "net", own).issue("ada")
    other = {f"x{i}": rng.normal(size=(64, 64)).astype(np.float32) for i in range(3)}
    with pytest.raises(WatermarkError, match="could each be any"):
        trace(other, tmp_path / "net", KEY)


def test_folders_may_be_text(tmp_path: Path) -> None:
    where = str(tmp_path / "net")
    start(where, network("mlp"), name="net 1", key=KEY, mark=SMALL)
    Issuer(where, key=KEY).issue("ada")
    assert trace(str(tmp_path / "net/00001-ada.safetensors"), f"{where}/manifest.json", KEY).named() == ["ada"]


def test_a_customer_gets_one_copy(tmp_path: Path) -> None:
    issuer = begun(tmp_path / "net")
    issuer.issue("ada")
    with pytest.raises(WatermarkError, match="'ada' has a copy of 'net 1' already"):
        Issuer(tmp_path / "net", key=KEY).issue("ada")
    with pytest.raises(WatermarkError, match="1 to 200 characters"):
        issuer.issue(" ")
    assert read_manifest(tmp_path / "net").customers == ["ada"]
    assert len(list((tmp_path / "net").glob("0*.safetensors"))) == 1


def test_manifests_that_are_refused(tmp_path: Path) -> None:
    issuer = begun(tmp_path / "net")
    issuer.issue("ada")
    path = tmp_path / "net/manifest.json"
    whole = json.loads(path.read_text())
    for change, words in (
        ({"copies": whole["copies"] * 2}, "in the manifest twice"), ({"name": "net 2"}, "changed after"),
        ({"kind": "x"}, "no manifest"), ({"format": 9}, "later version"), ({"copies": None}, "no whole manifest"),
    ):  # fmt: skip
        path.write_text(json.dumps(whole | change))
        with pytest.raises(WatermarkError, match=words):
            read_manifest(path)
    path.write_text("{")
    with pytest.raises(FileFormatError, match="no manifest can be read"):
        read_manifest(path)
    path.write_text(json.dumps(whole))
    write_weights(tmp_path / "net/own.safetensors", {"w": np.zeros((2, 2), np.float32)})
    with pytest.raises(FileFormatError, match="not the file that"):
        trace(network(), path, KEY)


def test_beginnings_that_are_refused(tmp_path: Path) -> None:
    issuer = begun(tmp_path / "net", groups=())
    with pytest.raises(WatermarkError, match="which channels"):
        issuer.issue("ada", reshape=True)
    with pytest.raises(FileFormatError, match="is there already"):
        begun(tmp_path / "net")
    with pytest.raises(WatermarkError, match="nobody has a copy"):
        trace(network(), tmp_path / "net", KEY)
    with pytest.raises(WatermarkError, match=r"no way 'x'"):
        merged([{}], "x", rng=np.random.default_rng(0))
