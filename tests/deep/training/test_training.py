"""Training: it learns, survives a kill, splits by photograph, and refuses what cannot work."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from watermarking.deep.logo import FixedLogo  # noqa: E402
from watermarking.deep.networks.nets import NetSpec  # noqa: E402
from watermarking.deep.training.config import LossWeights, TrainConfig, load_config  # noqa: E402
from watermarking.deep.training.data import Photographs, photograph_files, split_by_photograph  # noqa: E402
from watermarking.deep.training.payloads import PictureBank  # noqa: E402
from watermarking.deep.training.sampling import Sampler  # noqa: E402
from watermarking.deep.training.session import run_training  # noqa: E402
from watermarking.deep.training.train import Trainer, TrainingError  # noqa: E402
from watermarking.deep.training.validate import validate  # noqa: E402
from watermarking.errors import WatermarkError, WeightsError  # noqa: E402

CPU = torch.device("cpu")
TINY = NetSpec(
    payload_ratio=8, payload_channels=1, hider_widths=(24, 32), reader_width=24, reader_blocks=2, stem_width=12
)
SMALL = TrainConfig(
    name="small", net=TINY, payload="bits", tile=64, groups=2, group=4, reach=(1.0, 1.2), shrink=(1.0,),
    steps=100, ramp=200, start_psnr=18.0, psnr=(30.0, 34.0), warm_up=10, learning_rate=1.5e-3,
    log_every=20, save_every=20, ema=0.9,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def photographs(tiles: Path) -> Photographs:
    return Photographs(split_by_photograph(photograph_files(tiles))[0], (1.0,), 64, 80, CPU)


def test_loss_falls_and_reading_beats_chance(tiles: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    trainer = run_training(SMALL, tiles, tmp_path, report=lines.append)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert trainer.step == SMALL.steps
    assert log[-1]["watermark"] < 0.8 * log[0]["watermark"]
    assert any("min left" in line for line in lines)
    rows = json.loads((tmp_path / "validation.json").read_text())["rows"]
    # 2 x 8 tiles of 64 cells: chance is 0.5 with a standard deviation of 0.016
    assert validate(trainer, trainer.sampler, (26.0,))["none 26"]["errors"] < 0.4
    assert "none 40" in rows


@pytest.mark.parametrize("kind", ["bits", "pictures", "lattice"])
def test_resumed_run_equals_uninterrupted(tiles: Path, tmp_path: Path, kind: str) -> None:
    config = load_config({
        "name": "r", "payload": "bits" if kind == "bits" else "pictures", "tile": 64, "groups": 1, "group": 4,
        "reach": [1.0, 1.2], "shrink": [1.0],
        "net": {"payload_ratio": 8 if kind == "bits" else 2, "payload_channels": 1 if kind == "bits" else 3,
                "hider_widths": [8, 8], "reader_width": 8, "reader_blocks": 1, "stem_width": 4,
                "lattice": kind == "lattice"},
        "losses": {"adversarial": 0.01, "consistency": 0.1}, "critic_width": 4, "steps": 6, "log_every": 1,
        "attacks": {"none": [1, 0, 0], "jpeg": [1, 50, 90], "noise": [1, 1, 5], "blur": [1, 0.5, 1]},
    })  # fmt: skip
    bank = PictureBank(np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), dtype=np.uint8), CPU)
    data = photographs(tiles)

    def losses_of(folder: str, stops: tuple[int, ...]) -> list[dict[str, float]]:
        seen: list[dict[str, float]] = []
        for stop in stops:
            trainer = Trainer(Sampler(config, data, bank), tmp_path / folder)
            while trainer.step < stop:
                seen.append({name: float(term) for name, term in trainer.advance().items()})
            trainer.save()  # and the process is killed here
        return seen

    whole, halves = losses_of("whole", (6,)), losses_of("halves", (3, 6))
    for one, other in zip(whole, halves, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert abs(value - other[name]) <= 1e-5 * max(1.0, abs(value)), name


@pytest.mark.parametrize("lattice", [False, True])
@pytest.mark.parametrize(("groups", "clean"), [(1, 0.25), (3, 0.25), (2, 0.0)])
def test_every_term_is_a_number_whatever_the_batch(
    tiles: Path, tmp_path: Path, groups: int, clean: float, lattice: bool
) -> None:
    net = NetSpec(hider_widths=(8, 8), reader_width=8, reader_blocks=1, stem_width=4, lattice=lattice)
    config = replace(
        SMALL, net=net, payload="pictures", groups=groups, group=2, losses=LossWeights(clean=clean, pilot=0.1)
    )
    bank = PictureBank(np.random.default_rng(0).integers(0, 256, (4, 128, 128, 3), dtype=np.uint8), CPU)
    terms = Trainer(Sampler(config, photographs(tiles), bank), tmp_path).advance()
    assert {"watermark", "pilot"} <= terms.keys()
    assert all(torch.isfinite(term) for term in terms.values())


def test_nan_stops_names_the_term_and_keeps_the_checkpoint(tiles: Path, tmp_path: Path) -> None:
    trainer = Trainer(Sampler(SMALL, photographs(tiles), None), tmp_path)
    trainer.save()
    kept = trainer.checkpoint.read_bytes()
    with torch.no_grad():
        trainer.pair.reader.payload.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match=r"watermark loss is nan.*checkpoint\.safetensors"):
        trainer.run(lambda progress: None)
    assert trainer.checkpoint.read_bytes() == kept


def test_a_step_that_breaks_the_weights_is_not_saved(tiles: Path, tmp_path: Path) -> None:
    # The loss of the step is still a number; what its gradient left is not.
    trainer = Trainer(Sampler(replace(SMALL, save_every=1), photographs(tiles), None), tmp_path)
    trainer.pair.reader.payload.bias.register_hook(lambda gradient: gradient * torch.inf)
    with pytest.raises(TrainingError, match=r"weights are nan at step 1: no checkpoint was saved yet"):
        trainer.run(lambda progress: None)
    assert not trainer.checkpoint.exists()


def test_five_photographs_are_too_few(tmp_path: Path) -> None:
    for i in range(5):
        Image.new("RGB", (200, 200)).save(tmp_path / f"{i}.png")
    with pytest.raises(WatermarkError, match="holds 5 photographs, training needs at least 8"):
        photograph_files(tmp_path)


def test_split_is_by_photograph_and_stable(tiles: Path) -> None:
    files = photograph_files(tiles)
    learn, held = split_by_photograph(files)
    assert not set(learn) & set(held)
    assert len(held) == 1
    assert split_by_photograph(files[::-1])[1] == held


def test_tiles_are_pixels_of_the_photograph(tiles: Path) -> None:
    data = photographs(tiles)
    draw = data.draw(3, 2, (64, 80), torch.Generator().manual_seed(0))
    cut = data.cut(draw, (64, 80))
    assert cut.shape == (6, 3, 64, 80)
    for i in range(6):
        offset, _, width = data.table[draw.photograph[i]].tolist()
        image = data.pixels[offset : offset + data.table[draw.photograph[i], 1] * width].reshape(-1, width, 3)
        patch = image[draw.top[i] : draw.top[i] + 80, draw.left[i] : draw.left[i] + 80].float() / 255
        turn = int(draw.turn[i])
        patch = patch.transpose(0, 1) if turn & 4 else patch
        patch = patch[:64, :80]
        patch = patch.flip(0) if turn & 1 else patch
        patch = patch.flip(1) if turn & 2 else patch
        assert torch.equal(cut[i], patch.permute(2, 0, 1))


def test_config_refuses_unknown_entries(tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"name": "x", "stepps": 3}')
    with pytest.raises(WeightsError, match="unknown entry 'stepps'"):
        load_config(file)
    file.write_text("[1]")
    with pytest.raises(WeightsError, match="no JSON object"):
        load_config(file)
    assert load_config({"name": "x", "losses": {"clean": 2}}).losses == LossWeights(clean=2)


def test_shipped_configurations_load() -> None:
    import watermarking.deep as package

    for file in sorted((Path(package.__file__).parent / "configs").glob("*.json")):
        assert load_config(file).name == file.stem


def test_example_trains_and_reads(tiles: Path, tmp_path: Path) -> None:
    import importlib.util

    path = Path(__file__).parents[3] / "examples" / "train_your_own_logo.py"
    spec = importlib.util.spec_from_file_location("train_your_own_logo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    logo = np.zeros((50, 50, 4), np.uint8)
    logo[10:40, 10:40] = (200, 30, 60, 255)  # on nothing, which becomes white
    Image.fromarray(logo).save(tmp_path / "logo.png")
    correlation = module.main([str(tmp_path / "logo.png"), str(tiles), str(tmp_path), "--trial"])
    read = np.asarray(Image.open(tmp_path / "read-back.png"))
    carried = FixedLogo(weights=str(tmp_path / "my-logo.safetensors")).logo
    assert correlation == pytest.approx(np.corrcoef(read.ravel(), carried.ravel())[0, 1], abs=1e-6)
    assert np.array_equal(carried[0, 0], (255, 255, 255))
    assert np.array_equal(carried[16, 16], (200, 30, 60))
