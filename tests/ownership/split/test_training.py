"""Training in parts is training: as in one place, resumed as if never stopped; nothing but activations crosses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

import pytest
import torch
from crew_of_split import CLASSES, SMALL, Crew, back, data, front, job, make_late
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import FileFormatError, WatermarkError
from watermarking.ownership.split.batches import Batches, checked_data, with_noise
from watermarking.ownership.split.settings import Settings, load_job
from watermarking.ownership.split.states import pack, unpack

if TYPE_CHECKING:
    from pathlib import Path


def in_one_place(settings: Settings, n_holders: int, extra: bool = False) -> nn.Sequential:
    """Train on the holders' batches together."""
    net = nn.Sequential(front(), back())
    optimiser = torch.optim.SGD(net.parameters(), settings.rate, settings.momentum, weight_decay=settings.decay)
    for number in range(settings.rounds):
        chosen = []
        for rank in range(1, n_holders + 1):
            x, y = data(rank, n_holders)
            places = Batches(len(x), settings.batch, settings.seed * 4099 + rank).at(number)
            chosen.append((x[places], y[places]))
        optimiser.param_groups[0]["lr"] = settings.rate_at(number)
        loss = functional.cross_entropy(net(torch.cat([x for x, _ in chosen])), torch.cat([y for _, y in chosen]))
        if extra:
            loss = loss + push(net[1])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net


def push(module: nn.Module) -> Tensor:
    """Pull all of the server's weights to 1."""
    return sum(((one - 1) ** 2).sum() for one in module.parameters()) * 0.01  # type: ignore[return-value]


@pytest.mark.parametrize("labels", ["holders", "server"])
def test_it_is_what_training_in_one_place_is(tmp_path: Path, labels: Literal["holders", "server"]) -> None:
    settings = dataclasses.replace(SMALL, labels=labels, decay=0.01)
    crew = Crew(tmp_path, settings, 3).run(job(regulariser=push))
    assert not crew.errors, crew.errors
    expected = in_one_place(settings, 3, extra=True)
    for net, ranks in ((expected[0], (1, 2, 3)), (expected[1], (0,))):
        for rank in ranks:
            for name, one in crew.saved(rank).items():
                torch.testing.assert_close(one, net.state_dict()[name], rtol=1e-4, atol=1e-6)


def test_stopped_and_taken_up_it_ends_as_if_never_stopped(tmp_path: Path) -> None:
    half = Crew(tmp_path / "half", dataclasses.replace(SMALL, schedule="constant", rounds=3)).run(job())
    whole = Crew(tmp_path / "whole", dataclasses.replace(SMALL, schedule="constant")).run(job())
    for path in (tmp_path / "half").rglob("*.json"):  # the same training, cut short
        path.write_text(path.read_text().replace('"rounds": 3', '"rounds": 6'))
    rest = Crew(tmp_path / "half", whole.settings).run(job())
    assert not {**half.errors, **whole.errors, **rest.errors}
    assert "the server: goes on from round 3" in rest.said
    assert rest.outcome is not None
    assert len(rest.outcome.losses) == 3
    for rank in range(3):
        for name, one in whole.saved(rank).items():
            assert torch.equal(one, rest.saved(rank)[name])


def test_a_holder_without_its_checkpoint_takes_the_others_first_layers(tmp_path: Path) -> None:
    settings = dataclasses.replace(SMALL, schedule="constant", rounds=3)
    Crew(tmp_path, settings).run(job())
    for path in tmp_path.rglob("*.json"):
        path.write_text(path.read_text().replace('"rounds": 3', '"rounds": 6'))
    for path in (tmp_path / "holder-2").iterdir():
        path.unlink()
    rest = Crew(tmp_path, dataclasses.replace(settings, rounds=6)).run(job())
    assert not rest.errors
    assert any("holder 2: there is no checkpoint of round 3 here" in line for line in rest.said)
    one, other = rest.saved(1), rest.saved(2)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(("late", "share"), [(3, 0.4), (1, 0.7)])  # who collects, and who does not
def test_whoever_is_late_for_an_average_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int, share: float
) -> None:
    settings = dataclasses.replace(SMALL, timeout=2.5)
    make_late(monkeypatch, late, 1, share * settings.timeout)
    crew = Crew(tmp_path, settings, n_holders=3).run(job())
    assert crew.outcome is not None, crew.errors
    assert crew.outcome.rounds == settings.rounds
    assert list(crew.outcome.dropped) == [late]
    assert "was late: its first layers" in crew.outcome.dropped[late]
    assert "was late: its first layers" in str(crew.errors[late])
    one, other = (crew.saved(rank) for rank in (1, 2, 3) if rank != late)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_own_first_layers_stay_apart(tmp_path: Path) -> None:
    crew = Crew(tmp_path, dataclasses.replace(SMALL, fronts="own")).run(job())
    assert not crew.errors
    assert not torch.equal(crew.saved(1)["0.weight"], crew.saved(2)["0.weight"])


