"""Finds what a query calls, from the server's own parse tree.

PostgreSQL stores the query of a view parsed, with every function, operator, type, and relation by its oid, after names,
overloads, and search_path are resolved. Parsing runs nothing (but see `postgres_query` on strings); planning does,
because it evaluates calls with constants. From this tree, everything that running the query could call is looked up in
the catalog: through views, partitions, operators, casts, domains, aggregates, and the expressions of indexes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg

from workflows.database_maintenance.targets.postgres_allowed import (
    EXTENSIONS,
    FIRST_OWN,
    INTERNAL,
    NODES,
    PLAIN_SQL,
    SAMPLING,
    SQL,
    STABLE,
    C,
)

_LABEL = re.compile(r"(?<!\\)\{([A-Z]+)")
_OIDS = re.compile(r"(?<!\\):(\w+) (?:(\d+)|\(o ((?:\d+ ?)+)\))")
_FUNCTIONS = re.compile(r"funcid|aggfnoid|winfnoid|tsmhandler|hashfuncid|negfuncid|opfuncid|(start|end)InRangeFunc")
_OPERATORS = re.compile(r"opno|opnos|eqop|sortop|cycle_mark_neop")
_TYPES = re.compile(r"\w*typ(?:e\w*|id)", re.IGNORECASE)

_FUNCTION_ROWS = """
SELECT p.oid::bigint, p.oid::regprocedure::text, p.proname, p.prokind::text, p.provolatile::text, p.prolang::int,
       p.prosqlbody::text, coalesce(e.extname, ''), coalesce(r.rolsuper, false)
FROM pg_proc p LEFT JOIN pg_roles r ON r.oid = p.proowner
LEFT JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE p.oid = ANY(%s)
"""

_OPERATOR_ROWS = """
SELECT o.oid::bigint, o.oid::regoperator::text, o.oprcode::oid::bigint, coalesce(e.extname, ''),
       coalesce(r.rolsuper, false)
FROM pg_operator o LEFT JOIN pg_roles r ON r.oid = o.oprowner
LEFT JOIN pg_depend d ON d.classid = 'pg_operator'::regclass AND d.objid = o.oid AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE o.oid = ANY(%s)
"""

_TYPE_ROWS = """
SELECT t.oid::bigint, t.oid::regtype::text, t.typtype::text, coalesce(e.extname, ''), coalesce(r.rolsuper, false),
       t.typsubscript::oid = 'array_subscript_handler'::regproc::oid,
       ARRAY[t.typbasetype, t.typelem] || ARRAY(
           SELECT g.rngsubtype FROM pg_range g WHERE t.oid IN (g.rngtypid, g.rngmultitypid)) || ARRAY(
           SELECT a.atttypid FROM pg_attribute a
           WHERE t.typtype = 'c' AND a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped),
       ARRAY(SELECT unnest(ARRAY[g.rngcanonical::oid, g.rngsubdiff::oid]) FROM pg_range g
             WHERE t.oid IN (g.rngtypid, g.rngmultitypid)) || ARRAY(
           SELECT c.castfunc FROM pg_cast c WHERE c.castsource = t.oid),
       ARRAY(SELECT k.conbin::text FROM pg_constraint k WHERE k.contypid = t.oid AND k.conbin IS NOT NULL)
FROM pg_type t LEFT JOIN pg_roles r ON r.oid = t.typowner
LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
LEFT JOIN pg_extension e ON e.oid = d.refobjid
WHERE t.oid = ANY(%s)
"""

_RELATION_ROWS = """
SELECT c.oid::bigint, format('%%I.%%I', n.nspname, c.relname), c.relkind::text,
       ARRAY(SELECT r.ev_action::text FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '1'),
       ARRAY(SELECT i.inhrelid::bigint FROM pg_inherits i WHERE i.inhparent = c.oid),
       ARRAY(SELECT d.adbin::text FROM pg_attribute a JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
             WHERE a.attrelid = c.oid AND a.attgenerated = 'v'),
       ARRAY(SELECT x FROM pg_index i, unnest(ARRAY[i.indexprs::text, i.indpred::text]) AS x
             WHERE i.indrelid = c.oid AND x IS NOT NULL) || ARRAY(
           SELECT s.stxexprs::text FROM pg_statistic_ext s WHERE s.stxrelid = c.oid AND s.stxexprs IS NOT NULL),
       ARRAY(SELECT k.conbin::text FROM pg_constraint k WHERE k.conrelid = c.oid AND k.conbin IS NOT NULL) || ARRAY(
           SELECT p.partexprs::text FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partexprs IS NOT NULL)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY(%s)
