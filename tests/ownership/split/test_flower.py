"""The job with Flower's own client, server and messages; without Flower, one error that says how to get it."""

from __future__ import annotations

import dataclasses
import importlib.util
import time
from typing import TYPE_CHECKING, Any

import pytest
import torch
from crew_of_split import SMALL, back, data, front, job
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import MissingExtraError, WatermarkError
from watermarking.ownership.split.batches import Batches
from watermarking.ownership.split.flower import averaging, client_app, server_app

if TYPE_CHECKING:
    from pathlib import Path

THERE = importlib.util.find_spec("flwr") is not None
SETTINGS = dataclasses.replace(SMALL, mode="federated", rounds=2, local_steps=2, momentum=0.0)
with_flower = pytest.mark.skipif(not THERE, reason="flwr is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Flower itself uses


def to_one(module: nn.Module) -> Tensor:
    total = torch.zeros(())
    for one in module.parameters():
        total = total + ((one - 1) ** 2).sum()
    return total


@pytest.mark.skipif(THERE, reason="flwr is installed")
def test_without_flower_it_says_what_to_install(tmp_path: Path) -> None:
    for make in (lambda: client_app(job(), SETTINGS), lambda: server_app(job(), SETTINGS, tmp_path / "x")):
        with pytest.raises(MissingExtraError, match="flower"):
            make()


def asked(state: dict[str, Tensor], node: int = 1) -> Any:
    """Return what Flower's server sends to a node; outside of a run, its metadata must be given."""
    from flwr.app import ArrayRecord, ConfigRecord, Message, Metadata, RecordDict

    content = RecordDict({"arrays": ArrayRecord(state), "config": ConfigRecord({"server-round": 1})})
    metadata = Metadata(
        run_id=1, message_id="", src_node_id=99, dst_node_id=node, reply_to_message_id="", group_id="",
        created_at=time.time(), ttl=600.0, message_type="train",
    )  # fmt: skip
    return Message(content=content, metadata=metadata)


def context(**node: Any) -> Any:
    from flwr.app import Context, RecordDict

    return Context(run_id=1, node_id=1, node_config=node, state=RecordDict(), run_config={})


def inside_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let messages be made as in a run: later versions of Flower ask for its id."""
    where = "flwr.supercore.task_identity"
    if importlib.util.find_spec(where):
        identity = importlib.import_module(where).TaskIdentity
        for name in ("_run_id", "_node_id", "_task_id"):
            monkeypatch.setattr(identity, name, 1)


@with_flower
def test_a_client_trains_on_its_own_data() -> None:
    net = nn.Sequential(front(), back())
    told = {"partition-id": 1, "num-partitions": 2}
    reply = client_app(job(), SETTINGS)(asked(net.state_dict()), context(**told))
    x, y = data(2, 2)
    for step in range(2):
        places = Batches(40, SETTINGS.batch, 2).at(step)
        for one in net.parameters():
            one.grad = None
        functional.cross_entropy(net(x[places]), y[places]).backward()
        with torch.no_grad():
            for one in net.parameters():
                assert one.grad is not None
                one -= SETTINGS.rate * one.grad
    found = reply.content["arrays"].to_torch_state_dict()
    for name, value in net.state_dict().items():
        torch.testing.assert_close(found[name], value)
    assert reply.content["metrics"]["num-examples"] == 40
    with pytest.raises(WatermarkError, match="partition-id"):
        client_app(job(), SETTINGS)(asked(net.state_dict()), context())


@with_flower
def test_the_server_averages_leaves_nan_out_and_marks_its_own_layers() -> None:
    client, state = client_app(job(), SETTINGS), nn.Sequential(front(), back()).state_dict()
    nodes = [{"partition-id": place, "num-partitions": 3} for place in range(3)]
    replies = [client(asked(state, place + 1), context(**node)) for place, node in enumerate(nodes)]
    from flwr.app import ArrayRecord

    broken = replies[2].content["arrays"].to_torch_state_dict()
    broken["0.0.bias"] = torch.full((4,), torch.nan)
    replies[2].content["arrays"] = ArrayRecord(broken)
    said: list[str] = []
    plain, _ = averaging(job(), SETTINGS, said.append).aggregate_train(1, replies)
    marked, _ = averaging(job(regulariser=to_one), SETTINGS, said.append).aggregate_train(1, replies)
    parts = [one.content["arrays"].to_torch_state_dict() for one in replies[:2]]
    before, after = plain.to_torch_state_dict(), marked.to_torch_state_dict()
    torch.testing.assert_close(before["0.0.weight"], (parts[0]["0.0.weight"] + parts[1]["0.0.weight"]) / 2)
    assert torch.equal(before["0.0.weight"], after["0.0.weight"])
    assert float(after["1.1.weight"].mean()) > float(before["1.1.weight"].mean())
    assert said[0] == "node 3 sent 0.0.bias with NaN or infinite values: it is left out"


@with_flower
def test_the_server_app_trains_a_round_after_the_other_and_writes_what_came_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flwr.serverapp import Grid

    inside_a_run(monkeypatch)
    client = client_app(job(), SETTINGS)
    rounds: list[int] = []

    class Here(Grid):
        """Flower's way to its nodes, with the clients in this process."""

        run = set_run = create_message = push_messages = pull_messages = None

        def get_node_ids(self) -> list[int]:
            return [1, 2, 3]

        def send_and_receive(self, messages: Any, *, timeout: float | None = None) -> list[Any]:
            sent = list(messages)
            rounds.extend([int(one.content["config"]["server-round"]) for one in sent[:1]])  # none to evaluate
            return [
                client(one, context(**{"partition-id": one.metadata.dst_node_id - 1, "num-partitions": 3}))
                for one in sent
            ]

    target = tmp_path / "net.safetensors"
    server_app(job(), SETTINGS, target)(Here(), context())
    assert rounds == [1, 2]
    begun, ended = nn.Sequential(front(), back()).state_dict(), load_file(target)
    assert begun.keys() == ended.keys()
    assert not torch.equal(begun["1.1.weight"], ended["1.1.weight"])
    x, y = data(1, 3)
    net = nn.Sequential(front(), back())
    before = functional.cross_entropy(net(x), y).detach()
    net.load_state_dict(ended)
    assert functional.cross_entropy(net(x), y).detach() < before
