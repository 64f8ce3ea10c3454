"""The processes that do the work: one that dies, one that hangs, work that nobody waits for."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from benches import Bench

from watermarking.web.crew import Crew
from watermarking.web.settings import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def crew() -> Iterator[Crew]:
    one = Crew(Bench(), n_workers=1, seconds=8.0, max_pixels=77)
    one.start()
    yield one
    one.close()


def refusal_of(crew: Crew, job: tuple[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        asyncio.run(crew.carry_out(job))
    return caught.value


def test_work_is_done_elsewhere(crew: Crew) -> None:
    assert asyncio.run(crew.carry_out(("say", b"x" * 1_000_000))) == b"x" * 1_000_000
    assert asyncio.run(crew.carry_out(("limit", None))) == "77"


def test_one_that_dies_is_replaced(crew: Crew) -> None:
    for _ in range(2):
        refusal = refusal_of(crew, ("die", None))
        assert (refusal.status, refusal.code) == (500, "worker_died")
    assert asyncio.run(crew.carry_out(("say", 1))) == 1


def test_one_that_takes_too_long_is_replaced(crew: Crew) -> None:
    start = time.monotonic()
    refusal = refusal_of(crew, ("sleep", 600))
    assert (refusal.status, refusal.code) == (504, "too_slow")
    assert "8 seconds" in refusal.message
    assert time.monotonic() - start < 120
    assert asyncio.run(crew.carry_out(("say", 1))) == 1


def test_a_refusal_is_raised(crew: Crew) -> None:
    assert refusal_of(crew, ("say", Refusal(415, "format", "no"))).message == "no"


def test_what_nobody_waits_for_is_not_begun(crew: Crew, tmp_path: Path) -> None:
    async def leave() -> None:
        working = asyncio.ensure_future(crew.carry_out(("sleep", 2)))
        waiting = asyncio.ensure_future(crew.carry_out(("touch", tmp_path / "begun")))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await working
        assert await crew.carry_out(("say", 1)) == 1

    asyncio.run(leave())
    assert not (tmp_path / "begun").exists()


def test_closing_ends_what_is_at_hand() -> None:
    async def close() -> float:
        crew = Crew(Bench(), n_workers=2, seconds=600, max_pixels=1)
        crew.start()
        assert await crew.carry_out(("say", 1)) == 1
        working = [asyncio.ensure_future(crew.carry_out(("sleep", 600))) for _ in range(3)]
        await asyncio.sleep(0.5)
        start = time.monotonic()
        await asyncio.to_thread(crew.close)
        await asyncio.gather(*working, return_exceptions=True)
        return time.monotonic() - start

    assert asyncio.run(close()) < 60
