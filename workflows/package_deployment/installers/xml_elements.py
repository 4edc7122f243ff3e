"""Elements of an XML document from a stranger: a flat list, bounded, without what a document can define."""

from __future__ import annotations

from typing import NamedTuple
from xml.parsers import expat

from workflows.package_deployment.installers.problems import InstallerError

MOST_ELEMENTS = 100_000


class Element(NamedTuple):
    """An element: its name, its attributes, and the names of the elements around it, without namespaces."""

    name: str
    attributes: dict[str, str]
    parents: tuple[str, ...]
    number: int
    """The place of the element that is around it in the list; -1: none."""

    def get(self, name: str) -> str:
        """Return an attribute; empty if there is none."""
        return self.attributes.get(name, "")


def read_elements(document: bytes) -> tuple[str, list[Element]]:
    """Return the namespace of the first element, and all elements in their order.

    Raises:
        InstallerError: it is not well-formed, defines entities, or has too many elements.
    """
    elements: list[Element] = []
    around: list[int] = []
    namespace = ""

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal namespace
        if len(elements) >= MOST_ELEMENTS or len(around) > 50:
            raise InstallerError("An XML document in it has too many elements.")
        place, _, local = name.rpartition(" ")
        namespace = namespace or place
        parents = tuple(elements[index].name for index in around)
        plain = {key.rpartition(" ")[2]: value for key, value in attributes.items()}
        elements.append(Element(local, plain, parents, around[-1] if around else -1))
        around.append(len(elements) - 1)

    def end(_: str) -> None:
        around.pop()

    def refuse(*_: object) -> None:
        raise InstallerError("An XML document in it has definitions of its own, which are not followed.")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(document, True)
    except expat.ExpatError as error:
        raise InstallerError("An XML document in it is damaged.") from error
    return namespace, elements