"""

_DOMAIN_CHECKS = "SELECT contypid::bigint, conbin::text FROM pg_constraint WHERE contypid >= %s AND conbin IS NOT NULL"


@dataclass
class Calls:
    """Collects calls, and those that are not allowed. The connection's search_path must be ``pg_catalog``."""

    connection: psycopg.Connection[Any]
    problems: dict[str, None] = field(default_factory=dict)
    _open: dict[str, dict[int, str]] = field(default_factory=lambda: {kind: {} for kind in _SETTLING})
    _seen: set[tuple[str, int]] = field(default_factory=set)

    def query(self, view: int) -> list[str]:
        """Return why the query of a view may not be run; empty: it may."""
        self._meet("relation", view, "")
        return self._settled()

    def table(self, relation: int) -> list[str]:
        """Return why a table may not be copied or analyzed, which evaluates the expressions of its indexes."""
        self._meet("relation", relation, "")
        _, name, _, _, _, _, expressions, _ = self._rows(_RELATION_ROWS, [relation])[0]
        for tree in expressions:
            self.tree(tree, f" in an index or statistics of {name}")
        return self._settled()

    def type(self, oid: int) -> list[str]:
        """Return why values of a type may not be parsed from strings."""
        self._meet("type", oid, "")
        return self._settled()

    def domains(self) -> list[str]:
        """Return forbidden calls in the checks of the database's own domains."""
        for _, tree in self.connection.execute(_DOMAIN_CHECKS.encode(), (FIRST_OWN,)).fetchall():
            self.tree(tree, " in the check of a domain")
        return self._settled()

    def tree(self, tree: str, via: str) -> None:
        """Collect the calls of a parsed query or expression."""
        for label in sorted(set(_LABEL.findall(tree)) - NODES):
            if label == "ROWMARKCLAUSE":
                self._problem(f"it locks rows{via}")
            else:
                self._problem(f"it contains an unknown part ({label}){via}")
        for name, one, several in _OIDS.findall(tree):
            kind = _kind_of(name)
            for oid in (one or several).split() if kind else ():
                self._meet(kind, int(oid), via)

    def _problem(self, words: str) -> None:
        self.problems[words] = None

    def _meet(self, kind: str, oid: int, via: str) -> None:
        if oid and (kind, oid) not in self._seen:
            self._seen.add((kind, oid))
            self._open[kind][oid] = via

    def _settled(self) -> list[str]:
        while any(self._open.values()):
            for kind, (question, settle) in _SETTLING.items():
                met, self._open[kind] = self._open[kind], {}
                if kind == "type":
                    met = {oid: via for oid, via in met.items() if oid >= FIRST_OWN}
                if met:
                    found = self._rows(question, list(met))
                    for oid, *facts in found:
                        settle(self, met[oid], oid, *facts)
                    if kind != "type" and len(found) < len(met):
                        self._problem(f"it uses a {kind} that no longer exists")
        return list(self.problems)

    def _rows(self, question: str, oids: list[int]) -> list[Any]:
        return self.connection.execute(question.encode(), (oids,)).fetchall()

    def _function(
        self, via: str, oid: int, name: str, bare: str, kind: str, volatility: str, language: int,
        body: str | None, extension: str, trusted: bool,
    ) -> None:  # fmt: skip
        if oid in SAMPLING:
            return
        if volatility == "v":
            self._problem(f"it calls {name}{via}, which is volatile, so it may change something")
        elif oid < FIRST_OWN and language == INTERNAL and (volatility == "i" or kind == "a" or bare in STABLE):
            return
        elif oid < FIRST_OWN and language == SQL and body is not None:
            self.tree(body, via)
        elif oid < FIRST_OWN and language == SQL and bare in PLAIN_SQL:
            return
        elif not (language == C and trusted and extension in EXTENSIONS):
            self._problem(f"it calls {name}{via}, which may do more than compute")

    def _operator(self, via: str, oid: int, name: str, function: int, extension: str, trusted: bool) -> None:
        if oid < FIRST_OWN or (trusted and extension in EXTENSIONS):
            self._meet("function", function, via)
        else:
            # Even if its function is harmless: the planner may replace it with its commutator or negator.
            self._problem(f"it uses the operator {name}{via}, which may do more than compute")

    def _type(
        self, via: str, oid: int, name: str, kind: str, extension: str, trusted: bool, is_array: bool,
        inner: list[int], functions: list[int], checks: list[str],
    ) -> None:  # fmt: skip
        if kind in "bp" and not is_array and not (trusted and extension in EXTENSIONS):
            self._problem(f"it uses the type {name}{via}, whose functions may do more than compute")
        for call in inner:
            self._meet("type", int(call), via)
        for function in functions:
            self._meet("function", int(function), f"{via} through the type {name}")
        for tree in checks:
            self.tree(tree, f"{via} in the check of the domain {name}")

    def _relation(
        self, via: str, oid: int, name: str, kind: str, rules: list[str], children: list[int], generated: list[str],
        expressions: list[str], constraints: list[str],
    ) -> None:  # fmt: skip
        if kind == "f":
            self._problem(f"it reads the foreign table {name}{via}")
        through = "" if name.startswith("pg_temp") else f" through the view {name}"
        for tree in rules:
            self.tree(tree, through or via)
        for child in children:
            self._meet("relation", child, via)
        for tree in generated:
            self.tree(tree, f" in a generated column of {name}")
        for tree in [*expressions, *constraints]:
            for constant in _constant_parts(tree):
                self.tree(constant, f" in an index or constraint of {name}")


_SETTLING: dict[str, tuple[str, Any]] = {
    "relation": (_RELATION_ROWS, Calls._relation),
    "operator": (_OPERATOR_ROWS, Calls._operator),
    "function": (_FUNCTION_ROWS, Calls._function),
    "type": (_TYPE_ROWS, Calls._type),
}


def _kind_of(name: str) -> str:
    """Return the kind of object that an oid in a field of a parsed query refers to; empty: nothing that is called."""
    if name == "relid":
        return "relation"
    if _OPERATORS.fullmatch(name):
        return "operator"
    if _FUNCTIONS.fullmatch(name):
        return "function"
    return "type" if _TYPES.fullmatch(name) else ""


def _constant_parts(tree: str) -> Iterator[str]:
    """Return the parts of an expression that need no row. The planner evaluates only these."""
    begun: list[int] = []
    for brace in re.finditer(r"(?<!\\)[{}]", tree):
        if brace[0] == "{":
            begun.append(brace.start())
            continue
        part = tree[begun.pop() : brace.end()]
        if "{VAR " not in part and "{COERCETODOMAINVALUE " not in part:
            yield part
