"""Libraries of other authors: clouds, clusters, containers, mail, chat, data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.risk.commands.routers import is_device_line, read_device_lines
from app.risk.effects import connect, run_dynamic, run_unread
from app.risk.python import clients, databases, tables
from app.risk.python.values import ANY, Value, text_of
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

REMOTE = declare(
    "python.remote", RiskLevel.HIGH, "Runs commands on another machine.",
    "import paramiko\nc = paramiko.SSHClient()\nc.exec_command('uptime')", "import paramiko", language="python",
)  # fmt: skip
MESSAGE = declare(
    "python.message", RiskLevel.MEDIUM, "Sends mail or a message, which cannot be recalled.",
    "import smtplib\nsmtplib.SMTP('localhost').sendmail('a', 'b', 'c')", "import smtplib", language="python",
)  # fmt: skip

COMPUTING = word_set(
    "numpy pandas polars scipy sklearn matplotlib seaborn plotly altair statsmodels networkx sympy PIL cv2 "
    "skimage bs4 lxml html5lib parsel orjson msgpack jsonschema pydantic attr attrs marshmallow jinja2 markdown "
    "rich tqdm tabulate colorama dateutil pytz arrow pendulum humanize chardet unidecode faker datetime re json "
    "csv collections itertools functools math decimal fractions random statistics string textwrap hashlib hmac "
    "base64 uuid xml html time copy io struct logging argparse dataclasses enum typing pprint difflib calendar "
    "zoneinfo urllib builtins operator heapq bisect locale unicodedata contextlib threading queue concurrent "
    "asyncio warnings traceback inspect types abc secrets zlib tokenize ast pyarrow xarray geopandas shapely nltk "
    "spacy gensim textblob openpyxl yaml toml tomllib configparser packaging more_itertools toolz "
    "sortedcontainers cachetools regex typer click structlog loguru six emoji fractions unittest pytest "
    "hypothesis mock graphlib ipaddress fnmatch glob shlex platform getpass gettext timeit sched weakref numbers "
    "array email mimetypes json torch torchvision tensorflow keras jax xgboost lightgbm catboost prophet "
    "transformers_object faiss duckdb pypdf PyPDF2 docx pptx reportlab fpdf qrcode bleach pdfplumber fitz xlsxwriter "
    "tkinter curses wave turtle pygame prometheus_client fakeredis mongomock h5py netCDF4 rapidfuzz Levenshtein numba "
    "soundfile librosa pydub imageio responses requests_mock httpretty aioresponses "
    "nbformat psutil dotenv emoji slugify icalendar feedparser humanize phonenumbers"
)
"""Libraries whose objects compute, and whose writing methods are known by name."""
_MESSAGES = word_set("sendmail chat_postMessage postMessage sendMessage send_mail")
_MESSENGERS = word_set("smtplib slack_sdk telegram discord twilio")
_SERVICES = word_set(
    "stripe paypalrestsdk twilio sendgrid slack_sdk telegram discord hvac consul jira openai anthropic redis "
    "elasticsearch opensearchpy keyring paho"
)
_REMOTE = word_set(
    "exec_command run sudo invoke_shell exec_run send_command send_command_timing run_cmd run_ps execute_command"
)


def call_library(made: Call, name: str) -> Value | None:
    """Find out what a library's function does if it is a special one; None for others."""
    if name in tables.CONNECTS_DATABASE:
        return databases.connect_database(made, name)
    if name in tables.READS_SQL:
        first = made.argument(0, "sql", "query")
        if first.text is not None and " " in first.text:
            databases.read_sql(made, first, made.evaluator.dialect)
        elif first.text is None:
            run_dynamic(made.reading, made.word(Value()), made.line)
        return Value(kind="pandas")
    if name.startswith("django.core.mail.") and "mail" in made.method and made.method != "get_connection":
        level = RiskLevel.HIGH if made.many or "mass" in made.method else None
        made.reading.add(MESSAGE, "This sends mail, which cannot be recalled.", made.line, level)
        return ANY
    if name == "django.core.management.call_command":
        return _manage(made)
    if name in ("sqlalchemy.text", "sqlalchemy.sql.text", "psycopg.sql.SQL", "psycopg2.sql.SQL"):
        return Value(made.argument(0).text, kind="sqlalchemy.text")
    if name.startswith("sqlalchemy.") and name.rpartition(".")[2] in ("delete", "update", "insert", "select"):
        return Value(kind=f"sqlalchemy.{name.rpartition('.')[2]}")
    kind, _, last = name.rpartition(".")
    if kind and (value := clients.call_client(made, kind, last)) is not None:
        return value
    if name.startswith("paramiko.") and made.method == "from_transport":
        return Value(kind="sftp")
    if name.startswith(("paramiko.", "fabric.", "invoke.")) and made.method in _REMOTE:
        return _remote(made)
    return None


def _manage(made: Call) -> Value:
    """Read what ``manage.py`` would do."""
    from app.risk.python.processes import run_words

    options = [Value(f"--{name.replace('_', '-')}") for name in made.keywords if not made.is_false(name)]
    run_words(made, [Value("python"), Value("manage.py"), *made.arguments, *options])
    return ANY


def call_known_package(made: Call, name: str) -> Value:
    """Return the value of a function of a well-known package that is not listed."""
    from app.risk.python.files import save
    from app.risk.python.method_names import by_name, read_from

    last = name.rpartition(".")[2]
    if made.method and (judged := methods_by_name(made, name)) is not None:
        return judged
    if made.method and name.split(".")[0] not in COMPUTING:
        if _says_more(made, last):
            return Value(kind=name, marks=made.marks)
        if _ends_something(last):
            return by_name(made)
    if last in tables.SAVES and made.arguments:
        save(made, next((value for value in made.arguments if value.text is not None), made.arguments[0]))
    value = Value(kind=name, marks=made.marks)
    if made.method and not last[:1].isupper() and name.split(".")[0] not in COMPUTING:
        return read_from(made, list(clients.words_of(last)), value)
    return value


