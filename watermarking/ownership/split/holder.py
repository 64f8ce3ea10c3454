"""A data holder: raw data, labels if it keeps them, and the first layers never leave it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.ownership.split.batches import Batches, checked_data, reseed, with_noise
from watermarking.ownership.split.channel import Kind, Peer, PeerError, Wanted, as_text
from watermarking.ownership.split.descent import Sgd
from watermarking.ownership.split.local import local_steps
from watermarking.ownership.split.states import Keeper, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watermarking.ownership.split.meeting import Meeting
    from watermarking.ownership.split.settings import Job, Settings

__all__ = ["CALM", "Holder"]

CALM: Final = 3.0
"""How many time-outs a holder waits for the server, which may be waiting for others."""
_SHARE: Final = 0.25
"""Of the time-out that an average of the first layers may take: then it goes on without whoever is late."""
_FAINT: Final = 1e-9
"""Weight of first layers that were saved though an average of them had failed: they count where nobody has others."""


class Holder:
    """Takes part as a data holder.

    Parameters
    ----------
    job : Job
    settings : Settings
    meeting : Meeting
    folder : Path
        For its checkpoints.
    tell : callable
        Told what happens, a line each.
    """

    def __init__(
        self, job: Job, settings: Settings, meeting: Meeting, folder: Path, tell: Callable[[str], None]
    ) -> None:
        self.job, self.settings, self.tell = job, settings, tell
        self.rank, self.server = meeting.rank, meeting.peers[0]
        self.others = {rank: peer for rank, peer in meeting.peers.items() if rank}
        n = len(self.others) + 1
        self.inputs, self.labels = checked_data(job.data(self.rank, n), self.rank, job.n_classes)
        federated = settings.mode == "federated"
        self.net: nn.Module = nn.Sequential(job.front(), job.back()) if federated else job.front()
        self.optimiser = Sgd(self.net, settings)
        self.batches = Batches(len(self.inputs), settings.batch, settings.seed * 4099 + self.rank)
        self.keeper = Keeper(folder, settings.description())
        self._lost = 0  # whom the first layers were last not averaged with, for the server
        self._apart = 0  # the same of the last average of all

    def run(self) -> None:
        """Say hello and do what the server says until it stops.

        Raises
        ------
        PeerError
            If the server is gone, hangs, or refuses this holder, or the last average of the first layers failed.
        """
        server = self.server
        server.send(Kind.HELLO, torch.tensor([self.settings.fingerprint(), len(self.inputs)]))
        first = True
        while True:
            flags = [Wanted("a plan", (None,), torch.int64, 1 << 16)]
            deadline = time.monotonic() + CALM * self.settings.timeout
            kind, number, tensors = server.receive_any((Kind.ROUND, Kind.STOP), flags, deadline=deadline)
            if kind == Kind.STOP:
                self.tell(f"holder {self.rank}: {as_text(tensors[0])}")
                self._check_averaged()
                return
            save, average, *alive = tensors[0].tolist()
            taken_up, first = first and number > 0, False
            if taken_up:
                self._take_up(number, alive)
            if number == self.settings.rounds:
                self._close(number, alive, average=bool(average), save=taken_up and len(alive) > 1)
                continue
            reseed(self.settings.seed, self.rank, number)
            self.optimiser.rate = self.settings.rate_at(number)
            if self.settings.mode == "federated":
                self._federated_round(number)
            else:
                self._split_round(number)
                if average and len(alive) > 1:
                    self._average(number, alive)
                if save:
                    self.keeper.save(number + 1, self.net, self.optimiser, averaged=not self._lost)

    def _close(self, number: int, alive: list[int], *, average: bool, save: bool) -> None:
        """Tell the server how the last average went, after another if it wants one: no round follows that says so."""
        if average and len(alive) > 1:
            self._average(number, alive)
        self._apart, self._lost = self._lost, 0
        if (save or average) and not self._apart:
            self.keeper.save(number, self.net, self.optimiser, averaged=True)
        self.server.send(Kind.ROUND, torch.tensor([self._apart]), number=number)

    def _check_averaged(self) -> None:
        if self._apart:
            raise PeerError(
                f"training ended with first layers of holder {self.rank} that were not averaged with those of holder "
                f"{self._apart}: start all again with the same command, which averages them"
            )

    def _take_up(self, number: int, alive: list[int]) -> None:
        """Go on from a checkpoint; whoever has none of that round takes the others' first layers."""
        if self.settings.mode == "federated":
            return
        mine = [one for one in self.keeper.rounds() if one <= number]
        said = self.keeper.load(mine[-1], self.net, self.optimiser) if mine else {}
        exact = bool(mine) and mine[-1] == number
        weight = (1.0 if said.get("averaged", True) else _FAINT) if exact else 0.0
        if not exact:
            self.tell(f"holder {self.rank}: there is no checkpoint of round {number} here, the others' is taken")
        if self.settings.fronts == "shared" and len(alive) > 1:
            self._average(number, alive, weight=weight)

    def _split_round(self, number: int) -> None:
        chosen = self.batches.at(number)
        inputs, labels = self.inputs[chosen], self.labels[chosen]
        self.net.train()
        activations: Tensor = with_noise(self.net(inputs), self.settings.noise)
        lost, self._lost = torch.tensor([self._lost]), 0
        if self.settings.labels == "server":
            self.server.send(Kind.ACTIVATIONS, activations, lost, labels, number=number)
        else:
            self.server.send(Kind.ACTIVATIONS, activations, lost, number=number)
            self._judge(labels, number)
        deadline = time.monotonic() + CALM * self.settings.timeout
        wanted = [Wanted("a gradient", tuple(activations.shape))]
        gradient = self.server.receive(Kind.GRADIENT, wanted, number=number, deadline=deadline)[0]
        if activations.requires_grad:
            self.optimiser.descend([activations], [gradient])

    def _judge(self, labels: Tensor, number: int) -> None:
        """Work out the loss of the server's logits, where labels stay here."""
        deadline = time.monotonic() + CALM * self.settings.timeout
        wanted = [Wanted("logits", (len(labels), self.job.n_classes))]
        logits = self.server.receive(Kind.LOGITS, wanted, number=number, deadline=deadline)[0].requires_grad_()
        loss = functional.cross_entropy(logits, labels)
        (gradient,) = torch.autograd.grad(loss, logits)
        self.server.send(Kind.LOGIT_GRADIENT, gradient, loss.detach().reshape(1), number=number)

    def _federated_round(self, number: int) -> None:
        vector = pack(self.net)
        weights = self.server.receive(Kind.WEIGHTS, [Wanted("weights", tuple(vector.shape))], number=number)[0]
        unpack(weights, self.net)
        data = (self.inputs, self.labels)
        loss = local_steps(self.net, self.optimiser, data, self.batches, self.settings, number)
        said = torch.tensor([float(len(self.inputs)), loss])
        self.server.send(Kind.WEIGHTS, pack(self.net), said, number=number)

    def _average(self, number: int, alive: list[int], weight: float | None = None) -> None:
        """Average the first layers with the other holders: the first of them collects, the server sees nothing of it.

        Nobody waits long. A connection that timed out is of no more use, so whoever is late would keep first layers of
        its own from then on: it tells the server, which goes on without it. Where the first is the one that is late or
        gone, all others say so; the server goes on without that one, and the next average has another first.
        """
        vector = pack(self.net)
        wanted = [Wanted("first layers", tuple(vector.shape)), Wanted("a weight", (1,))]
        mine = torch.tensor([float(self.batches.size) if weight is None else weight])
        chair = alive[0]
        timeout = self.settings.timeout * _SHARE
        try:
            if chair == self.rank:
                self._collect(number, [self.others[rank] for rank in alive[1:]], vector, mine, wanted)
            else:
                peer = self.others[chair]
                deadline = time.monotonic() + 2 * timeout
                peer.send(Kind.WEIGHTS, vector, mine, number=number, deadline=deadline)
                unpack(peer.receive(Kind.WEIGHTS, wanted, number=number, deadline=deadline)[0], self.net)
        except PeerError as error:
            self.tell(f"holder {self.rank}: first layers are not averaged in round {number}: {error}")
            self._lost = chair

    def _collect(self, number: int, peers: list[Peer], vector: Tensor, mine: Tensor, wanted: list[Wanted]) -> None:
        deadline = time.monotonic() + self.settings.timeout * _SHARE
        total, weights, there = vector.double() * float(mine), float(mine), []
        for peer in peers:
            try:
                theirs, weight = peer.receive(Kind.WEIGHTS, wanted, number=number, deadline=deadline)
            except PeerError as error:
                self.tell(f"holder {self.rank}: an average without one: {error}")
                continue
            there.append(peer)
            total += theirs.double() * float(weight)
            weights += float(weight)
        mean = (total / weights).float() if weights > 0 else vector
        for peer in there:
            try:
                peer.send(Kind.WEIGHTS, mean, torch.tensor([weights]), number=number)
            except PeerError as error:
                self.tell(f"holder {self.rank}: {error}")
        unpack(mean, self.net)
