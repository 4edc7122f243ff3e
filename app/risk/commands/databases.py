"""Clients of databases: their statements are read in the database's own language."""

from __future__ import annotations

import re

from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.table import Command, program
from app.risk.effects import DOWNLOADED, HIDDEN, Act, act_on, run_dynamic, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.stores.redis import TAKES_OVER, read_words
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

CONSOLE = declare(
    "database.console",
    LOW,
    "Opens a database's console.",
    "psql shop",
    "psql shop -c 'SELECT 1'",
    language="shell",
    unread=True,
)
FILE = declare(
    "database.runs_file",
    HIGH,
    "Runs statements from a file, which have not been read.",
    "psql shop -f changes.sql",
    "psql shop -c 'SELECT 1'",
    language="shell",
    unread=True,
)


_MOST_STATEMENTS = 50

KEYSPACE = declare(
    "database.drops_keyspace",
    CRITICAL,
    "Deletes a keyspace of Cassandra with all its tables.",
    "cqlsh -e 'DROP KEYSPACE shop'",
    "cqlsh -e 'SELECT * FROM shop.orders'",
    language="shell",
)


def statements(language: str, words: list[Word], reading: Reading, name: str, dialect: str = "") -> None:
    """Read statements that are given as arguments."""
    if len(words) > _MOST_STATEMENTS:
        run_unread(reading, f"more statements for {name} than can be read", words[0].line)
    for word in words[:_MOST_STATEMENTS]:
        if not word.known:
            run_dynamic(reading, f"the statement for {name}", word.line)
        reading.read(
            language,
            word.when_empty,
            word.line,
            fixed="\n" not in word.text,
            within=f"In the statement for {name}: ",
            dialect=dialect,
        )


_LOSES = re.compile(r"\s*(?:drop|truncate|delete)\b", re.IGNORECASE)


def from_input(language: str, command: Command, reading: Reading, dialect: str = "") -> None:
    """Read statements that come from standard input, or note that it is a console."""
    name = command.name
    if command.input is not None and command.input.known:
        reading.read(
            language, command.input.text, command.input.line, within=f"In the statement for {name}: ", dialect=dialect
        )
    elif command.input is not None and language == "sql" and _LOSES.match(command.input.text):
        text = command.input.text.replace(UNKNOWN, "assent_unknown")
        reading.read(language, text, command.input.line, fixed=True, within="In made statements: ", dialect=dialect)
    elif command.input_from == "download":
        reading.add(DOWNLOADED, f"{name} runs statements as they are downloaded.", command.line)
    elif command.input_from == "decoded":
        reading.add(HIDDEN, f"{name} runs statements that are hidden until they are decoded.", command.line)
    elif command.input is not None or command.input_from:
        reading.add(FILE, f"{name} runs statements that have not been read.", command.line)
    else:
        reading.add(CONSOLE, f"This opens the console of {name}.", command.line)


def runs_files(words: list[Word], reading: Reading, name: str) -> None:
    """Note that statements come from files."""
    for word in words:
        reading.add(FILE, f"{name} runs the statements in {word.display}, which have not been read.", word.line)


def _touches(reading: Reading, host: Word | None, database: Word | None) -> None:
    for word, kind in ((host, "hosts"), (database, "databases")):
        if word is None or not word.known:
            continue
        text = word.text
        if found := re.match(r"\w+(?:\+\w+)?://(?:[^@/]*@)?([^:/?,]+)?[^/?]*(?:/([^?]*))?", text):
            reading.touch(hosts=[found[1] or ""], databases=[found[2] or ""])
        elif kind == "hosts":
            reading.touch(hosts=[text] if not text.startswith("/") else [])
        elif "=" not in text:
            reading.touch(databases=[text])


_PSQL_VALUES = (
    "-c --command -f --file -d --dbname -h --host -p --port -U --username -v --set --variable -o --output -L "
    "--log-file -F "
    "--field-separator -P --pset -R --record-separator -T --table-attr --csv-x"
)
_PSQL_READS = re.compile(
    r"\\(?:d[a-zA-Z]*[+S]*|l\+?|z|sf\+?|sv\+?|conninfo|x|t|a|pset|timing|echo|q|c(?:onnect)?|encoding|h|\?|H|f|C"
    r"|prompt|errverbose"
    r"|show\w*|gset|crosstabview)(?:\s[^\n\\`|]*)?"
)


