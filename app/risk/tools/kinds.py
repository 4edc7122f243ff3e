"""What kind of tool a call uses, by its name, and which language an argument is in."""

from __future__ import annotations

import re

from app.risk.rules import word_set
from app.risk.tools.call import Argument, ToolCall

PROGRAMS = {
    "git": "git", "kubectl": "kubectl", "kubernetes": "kubectl", "oc": "oc", "helm": "helm",
    "docker": "docker", "podman": "podman", "terraform": "terraform", "tofu": "tofu", "terragrunt": "terragrunt",
    "pulumi": "pulumi", "ansible": "ansible-playbook", "aws": "aws", "gcloud": "gcloud", "az": "az", "npm": "npm",
    "yarn": "yarn", "pnpm": "pnpm", "pip": "pip", "uv": "uv", "cargo": "cargo", "gh": "gh", "glab": "glab",
    "make": "make",
    "systemctl": "systemctl", "systemd": "systemctl",
    "apt": "apt", "brew": "brew", "psql": "psql", "mysqladmin": "mysqladmin", "curl": "curl",
    "wget": "wget", "ssh": "ssh", "scp": "scp", "rsync": "rsync", "gsutil": "gsutil",
    "rclone": "rclone",
    "vercel": "vercel", "heroku": "heroku", "netlify": "netlify", "flyctl": "flyctl", "vault": "vault",
    "nomad": "nomad", "dbt": "dbt", "restic": "restic", "etcdctl": "etcdctl",
}  # fmt: skip
"""Tools that are named after a program, and the program."""
_SHELLS = word_set("bash shell terminal sh zsh cmd console command commandline ssh exec tmux subprocess spawn process")
_RUNS = word_set("run execute exec start spawn invoke launch")
_POWERSHELL = word_set("powershell pwsh")
_PYTHON = word_set("python ipython jupyter repl interpreter notebook")
_OTHER_LANGUAGES = word_set(
    "groovy ruby rails perl php laravel lua applescript osascript vbscript matlab julia golang rust kotlin scala "
    "haskell elixir clojure dotnet csharp tcl autohotkey"
)
_JAVASCRIPT = word_set("javascript node nodejs deno bun typescript js")
_SQL_TOOLS = word_set(
    "sql postgres postgresql mysql sqlite mariadb mssql oracle bigquery snowflake redshift duckdb clickhouse "
    "cockroach cockroachdb supabase timescale database db athena presto trino databricks"
)
_STORES = {
    "redis": "redis", "valkey": "redis", "mongo": "mongo", "mongodb": "mongo", "mongosh": "mongo", "neo": "cypher",
    "cypher": "cypher", "memgraph": "cypher", "graph": "cypher",
}  # fmt: skip
_DIALECTS = {
    "postgres": "postgres", "postgresql": "postgres", "supabase": "postgres", "timescale": "postgres", "mysql": "mysql",
    "mariadb": "mysql", "sqlite": "sqlite", "mssql": "tsql", "server": "tsql", "oracle": "oracle",
    "bigquery": "bigquery",
    "snowflake": "snowflake", "redshift": "redshift", "duckdb": "duckdb", "clickhouse": "clickhouse",
    "cockroachdb": "postgres",
}  # fmt: skip

_SQL_KEYS = word_set("sql statement statements stmt stmts query queries ddl dml")
_COMMAND_KEYS = word_set("exec command cmd commands commandline shell bash line lines terminal stdin argv")
_CODE_KEYS = word_set("code script source snippet cell program expression body js javascript eval function")
_DRAWN = word_set("diagram chart mermaid plantuml graphviz latex svg markdown flowchart")
"""What is drawn from a text that some tools call its code."""
_FORMULAS = word_set("expression expr formula equation calculation")
_ARITHMETIC = re.compile(
    r"(?:[\d\s.,+*/%^()=-]|\b(?:sqrt|sin|cos|tan|log|ln|exp|abs|round|floor|ceil|min|max|pow|pi|e|mod|sum|avg)\b)+"
)
_INERT = word_set(
    "description explanation reason reasoning thought thoughts title comment note notes summary label labels "
    "purpose rationale todo todos id cwd folder workdir workspace timeout user author language lang format dialect "
    "database schema host port"
)
_SEARCHES = word_set("search find lookup ask web docs documentation grep browse google wiki")
_SQL_TEXT = re.compile(
    r"(?:[\s(;\ufeff]++|(?:--|#)[^\n]*+\n|/\*(?!!)(?:[^*]++|\*(?!/))*+\*/)*+"
    r"(?:/\*!|(?:select|with|insert\s+into|replace\s+into|update\s+\S+\s+set|delete\s+from|delete\s+\w+\s+from|merge\s+into|truncate|drop|alter"
    r"|create|grant|revoke|copy|call|vacuum|reindex|explain|pragma|attach|lock\s+table|exec(?:ute)?|begin|commit|rollback|set"
    r"|declare|if|use|kill|shutdown|load|analyze|refresh|do)\b)",
    re.IGNORECASE | re.DOTALL,
)


