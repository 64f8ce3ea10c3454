"""Training by several processes: the result of one, a NaN in one stops all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from watermarking.deep.tensors import read_tensors  # noqa: E402
from watermarking.deep.training.config import load_config  # noqa: E402
from watermarking.deep.training.data import Photographs, photograph_files, split_by_photograph  # noqa: E402
from watermarking.deep.training.payloads import PictureBank  # noqa: E402
from watermarking.deep.training.sampling import Sampler  # noqa: E402
from watermarking.deep.training.session import run_training  # noqa: E402
from watermarking.deep.training.train import Trainer  # noqa: E402
from watermarking.errors import WatermarkError  # noqa: E402

CPU = torch.device("cpu")
# Every term, and the layers whose noise is drawn: what could differ between one process and two.
SHARED = {
    "name": "shared", "payload": "pictures", "tile": 64, "groups": 4, "group": 2, "reach": [1.0, 1.2], "shrink": [1.0],
    "net": {"hider_widths": [8, 8], "reader_width": 8, "reader_blocks": 1, "stem_width": 4},
    "losses": {"basic": 0.1, "adversarial": 0.01, "consistency": 0.1, "clean": 0.5}, "critic_width": 4, "steps": 5,
    "log_every": 1, "save_every": 1, "ramp": 2, "attacks": {"noise": [1, 1, 5], "crop": [1, 0.5, 0.9]},
}  # fmt: skip

SCRIPT = """
import json, sys
import torch
sys.path.insert(0, sys.argv[1])
from test_ranks import SHARED, trainer_of
from watermarking.deep.training import ranks
from watermarking.deep.training.train import TrainingError
ranks.join(torch.device("cpu"))
trainer = trainer_of(sys.argv[2], sys.argv[3])
seen = []
trainer.run(lambda progress: seen.append(progress.terms))
print(json.dumps(seen) if ranks.rank() == 0 else "", flush=True)
trainer.step = 4
if ranks.rank() == 1:
    trainer.sampler.bank.blocks = trainer.sampler.bank.blocks.float() * torch.nan
try:
    trainer.run(lambda _: None)
except TrainingError as error:
    print(f"rank {ranks.rank()}: {error}", flush=True)
"""


def trainer_of(tiles: str | Path, folder: str | Path) -> Trainer:
    files = split_by_photograph(photograph_files(tiles))[0]
    bank = PictureBank.build(files, None, 0, CPU, n=8)
    sampler = Sampler(load_config(dict(SHARED)), Photographs(files, (1.0,), 64, 80, CPU), bank)
    return Trainer(sampler, Path(folder))


def torchrun(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=Path(__file__).parent, timeout=300)


def assert_same_terms(one: list[dict[str, float]], two: list[dict[str, float]]) -> None:
    for step, (expected, found) in enumerate(zip(one, two, strict=True)):
        for name in expected.keys() - {"seconds_per_step"}:
            assert abs(expected[name] - found[name]) <= 1e-5 * max(1.0, abs(expected[name])), (step, name)


def assert_same_weights(one: Path, two: Path) -> None:
    # Not D's: its biases before a normalisation have no gradient but rounding, which Adam blows up.
    weights, others = read_tensors(one), read_tensors(two)
    for name in (n for n in weights if n.startswith("average/")):
        assert (weights[name] - others[name]).abs().max() <= 1e-5, name


def test_two_processes_give_the_losses_of_one_and_a_nan_in_one_stops_both(tiles: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = torchrun(script, Path(__file__).parent, tiles, tmp_path / "together")
    alone, seen = trainer_of(tiles, tmp_path / "alone"), []
    alone.run(lambda progress: seen.append(progress.terms))
    printed = next(line for line in done.stdout.splitlines() if line.startswith("[{"))
    assert_same_terms(seen, json.loads(printed))
    assert_same_weights(alone.checkpoint, tmp_path / "together" / "checkpoint.safetensors")
    for rank in (0, 1):
        assert f"rank {rank}: the watermark loss is nan at step 5: the last good checkpoint is" in done.stdout


def test_command_goes_on_with_two_processes(tiles: Path, tmp_path: Path) -> None:
    config, fixed = tmp_path / "shared.json", {**SHARED, "payload": "fixed"}
    config.write_text(json.dumps(fixed))
    alone, together = tmp_path / "alone", tmp_path / "together"
    run_training(load_config({**fixed, "steps": 1}), tiles, together, report=str)
    run_training(load_config(config), tiles, alone, report=str)
    last = together / "checkpoint.safetensors"  # named too, since torchrun has options of its own that begin like ours
    command = ("-m", "watermarking", "deep", "train", "--config", config, "--images", tiles, "-o", together)
    done = torchrun(*command, "--initial", last)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("from step 1 of 5, 2 process(es)") == 1  # the second process is silent
    one, two = ([json.loads(line) for line in (f / "log.jsonl").read_text().splitlines()] for f in (alone, together))
    assert [row["step"] for row in two] == [1, 2, 3, 4, 5]
    assert_same_terms(one, two)
    assert_same_weights(alone / "checkpoint.safetensors", together / "checkpoint.safetensors")


def test_groups_must_be_shared_out_evenly(tiles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watermarking.deep.training.ranks.n_ranks", lambda: 3)
    with pytest.raises(WatermarkError, match="4 groups cannot be shared by 3 processes: use a multiple of 6"):
        trainer_of(tiles, tmp_path)
