"""What may stand before the statement that really runs, such as EXPLAIN ANALYZE."""

from __future__ import annotations

from app.risk.sql.lexer import SqlToken


def prefix_of(tokens: list[SqlToken]) -> tuple[int, str]:
    """Return the number of tokens before what really runs, and the prefix that they form."""
    keys = [token.key for token in tokens[:200]]
    if keys[0] in ("EXPLAIN", "DESCRIBE", "DESC"):
        return _explained(keys)
    if keys[0] == "PREPARE" and "AS" in keys[:-1]:
        return keys.index("AS") + 1, "PREPARE"
    if keys[0] == "DECLARE" and "CURSOR" in keys and "FOR" in keys[:-1]:
        return keys.index("FOR", keys.index("CURSOR")) + 1, "DECLARE" if len(keys) > keys.index("FOR") + 1 else ""
    return 0, ""


def _explained(keys: list[str]) -> tuple[int, str]:
    index, runs = 1, False
    if keys[1:2] == ["("]:
        end = keys.index(")") if ")" in keys else len(keys)
        options = keys[2:end]
        off = {"FALSE", "OFF", "0", "NO"}
        for place, key in enumerate(options):
            if key in ("ANALYZE", "ANALYSE"):
                runs = runs or not (options[place + 1 : place + 2] and options[place + 1] in off)
        index = end + 1
    while index < len(keys) and keys[index] in ("ANALYZE", "ANALYSE", "VERBOSE"):
        runs = runs or keys[index] != "VERBOSE"
        index += 1
    if runs and index < len(keys):
        return index, "EXPLAIN"
    return 0, "EXPLAIN"
