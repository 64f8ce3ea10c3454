"""The server: it has the rest of the network, and sees activations alone."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from watermarking.errors import WatermarkError
from watermarking.ownership.split.batches import reseed
from watermarking.ownership.split.channel import Kind, Peer, PeerError, Wanted, from_text
from watermarking.ownership.split.descent import Sgd
from watermarking.ownership.split.local import regularise
from watermarking.ownership.split.states import Keeper, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from watermarking.ownership.split.meeting import Meeting
    from watermarking.ownership.split.settings import Job, Settings

__all__ = ["Outcome", "Server", "TooFewError"]


_MOST_INPUTS: Final = 1 << 40


class TooFewError(WatermarkError):
    """So many holders are gone that training stopped; it goes on from its last checkpoint."""


@dataclass
class Outcome:
    """How a training ended.

    Attributes
    ----------
    rounds : int, how many are done
    losses : list of float, of each round since it was last taken up, weighted over holders
    dropped : dict from int to str, holders that it went on without, and why
    """

    rounds: int = 0
    losses: list[float] = field(default_factory=list)
    dropped: dict[int, str] = field(default_factory=dict)


class Server:
    """Takes part as the server.

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
        self.peers: dict[int, Peer] = dict(meeting.peers)
        self.back = job.back()
        self.federated = settings.mode == "federated"
        self.net: nn.Module = nn.Sequential(job.front(), self.back) if self.federated else self.back
        self.optimiser = Sgd(self.back, settings)
        self.keeper = Keeper(folder, settings.description())
        self.outcome = Outcome()
        self._counts: dict[int, int] = {}  # inputs of each holder
        self._collector = 0  # of the average that holders speak of in their next message, 0 if there was none
        self._begun = False

    def run(self) -> Outcome:
        """Train, from the last checkpoint if there is one, with all holders that keep up.

        Raises
        ------
        TooFewError
            If fewer holders are left than the settings ask for; the others are told to stop.
        FileFormatError
            If the checkpoints are of another training.
        """
        outcome, settings = self.outcome, self.settings
        try:
            hello = self._each("hello", self._greet)  # first: who is not listened to cannot be told anything
            self._counts = {rank: int(said[1]) for rank, said in hello.items()}
            for rank in hello:
                self.tell(f"the server: holder {rank} is there")
            if done := self.keeper.rounds():
                self.keeper.load(done[-1], self.net, self.optimiser)
                outcome.rounds = done[-1]
                self.tell(f"the server: goes on from round {outcome.rounds}")
            while outcome.rounds < settings.rounds:
                self._round(outcome.rounds)
            if settings.mode == "split" and settings.fronts == "shared":
                self._close(outcome.rounds)
        except Exception as error:  # of the job's own code, too: nobody is left waiting
            self._stop(f"training stopped: {error}")
            raise
        self._stop(f"training ended after {outcome.rounds} rounds")
        return outcome

    def _greet(self, peer: Peer) -> Tensor:
        hello = peer.receive(Kind.HELLO, [Wanted("a greeting", (2,), torch.int64)])[0]
        if int(hello[0]) != self.settings.fingerprint():
            raise PeerError(f"{peer.name} runs with other settings: give all processes the same")
        if not 1 <= int(hello[1]) <= _MOST_INPUTS:
            raise PeerError(f"{peer.name} has {int(hello[1])} inputs, it says: 1 to {_MOST_INPUTS} are possible")
        return hello

    def _round(self, number: int) -> None:
        settings = self.settings
        save = (number + 1) % settings.save_every == 0 or number + 1 == settings.rounds
        average = settings.fronts == "shared" and (number + 1) % settings.average_every == 0
        self.optimiser.rate = settings.rate_at(number)
        reseed(settings.seed, 0, number)
        collector = self._announce(number, save=save, average=average or (save and settings.fronts == "shared"))
        loss = self._federated_step(number) if self.federated else self._split_step(number)
        self._collector = collector
        self.outcome.rounds = number + 1
        self.outcome.losses.append(loss)
        if save:
            gone = {str(rank): why for rank, why in self.outcome.dropped.items()}
            self.keeper.save(number + 1, self.net, self.optimiser, loss=loss, dropped=gone)
            self.tell(f"the server: round {number + 1} of {settings.rounds}, loss {loss:.4f}, saved")

    def _announce(self, number: int, *, save: bool, average: bool) -> int:
        """Send the plan of a round; return who collects in its average, 0 if there is none."""
        first = next(iter(self.peers))
        if number and not self._begun and self.settings.fronts == "shared":
            self._collector = first  # whoever takes up a training averages before its first round
        self._begun = True
        plan = torch.tensor([int(save), int(average), *self.peers])
        self._each("plan", lambda peer: peer.send(Kind.ROUND, plan, number=number))
        return first if average else 0

    def _close(self, number: int) -> None:
        """Hear how the last average went, since no round follows; if its collector is gone, there is another one."""
        wanted = [Wanted("whom it was not averaged with", (1,), torch.int64, low=0, high=_MOST_INPUTS)]
        average = False
        while not average or self._collector not in self.peers:
            self._collector = self._announce(number, save=True, average=average) or self._collector
            got = self._each("end", lambda peer: peer.receive(
                Kind.ROUND, wanted, number=number, deadline=self._deadline))  # fmt: skip
            self._part({rank: int(said[0]) for rank, said in got.items()})
            average = True

    def _split_step(self, number: int) -> float:
        """Do a step: activations in, gradients out; of whoever fails on the way, nothing counts."""
        got = self._each("activations", lambda peer: self._activations(peer, number))
        self._part({rank: int(one[1]) for rank, one in got.items()})
        got = {rank: one for rank, one in got.items() if rank in self.peers}
        joined = torch.cat([one[0] for one in got.values()]).requires_grad_()
        self.back.train()
        logits: Tensor = self.back(joined)
        sizes = {rank: len(one[0]) for rank, one in got.items()}
        if logits.shape != (len(joined), self.job.n_classes):
            raise WatermarkError(
                f"the server's layers made logits of shape {tuple(logits.shape)}, {(len(joined), self.job.n_classes)} "
                "are needed: look at the job"
            )
        if self.settings.labels == "server":
            parts = [one[2] for one in got.values()]
            mean = functional.cross_entropy(logits, torch.cat(parts))
            gradient, loss = torch.autograd.grad(mean, logits, retain_graph=True)[0], float(mean.detach())
        else:
            gradient, loss = self._ask(logits, sizes, number)
        roots, gradients = [logits], [gradient]
        if self.job.regulariser is not None:
            extra = self.job.regulariser(self.back)
            roots, gradients = [logits, extra], [gradient, torch.ones_like(extra)]
        self.optimiser.descend(roots, gradients)
        self._give_back(joined, sizes, number)
        return loss

    def _activations(self, peer: Peer, number: int) -> list[Tensor]:
        wanted = [Wanted("activations", (None, *self.job.cut), most=self.settings.batch)]
        wanted.append(Wanted("whom it was not averaged with", (1,), torch.int64, low=0, high=_MOST_INPUTS))
        if self.settings.labels == "server":
            wanted.append(Wanted("labels", (None,), torch.int64, self.settings.batch, 0, self.job.n_classes))
        found = peer.receive(Kind.ACTIVATIONS, wanted, number=number, deadline=self._deadline)
        if len(found) > 2 and len(found[0]) != len(found[2]):
            raise PeerError(f"{peer.name} sent {len(found[0])} activations with {len(found[2])} labels")
        return found

    def _part(self, blamed: dict[int, int]) -> None:
        """Go on without holders whose first layers were not averaged with the others': they would stay apart.

        If most say so of the one that collected, it is that one; else it is those who say so. What they sent does not
        count. Only the one that collected can be blamed, for else a single holder that lies has others dropped, and it
        cannot blame anybody: whom it left out says so. If it is gone already, the next average has another.
        """
        first = self._collector
        if self.settings.fronts == "shared" and first in self.peers:
            late = [rank for rank, other in blamed.items() if other == first != rank and rank in self.peers]
            n_others = len(self.peers) - 1
            collector_fails = 1 < n_others < 2 * len(late)
            who = f"{len(late)} holders" if collector_fails else f"holder {first}"
            for rank in [first] if collector_fails else late:
                self._drop(rank, f"holder {rank} was late: its first layers and those of {who} were not averaged")
        self._check_enough("activations")

    def _ask(self, logits: Tensor, sizes: dict[int, int], number: int) -> tuple[Tensor, float]:
        """Let the holders judge logits; return the gradient of the mean loss over all who did, and that loss."""
        parts = dict(zip(sizes, torch.split(logits.detach(), list(sizes.values())), strict=True))
        self._each("logits", lambda peer: peer.send(Kind.LOGITS, parts[self._rank(peer)], number=number), sizes)
        judged = self._each("judgement", lambda peer: self._judgement(peer, parts[self._rank(peer)], number), sizes)
        n = sum(sizes[rank] for rank in judged)
        gradient = torch.cat(
            [judged[rank][0] * (size / n) if rank in judged else torch.zeros_like(parts[rank])
             for rank, size in sizes.items()]
        )  # fmt: skip
        return gradient, sum(float(judged[rank][1]) * sizes[rank] / n for rank in judged)

    def _judgement(self, peer: Peer, part: Tensor, number: int) -> list[Tensor]:
        wanted = [Wanted("a gradient of logits", tuple(part.shape)), Wanted("a loss", (1,))]
        return peer.receive(Kind.LOGIT_GRADIENT, wanted, number=number, deadline=self._deadline)

    def _give_back(self, joined: Tensor, sizes: dict[int, int], number: int) -> None:
        """Send each holder the gradient of the mean over its own inputs: averaged, they are that over all."""
        assert joined.grad is not None
        n = sum(size for rank, size in sizes.items() if rank in self.peers)
        parts = dict(zip(sizes, torch.split(joined.grad, list(sizes.values())), strict=True))
        self._each("gradient", lambda peer: peer.send(
            Kind.GRADIENT, parts[self._rank(peer)] * (n / sizes[self._rank(peer)]), number=number), sizes)  # fmt: skip

    def _federated_step(self, number: int) -> float:
        """Average what holders make of the weights, by their numbers of inputs, then apply the regulariser."""
        vector = pack(self.net)
        self._each("weights", lambda peer: peer.send(Kind.WEIGHTS, vector, number=number))
        wanted = [Wanted("weights", tuple(vector.shape)), Wanted("a count and a loss", (2,))]
        got = self._each("weights", lambda peer: peer.receive(
            Kind.WEIGHTS, wanted, number=number, deadline=self._deadline))  # fmt: skip
        counts = {rank: self._counts[rank] for rank in got}  # as they greeted: a count of the day could be any number
        n = sum(counts.values())
        mean = torch.stack([one.double() * (counts[rank] / n) for rank, (one, _) in got.items()]).sum(dim=0)
        unpack(mean.float(), self.net)
        regularise(self.job, self.back, self.optimiser, self.settings)
        return sum(float(said[1]) * counts[rank] / n for rank, (_, said) in got.items())

    def _each(self, what: str, do: Callable[[Peer], Any], ranks: Iterable[int] | None = None) -> dict[int, Any]:
        """Do something with every holder that is left, within one time-out for all; go on without those that fail."""
        self._deadline = time.monotonic() + self.settings.timeout
        found = {}
        for rank in list(self.peers if ranks is None else ranks):
            if rank not in self.peers:
                continue
            try:
                found[rank] = do(self.peers[rank])
            except PeerError as error:
                self._drop(rank, str(error))
        self._check_enough(what)
        return found

    def _check_enough(self, what: str) -> None:
        if len(self.peers) < self.settings.least:
            why = "; ".join(self.outcome.dropped.values())
            saved = self.keeper.rounds()
            raise TooFewError(
                f"{len(self.peers)} holders are left at the {what} of round {self.outcome.rounds}, "
                f"{self.settings.least} are needed ({why}): started again, it goes on from round "
                f"{saved[-1] if saved else 0}"
            )

    def _drop(self, rank: int, why: str) -> None:
        peer = self.peers.pop(rank)
        self.outcome.dropped[rank] = why
        self.tell(f"the server: goes on without holder {rank}: {why}")
        if peer.broken is None:
            try:
                peer.send(Kind.REFUSED, from_text(why))
            except PeerError:
                return  # it is gone, and was to be told that it may not stay

    def _stop(self, why: str) -> None:
        for peer in self.peers.values():
            try:
                peer.send(Kind.STOP, from_text(why))
            except PeerError as error:
                self.tell(f"the server: {error}")

    @staticmethod
    def _rank(peer: Peer) -> int:
        return int(peer.name.rpartition(" ")[2])
