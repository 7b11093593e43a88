"""XML from strangers: elements and text, and nothing that grows, fetches or opens files."""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.parsers import expat

from dltk.errors import InputError


class XmlBombError(InputError):
    """A document that declares a document type, and with it perhaps entities."""


@dataclass(slots=True)
class Element:
    """An element, its text, and the elements in it; attributes are left out."""

    tag: str
    text: str = ""
    inner: list[Element] = field(default_factory=list)

    def all(self, tag: str) -> list[Element]:
        """Return the elements called `tag` right in this one."""
        return [element for element in self.inner if element.tag == tag]

    def first(self, tag: str) -> Element | None:
        """Return the first of them, or None."""
        return next((element for element in self.inner if element.tag == tag), None)

    def text_of(self, tag: str) -> str:
        """Return the text of the first of them, stripped; "" if there is none."""
        element = self.first(tag)
        return element.text.strip() if element else ""


def parse_xml(content: bytes) -> Element:
    """Return the root element of a document.

    Entities can only be declared in a document type (XML 1.0, Sec. 4.2), so a document that has
    one is refused where it begins, before anything could be expanded.

    Raises:
        XmlBombError: it declares a document type.
        InputError: it is not well-formed, with the line.
    """
    top = Element("")
    stack = [top]
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse

    def start(tag: str, attributes: dict) -> None:
        element = Element(tag)
        stack[-1].inner.append(element)
        stack.append(element)

    def text(characters: str) -> None:
        stack[-1].text += characters

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda tag: stack.pop()
    parser.CharacterDataHandler = text
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:  # the latter: its encoding
        raise InputError(f"damaged XML: {error}") from error
    return top.inner[0]


def _refuse(*declared) -> None:
    raise XmlBombError("it declares a document type, which can hide entities that grow without end")
