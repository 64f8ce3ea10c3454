"""Copies as ONNX files, of 8-bit weights, or with layers that content does not tell apart: who got them is named."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tests.ownership.fingerprints.world import KEY, SHAPES, begun, loaded, network
from watermarking.errors import FileFormatError, WatermarkError, WeightsError
from watermarking.ownership.fingerprints.graphs import dequantised, read_graph
from watermarking.ownership.fingerprints.manifest import read_manifest
from watermarking.ownership.fingerprints.mark import WeightMark
from watermarking.ownership.fingerprints.trace import trace
from watermarking.ownership.fingerprints.weights import read_weights

if TYPE_CHECKING:
    from pathlib import Path

onnx = pytest.importorskip("onnx")


def issued(folder: Path, name: str) -> Path:
    issuer = begun(folder / name, network(name), WeightMark(length=64, colluders=2))
    for customer in ("Ada", "Bob", "Cleo"):
        issuer.issue(customer, reshape=customer == "Cleo")
    return folder / name


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    top = tmp_path_factory.mktemp("onnx")
    return {name: issued(top, name) for name in ("c2", "residual")}


def copy_of(folder: Path, customer: str) -> torch.nn.Module:
    (copy,) = [one for one in read_manifest(folder).copies if one.customer == customer]
    return loaded(network(folder.name), load_file(folder / copy.file))


def exported(module: torch.nn.Module, name: str, path: Path) -> Path:
    written = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's older exporter, which folds and renames most, says that it is old
        torch.onnx.export(module, (torch.zeros(1, *SHAPES[name]),), written, dynamo=False)
    path.write_bytes(written.getvalue())
    return path


def quantised(path: Path, kind: str, *, per_channel: bool) -> Path:
    quantization = pytest.importorskip("onnxruntime.quantization")
    made = path.with_name(f"{path.stem}-{kind}-{per_channel}.onnx")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantization.quantize_dynamic(
            path, made, weight_type=getattr(quantization.QuantType, kind), per_channel=per_channel
        )
    return made


@pytest.mark.parametrize(("kind", "per_channel"), [("QInt8", False), ("QUInt8", True)])
@pytest.mark.parametrize("customer", ["Bob", "Cleo"])
def test_a_copy_of_8_bits(
    folders: dict[str, Path], tmp_path: Path, customer: str, kind: str, *, per_channel: bool
) -> None:
    module = copy_of(folders["c2"], customer)
    path = quantised(exported(module, "c2", tmp_path / "c2.onnx"), kind, per_channel=per_channel)
    found, whole = read_weights(path), read_weights(module)
    for name in ("trunk.0.weight", "trunk.7.weight", "head.weight"):  # matrices come transposed, and are turned back
        step = float(np.abs(whole[name]).max()) / 120
        np.testing.assert_allclose(found[name], whole[name], atol=step)
    tracing = trace(path, folders["c2"], KEY)
    assert tracing.named() == [customer]
    assert tracing.likeness > 0.99


@pytest.mark.parametrize("bits", [32, 8])
def test_a_reshaped_copy_whose_layers_have_no_names(folders: dict[str, Path], tmp_path: Path, bits: int) -> None:
    path = exported(copy_of(folders["residual"], "Cleo"), "residual", tmp_path / "r.onnx")
    path = path if bits == 32 else quantised(path, "QInt8", per_channel=False)
    found = trace(path, folders["residual"], KEY)
    assert found.named() == ["Cleo"]
    assert any("taken in the order in which they are used" in note for note in found.notes)
    assert found.n_looks == 1 + 10  # the other orders were never read


def test_the_order_of_a_mapping(tmp_path: Path) -> None:
    class Chain(torch.nn.Module):
        """Layers of one shape, whose names do not follow each other."""

        shape = (48,)

        def __init__(self) -> None:
            super().__init__()
            for name in ("zeta", "mid", "alpha", "head"):
                self.add_module(name, torch.nn.Linear(48, 48 if name != "head" else 10))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for name in ("zeta", "mid", "alpha"):
                x = self.get_submodule(name)(x).relu()
            return self.get_submodule("head")(x)

    torch.manual_seed(3)
    issuer = begun(tmp_path / "chain", Chain().eval(), WeightMark(length=64, colluders=2))
    issuer.issue("Ada")
    copy = load_file(issuer.issue("Bob", reshape=True))
    order = ("zeta", "mid", "alpha", "head")
    renamed = {f"layer{8 + i}": copy[f"{name}.weight"] for i, name in enumerate(order)}
    turned = {name: value.T.copy() for name, value in renamed.items()}
    by_name = dict(sorted(renamed.items()))  # layer10, layer11, layer8, layer9
    for suspect in (renamed, by_name, turned):
        assert trace(suspect, str(tmp_path / "chain"), KEY).named() == ["Bob"]
    with pytest.raises(WatermarkError, match=r"could each be any of the suspect's .* they are not alike"):
        trace({f"x{i}": copy[f"{name}.weight"] for i, name in enumerate(("mid", "zeta", "alpha", "head"))},
              tmp_path / "chain", KEY)  # fmt: skip


def test_modules_that_torch_quantised(folders: dict[str, Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module: Any = torch.ao.quantization.quantize_dynamic(
            copy_of(folders["c2"], "Bob"), {torch.nn.Linear}, dtype=torch.qint8
        )
    assert "trunk.7.weight" in read_weights(module)
    assert trace(module, folders["c2"], KEY).named() == ["Bob"]
    assert trace(module.state_dict(), folders["c2"], KEY).named() == ["Bob"]


def test_scales_of_channels_blocks_and_all() -> None:
    whole = np.arange(24, dtype=np.uint8).reshape(4, 6)
    columns, rows = np.arange(1, 7, dtype=np.float32), np.arange(1, 5, dtype=np.float32)
    plain = whole.astype(np.float32)
    np.testing.assert_array_equal(dequantised(whole, np.float32(2), np.array([3], np.uint8)), 2 * (plain - 3))
    np.testing.assert_array_equal(dequantised(whole, columns, None), plain * columns)
    np.testing.assert_array_equal(dequantised(whole, rows, None, 0), plain * rows[:, None])
    np.testing.assert_array_equal(dequantised(whole, rows, None, -2), plain * rows[:, None])
    filters = np.ones((4, 6, 3, 3), np.int8)
    np.testing.assert_array_equal(dequantised(filters, rows, None, 1), filters * rows[:, None, None, None])
    blocks = np.array([[1, 2], [3, 4], [5, 6], [7, 8]], np.float32)
    np.testing.assert_array_equal(dequantised(whole, blocks, None, 1), plain * np.repeat(blocks, 3, axis=1))
    with pytest.raises(ValueError, match="do not fit"):
        dequantised(whole, np.ones(5, np.float32), None)


def model(nodes: list[Any], path: Path, **arrays: np.ndarray) -> Path:
    inputs = [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 6])]
    outputs = [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])]
    held = [onnx.numpy_helper.from_array(value, name) for name, value in arrays.items()]
    graph = onnx.helper.make_graph(nodes, "g", inputs, outputs, held)
    onnx.save(onnx.helper.make_model(graph), str(path))
    return path


def test_dequantisation_that_the_graph_does(tmp_path: Path) -> None:
    weights, scale = np.arange(24, dtype=np.int8).reshape(6, 4), np.arange(1, 5, dtype=np.float32)
    put = onnx.helper.make_node("DequantizeLinear", ["w", "s", "z"], ["wf"], axis=1)
    times = onnx.helper.make_node("MatMul", ["x", "wf"], ["y"])
    path = model([put, times], tmp_path / "a.onnx", s=scale, w=weights, z=np.full(4, 2, np.int8))
    found = read_graph(path)
    assert next(iter(found)) == "w"
    np.testing.assert_array_equal(found["w"], (weights - 2.0) * scale)
    bad = model([put, times], tmp_path / "b.onnx", s=np.ones(5, np.float32), w=weights, z=np.zeros(5, np.int8))
    with pytest.raises(FileFormatError, match=r"scales of shape \(5,\) do not fit"):
        read_graph(bad)


def test_whole_numbers_without_scales_and_mappings_of_mappings() -> None:
    whole = {"a.weight": np.ones((4, 4), np.int8)}
    with pytest.raises(WeightsError, match=r"a.weight: whole numbers of 8 bits.*dequantise the weights first"):
        read_weights(whole)
    with pytest.raises(WeightsError, match=r"'state_dict' holds a mapping of its own: .* give its 'state_dict'"):
        read_weights({"state_dict": {"a.weight": np.ones((4, 4), np.float32)}})
