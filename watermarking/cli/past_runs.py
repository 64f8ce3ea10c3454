"""What the pictures of a folder were marked with, so that another message is not taken for the same run.

A small file in the folder says it, written before the first picture is. The pictures themselves would not do: reading
them takes about half as long as marking them, and they show neither their strength nor marks of other keys and schemes.
It reveals nothing that the pictures do not: of the key its public hash, of the message a hash that the key goes into.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from watermarking.errors import FileAccessError, FileFormatError, WatermarkError
from watermarking.pictures.files import write_file
from watermarking.pictures.folders import RUN_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from watermarking.messages.marker import Marker

__all__ = ["PastRuns", "settings_of"]

_VERSION: Final = 1
_HIDDEN: Final = ("key", "message")
"""What is compared by a hash, which says nothing to people."""


def settings_of(marker: Marker, message: bytes, quality: int | None) -> dict[str, Any]:
    """Return all that makes one marked picture another, as JSON holds it; nothing in it is secret."""
    from watermarking.registry import get_config

    scheme = get_config(marker.scheme)
    psnr = scheme.pop("psnr")
    digest = hashlib.sha256(message).hexdigest()
    return {
        "scheme": scheme,
        "strength": f"{psnr:g} dB" if marker.fidelity is None else f"fidelity {marker.fidelity}",
        "key": marker.keys[0].commitment,
        "message": marker.keys[0].stream(f"embed/folder/message/{digest}", 16).hex(),
        "reversible": marker.restorable,
        "quality": quality,
    }


@dataclass
class PastRuns:
    """The runs that wrote pictures into a folder.

    Attributes
    ----------
    folder : Path
    settings : what each run marked with, see :func:`settings_of`
    pictures : number of the run by the picture's name in the folder
    """

    folder: Path
    settings: list[dict[str, Any]] = field(default_factory=list)
    pictures: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, *, forgiving: bool = False) -> PastRuns:
        """Read what a folder says; nothing where no run has been, nor, if forgiving, where it is damaged.

        Raises
        ------
        FileFormatError, FileAccessError
            If the file that says it is damaged, or cannot be read.
        """
        file = folder / RUN_RECORD
        try:
            found = json.loads(file.read_text("utf-8"))
            pictures = {str(name): int(number) for name, number in found["pictures"].items()}
            known = cls(folder, list(map(dict, found["runs"])), pictures)
            if found["version"] != _VERSION or not set(known.pictures.values()) <= set(range(len(known.settings))):
                raise ValueError("of another version, or incomplete")
        except (FileNotFoundError, NotADirectoryError):
            return cls(folder)
        except OSError as error:
            raise FileAccessError(f"cannot read {file}: {error.strerror or error}") from error
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            if forgiving:
                return cls(folder)
            raise FileFormatError(
                f"{file}, which says what the pictures beside it were marked with, is damaged: name another folder, "
                "replace the pictures with --force, or delete that file to keep them as they are"
            ) from error
        return known

    def check(self, names: Iterable[str], settings: dict[str, Any]) -> None:
        """Refuse to leave pictures as they are that were marked with something else.

        Raises
        ------
        WatermarkError
            If there are any; the message says in what they differ.
        """
        others = [name for name in names if name in self.pictures and self.settings[self.pictures[name]] != settings]
        if not others:
            return
        first = self.settings[self.pictures[others[0]]]
        differences = [
            name if name in _HIDDEN else f"{name} ({_shown(first.get(name))} there, {_shown(settings[name])} now)"
            for name in settings
            if first.get(name) != settings[name]
        ]
        more = f" and {len(others) - 1} more are" if len(others) > 1 else " is"
        raise WatermarkError(
            f"{self.folder / others[0]}{more} there already, marked with another {', another '.join(differences)}: "
            "name another folder, ask for the same again, or replace them with --force"
        )

    def note(self, names: Iterable[str], settings: dict[str, Any]) -> None:
        """Write down that pictures are about to be marked; those that fail are not there, and so not asked for."""
        if settings not in self.settings:
            self.settings.append(settings)
        number = self.settings.index(settings)
        self.pictures.update(dict.fromkeys(names, number))
        found = {"version": _VERSION, "runs": self.settings, "pictures": self.pictures}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FileAccessError(f"cannot make the folder {self.folder}: {error.strerror or error}") from error
        write_file(json.dumps(found).encode(), self.folder / RUN_RECORD)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("id"))
    return "unsaid" if value is None else str(value)
