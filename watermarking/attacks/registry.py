"""From the text form of an attack to the attack, third parties' included."""

from __future__ import annotations

import ast
import dataclasses
from typing import Final, NoReturn

from watermarking.attacks.attack import Attack
from watermarking.errors import UnknownAttackError
from watermarking.registry import PlugIns, closest

__all__ = ["attack_class", "attack_ids", "describe", "parse_attack"]

LONGEST_TEXT: Final = 2000
_MODULES: Final = {
    "formats": "Jpeg DoubleJpeg Webp Avif Jpeg2000",
    "codecs": "Heic JpegXl VideoFrame",
    "geometry": "Crop Resize ResizeTo Aspect Rotate Turn Flip Shift Shear Perspective",
    "warping": "RemoveLines Bend MicroGeometry",
    "seams": "SeamCarve",
    "block_matching": "Bm3d",
    "regeneration": "Regenerate",
    "upscaling": "Upscale",
    "values": "Brightness Contrast Gamma Posterise Grey Saturation Hue Sharpen Equalise Dither Negative",
    "noise": "Noise Poisson Speckle SaltPepper",
    "filters": "Blur Box Median Bilateral Wiener NonLocalMeans WaveletDenoise",
    "occlusion": "Erase OverlayText Logo Collage",
    "pasting": "Paste",
    "screens": "Moire",
    "chains": "Messenger Screenshot CropResizeJpeg PrintScan PhotographedScreen Comb Waves",
    "security": "ClipPeaks AverageTiles Remark",
}


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


ATTACKS: Final[PlugIns[Attack]] = PlugIns(
    kind="attack",
    group="watermarking.attacks",
    built_in={
        _snake(name): f"watermarking.attacks.{module}:{name}"
        for module, names in _MODULES.items()
        for name in names.split()
    },
    error=UnknownAttackError,
)


def attack_ids() -> tuple[str, ...]:
    """List the ids of all attacks, built-in ones first; nothing is imported."""
    return ATTACKS.ids()


def attack_class(attack_id: str) -> type[Attack]:
    """Load the class of an attack.

    Raises
    ------
    UnknownAttackError
        If no attack has this id, or the package that provides it cannot be imported.
    """
    found = ATTACKS.load(attack_id)
    if not issubclass(found, Attack):
        raise UnknownAttackError(f"{found.__module__}.{found.__name__} has the id {attack_id!r}, but is no Attack")
    return found


def parse_attack(text: str) -> Attack:
    """Build an attack from its text form; nothing in the text is ever evaluated.

    Parameters
    ----------
    text : str
        ``jpeg``, ``jpeg(50)``, ``jpeg(quality=50, subsampling=420)``; chains as ``resize(0.8) | jpeg(75)`` or
        ``chain(resize(0.8), jpeg(75))``. ``str(attack)`` writes this form.

    Raises
    ------
    UnknownAttackError
        If the text is malformed, or an id, a parameter or a value is unknown; the closest ones are named.

    Examples
    --------
    >>> str(parse_attack("jpeg(50)"))
    'jpeg(quality=50, subsampling=420)'
    """
    if not isinstance(text, str) or len(text) > LONGEST_TEXT:
        raise UnknownAttackError(
            f"an attack is written in at most {LONGEST_TEXT} characters, such as 'jpeg(quality=50)'"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval")
        return _build(tree.body, text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UnknownAttackError(f"cannot parse {_short(text)!r}: write attacks as 'jpeg(quality=50)'") from error


def describe(attack_id: str) -> str:
    """Return one line about an attack, and one a parameter: name, default, allowed values."""
    found = attack_class(attack_id)
    summary = (found.__doc__ or "").strip().partition("\n")[0]
    lines = [f"{attack_id} ({found.family}): {summary}"]
    for field in dataclasses.fields(found):
        limits = field.metadata
        if "choices" in limits:
            allowed = "one of " + ", ".join(str(value) for value in limits["choices"])
        elif "low" in limits:
            allowed = f"{limits['low']} to {limits['high']}"
        else:
            allowed = type(field.default).__name__
        lines.append(f"  {field.name} = {field.default!r} ({allowed})")
    return "\n".join(lines)


def _build(node: ast.expr, text: str) -> Attack:
    """Turn one node of the syntax tree into an attack."""
    from watermarking.attacks.chains import Chain

    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return Chain((_build(node.left, text), _build(node.right, text)))
    if isinstance(node, ast.Name):
        return attack_class(node.id)()
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        _refuse(text)
    if node.func.id == "chain" and not node.keywords:
        return Chain(tuple(_build(argument, text) for argument in node.args))
    return _call(attack_class(node.func.id), node, text)


def _call(found: type[Attack], node: ast.Call, text: str) -> Attack:
    """Call an attack's class with the literals of a call node."""
    names = [field.name for field in dataclasses.fields(found)]
    if len(node.args) > len(names):
        raise UnknownAttackError(f"{found.id} has {len(names)} parameters ({', '.join(names)}), not {len(node.args)}")
    values = dict(zip(names, (_literal(argument, text) for argument in node.args), strict=False))
    for keyword in node.keywords:
        if keyword.arg not in names:
            raise UnknownAttackError(f"{found.id} has no parameter {keyword.arg!r}: {closest(keyword.arg, names)}")
        if keyword.arg in values:
            raise UnknownAttackError(f"{found.id}: {keyword.arg} is given twice")
        values[keyword.arg] = _literal(keyword.value, text)
    return found(**values)


def _literal(node: ast.expr, text: str) -> object:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise UnknownAttackError(f"{_short(text)!r} is no attack: write 'jpeg(quality=50)' or 'resize(0.8) | jpeg(75)'")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
