"""``watermarking capacity``: say how long a message a picture can carry."""

from __future__ import annotations

import click

from watermarking.cli.lines import say
from watermarking.cli.notices import DONE, detail
from watermarking.cli.options import fidelity_number, json_option, logging_options, scheme_option, strength_options
from watermarking.cli.output import print_record
from watermarking.cli.pictures import STANDARD, announce_compilation, each_picture, load, read_standard_input

__all__ = ["command"]


@click.command("capacity")
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@scheme_option("without it, the one that measures best")
@strength_options
@click.option("--quality", type=click.IntRange(1, 100), help="Of a JPEG, WebP or AVIF; without it, that of IN.")
@json_option
@logging_options
def command(
    sources: tuple[str, ...],
    scheme: str | None,
    fidelity: str | None,
    psnr: float | None,
    quality: int | None,
    as_json: bool,
) -> int:
    """Say how many bytes of message a picture holds at a strength.

    It is tried: the picture is marked with messages of several lengths and read back, in its own format; nothing is
    written. A letter of a text takes a byte, an accented one two, most others three. Of a message that is longer than
    what fits 'with a reserve', too many bits are wrong already to trust that it outlasts JPEG or a smaller size.
    """
    announce_compilation()
    from watermarking.keys import Key
    from watermarking.messages.marker import Marker
    from watermarking.messages.room import room_in
    from watermarking.pictures.files import read_picture

    # The room does not depend on the key.
    marker = Marker(scheme, key=Key.generate(), fidelity=fidelity_number(fidelity), psnr=psnr)

    def measure(file: str) -> int:
        content = read_standard_input() if file == STANDARD else None
        shape = (load(file) if content is None else read_picture(content)).array.shape
        detail(f"{file}: at most {marker.capacity(shape)} bytes by its size; what can be read back is tried")
        room = room_in(marker, file if content is None else content, shape, quality=quality)
        strength = marker.scheme.psnr if marker.fidelity is None else None
        if as_json:
            print_record({
                "file": file, "scheme": marker.scheme.id, "height": shape[0], "width": shape[1],
                "fidelity": marker.fidelity, "psnr": strength, "capacity": room.n_bytes,
                "with_reserve": room.n_lasting,
            })  # fmt: skip
        else:
            at = f"fidelity {marker.fidelity}" if strength is None else f"{strength:g} dB"
            say(f"{file}: {room.n_bytes} bytes fit at {at}, {room.n_lasting} of them with a reserve")
        return DONE

    return each_picture(sources, measure)
