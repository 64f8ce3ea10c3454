"""The same job with Flower (flwr, an extra): a client for each holder, and a server that applies the regulariser.

Federated averaging alone: Flower's clients send whole networks. It starts and finds the processes its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from watermarking.errors import WatermarkError
from watermarking.extras import needed
from watermarking.ownership.split.batches import Batches, checked_data, reseed
from watermarking.ownership.split.descent import Sgd
from watermarking.ownership.split.local import local_steps, regularise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from watermarking.ownership.split.settings import Job, Settings

__all__ = ["averaging", "client_app", "server_app"]


def _whole(job: Job) -> nn.Sequential:
    return nn.Sequential(job.front(), job.back())


def client_app(job: Job, settings: Settings) -> Any:
    """Return a ``flwr.clientapp.ClientApp`` that trains on a holder's data.

    Which holder it is, Flower's ``partition-id`` (from 0) and ``num-partitions`` of the node say, as its simulation
    sets them.

    Raises
    ------
    MissingExtraError
        If flwr is not installed.
    """
    needed("flwr", "flower")
    from flwr.app import ArrayRecord, Message, MetricRecord, RecordDict
    from flwr.clientapp import ClientApp

    app = ClientApp()

    def train(message: Any, context: Any) -> Any:
        rank, n = _holder_of(context.node_config)
        inputs, labels = checked_data(job.data(rank, n), rank, job.n_classes)
        number = max(0, int(message.content["config"].get("server-round", 1)) - 1)
        net = _whole(job)
        net.load_state_dict(message.content["arrays"].to_torch_state_dict())
        reseed(settings.seed, rank, number)
        batches = Batches(len(inputs), settings.batch, settings.seed * 4099 + rank)
        loss = local_steps(net, Sgd(net, settings), (inputs, labels), batches, settings, number)
        said = MetricRecord({"num-examples": len(inputs), "loss": loss})
        content = RecordDict({"arrays": ArrayRecord(net.state_dict()), "metrics": said})
        return Message(content=content, reply_to=message)

    app.train()(train)
    return app


def _holder_of(node: Any) -> tuple[int, int]:
    try:
        rank, n = int(node["partition-id"]) + 1, int(node["num-partitions"])
    except (KeyError, ValueError) as error:
        raise WatermarkError(
            f"Flower's node says not which holder it is ({error}): give it partition-id and num-partitions"
        ) from error
    return rank, n


def averaging(job: Job, settings: Settings, tell: Callable[[str], None] = print, **options: Any) -> Any:
    """Return Flower's ``FedAvg`` with the job's regulariser, which leaves out clients whose weights are not finite.

    ``options`` are FedAvg's own.
    """
    needed("flwr", "flower")
    from flwr.app import ArrayRecord
    from flwr.serverapp.strategy import FedAvg

    # Clients train only, and one of them is a federation as well.
    defaults = {"fraction_evaluate": 0.0, "min_available_nodes": 1, "min_train_nodes": 1}
    strategy = FedAvg(**{**defaults, **options})
    plain = strategy.aggregate_train

    def aggregate(server_round: int, replies: Iterable[Any]) -> tuple[Any, Any]:
        arrays, metrics = plain(server_round, [one for one in replies if _is_finite(one, tell)])
        if arrays is None or job.regulariser is None:
            return arrays, metrics
        net = _whole(job)
        net.load_state_dict(arrays.to_torch_state_dict())
        optimiser = Sgd(net[1], settings)
        optimiser.rate = settings.rate_at(server_round - 1)
        regularise(job, net[1], optimiser, settings)
        return ArrayRecord(net.state_dict()), metrics

    strategy.aggregate_train = aggregate
    return strategy


def _is_finite(reply: Any, tell: Callable[[str], None]) -> bool:
    if reply.has_error():
        return True  # which Flower counts and leaves out itself
    state = reply.content["arrays"].to_torch_state_dict()
    broken = [name for name, one in state.items() if not torch.isfinite(one).all()]
    if broken:
        tell(f"node {reply.metadata.src_node_id} sent {broken[0]} with NaN or infinite values: it is left out")
    return not broken


def server_app(job: Job, settings: Settings, target: Path, **options: Any) -> Any:
    """Return a ``flwr.serverapp.ServerApp`` that trains for the settings' rounds and writes safetensors to ``target``.

    Raises
    ------
    MissingExtraError
        If flwr is not installed.
    """
    needed("flwr", "flower")
    from flwr.app import ArrayRecord
    from flwr.serverapp import ServerApp

    app = ServerApp()

    def main(grid: Any, context: Any) -> None:
        del context
        strategy = averaging(job, settings, **options)
        begin = ArrayRecord(_whole(job).state_dict())
        found = strategy.start(grid=grid, initial_arrays=begin, num_rounds=settings.rounds)
        _write(found.arrays.to_torch_state_dict(), target)

    app.main()(main)
    return app


def _write(state: dict[str, torch.Tensor], target: Path) -> None:
    import safetensors.torch

    from watermarking.datasets.writing import write_whole

    content = safetensors.torch.save({name: one.contiguous() for name, one in state.items()})
    write_whole(target, lambda stream: stream.write(content))
