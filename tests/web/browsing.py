"""A browser without JavaScript: it fetches pages, judges each one it sees, and fills in and sends their forms."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.store.people import Person
from tests.factories import Caller

_VOID = frozenset(["area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])


@dataclass
class Element:
    """An element with its attributes, its text and what is inside."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text inside, as it would be read."""
        return " ".join("".join(self.pieces).split())

    def all(self, tag: str = "", **wanted: str) -> list[Element]:
        """Elements inside with that tag and those attributes (`_` for `-`; `True` for any value)."""
        found = []
        for child in self.children:
            if (not tag or child.tag == tag) and all(
                child.attributes.get(name.strip("_").replace("_", "-")) == value for name, value in wanted.items()
            ):
                found.append(child)
            found += child.all(tag, **wanted)
        return found

    def one(self, tag: str = "", **wanted: str) -> Element:
        """The only one of them."""
        found = self.all(tag, **wanted)
        assert len(found) == 1, f"{len(found)} of <{tag} {wanted}>"
        return found[0]


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice in <{tag}>: {names}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in _VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        assert self.here.tag == tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        at: Element | None = self.here
        while at is not None:
            at.pieces.append(data)
            at = at.parent


def parse(html: str) -> Element:
    """The page as a tree. Fails where elements are not closed in order."""
    tree = _Tree()
    tree.feed(html)
    tree.close()
    assert tree.here is tree.root, f"<{tree.here.tag}> is not closed"
    return tree.root


def lint(page: Element) -> None:
    """Fail unless the page is what every page has to be."""
    assert len(page.all("h1")) == 1, [heading.text for heading in page.all("h1")]
    assert page.one("head").one("title").text.removesuffix("· Assent").strip()
    ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(ids) == len(set(ids)), {id_ for id_ in ids if ids.count(id_) > 1}
    for element in page.all():
        _lint_element(element, set(ids))
    labelled = {label.attributes.get("for") for label in page.all("label")}
    for element in page.all():
        if element.tag in ("input", "select", "textarea") and element.attributes.get("type") != "hidden":
            named = element.attributes.get("id") in labelled or "aria-label" in element.attributes
            assert named, f"a field without a label: {element.attributes}"
    for form in page.all("form"):
        if form.attributes.get("method") == "dialog":
            continue
        assert form.attributes.get("method") in ("get", "post"), form.attributes
        assert form.attributes.get("action", "").startswith("/"), form.attributes
        if form.attributes["method"] == "post":
            assert form.one("input", name="csrf_token").attributes["value"]


def _lint_element(element: Element, ids: set[str]) -> None:
    inline = [name for name in element.attributes if name == "style" or name.startswith("on")]
    assert not inline, f"inline {inline} in <{element.tag}>"
    assert element.tag != "style", "an inline style sheet"
    if element.tag == "script":
        assert element.attributes.get("src", "").startswith("/static/"), element.attributes
        assert not element.text
    for name in ("aria-labelledby", "aria-describedby", "form", "for"):
        for target in element.attributes.get(name, "").split():
            assert target in ids, f"{name}={target!r} points nowhere"
    if element.tag == "button":
        assert element.text or "hidden" in element.attributes or "aria-label" in element.attributes
    if element.tag == "a":
        assert element.text or "aria-label" in element.attributes, element.attributes


class Browser:
    """Somebody who uses the pages; `person` None is somebody who is not signed in."""

    def __init__(self, app: Flask, person: Person | None) -> None:
        self.caller = Caller(app, person)
        self.person = person
        self.response: TestResponse | None = None
        self.page = Element("", {})

    def get(self, path: str, status: int = 200) -> Element:
        """Fetch a page and judge it."""
        return self._take(self.caller.client.get(path), status)

    def send(self, form: Element, button: Element | None = None, status: int = 303, **values: Any) -> Element:
        """Send a form as a browser would, with `button` pressed and `values` typed in (None: not sent)."""
        data = self.fields(form)
        for name, value in values.items():
            data.pop(name, None)
            if value is not None:
                data[name] = value
        action = form.attributes["action"]
        if button is not None:
            action = button.attributes.get("formaction", action)
            if "name" in button.attributes:
                data[button.attributes["name"]] = button.attributes["value"]
        return self._take(self.caller.client.post(action, data=data), status)

    def fields(self, form: Element) -> dict[str, Any]:
        """What the form would send as it stands."""
        data: dict[str, Any] = {}
        outside = self.page.all(form=form.attributes["id"]) if "id" in form.attributes else []
        for element in form.all() + outside:
            if element.tag not in ("input", "select", "textarea") or "name" not in element.attributes:
                continue
            value = _value(element)
            if value is not None:
                data.setdefault(element.attributes["name"], []).append(value)
        return data

    def follow(self) -> Element:
        """Go where the last answer sends the browser."""
        assert self.response is not None
        return self.get(self.response.headers["Location"])

    def button(self, words: str) -> Element:
        """The button with that text."""
        found = [button for button in self.page.all("button") if button.text.startswith(words)]
        assert len(found) == 1, [button.text for button in self.page.all("button")]
        return found[0]

    def form(self, element_id: str) -> Element:
        """The form with that id."""
        return self.page.one("form", id=element_id)

    def _take(self, response: TestResponse, status: int) -> Element:
        self.response = response
        assert response.status_code == status, f"{response.status_code}: {parse_text(response)}"
        if response.mimetype == "text/html" and status not in (301, 302, 303):
            self.page = parse(response.text)
            if "X-Fragment" not in response.request.headers:
                lint(self.page)
        return self.page


def parse_text(response: TestResponse) -> str:
    """The beginning of an answer's text, for messages."""
    return response.text[:2000]


def _value(element: Element) -> str | None:
    if element.tag == "textarea":
        # A parser drops the first line end of a text area, and a browser sends CRLF.
        raw = "".join(element.pieces)
        return raw.removeprefix("\n").replace("\n", "\r\n")
    if element.tag == "select":
        options = element.all("option")
        chosen = [option for option in options if "selected" in option.attributes] or options[:1]
        return chosen[0].attributes.get("value", chosen[0].text) if chosen else None
    if element.attributes.get("type") in ("checkbox", "radio") and "checked" not in element.attributes:
        return None
    return element.attributes.get("value", "")
