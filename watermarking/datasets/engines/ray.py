"""Many machines by Ray Data: the same tasks, a class mapped over them, a shard each.

Every machine must see source and target under the same names. A task writes its shard under its own name, whole,
and then its part of the manifest, so that it does not matter where it ran, or how often.
"""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from watermarking.datasets.engines.engine import attempt
from watermarking.datasets.manifest import Manifest
from watermarking.datasets.task import Tally
from watermarking.errors import WatermarkError
from watermarking.extras import needed
from watermarking.threads import threads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from watermarking.datasets.task import Task

__all__ = ["CarryOut", "Ray"]

_ATTEMPTS: Final = 3


class CarryOut:
    """Carries out tasks in batches of one; Ray makes an object of it in each of its processes.

    Parameters
    ----------
    operator : MarkSamples or ReadSamples
    """

    def __init__(self, operator: Any) -> None:
        self._operator = operator

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Carry out the tasks of a batch; return their tallies."""
        tallies = []
        for packed in batch["task"]:
            task: Task = pickle.loads(packed)  # noqa: S301  # from the process that asked for the work
            with threads(1):
                tallies.append(pickle.dumps(attempt(task, self._operator)))
        return {"tally": tallies}


@dataclass(frozen=True)
class Ray:
    """Carries out tasks on a Ray cluster.

    Parameters
    ----------
    workers : int, optional
        How many processes; without it, as many as the cluster has CPUs.
    address : str, optional
        Of the cluster, ``"auto"`` for the one that this machine belongs to; without it, one is started on this machine.
    """

    workers: int | None = None
    address: str | None = None

    def run(self, tasks: Sequence[Task], operator: Any) -> Iterator[Tally | None]:
        """Yield the tally of each task; a process or machine that dies has its tasks done by another.

        Raises
        ------
        WatermarkError
            If there is no cluster at the address.
        """
        ray = _ray()
        mine = not ray.is_initialized()
        if mine:
            self._connect(ray)
        try:
            yield from self._run(ray, tasks, operator)
        finally:
            if mine:
                ray.shutdown()

    def _connect(self, ray: Any) -> None:
        quiet = {"include_dashboard": False, "num_cpus": self.workers} if self.address is None else {}
        try:
            ray.init(address=self.address or "local", log_to_driver=False, logging_level="error", **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise WatermarkError(f"no Ray cluster answers at {self.address}: start one with 'ray start'") from error

    def _run(self, ray: Any, tasks: Sequence[Task], operator: Any) -> Iterator[Tally | None]:
        n_workers = min(self.workers or int(ray.cluster_resources().get("CPU", 1)), len(tasks))
        _be_quiet(ray)
        items = [{"task": pickle.dumps(task)} for task in tasks]
        todo = ray.data.from_items(items, override_num_blocks=len(items))
        done = todo.map_batches(
            CarryOut, batch_size=1, num_cpus=1, compute=ray.data.ActorPoolStrategy(size=n_workers),
            fn_constructor_args=(operator,), max_restarts=-1, max_task_retries=_ATTEMPTS,
        )  # fmt: skip
        told: set[int] = set()
        try:
            for row in done.iter_rows():
                tally: Tally = pickle.loads(row["tally"])  # noqa: S301  # from a process of the cluster
                told.add(tally.number)
                yield tally
        except ray.exceptions.RayError as error:
            yield from _lost(tasks, told, str(error))


def _lost(tasks: Sequence[Task], told: set[int], why: str) -> Iterator[Tally]:
    """Yield a failure for each task that nothing came of."""
    line = " ".join(why.split())[:200]
    for task in tasks:
        if task.number not in told:
            done = task.number in Manifest(task.book).done()
            yield Tally(task.number, {}, None if done else f"shard {task.name}: Ray gave up: {line}")


def _be_quiet(ray: Any) -> None:
    context = ray.data.DataContext.get_current()
    with suppress(AttributeError):
        context.enable_progress_bars = False
        context.print_on_execution_start = False


def _ray() -> Any:
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    ray = needed("ray", "ray")
    needed("ray.data", "ray")
    return ray