@program("psql", "ysqlsh", "pgcli", "vsql", "gsql")
def _psql(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, _PSQL_VALUES)
    if given.exactly("--version", "-V", "--help", "-?", "-l", "--list"):
        return
    _touches(reading, given.value("-h", "--host"), given.value("-d", "--dbname") or next(iter(given.operands), None))
    _writes(given, reading, "-o", "--output", "-L", "--log-file")
    texts = [word for word in given.values("-c", "--command") if not _PSQL_READS.fullmatch(word.text.strip())]
    files = given.values("-f", "--file")
    statements("sql", texts, reading, "psql", dialect="postgres")
    runs_files([word for word in files if word.text != "-"], reading, "psql")
    if not given.values("-c", "--command") and all(word.text == "-" for word in files):
        from_input("sql", command, reading, dialect="postgres")


def _writes(given: Arguments, reading: Reading, *names: str) -> None:
    for word in given.values(*names):
        if word.text.startswith("|"):
            reading.read("shell", word.text[1:], word.line, fixed=True)
        else:
            act_on(reading, Act.WRITE, word)


@program("mysql", "mariadb", "mycli", "tidb")
def _mysql(command: Command, reading: Reading) -> None:
    values = (
        "-e --execute -h --host -P --port -u --user -D --database -S --socket --init-command --defaults-file "
        "--defaults-extra-file --tee --pager --delimiter --plugin-dir --ssl-ca --ssl-cert --ssl-key --protocol"
    )
    given = arguments_of(command.arguments, values)
    if given.exactly("--version", "-V", "--help", "-?", "--print-defaults"):
        return
    _touches(reading, given.value("-h", "--host"), given.value("-D", "--database") or next(iter(given.operands), None))
    _writes(given, reading, "--tee")
    if given.value("--pager", "--plugin-dir"):
        run_unread(reading, "the program in --pager or the plug-ins that are named", command.line)
    texts = given.values("-e", "--execute", "--init-command")
    statements("sql", texts, reading, command.name, dialect="mysql")
    if not given.values("-e", "--execute"):
        from_input("sql", command, reading, dialect="mysql")


_DOT_READS = re.compile(
    r"\.(?:tables|schema|fullschema|indexes|indices|databases|headers?|mode|width|nullvalue|separator|show|stats"
    r"|timer|eqp|explain"
    r"|dbinfo|dbconfig|limit|lint|print|echo|help|quit|exit|changes|bail|timeout|sha3sum|version|vfsinfo|vfslist"
    r"|dump|prompt)\b[^\n]*"
)


@program("sqlite3", "sqlite", "litecli", "duckdb", "libsql", "turso")
def _sqlite(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-cmd -init -separator -newline -nullvalue -lookaside -mmap -vfs -c -s -f -A",
        single_dash=True,
    )
    if given.exactly("-version", "--version", "-help", "--help"):
        return
    name, dialect = command.name, "duckdb" if command.name == "duckdb" else "sqlite"
    if given.operands:
        reading.touch(databases=[given.operands[0].text] if given.operands[0].known else [])
        act_on(reading, Act.READ, given.operands[0])
    runs_files(given.values("-init", "-f"), reading, name)
    texts = [*given.operands[1:], *given.values("-cmd", "-c", "-s")]
    if len(texts) > _MOST_STATEMENTS:
        run_unread(reading, f"more statements for {name} than can be read", command.line)
    for word in texts[:_MOST_STATEMENTS]:
        _sqlite_text(word, reading, name, dialect)
    if not texts and not given.values("-f"):
        if command.input is not None and command.input.known:
            _sqlite_text(command.input, reading, name, dialect)
        else:
            from_input("sql", command, reading, dialect=dialect)


