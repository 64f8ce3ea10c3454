"""XMP packets (ISO 16684-1), changed where they must be and byte for byte the same elsewhere.

Comments, prefixes, the order and the padding stay as they are: readers in use look for literal text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.parsers import expat
from xml.sax.saxutils import escape, unescape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["RDF", "Element", "Packet", "Property", "edited", "quoted"]

RDF: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_ATTRIBUTE: Final = re.compile(rb"""\s+([^\s=<>"'/]+)\s*=\s*("[^"]*"|'[^']*')""")
_USUAL: Final = {
    "rdf": RDF,
    "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/",
    "hdrgm": "http://ns.adobe.com/hdr-gain-map/1.0/",
    "GCamera": "http://ns.google.com/photos/1.0/camera/",
    "Container": "http://ns.google.com/photos/1.0/container/",
    "Item": "http://ns.google.com/photos/1.0/container/item/",
}
"""What prefixes stand for that careless writers do not declare."""
_ENTITIES: Final = {"&quot;": '"', "&apos;": "'"}


@dataclass(frozen=True, slots=True)
class Property:
    """A property: an attribute or an element, the bytes that it takes, and those of its value.

    The value of an element with elements inside is all that lies between its tags.
    """

    space: str
    name: str
    start: int
    end: int
    value_start: int
    value_end: int
    owner: int


@dataclass(slots=True)
class Element:
    """An element: its name, its place in the packet, its parent's place in the list of all, the prefixes it declares.

    ``closed`` is where its end tag begins; it is ``inside`` for an element that has none.
    """

    space: str
    name: str
    start: int
    inside: int
    parent: int
    prefixes: Mapping[str, str]
    declared: list[tuple[int, int, str, str]]
    attributes: list[Property]
    closed: int = 0
    end: int = 0


@dataclass
class Packet:
    """The elements of a well-formed packet.

    Parameters
    ----------
    data : bytes
        UTF-8.

    Raises
    ------
    ValueError
        If it is not well formed, not UTF-8, or declares a document type.
    """

    data: bytes
    elements: list[Element] = field(default_factory=list, init=False)
    comments: list[tuple[int, int]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        parser = expat.ParserCreate("UTF-8")
        open_elements: list[int] = []

        def begin(name: str, _: dict[str, str]) -> None:
            parent = open_elements[-1] if open_elements else -1
            open_elements.append(len(self.elements))
            self.elements.append(self._element(name, parser.CurrentByteIndex, parent))

        def finish(_: str) -> None:
            element = self.elements[open_elements.pop()]
            element.closed = element.end = element.inside
            if self.data[element.inside - 2 : element.inside] != b"/>":
                element.closed = parser.CurrentByteIndex
                element.end = self.data.index(b">", element.closed) + 1

        def comment(_: str) -> None:
            at = parser.CurrentByteIndex
            self.comments.append((at, self.data.index(b"-->", at) + 3))

        def refuse(*_: object) -> None:
            raise ValueError("a packet declares no document type")

        parser.StartElementHandler, parser.EndElementHandler = begin, finish
        parser.CommentHandler, parser.StartDoctypeDeclHandler = comment, refuse
        try:
            self.data.decode()
            parser.Parse(self.data.rstrip(b"\0"), True)
        except (expat.ExpatError, UnicodeDecodeError) as error:
            raise ValueError(f"the packet is not well formed: {error}") from error

    def properties(self) -> list[Property]:
        """List the properties of the picture itself, which are those of the outermost descriptions."""
        owners = set(self.descriptions())
        found = [one for owner in owners for one in self.elements[owner].attributes if one.space != RDF]
        for index, element in enumerate(self.elements):
            if element.parent in owners:
                found.append(self._as_property(index))
        return sorted(found, key=lambda one: one.start)

    def descriptions(self) -> list[int]:
        """List the outermost elements ``rdf:Description``: right below ``rdf:RDF``, unless that is missing."""
        found: list[int] = []
        inside: set[int] = set()
        for index, element in enumerate(self.elements):
            if element.parent in inside:
                inside.add(index)
            elif (element.space, element.name) == (RDF, "Description"):
                inside.add(index)
                found.append(index)
        return found

    def everywhere(self, spaces: Iterable[str]) -> list[Property]:
        """List attributes and elements of some namespaces, at any depth."""
        wanted = frozenset(spaces)
        found = []
        for index, element in enumerate(self.elements):
            found += [one for one in element.attributes if one.space in wanted]
            if element.space in wanted:
                found.append(self._as_property(index))
        return sorted(found, key=lambda one: one.start)

    def named(self, space: str, prefix: str, name: str) -> list[Property]:
        """List attributes and elements of one name at any depth, by their namespace or, as careless readers, prefix."""
        found = []
        for index, element in enumerate(self.elements):
            found += [one for one in element.attributes if one.name == name]
            if element.name == name:
                found.append(self._as_property(index))
        literal = re.compile(rb"[\s<]*" + prefix.encode() + rb":")
        return sorted(
            (one for one in found if one.space == space or literal.match(self.data, one.start)),
            key=lambda one: one.start,
        )

    def value(self, one: Property) -> str:
        """Return a property's value as text."""
        return unescape(self.data[one.value_start : one.value_end].decode(), _ENTITIES)

    def find(self, space: str, name: str) -> str | None:
        """Return the value of a property of the picture itself, None where it has none."""
        return next((self.value(one) for one in self.properties() if (one.space, one.name) == (space, name)), None)

    def without(self, unwanted: Callable[[Property], bool], spaces: frozenset[str] = frozenset()) -> bytes:
        """Return the packet without some properties of the picture, and without the prefixes of ``spaces``.

        A prefix that is still used is kept.
        """
        cuts = [(one.start, one.end, b"") for one in self.properties() if unwanted(one)]
        packet = edited(self.data, cuts)
        if not spaces:
            return packet
        rest = Packet(packet)
        used = {one.space for one in rest.everywhere(spaces)}
        prefixes = {
            (start, end, b"")
            for element in rest.elements
            for start, end, _, space in element.declared
            if space in spaces - used
        }
        return edited(packet, prefixes)

    def _element(self, name: str, start: int, parent: int) -> Element:
        inside, attributes = start + 1 + len(name.encode()), []
        while found := _ATTRIBUTE.match(self.data, inside):
            attributes.append(found)
            inside = found.end()
        inside = self.data.index(b">", inside) + 1
        declared = [
            (found.start(), found.end(), found[1].decode().partition(":")[2], found[2][1:-1].decode())
            for found in attributes
            if found[1].partition(b":")[0] == b"xmlns"
        ]
        above = self.elements[parent].prefixes if parent >= 0 else _USUAL
        prefixes = {**above, **{prefix: space for *_, prefix, space in declared}} if declared else above
        owner = len(self.elements)
        properties = []
        for found in attributes:
            if b":" in found[1] and found[1].partition(b":")[0] not in (b"xmlns", b"xml"):
                space, local = _resolved(found[1].decode(), prefixes)
                properties.append(Property(space, local, *found.span(), found.start(2) + 1, found.end(2) - 1, owner))
        return Element(*_resolved(name, prefixes), start, inside, parent, prefixes, declared, properties)

    def _as_property(self, index: int) -> Property:
        element = self.elements[index]
        return Property(
            element.space, element.name, element.start, element.end, element.inside, element.closed, element.parent
        )


def edited(data: bytes, edits: Iterable[tuple[int, int, bytes]]) -> bytes:
    """Return bytes with parts of them, (start, end), put in other words; an edit inside another one is left out."""
    parts, position = [], 0
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], -edit[1])):
        if start >= position:
            parts += [data[position:start], text]
            position = end
    return b"".join((*parts, data[position:]))


def quoted(text: str) -> bytes:
    """Return a text as it stands in an attribute or an element."""
    return escape(text, {'"': "&quot;", "'": "&apos;"}).encode()


def _resolved(name: str, prefixes: Mapping[str, str]) -> tuple[str, str]:
    prefix, colon, local = name.partition(":")
    return (prefixes.get(prefix, prefix), local) if colon else (prefixes.get("", ""), name)