def _says_more(made: Call, name: str) -> bool:
    """Note what a name says about money, secrets, or rights, such as ``create_superuser``."""
    from app.risk.python.method_names import by_meaning

    words = list(clients.words_of(name))
    shows = words[:1] in (["get"], ["read"], ["export"], ["reveal"]) and words[-1] in _SHOWN
    return len(words) > 1 and (shows or words[0] in _GIVES) and by_meaning(made, words)


def _ends_something(name: str) -> bool:
    """Return True if a name begins with a verb for what is lost afterwards, such as ``delete_experiment``."""
    words = clients.words_of(name)
    return len(words) > 1 and words[0] in _ENDS and name not in tables.HARMLESS_METHODS


_ENDS = word_set("delete drop destroy purge truncate wipe erase terminate nuke")
_SHOWN = word_set("secret secrets password passwords credentials cookies")
_GIVES = word_set("create add grant assign promote refund pay charge transfer payout withdraw")


def call_unread(made: Call, name: str) -> Value:
    """Judge a function or method of a module that has not been read by its name."""
    from app.risk.python.method_names import by_name

    if name.rpartition(".")[2][:1].isupper():
        return Value(kind=name, marks=made.marks)
    if made.method:
        found = databases.call_database(made)
        if found is not None:
            return found
    return by_name(made)


def methods_by_name(made: Call, name: str) -> Value | None:
    """Judge a function of a library that acts on another service by its name."""
    from app.risk.python.method_names import by_name

    return by_name(made) if name.split(".")[0] in _SERVICES else None


def call_object(made: Call) -> Value | None:
    """Find out what a method of a library's object does; None if the library is not known here."""
    top = made.base.kind.split(".")[0]
    if made.method in _ONLY_OF_DEVICES:
        return _configures(made)
    if made.method in ("open_sftp", "from_transport", "start_sftp_client", "sftp"):
        return Value(kind="sftp")
    if top in ("paramiko", "fabric") and made.method in ("put", "get", "putfo"):
        return clients.call_client(made, "sftp", made.method)
    if top in _REMOTE_LIBRARIES or made.method in ("exec_command", "invoke_shell"):
        if made.method in _REMOTE:
            return _remote(made)
        if made.method in _CONFIGURES:
            return _configures(made)
        if made.method == "connect":
            connect(made.reading, made.word(made.argument(0, "hostname")))
        return Value(kind=made.base.kind)
    sends = made.method in _MESSAGES or (made.method == "send_message" and top in _MESSENGERS)
    if sends:
        level = RiskLevel.HIGH if made.many else None
        made.reading.add(MESSAGE, "This sends a message, which cannot be recalled.", made.line, level)
        return ANY
    if top in COMPUTING:
        return _computing(made)
    return None


def _computing(made: Call) -> Value:
    from app.risk.python.files import save

    method = made.method
    if method in tables.SAVES and made.arguments and made.arguments[0].text is not None:
        save(made, made.arguments[0])
    elif method in ("saveAsTable", "insertInto", "overwritePartitions", "createOrReplace"):
        replaces = "overwrite" in made.shown.lower() or method == "createOrReplace"
        rule = databases.ALL_ROWS if replaces else databases.MANY_ROWS
        words = "This replaces all rows of a table." if replaces else "This writes rows to a table."
        made.reading.add(rule, words, made.line, RiskLevel.CRITICAL if replaces else RiskLevel.MEDIUM)
    elif method == "to_sql":
        replaces = "replace" in made.shown
        rule = databases.ALL_ROWS if replaces else databases.MANY_ROWS
        words = "This drops a table and creates it again." if replaces else "This writes rows to a table."
        made.reading.add(rule, words, made.line, RiskLevel.CRITICAL if replaces else RiskLevel.MEDIUM)
    return Value(kind=made.base.kind, marks=made.base.marks | made.marks)


_REMOTE_LIBRARIES = word_set("paramiko fabric winrm netmiko ansible napalm scrapli ncclient jnpr nornir pexpect")
_CONFIGURES = word_set(
    "send_config_set send_configs send_config send_config_from_file send_commands load_merge_candidate load "
    "load_replace_candidate commit_config edit_config sendline write_channel save_config commit cli"
)


_ONLY_OF_DEVICES = word_set(
    "send_config_set send_config_from_file load_merge_candidate load_replace_candidate commit_config"
)


def _configures(made: Call) -> Value:
    """Note lines that are typed into a network device."""
    made.reading.add(REMOTE, "This changes the settings of another machine.", made.line)
    given = made.argument(0, "config_commands", "config", "commands", "configs")
    texts = [text_of(value) for value in given.items or (given,) if value.text is not None]
    read_device_lines(texts, made.reading, made.line)
    if given.text is None and given.items is None and made.method not in ("save_config", "commit", "commit_config"):
        run_unread(made.reading, "lines that are typed into a network device", made.line)
    return Value(kind="process")


def _remote(made: Call) -> Value:
    first = made.argument(0, "cmd", "command", "command_string")
    made.reading.add(REMOTE, "This runs a command on another machine.", made.line)
    if first.text is not None and is_device_line(first.text):
        read_device_lines([first.text], made.reading, made.line)
    elif first.text is not None:
        language = "powershell" if made.method == "run_ps" else "shell"
        made.reading.read(language, first.text.replace("\ufffc", "${assent_unknown}"), made.line, fixed=True)
    elif first.items is None:
        run_dynamic(made.reading, made.word(first), made.line)
    return Value(kind="process")
