"""``watermarking attack``: do to a picture what others may do to it."""

from __future__ import annotations

import functools

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, detail, heard_by, warn
from watermarking.cli.options import force_option, logging_options
from watermarking.cli.pictures import check_target, staged
from watermarking.errors import UnknownAttackError

__all__ = ["command"]


def _print_list(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if not value:
        return
    from watermarking.attacks import attack_ids, describe

    for attack_id in attack_ids():
        try:
            for line in describe(attack_id).splitlines():
                say(line)
        except UnknownAttackError as error:
            say(f"{attack_id}: cannot be used: {error}")
    ctx.exit()


@click.command("attack")
@click.argument("source", metavar="IN", type=click.Path(allow_dash=True))
@click.argument("attack", metavar="ATTACK")
@click.option(
    "-o", "--output", metavar="OUT", required=True, type=click.Path(allow_dash=True), help="Attacked picture."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the attack's randomness.")
@click.option("--list", is_flag=True, is_eager=True, expose_value=False, callback=_print_list, help="List all attacks.")
@force_option
@logging_options
def command(source: str, attack: str, output: str, seed: int, force: bool) -> int:
    """Do to a picture what others may do to it.

    ATTACK is written as 'jpeg(quality=50)', several in a row as 'resize(0.8) | jpeg(75)'. '-' is standard input or
    output. Write OUT in a lossless format unless its compression shall be one more attack.
    """
    import numpy as np

    from watermarking.attacks import parse_attack
    from watermarking.pictures.files import read_picture, write_picture
    from watermarking.steps import Steps

    chosen = parse_attack(attack)
    check_target(output, force)
    with heard_by(functools.partial(warn, file=source)), staged(source, output) as (read_from, write_to):
        steps = Steps()
        picture = read_picture(read_from)
        steps.done(f"decoded, {picture.format} of {picture.array.shape[1]}x{picture.array.shape[0]}")
        detail(f"{source}: {attack}, seed {seed}, written to {output}")
        attacked = chosen(picture.array, rng=np.random.default_rng(seed))
        steps.done(f"attacked, {attacked.shape[1]}x{attacked.shape[0]}")
        write_picture(attacked, write_to, like=picture)
        steps.done(f"written to {output}")
    return DONE
