"""The code pages of Windows, as codecs."""

from __future__ import annotations

import codecs

_CODECS = {
    0: "cp1252", 936: "gbk", 950: "cp950", 1361: "johab", 10000: "mac_roman", 20127: "ascii", 20866: "koi8_r",
    28591: "iso8859_1", 51932: "euc_jp", 51949: "euc_kr", 54936: "gb18030", 65000: "utf_7", 65001: "utf_8",
}  # fmt: skip


def codec_of(code_page: int) -> str:
    """Return the name of the codec of a code page; that of Western Europe if it is neutral (0) or unknown."""
    try:
        return codecs.lookup(_CODECS.get(code_page, f"cp{code_page}")).name
    except LookupError:
        return "cp1252"
