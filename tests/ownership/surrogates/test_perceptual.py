"""The feature network: VGG16's layers in their order, from a file that is looked at with care."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
h5py = pytest.importorskip("h5py")

from watermarking.errors import WeightsError  # noqa: E402
from watermarking.ownership.surrogates.losses import content_loss, is_adversarial  # noqa: E402
from watermarking.ownership.surrogates.perceptual import edge_network  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"1.1": (3, 64), "1.2": (64, 64), "2.1": (64, 128), "2.2": (128, 128), "3.1": (128, 256), "3.2": (256, 256)}
SIZES["3.3"] = (256, 256)


def write(path: Path, change: dict[str, tuple[int, int]] | None = None) -> dict[str, tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    tensors = {}
    with h5py.File(path, "w") as file:
        for name, (n_in, n_out) in {**SIZES, **(change or {})}.items():
            kernel = (rng.standard_normal((3, 3, n_in, n_out)) * (2 / (9 * n_in)) ** 0.5).astype(np.float32)
            bias = rng.standard_normal(n_out).astype(np.float32)
            b, i = name.split(".")
            layer = "conv2d" if i == "1" else f"conv2d_{int(i) - 1}"
            for j, part in enumerate((kernel, bias)):
                file[f"block{b}/layers/{layer}/vars/{j}"] = part
            tensors[name] = kernel, bias
    return tensors


def test_features_are_those_of_plain_convolutions(tmp_path: Path) -> None:
    path = tmp_path / "hed.weights.h5"
    tensors = write(path)
    network = edge_network(path)
    image = torch.rand(2, 3, 16, 24)
    x = 255 * image[:, [2, 1, 0]] - torch.tensor([104.007, 116.669, 122.679]).reshape(1, 3, 1, 1)
    for name, (kernel, bias) in tensors.items():
        if name in ("2.1", "3.1"):
            x = torch.nn.functional.max_pool2d(x, 2)
        x = torch.nn.functional.conv2d(x, torch.tensor(kernel).permute(3, 2, 0, 1), torch.tensor(bias), padding=1)
        x = x if name == "3.3" else x.relu()
    found = network(image)
    assert found.shape == (2, 256, 4, 6)
    torch.testing.assert_close(found, x / 1000, rtol=1e-4, atol=1e-5)
    assert not any(p.requires_grad for p in network.parameters())


def test_bad_files(tmp_path: Path) -> None:
    path = tmp_path / "hed.weights.h5"
    with pytest.raises(WeightsError, match="no trunk"):
        edge_network(path)
    path.write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="no trunk"):
        edge_network(path)
    write(path, {"2.1": (64, 100)})
    with pytest.raises(WeightsError, match=r"layer 2\.1"):
        edge_network(path)
    with h5py.File(path, "w") as file:
        file["block1/layers/conv2d/vars/0"] = np.zeros(3)
    with pytest.raises(WeightsError, match="no trunk"):
        edge_network(path)


@pytest.mark.parametrize("loss", ["l1", "l2", "perceptual-adversarial"])
def test_losses_fall_with_the_error_and_have_slopes(loss: str) -> None:
    target = 0.2 + 0.6 * torch.rand(2, 3, 32, 32)
    noise = torch.randn_like(target)
    sizes = [float(content_loss(loss, target + s * noise, target)) for s in (0.0, 0.01, 0.05)]
    assert sizes[0] < sizes[1] < sizes[2]
    out = (target + 0.02 * noise).requires_grad_()
    content_loss(loss, out, target).backward()
    assert out.grad is not None
    assert torch.isfinite(out.grad).all()
    assert float((out.grad * noise).sum()) > 0
    assert is_adversarial(loss) is loss.endswith("adversarial")
