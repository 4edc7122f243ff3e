"""Texts of strangers in Markdown: every character stays what it is, whatever it tries to be."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.web.prose import markdown
from assent.markdown import code, escaped, quoted, table
from tests.thorough import examples

TAGS = re.compile(r"<[^>]+>")


def shown(text: str) -> str:
    """What people read of a text in Markdown."""
    return " ".join(unescape(TAGS.sub(" ", str(markdown(text)))).split())


@pytest.mark.parametrize(
    "text",
    [
        "# heading", "1. list", "12) list", "- list", "+ list", "=== line", "--- line", "a_b_c _x_ __y__", "*x* **y**",
        "<b>x</b>", "[a](http://example.com)", "![a](http://example.com/i.png)", "`code`", "a | b", "&amp; &#38;",
        "~~x~~",
        "\\* \\", "http://example.com/a_b_", "<http://example.com>", "2.4.1", "5-3",
    ],
)  # fmt: skip
def test_nothing_of_a_text_is_markup(text: str) -> None:
    assert str(markdown(escaped(text))) == f"<p>{str(markdown('x' + escaped(text)))[4:-5]}</p>\n"
    assert shown(escaped(text)) == shown(quoted(text)) == " ".join(text.split())


@settings(max_examples=examples(300), deadline=None)
@given(st.text(st.sampled_from("ab12 .-+#=*_`[]()<>|&;!~\\\n:"), min_size=1, max_size=30))
def test_cells_of_a_table_stay_cells(text: str) -> None:
    made = str(markdown("\n".join(table(["one", "two"], [(escaped(text), code(text))]))))
    assert made.count("<td") == 2 and made.count("<tr") == 2
    assert not {tag.split()[0] for tag in TAGS.findall(made)} & {"<em>", "<strong>", "<a", "<img", "<h1>", "<ul>"}
    cell = unescape(TAGS.sub("", re.findall(r"<td>(.*?)</td>", made, re.DOTALL)[0]))
    assert " ".join(cell.split()) == " ".join(text.split())


def test_long_texts_are_cut() -> None:
    assert len(escaped("x" * 600)) == 501 and len(code("x" * 600)) == 503