def _sqlite_text(word: Word, reading: Reading, name: str, dialect: str) -> None:
    """Read SQL with commands of the console in it, which begin with a dot."""
    lines = ["" if _DOT_READS.fullmatch(line.strip()) else line for line in word.text.split("\n")]
    for number, line in enumerate(lines):
        if found := re.match(r"\.(?:shell|system)\s+(.*)", line):
            reading.read("shell", found[1], word.line + number, fixed=True, within=f"In the statement for {name}: ")
            run_unread(reading, "a command of the console", word.line + number)
            lines[number] = ""
        elif found := re.match(
            r"\.(read|load|open|restore|import|once|output|backup|save|log|excel|trace|clone)\b\s*(.*)", line
        ):
            _sqlite_file(found[1], word.with_text(found[2].strip().strip("'\"")), reading)
            lines[number] = ""
    if any(line.strip() for line in lines):
        statements("sql", [word.with_text("\n".join(lines))], reading, name, dialect=dialect)


def _sqlite_file(verb: str, word: Word, reading: Reading) -> None:
    if verb in ("read", "load"):
        reading.add(FILE, f"This runs {word.display}, which has not been read.", word.line)
    elif word.text.startswith("|"):
        reading.read("shell", word.text[1:], word.line, fixed=True)
    elif verb == "restore":
        reading.add(FILE, f"This replaces the database by {word.display}.", word.line)
    elif verb != "open" and word.text:
        act_on(reading, Act.READ if verb == "import" else Act.WRITE, word.with_text(word.text.split()[0]))


_CLIENTS = {
    # name: (options with statements, options with files, other options with values, language, dialect)
    "sqlcmd": ("-Q -q", "-i", "-S -U -P -d -o -v -h -s -W -l -t -w -a -K -C", "sql", "tsql"),
    "mssql-cli": ("-Q", "-i", "-S -U -P -d -o", "sql", "tsql"),
    "osql": ("-Q -q", "-i", "-S -U -P -d -o", "sql", "tsql"),
    "clickhouse-client": ("-q --query", "--queries-file", "-h --host --port -u --user --password -d --database "
    "--format", "sql", "clickhouse"),
    "clickhouse": ("-q --query", "--queries-file", "-h --host --port -u --user --password -d --database --format",
    "sql", "clickhouse"),
    "cqlsh": ("-e --execute", "-f --file", "-u -p -k --keyspace --cqlversion", "sql", ""),
    "snowsql": ("-q --query", "-f --filename", "-a -u -d -s -r -w -c -o", "sql", "snowflake"),
    "usql": ("-c --command", "-f --file", "-o --out", "sql", ""),
    "spark-sql": ("-e", "-f -i", "--master --conf --jars", "sql", "spark"),
    "hive": ("-e", "-f -i", "--database --hiveconf -d", "sql", "hive"),
    "beeline": ("-e", "-f -i", "-u -n -p -d", "sql", "hive"),
    "trino": ("--execute", "-f --file", "--server --catalog --schema --user --output-format", "sql", "trino"),
    "presto": ("--execute", "-f --file", "--server --catalog --schema --user --output-format", "sql", "presto"),
    "db2": ("", "-tvf -f -tf", "-d", "sql", ""),
    "isql": ("", "-i -input", "-d -u -user -p -password", "sql", ""),
    "cypher-shell": ("", "-f --file", "-a --address -u --username -p --password -d --database --format -P "
    "--param", "cypher", ""),
    "surreal": ("", "", "--endpoint --user --pass --ns --db", "sql", ""),
    "influx": ("-execute", "-import", "-host -port -database -username -password -format -precision", "sql", ""),
}  # fmt: skip


