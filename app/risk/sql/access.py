"""Rules for access from the database to files, programs, other servers, and code that runs later."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from app.risk.places import Place, keeps_secrets, place_of
from app.risk.rules import word_set
from app.risk.sql.routines import DANGEROUS_OPTIONS, PACKAGES, POWERFUL_NAMES, READS_TABLES, ROUTINES, Effect
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.settings import SAFEGUARDS, level_of_setting
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel


def routine_named(schema: str, name: str) -> Effect | None:
    """Return what a routine does, by its name and schema or package in lower case; None if it is not known to act."""
    return ROUTINES.get(f"{schema}.{name}") or PACKAGES.get(schema.rpartition(".")[2]) or ROUTINES.get(name)


def _calls(statement: SqlStatement, group: str) -> Iterator[Hit]:
    for schema, name, index in statement.calls():
        effect = routine_named(schema, name)
        if effect is not None and effect.group == group:
            full = f"{schema}.{name}" if PACKAGES.get(schema) else name
            level = RiskLevel.LOW if name in READS_TABLES and _reads_own_file(statement, index) else effect.level
            yield Hit(f"{full} {effect.words}.", statement.line_at(index), level)


def _reads_own_file(statement: SqlStatement, index: int) -> bool:
    """Return whether DuckDB reads a file of the folder that it works in, as a table."""
    token = statement.tokens[index + 2] if index + 2 < len(statement.tokens) else None
    if statement.dialect != "duckdb" or token is None or token.kind != "string":
        return False
    path = token.text.strip("'")
    return not path.startswith(("/", "~", "..", ".")) and "://" not in path and "/../" not in path


@sql_rule("sql.function.server_file", RiskLevel.CRITICAL, "A function accesses the server's files or programs.")
def server_file(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "file")
    if statement.has("OPENROWSET", "(", "BULK"):
        yield Hit("OPENROWSET reads a file on the machine where the database runs.")


@sql_rule(
    "sql.function.code", RiskLevel.CRITICAL, "A function or procedure runs a program, or schedules code.", unread=True
)
def runs_code(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "code")
    if (
        statement.has("CMDEXEC")
        or statement.has("POWERSHELL")
        or _quoted(statement, ("cmdexec", "powershell", "executable"))
    ):
        yield Hit("The job runs a command of the operating system on the server.")


def _quoted(statement: SqlStatement, words: tuple[str, ...]) -> bool:
    if statement.dialect not in ("tsql", "oracle", "") or not any(group == "code" for group in _groups(statement)):
        return False
    return any(token.kind == "string" and token.text.strip("Nn'").lower() in words for token in statement.tokens)


def _groups(statement: SqlStatement) -> Iterator[str]:
    for schema, name, _ in statement.calls():
        effect = routine_named(schema, name)
        if effect is not None:
            yield effect.group


@sql_rule("sql.function.remote", RiskLevel.HIGH, "A function connects to another server.")
def remote_function(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "remote")
    if statement.dialect == "oracle" and "@" in statement.keys[1:-1]:
        words = "Reads or changes a table of another database, through a link."
        yield Hit(words, statement.line_at(statement.keys.index("@", 1)))
    if statement.dialect in ("tsql", "") and statement.tree is not None:
        for table in statement.tree.find_all(exp.Table):
            if len(table.parts) > 3:
                yield Hit(f"Reads or changes a table of the linked server {table.parts[0].name[:80]}.")
                return


@sql_rule("sql.function.server_control", RiskLevel.HIGH, "A function controls the server or ends sessions.")
def server_control(statement: SqlStatement) -> Iterator[Hit]:
    for hit in _calls(statement, "server"):
        yield hit._replace(severity=RiskLevel.MEDIUM) if _ends_one_session(statement) else hit
    if statement.has("SP_CONFIGURE") and _names_option(statement):
        words = "Lets statements run programs on the server, or reach other servers, from now on."
        yield Hit(words, severity=RiskLevel.CRITICAL)


_ONE_SESSION = re.compile(
    r"PG_TERMINATE_BACKEND \( \d+ (?:, \d+ )?\)(?! , PG)|WHERE (?:\w+ \. )?PID = \d+(?! "
    r"OR\b)(?!.* OR )"
)


def _ends_one_session(statement: SqlStatement) -> bool:
    """Return True if one session is ended that the statement names by its number; what it was doing is taken back."""
    keys = " ".join(statement.keys[:200])
    return "PG_TERMINATE_BACKEND" in keys and keys.count("PG_") <= 3 and bool(_ONE_SESSION.search(keys))


def _names_option(statement: SqlStatement) -> bool:
    options = [token.text.strip("N'").lower() for token in statement.tokens if token.kind == "string"]
    return any(option.startswith(DANGEROUS_OPTIONS) for option in options) and statement.keys[-1] != "0"


@sql_rule("sql.function.powers", RiskLevel.HIGH, "A procedure makes somebody a member of a role.")
def powers(statement: SqlStatement) -> Iterator[Hit]:
    for hit in _calls(statement, "powers"):
        texts = {token.text.strip("N'\"[]").upper() for token in statement.tokens}
        yield hit._replace(severity=RiskLevel.CRITICAL if texts & POWERFUL_NAMES else None)


@sql_rule("sql.function.runs_text", RiskLevel.HIGH, "A function runs a text as SQL.", unread=True)
def runs_text(statement: SqlStatement) -> Iterator[Hit]:
    if not statement.runs_literal:
        yield from _calls(statement, "text")


@sql_rule("sql.function.effect", RiskLevel.MEDIUM, "A function in a query changes something or blocks others.")
def effect(statement: SqlStatement) -> Iterator[Hit]:
    for hit in _calls(statement, "effect"):
        if hit.message.startswith("set_config "):
            yield hit._replace(severity=_level_of_setting(statement))
        elif hit.message.startswith("lo_unlink ") and _takes_every_row(statement):
            yield hit._replace(severity=RiskLevel.CRITICAL)
        else:
            yield hit


def _level_of_setting(statement: SqlStatement) -> RiskLevel | None:
    """Return how bad it is to set what the calls of set_config name; None if that is unknown for one of them."""
    levels: list[RiskLevel | None] = []
    for place, key in enumerate(statement.keys):
        if key != "SET_CONFIG":
            continue
        texts = [token.text.strip("'") for token in statement.tokens[place + 2 : place + 5 : 2]]
        literal = statement.keys[place + 1 : place + 5] == ["(", "''", ",", "''"]
        levels.append(level_of_setting(texts[0].lower(), texts[1].upper()) if literal else None)
    named = {token.text.strip("'").lower() for token in statement.tokens if token.kind == "string"}
    if RiskLevel.HIGH in levels or (None in levels and named & SAFEGUARDS):
        return RiskLevel.HIGH
    return None if None in levels or not levels else RiskLevel.SAFE


def _takes_every_row(statement: SqlStatement) -> bool:
    """Return whether a query reads all rows of a table, so that its functions are called for each of them."""
    tree = statement.tree
    if not isinstance(tree, exp.Select) or tree.args.get("from_") is None:
        return False
    return not any(tree.args.get(part) for part in ("where", "limit", "fetch", "having"))


@sql_rule(
    "sql.copy.program", RiskLevel.CRITICAL, "COPY runs a program on the database server.", verbs="COPY", unread=True
)
def copy_program(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("PROGRAM"):
        yield Hit("Runs a shell command on the database server, with the server's privileges.")


@sql_rule(
    "sql.copy.file",
    RiskLevel.HIGH,
    "Data is copied to or from a file on the server, or rows are loaded.",
    verbs="COPY LOAD SELECT WITH VALUES TABLE ( UNLOAD BULK EXPORT IMPORT",
)
def copy_file(statement: SqlStatement) -> Iterator[Hit]:
    if statement.starts("LOAD", "INDEX", "INTO", "CACHE"):
        yield Hit("Reads an index into memory.", severity=RiskLevel.LOW)
    elif statement.verb == "LOAD" and statement.keys[1:2] not in (["DATA"], ["XML"], ["TABLE"], ["INDEX"]):
        if statement.dialect not in ("mysql", "sqlite"):
            # A name alone is one of those that somebody installed for this server.
            by_path = any("/" in token.text or "\\" in token.text for token in statement.tokens)
            words = "Loads a library into the server, whose code can do all that the server may do."
            yield Hit(words, severity=RiskLevel.CRITICAL if by_path else None)
    elif statement.verb in ("LOAD", "UNLOAD", "BULK", "EXPORT"):
        grave = _names_system_file(statement) and not statement.has("LOCAL")
        words = "Reads or writes a file on the machine of the server or of the client."
        yield Hit(words, severity=RiskLevel.CRITICAL if grave else None)
    elif statement.verb == "IMPORT" and statement.keys[1:2] != ["FOREIGN"]:
        yield Hit("Reads a file into the database.")
    elif statement.verb == "COPY" and not statement.has("PROGRAM"):
        if statement.has("TO", "STDOUT"):
            return
        if statement.has("FROM", "STDIN"):
            yield Hit("Adds rows that are not part of this text.", severity=RiskLevel.MEDIUM)
        elif _loads_stage(statement):
            yield Hit("Adds rows from files that are kept for loading.", severity=RiskLevel.MEDIUM)
        else:
            grave = (statement.has("TO", "''") and _writes_code(statement)) or _names_system_file(statement)
            words = "Reads or writes a file on the database server, with the server's privileges."
            yield Hit(words, severity=RiskLevel.CRITICAL if grave else None)
    elif statement.has("INTO", "OUTFILE") or statement.has("INTO", "DUMPFILE"):
        level = RiskLevel.CRITICAL if _writes_code(statement) else None
        yield Hit("Writes a file on the database server.", severity=level)


def _loads_stage(statement: SqlStatement) -> bool:
    """Return whether rows are loaded from a stage of Snowflake into a table, once and without deleting the files."""
    place = statement.find("FROM", "@")
    again = statement.has("PURGE", "=", "TRUE") or statement.has("FORCE", "=", "TRUE")
    return statement.starts("COPY", "INTO") and place > 2 and statement.keys[2] not in ("@", "''") and not again


def _writes_code(statement: SqlStatement) -> bool:
    endings = (".php", ".jsp", ".asp", ".aspx", ".so", ".dll", ".sh", ".py", ".bat", "authorized_keys", ".cnf")
    return any(
        token.kind == "string" and token.text.strip("'\"").lower().endswith(endings) for token in statement.tokens
    )


def _names_system_file(statement: SqlStatement) -> bool:
    """Return whether a text of the statement is the path of a file that holds secrets, or that the system trusts."""
    paths = [token.text.strip("'\"") for token in statement.tokens if token.kind == "string"]
    return any(
        keeps_secrets(path)
        or place_of(path) in (Place.SYSTEM, Place.ACCESS, Place.SCHEDULE, Place.STARTUP)
        or path.lower().endswith("pg_hba.conf")
        for path in paths
        if path.startswith(("/", "\\")) or path[1:2] == ":"
    )


@sql_rule(
    "sql.remote",
    RiskLevel.HIGH,
    "A connection to another server is set up.",
    verbs="CREATE ALTER DROP IMPORT REFRESH",
)
def remote(statement: SqlStatement) -> Iterator[Hit]:
    database_link = statement.object in ("DATABASE", "PUBLIC") and statement.has("LINK")
    mapping = statement.object == "USER" and statement.has("MAPPING")
    other = statement.object in _REMOTE_OBJECTS and not statement.starts(statement.verb, "SERVER", "ROLE")
    if (
        (other and not statement.has("SERVER", "AUDIT"))
        or statement.starts("IMPORT", "FOREIGN")
        or database_link
        or mapping
    ):
        yield Hit("Connects this database to another server: data can be sent to it or received from it.")


_REMOTE_OBJECTS = word_set("SERVER SUBSCRIPTION PUBLICATION ENDPOINT EXTERNAL CREDENTIAL")


@sql_rule(
    "sql.extension",
    RiskLevel.HIGH,
    "An extension or language is installed, changed, or dropped.",
    verbs="CREATE ALTER DROP INSTALL UNINSTALL",
)
def extension(statement: SqlStatement) -> Iterator[Hit]:
    words = "Changes which code the server runs: an extension can access files, programs, or the network."
    if statement.object in ("ASSEMBLY", "LIBRARY", "JAVA"):
        yield Hit(words, severity=RiskLevel.CRITICAL)
    elif statement.object in ("EXTENSION", "LANGUAGE", "PLUGIN", "COMPONENT") or statement.verb in (
        "INSTALL",
        "UNINSTALL",
    ):
        drops_columns = statement.verb == "DROP" and statement.has("CASCADE")
        more = " Columns of its types are dropped with their data." if drops_columns else ""
        yield Hit(words + more, severity=RiskLevel.CRITICAL if drops_columns else None)


@sql_rule("sql.attach", RiskLevel.HIGH, "Another database file is opened or closed.", verbs="ATTACH DETACH")
def attach(statement: SqlStatement) -> Iterator[Hit]:
    memory = any(token.kind in ("string", "name") and token.text[1:-1] == ":memory:" for token in statement.tokens)
    if statement.dialect == "clickhouse" or statement.keys[1:2] in (["RLS"], ["MASKING"]):
        if statement.verb == "ATTACH":
            tables = statement.dialect == "clickhouse"
            words = "Brings a table back that was detached, or lets a policy take effect."
            yield Hit(words, severity=RiskLevel.MEDIUM if tables else None)
    elif statement.verb == "ATTACH" and not memory:
        yield Hit("Opens another database file; a file that does not exist is created.")
    else:
        yield Hit("Opens a database in memory, or closes another one.", severity=RiskLevel.LOW)
