"""Whom the server goes on without when holders say that an average of their first layers failed."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from crew_of_split import SMALL, Crew, job, make_late

from watermarking.ownership.split.channel import Peer
from watermarking.ownership.split.holder import Holder
from watermarking.ownership.split.meeting import Meeting
from watermarking.ownership.split.server import Server, TooFewError
from watermarking.ownership.split.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


class Deaf(Peer):
    """A holder that every message reaches and that says nothing."""

    def __init__(self, rank: int) -> None:
        nothing: Any = None
        super().__init__(f"holder {rank}", nothing, rank, 1.0)

    def send(self, *said: Any, **how: Any) -> None:
        """Take it."""


def server(folder: Path, n: int, collector: int = 1, **settings: Any) -> Server:
    """Return a server whose last average that holder collected."""
    peers: dict[int, Peer] = {rank: Deaf(rank) for rank in range(1, n + 1)}
    store: Any = None
    found = Server(job(), Settings(**settings), Meeting(0, peers, store), folder, tell=lambda _line: None)
    found._collector = collector
    return found


@pytest.mark.parametrize("n", [3, 4])
def test_a_collector_that_withholds_the_average_leaves_alone(tmp_path: Path, n: int) -> None:
    found = server(tmp_path, n)
    found._part({1: 2} | dict.fromkeys(range(2, n + 1), 1))  # it blames the next one for it
    assert list(found.outcome.dropped) == [1]
    assert list(found.peers) == list(range(2, n + 1))
    found._part(dict.fromkeys(found.peers, 1))  # of whom is gone, nothing more is believed
    assert list(found.peers) == list(range(2, n + 1))


@pytest.mark.parametrize(
    ("blamed", "left"),
    [
        ({1: 0, 2: 0, 3: 1, 4: 0}, [1, 2, 4]),  # one was late
        ({1: 3, 2: 3, 3: 0, 4: 3}, [1, 2, 3, 4]),  # 3 did not collect
        ({1: 1, 2: 2, 3: 7, 4: 0}, [1, 2, 3, 4]),  # themselves, and nobody
        ({1: 0, 2: 1, 3: 1, 4: 1}, [2, 3, 4]),
        ({1: 0, 2: 1, 3: 1}, [2, 3, 4]),  # 4 is silent in this round, and most say so
    ],
)
def test_whom_blame_reaches(tmp_path: Path, blamed: dict[int, int], left: list[int]) -> None:
    found = server(tmp_path, 4)
    found._part(blamed)
    assert list(found.peers) == left


@pytest.mark.parametrize(("collector", "fronts"), [(1, "own"), (0, "shared"), (9, "shared")])
def test_without_an_average_nobody_is_blamed(tmp_path: Path, collector: int, fronts: str) -> None:
    found = server(tmp_path, 3, collector, fronts=fronts)
    found._part({1: 2, 2: 1, 3: 1})
    assert list(found.peers) == [1, 2, 3]


def test_too_few_are_left(tmp_path: Path) -> None:
    with pytest.raises(TooFewError, match="2 holders are left at the activations of round 0, 3 are needed"):
        server(tmp_path, 3, least=3)._part({1: 0, 2: 0, 3: 1})


@pytest.mark.parametrize(("late", "share"), [(3, 0.4), (1, 0.7)])  # who collects, and who does not
def test_the_last_average_is_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int, share: float) -> None:
    settings = dataclasses.replace(SMALL, rounds=1, timeout=2.5)
    make_late(monkeypatch, late, 0, share * settings.timeout)
    crew = Crew(tmp_path, settings, n_holders=3).run(job())
    assert crew.outcome is not None, crew.errors
    assert (crew.outcome.rounds, list(crew.outcome.dropped)) == (1, [late])
    assert list(crew.errors) == [late]
    assert "was late: its first layers" in str(crew.errors[late])
    one, other = (crew.saved(rank) for rank in (1, 2, 3) if rank != late)
    assert all(torch.equal(one[name], other[name]) for name in one)
    again = Crew(tmp_path, settings, n_holders=3).run(job())  # whoever was left out comes back
    assert not again.errors
    assert all(torch.equal(again.saved(1)[name], again.saved(rank)[name]) for rank in (2, 3) for name in one)
    assert all(json.loads(path.read_text())["averaged"] for path in tmp_path.glob("holder-*/*.json"))


def test_whoever_stayed_apart_and_is_stopped_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(holder: Holder, _number: int, alive: list[int], _weight: float | None = None) -> None:
        holder._lost = 0 if holder.rank == alive[0] else alive[0]

    monkeypatch.setattr(Holder, "_average", fails)
    crew = Crew(tmp_path, dataclasses.replace(SMALL, rounds=1, least=3, timeout=5), n_holders=3).run(job())
    assert isinstance(crew.errors[0], TooFewError)
    assert "not averaged with those of holder 1: start all again" in str(crew.errors[2])
    assert not json.loads((tmp_path / "holder-2" / "00000001.json").read_text())["averaged"]