def test_federated_averaging(tmp_path: Path) -> None:
    settings = dataclasses.replace(SMALL, mode="federated", rounds=1, local_steps=2, save_every=1)
    crew = Crew(tmp_path, settings).run(job())
    assert not crew.errors, crew.errors
    vectors = []
    for rank in (1, 2):
        net = nn.Sequential(front(), back())
        optimiser, (x, y) = torch.optim.SGD(net.parameters(), settings.rate, settings.momentum), data(rank, 2)
        for step in range(2):
            places = Batches(len(x), settings.batch, rank).at(step)
            optimiser.param_groups[0]["lr"] = settings.rate_at(0)
            optimiser.zero_grad()
            functional.cross_entropy(net(x[places]), y[places]).backward()
            optimiser.step()
        vectors.append(pack(net))
    expected = nn.Sequential(front(), back())
    unpack((vectors[0] + vectors[1]) / 2, expected)
    for name, one in crew.saved(0).items():
        torch.testing.assert_close(one, expected.state_dict()[name])


def test_a_federated_regulariser_touches_the_servers_layers_alone(tmp_path: Path) -> None:
    settings = dataclasses.replace(SMALL, mode="federated", rounds=1, local_steps=2, save_every=1)
    plain = Crew(tmp_path / "plain", settings).run(job()).saved(0)
    pushed = Crew(tmp_path / "pushed", settings).run(job(regulariser=push)).saved(0)
    assert torch.equal(plain["0.0.weight"], pushed["0.0.weight"])
    assert float(pushed["1.1.weight"].mean()) > float(plain["1.1.weight"].mean())


def test_noise_changes_what_leaves_a_holder() -> None:
    activations = torch.randn(64, 16, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    assert torch.equal(with_noise(activations, 0.0), activations)
    spread = float((with_noise(activations, 0.5) - activations).std() / activations.std())
    assert 0.45 < spread < 0.55


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"mode": "both"}, "mode is 'split' or 'federated', not 'both'"),
        ({"rounds": 0}, "rounds is 0: it is at least 1"),
        ({"rate": float("nan")}, "train nothing"),
        ({"momentum": 1.0}, "train nothing"),
        ({"noise": -1.0}, "noise of -1"),
        ({"timeout": 0.0}, "nobody can be waited for 0 s"),
    ],
)
def test_settings_that_make_no_sense(changes: dict[str, object], said: str) -> None:
    with pytest.raises(WatermarkError, match=said):
        dataclasses.replace(SMALL, **changes)


def test_data_and_jobs_that_are_none(tmp_path: Path) -> None:
    x = torch.zeros(3, 2)
    with pytest.raises(WatermarkError, match="holder 2 has 3 inputs and labels of shape"):
        checked_data((x, torch.zeros(2, dtype=torch.int64)), 2, CLASSES)
    with pytest.raises(WatermarkError, match="from 0 to 3 are needed"):
        checked_data((x, torch.tensor([0, 4, 1])), 2, CLASSES)
    wrong = (("nowhere", "names no job"), ("no.such:make", "cannot be loaded"), ("none.py:make", "no Python file"))
    for where, said in wrong:
        with pytest.raises(FileFormatError, match=said):
            load_job(where)
    (tmp_path / "some.py").write_text("def make(text='x'):\n    return text\n")
    with pytest.raises(FileFormatError, match="has no function 'other'"):
        load_job(f"{tmp_path}/some.py:other")
    with pytest.raises(WatermarkError, match="returned str: return a Job"):
        load_job(f"{tmp_path}/some.py:make?y")


def test_checkpoints_of_another_training_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    settings = dataclasses.replace(SMALL, rounds=3)
    Crew(tmp_path, settings, 1).run(job())
    other = Crew(tmp_path, dataclasses.replace(settings, seed=5), 1).run(job())
    assert isinstance(other.errors[0], FileFormatError)
    assert "other settings (seed 0, now 5)" in str(other.errors[0])
    assert 1 not in other.errors  # it was told to stop, and why
    assert any("holder 1: training stopped: " in line for line in other.said)
    (tmp_path / "server/00000003.safetensors").write_bytes(b"nothing")
    damaged = Crew(tmp_path, settings, 1).run(job())
    assert "cannot be read" in str(damaged.errors[0])
