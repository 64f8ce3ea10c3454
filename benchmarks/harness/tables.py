"""Shares with their intervals, and tables that people read in a terminal."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.cells import IMPOSSIBLE
from harness.grid import NO_ATTACK
from watermarking.attacks import Attack, parse_attack
from watermarking.attacks.chains import Chain
from watermarking.errors import UnknownAttackError
from watermarking.metrics import clustered_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.cells import Row

__all__ = ["Share", "attack_label", "family_of", "markdown_table", "scheme_label", "shares", "text_table"]


@dataclass(frozen=True)
class Share:
    """How often something succeeded. Cells that were impossible count in no share, crashes count as failures.

    ``by_photograph`` are the successes and trials of each photograph, whose reads are alike.
    """

    successes: int
    trials: int
    impossible: int
    wrong: int
    reason: str
    by_photograph: tuple[tuple[int, int], ...] = ()

    @property
    def value(self) -> float:
        """The share of successes; NaN without trials."""
        return self.successes / self.trials if self.trials else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval for another set of photographs."""
        successes, trials = zip(*self.by_photograph, strict=True) if self.by_photograph else ((), ())
        return clustered_interval(successes, trials)

    def __str__(self) -> str:
        if not self.trials:
            return "impossible"
        low, high = self.interval
        text = f"{100 * self.value:5.1f} [{100 * low:.1f}, {100 * high:.1f}]"
        return text + (f" ({self.wrong} wrong)" if self.wrong else "") + ("*" if self.impossible else "")


def shares(rows: Iterable[Row], by: Callable[[Row], Any]) -> dict[Any, Share]:
    """Count successful reads in the classes that ``by`` makes."""
    classes: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        classes[by(row)].append(row)
    return {name: _share(members) for name, members in classes.items()}


def _share(rows: list[Row]) -> Share:
    tried = [row for row in rows if row["status"] != IMPOSSIBLE]
    reasons = [row["reason"] for row in rows if "reason" in row]
    successes, wrong = (sum(bool(row.get(name)) for row in tried) for name in ("read", "wrong"))
    counts: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for index, row in enumerate(tried):
        count = counts[row.get("photograph", index)]
        count[0] += bool(row.get("read"))
        count[1] += 1
    by_photograph = tuple((read, n) for read, n in counts.values())
    return Share(successes, len(tried), len(rows) - len(tried), wrong, reasons[0] if reasons else "", by_photograph)


def attack_label(text: str) -> str:
    """Return a short text form of an attack: its first parameter, and others where they are not at their defaults."""
    if text == NO_ATTACK:
        return text
    try:
        attack = parse_attack(text)
    except UnknownAttackError:  # of a package that is no longer installed
        return text
    parts = attack.attacks if isinstance(attack, Chain) else (attack,)
    return " | ".join(map(_short, parts))


def _short(attack: Attack) -> str:
    fields = dataclasses.fields(attack)
    values = [format(getattr(attack, field.name), "g" if isinstance(field.default, float) else "") for field in fields]
    shown = values[:1] + [
        value if isinstance(field.default, str) else f"{field.name}={value}"
        for field, value in zip(fields[1:], values[1:], strict=True)
        if getattr(attack, field.name) != field.default
    ]
    return f"{attack.id}({', '.join(shown)})" if shown else attack.id


def family_of(text: str) -> str:
    """Return the family of an attack; a chain is of the chains'."""
    if text == NO_ATTACK:
        return text
    try:
        return parse_attack(text).family
    except UnknownAttackError:
        return "not installed"


def scheme_label(scheme: Any) -> str:
    """Return a name for a scheme's id or configuration."""
    if isinstance(scheme, str):
        return scheme.removeprefix("peer:")
    rest = ", ".join(f"{name}={value}" for name, value in scheme.items() if name != "id")
    return f"{scheme['id']}({rest})"


def text_table(heading: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Set a table in columns, the first flush left."""
    table = [[str(cell) for cell in line] for line in (heading, *lines)]
    widths = [max(len(line[column]) for line in table) for column in range(len(heading))]
    table.insert(1, ["-" * width for width in widths])
    return "\n".join(
        "  ".join(cell.ljust(width) if not column else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()
        for line in table
    )  # fmt: skip


def markdown_table(heading: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Set a table as Markdown has it, a line a line."""
    every: list[Sequence[object]] = [heading, ["---"] * len(heading), *lines]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in every)
