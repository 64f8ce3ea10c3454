"""What a marked data set says about itself: a paragraph for its card, and a Croissant description."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watermarking.datasets.writing import write_whole

if TYPE_CHECKING:
    from watermarking.datasets.manifest import Manifest

__all__ = ["card_paragraph", "croissant", "write_card"]


def write_card(manifest: Manifest, stats: dict[str, Any]) -> None:
    """Write ``card.md`` and ``croissant.json`` beside the manifest."""
    run = manifest.run()
    card, description = card_paragraph(run, stats), json.dumps(croissant(run, stats), indent=1, ensure_ascii=False)
    write_whole(manifest.folder / "card.md", lambda stream: stream.write(card.encode()))
    write_whole(manifest.folder / "croissant.json", lambda stream: stream.write(f"{description}\n".encode()))


def card_paragraph(run: dict[str, Any], stats: dict[str, Any]) -> str:
    """Return a paragraph for a dataset card, Markdown: what was marked, how, and what it costs."""
    counts, measures = stats["counts"], stats["measures"]
    marked = counts.get("marked", 0) + counts.get("already", 0)
    parts = [
        "## Watermark",
        "",
        f"{marked:,} of {stats['n_samples']:,} files carry an invisible watermark (scheme `{run['scheme']['id']}`).",
        f"It belongs to the key with the commitment `{run['key_commitment']}` (watermarking {run['watermarking']}).",
    ]
    said = [
        f"{words} {measures[name]['mean']:.2f}{unit} on average, {measures[name]['min']:.2f}{unit} at the least"
        for name, words, unit in (("psnr", "PSNR", " dB"), ("fidelity", "SSIMULACRA2", ""))
        if name in measures
    ]
    if said:
        parts.append(f"Against the source: {'; '.join(said)}.")
    if counts.get("failed"):
        parts.append(f"{counts['failed']:,} pictures could not be marked; the manifest says why.")
    return "\n".join([*parts[:2], " ".join(parts[2:]), ""])


def croissant(run: dict[str, Any], stats: dict[str, Any]) -> dict[str, Any]:
    """Return a description in Croissant 1.1 (MLCommons), which says where the data set comes from and how it was made.

    It describes the manifest's records; the pictures are those of the source, which it is derived from.
    """
    name, source = (Path(run[place]).name or "data set" for place in ("target", "source"))
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": name,
        "description": card_paragraph(run, stats).partition("\n\n")[2].strip(),
        "prov:wasDerivedFrom": {"@type": "prov:Entity", "@id": source, "name": source},
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "name": "watermarking dataset embed",
            "description": f"scheme {json.dumps(run['scheme'])}, fidelity {run['fidelity']}",
            "prov:wasAssociatedWith": {
                "@type": "prov:SoftwareAgent",
                "name": "watermarking",
                "version": run["watermarking"],
            },
        },
        "distribution": [
            {
                "@type": "cr:FileSet",
                "@id": "manifest",
                "name": "manifest",
                "description": "What was done to every sample, a Parquet file a shard.",
                "encodingFormat": "application/vnd.apache.parquet",
                "includes": ".watermarking/manifest/*.parquet",
            }
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "samples", "name": "samples", "field": _fields()}],
    }


_CROISSANT_WORDS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileObject",
    "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5",
    "parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate", "separator",
    "source", "subField", "transform",
)  # fmt: skip
_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "prov": "http://www.w3.org/ns/prov#",
    "conformsTo": "dct:conformsTo",
    "name": {"@container": "@language"},
    "description": {"@container": "@language"},
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    **{word: f"cr:{word}" for word in _CROISSANT_WORDS},
}
"""The standard one of Croissant 1.1, and PROV."""


def _fields() -> list[dict[str, Any]]:
    types = {"index": "sc:Integer", "psnr": "sc:Float", "fidelity": "sc:Float", "bit_error_rate": "sc:Float"}
    names = (
        "sample", "shard", "index", "status", "reason", "recipient", "psnr", "fidelity", "bit_error_rate",
        "sha256_before", "sha256_after",
    )  # fmt: skip
    return [
        {
            "@type": "cr:Field",
            "@id": f"samples/{name}",
            "name": name,
            "dataType": types.get(name, "sc:Text"),
            "source": {"fileSet": {"@id": "manifest"}, "extract": {"column": name}},
        }
        for name in names
    ]
