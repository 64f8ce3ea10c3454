"""Holders that send what they must not are named and refused, and training goes on with the others."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest
import torch
from crew_of_split import CUT, SMALL, Crew, job
from torch import Tensor

from watermarking.ownership.split.channel import Kind, PeerError, Wanted, as_text, from_text
from watermarking.ownership.split.server import TooFewError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watermarking.ownership.split.meeting import Meeting

SERVER_LABELS = dataclasses.replace(SMALL, labels="server", fronts="own")


def sends(*tensors: Tensor, settings: int | None = None, kind: Kind = Kind.ACTIVATIONS) -> Callable[[Meeting], None]:
    """Return a holder that says hello, then sends this, and hears what the server says to it."""

    def take_part(meeting: Meeting) -> None:
        server = meeting.peers[0]
        number = SERVER_LABELS.fingerprint() if settings is None else settings
        server.send(Kind.HELLO, torch.tensor([number, 40]))
        if settings is None:
            server.receive(Kind.ROUND, [Wanted("a plan", (None,), torch.int64)])
            server.send(kind, *tensors, number=0)
        server.receive(Kind.GRADIENT)

    return take_part


ACTIVATIONS, LABELS = torch.zeros(8, *CUT), torch.zeros(8, dtype=torch.int64)
TOGETHER = torch.zeros(1, dtype=torch.int64)
NAN = ACTIVATIONS.clone()
NAN[3, 1, 2, 2] = torch.nan


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ((NAN, TOGETHER, LABELS), "holder 2 sent activations with 1 of 2048 values NaN or infinite"),
        ((ACTIVATIONS[:, :3], TOGETHER, LABELS), r"holder 2 sent activations of shape \(8, 3, 8, 8\)"),
        ((torch.zeros(9, *CUT), TOGETHER, LABELS), r"holder 2 sent activations of shape \(9, 4, 8, 8\)"),
        ((ACTIVATIONS, TOGETHER, torch.full((8,), 4)), "holder 2 sent labels from 4 to 4, 0 to 3 are allowed"),
        ((ACTIVATIONS, TOGETHER, LABELS[:5]), "holder 2 sent 8 activations with 5 labels"),
        ((ACTIVATIONS, TOGETHER, LABELS.float()), "holder 2 sent labels of shape .* and type float32"),
        ((ACTIVATIONS,), "holder 2 sent 1 tensors, activations and .* and labels expected"),
        ((ACTIVATIONS, TOGETHER - 1, LABELS), "holder 2 sent whom it was not averaged with from -1 to -1"),
    ],
)
def test_what_is_refused(tmp_path: Path, tensors: tuple[Tensor, ...], said: str) -> None:
    crew = Crew(tmp_path, SERVER_LABELS).run(job(), {2: sends(*tensors)})
    assert crew.outcome is not None, crew.errors
    assert crew.outcome.rounds == SERVER_LABELS.rounds
    assert list(crew.outcome.dropped) == [2]
    with pytest.raises(PeerError, match=said):
        raise PeerError(crew.outcome.dropped[2])
    assert list(crew.errors) == [2]
    assert "the server refuses this process: holder 2 sent" in str(crew.errors[2])


def test_other_settings_and_another_kind_of_message(tmp_path: Path) -> None:
    crew = Crew(tmp_path / "a", SERVER_LABELS).run(job(), {2: sends(settings=5)})
    assert "holder 2 runs with other settings" in str(crew.errors[2])
    crew = Crew(tmp_path / "b", SERVER_LABELS).run(job(), {2: sends(ACTIVATIONS, kind=Kind.WEIGHTS)})
    assert "sent weights where activations are expected" in str(crew.errors[2])


def test_with_too_few_left_it_stops(tmp_path: Path) -> None:
    settings = dataclasses.replace(SERVER_LABELS, least=2)
    crew = Crew(tmp_path, settings).run(job(), {2: sends(NAN, LABELS)})
    assert isinstance(crew.errors[0], TooFewError)
    assert "1 holders are left at the activations of round 0, 2 are needed (holder 2 sent" in str(crew.errors[0])
    assert "the server stopped: training stopped: 1 holders are left" in str(crew.errors[1])


def test_a_holder_that_leaves_at_once(tmp_path: Path) -> None:
    crew = Crew(tmp_path, dataclasses.replace(SMALL, timeout=4)).run(job(), {1: lambda meeting: None})
    assert crew.outcome is not None, crew.errors
    assert "holder 1" in crew.outcome.dropped[1]


def test_texts_cannot_steer_a_terminal() -> None:
    assert as_text(from_text("gone\x1b[2J \u00e9")) == "gone [2J \u00e9"
    assert as_text(from_text("")) == " "
