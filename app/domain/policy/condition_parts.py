"""Parts of conditions that warnings are about: what they join, the teams they name, and what they calculate. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from assent.composition.cel import Token, token_kind, token_value, tokens


def conjuncts(text: str) -> frozenset[tuple[str, ...]]:
    """The conditions that are joined by ``&&``, each as its words; empty if it has an alternative outside of them."""
    found: list[tuple[str, ...]] = []
    part: list[str] = []
    depth = 0
    for token in tokens(text) if "\\" not in text else ():
        mark = token.value if token.kind == "mark" else ""
        depth += (mark in ("(", "[", "{")) - (mark in (")", "]", "}"))
        if depth == 0 and mark in ("||", "?"):
            return frozenset()
        if depth == 0 and mark == "&&":
            found.append(tuple(part))
            part = []
        else:
            part.append(token.value if token.kind == "path" else token.raw)
    return frozenset(filter(None, [*found, tuple(part)]))


def named_teams(text: str) -> list[str]:
    """The teams that it looks for among the requester's."""
    found = tokens(text)
    named: list[str] = []
    for at, token in enumerate(found):
        if token.kind != "path" or not (token.value == "requester.teams" or token.value.startswith("requester.teams.")):
            continue
        if token_value(found, at - 1) == "in" and token_kind(found, at - 2) == "text":
            named.append(found[at - 2].value)
        if token.value != "requester.teams" and token_value(found, at + 1) == "(":
            named += [inner.value for inner in _within(found, at + 1) if inner.kind == "text"]
    return list(dict.fromkeys(named))


def _within(found: Sequence[Token], at: int) -> Iterator[Token]:
    """What is between the bracket there and the one that closes it."""
    depth = 0
    for token in found[at:]:
        mark = token.value if token.kind == "mark" else ""
        depth += (mark == "(") - (mark == ")")
        if depth == 0:
            return
        yield token


def whole_number_products(text: str) -> Iterator[str]:
    """A sentence for each calculation with an argument that works only for whole numbers, or only for others.

    JSON has numbers of one kind, CEL has two, and multiplies only numbers of the same kind.
    """
    found = tokens(text)
    for at, token in enumerate(found):
        if token.kind != "path" or not token.value.startswith("args."):
            continue
        for sign, other in ((at + 1, at + 2), (at - 1, at - 2)):
            mark = token_value(found, sign)
            if mark and mark in "+-*/%" and token_kind(found, other) == "number":
                whole = "." not in found[other].value
                fails = "a decimal, such as 7.5" if whole else "a whole number, such as 7"
                number = f"{found[other].value}.0" if whole else found[other].value
                parts = [token.value, mark, found[other].value]
                calculation = " ".join(parts if sign > at else reversed(parts))
                yield (
                    f"{calculation} cannot be evaluated if {token.value} is {fails}; write double({token.value}) and "
                    f"{number}."
                )