@program(*_CLIENTS)
def _client(command: Command, reading: Reading) -> None:
    texts, files, values, language, dialect = _CLIENTS[command.name]
    given = arguments_of(
        command.arguments, f"{texts} {files} {values}", single_dash=command.name in ("influx", "isql", "db2")
    )
    if given.exactly("--version", "-V", "--help", "-?", "-version", "version"):
        return
    statement_words = given.values(*texts.split())
    if command.name in ("cypher-shell", "db2"):
        statement_words += given.operands
    if command.name == "influx" and not statement_words and given.operands:
        _influx(given, command, reading)
        return
    _writes(given, reading, "-o", "--out")
    statements(language, statement_words, reading, command.name, dialect=dialect)
    for word in statement_words:
        if command.name == "cqlsh" and re.search(r"\bdrop\s+keyspace\b", word.text, re.IGNORECASE):
            reading.add(KEYSPACE, f"This deletes a keyspace with all its tables: {word.display}.", word.line)
    file_words = given.values(*files.split())
    runs_files(file_words, reading, command.name)
    if not statement_words and not file_words:
        from_input(language, command, reading, dialect=dialect)


def _influx(given: Arguments, command: Command, reading: Reading) -> None:
    texts = [word.text for word in given.operands]
    if texts[-1] in ("list", "ls", "ping", "version", "find", "query", "help", "get", "config"):
        reading.doubt()
    elif "delete" in texts or "restore" in texts:
        reading.add(FILE, "This deletes or replaces data of InfluxDB.", command.line, CRITICAL)
    else:
        reading.add(FILE, "This changes data or settings of InfluxDB.", command.line, MEDIUM)


@program("sqlplus", "sqlcl", "rman", "expdp", "impdp", "sqlldr")
def _oracle(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-L -M -C -R")
    scripts = [word for word in given.operands if word.text.startswith("@")]
    if command.name in ("rman", "impdp", "sqlldr"):
        reading.add(FILE, f"{command.name} changes or restores data; what it does has not been read.", command.line)
    elif command.name == "expdp":
        reading.add(CONSOLE, "This exports data.", command.line)
    elif scripts:
        runs_files([word.with_text(word.text[1:]) for word in scripts], reading, command.name)
    else:
        from_input("sql", command, reading, dialect="oracle")


@program("mongosh", "mongo")
def _mongo(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "--eval --host --port -u --username -p --password --authenticationDatabase --db --file -f --tlsCAFile",
    )
    if given.exactly("--version", "--help", "-h", "--build-info"):
        return
    _touches(
        reading, given.value("--host"), next((word for word in given.operands if not word.text.endswith(".js")), None)
    )
    scripts = [word for word in given.operands if word.text.endswith((".js", ".mongodb"))] + given.values(
        "--file", "-f"
    )
    texts = given.values("--eval")
    statements("mongo", texts, reading, command.name)
    runs_files(scripts, reading, command.name)
    if not texts and not scripts:
        from_input("mongo", command, reading)


@program("redis-cli", "valkey-cli", "keydb-cli", "iredis")
def _redis(command: Command, reading: Reading) -> None:
    values = (
        "-h -p -s -a -u -n -r -i -d -D --user --pass --cacert --cert --key --sni --eval --pattern --rdb "
        "--functions-rdb --lru-test --intrinsic-latency"
    )
    given = arguments_of(command.arguments, values, mixed=False)
    if given.exactly("--version", "-v", "--help"):
        return
    _touches(reading, given.value("-h") or given.value("-u"), None)
    runs_files(given.values("--eval"), reading, command.name)
    for word in given.values("--rdb", "--functions-rdb"):
        act_on(reading, Act.WRITE, word)
    if given.has("--cluster", "--lru-test"):
        reading.add(TAKES_OVER, "This changes the cluster of Redis servers.", command.line, HIGH)
    words = given.operands
    if words and not words[0].known:
        run_dynamic(reading, words[0])
    elif words and not given.value("--eval"):
        if not all(word.known for word in words):
            reading.doubt()
        read_words([word.text for word in words], reading, words[0].line)
    elif given.has("--pipe", "-x") or command.input is not None or command.input_from:
        from_input("redis", command, reading)
    elif not given.exactly(
        "--stat",
        "--scan",
        "--bigkeys",
        "--memkeys",
        "--hotkeys",
        "--latency",
        "--latency-history",
        "--latency-dist",
        "--rdb",
        "--functions-rdb",
        "--eval",
        "--intrinsic-latency",
    ):
        reading.add(CONSOLE, "This opens the console of Redis.", command.line)