def program_of(call: ToolCall) -> str:
    """Return the program that the tool is named after; empty if there is none."""
    for word in (*call.words[:1], *call.words[-1:], *call.all_words):
        if word in PROGRAMS and not (word == "make" and len(call.words) > 1):
            return PROGRAMS[word]
    return ""


def kind_of(call: ToolCall) -> str:
    """Return the language that the tool is for, such as ``shell``, ``sql``, or ``redis``; empty if it is for none."""
    words = set(call.all_words)
    if words & _POWERSHELL:
        return "powershell"
    if words & _PYTHON or {"code", "interpreter"} <= words:
        return "python"
    if words & _JAVASCRIPT:
        return "javascript"
    for word, store in _STORES.items():
        if word in words and not (word == "graph" and not _has_key(call, "statement cypher query q")):
            return store
    if words & _SQL_TOOLS or (words & {"query", "queries"} and _has_key(call, "sql statement statements")):
        return "sql"
    if words & _SHELLS or (words & _RUNS and _has_key(call, "command cmd commandline argv program executable lines")):
        return "shell"
    return ""


def _has_key(call: ToolCall, names: str) -> bool:
    wanted = names.split()
    return any(set(wanted) & argument.words for argument in call.texts)


def dialect_of(call: ToolCall) -> str:
    """Return the dialect of a database tool's SQL; empty if its name does not say."""
    for word in call.all_words:
        if word in _DIALECTS and (word != "server" or "sql" in call.all_words):
            return _DIALECTS[word]
    return call.text("dialect", "engine")


def is_arithmetic(argument: Argument) -> bool:
    """Return True if an argument is a formula of numbers, which no language would do anything with but compute."""
    return bool(argument.words & _FORMULAS and len(argument.text) <= 1_000 and _ARITHMETIC.fullmatch(argument.text))


def language_in(call: ToolCall, argument: Argument, kind: str) -> str:
    """Return the language of an argument; empty if it is no code."""
    words, text = argument.words, argument.text
    if not text.strip() or (words & _INERT and not words & (_SQL_KEYS | {"sql"})) or is_arithmetic(argument):
        return ""
    if kind in ("redis", "mongo", "cypher"):
        return (
            kind if words & (_SQL_KEYS | _COMMAND_KEYS | _CODE_KEYS | {"cypher", "q", "input", "args", "text"}) else ""
        )
    if "cypher" in words:
        return "cypher"
    # A tool that is named after a database takes SQL under any key that means code; another one, only what is SQL.
    database = kind == "sql" and bool(set(call.all_words) & _SQL_TOOLS or words & _SQL_KEYS or _SQL_TEXT.match(text))
    if "sql" in words or (database and words & (_SQL_KEYS | {"command", "input", "text", "q", "code", "script"})):
        return "sql"
    if words & _SQL_KEYS:
        if set(call.all_words) & _SEARCHES:
            return ""
        return "sql" if _SQL_TEXT.match(text) else ""
    if words == {"code"} and re.fullmatch(r"[\w-]{1,40}", text.strip()) and not kind and not words_that_run(call):
        return ""  # a code of a discount, a country, or a room
    if words <= {"code", "source"} and set(call.words) & _DRAWN:
        return ""
    if words & _CODE_KEYS:
        named = [*call.named_language, *(word for word in call.words if word in _OTHER_LANGUAGES)]
        return _code_language(text, kind, named, words)
    if words & _COMMAND_KEYS or (kind in ("shell", "powershell") and words & {"input", "args", "arguments", "text"}):
        if kind == "powershell" or "powershell" in call.named_language:
            return "powershell"
        return kind if kind in ("python", "javascript") else "shell"
    if kind == "python" and words & {"input", "text"}:
        return "python"
    if set(call.all_words) & _SEARCHES or not re.search(r"\s", text.strip()):
        return ""
    asks = kind == "sql" or bool(set(call.all_words) & {"query", "queries", "bi", "warehouse", "lake", "etl"})
    return "sql" if asks and _SQL_TEXT.match(text) else ""


def words_that_run(call: ToolCall) -> bool:
    """Return True if a tool's name says that it runs something."""
    return bool(set(call.all_words) & (_RUNS | {"eval", "evaluate", "code", "script"}))


def _code_language(text: str, kind: str, named: list[str], words: frozenset[str]) -> str:
    for name in named:
        if name in ("python", "py", "bash", "sh", "shell", "zsh", "powershell", "pwsh", "sql"):
            return name
        if name in (
            "javascript",
            "js",
            "typescript",
            "ts",
            "node",
            "ruby",
            "perl",
            "php",
            "go",
            "rust",
            "java",
            "c",
            "r",
            *_OTHER_LANGUAGES,
        ):
            return name
    if words & {"js", "javascript"}:
        return "javascript"
    if kind:
        return kind
    if words & {"body", "source", "function", "expression", "eval"} and not re.search(r"[;\n(]", text):
        return ""
    if _SQL_TEXT.match(text):
        return "sql"
    if re.search(r"(?m)^[ \t]*+(?:import \w|from \w+ import |def \w+\(|print\(|class \w+[:(])", text):
        return "python"
    if words & {"body"}:
        return ""
    if re.search(r"\b(?:const|let|var|function|=>|require\(|await)\b|\);\s*$", text):
        return "javascript"
    return "shell"
