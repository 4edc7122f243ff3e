"""Clients of other services: payments, mail and chat, code and tickets, schedules, models, and machines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.risk.effects import CONNECTS, DYNAMIC, SENDS, TAKES_EFFECT, Act, act_on, connect, run_unread
from app.risk.places import Place, place_of
from app.risk.python import databases, processes
from app.risk.python.clients import Use, library
from app.risk.python.functions import function
from app.risk.python.libraries import MESSAGE, REMOTE
from app.risk.python.method_names import CHANGES_OBJECT, DELETES_OBJECT
from app.risk.python.networks import PAYS
from app.risk.python.values import ANY, Value, text_of
from app.risk.rules import declare, word_set
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

if TYPE_CHECKING:
    from app.risk.python.calls import Call

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

SERVICE_CHANGES = declare(
    "python.service_change", MEDIUM, "Changes something in a service: a customer, a ticket, a repository.",
    "import stripe\nstripe.Customer.create(email='a@example.com')", "import stripe\nstripe.Customer.list()",
    language="python",
)  # fmt: skip
SPIES = declare(
    "python.spies", HIGH, "Records what is typed.", "from pynput import keyboard\nkeyboard.Listener(on_press=print)",
    "from pynput import mouse", language="python",
)  # fmt: skip

_READS = word_set(
    "list retrieve get search fetch find describe read query iter auto all count lookup view show info check verify "
    "paginate history me auth conversations users test construct load exists has is projects groups issues fields "
    "filter where page pages next previous balance ping stream"
)
_MONEY = word_set(
    "refund refunds charge charges payment payments intent intents transfer transfers payout payouts topup invoice "
    "invoices subscription subscriptions transaction transactions order orders withdrawal withdraw sale capture "
    "settlement deposit credit trade buy sell balance"
)
_NO_MOVE = word_set("update modify edit tag annotate describe")


@library(
    "stripe", "paypalrestsdk", "paypalcheckoutsdk", "braintree", "Adyen", "adyen", "square", "squareup", "mollie",
    "razorpay", "gocardless_pro", "coinbase", "ccxt", "web3", "wise", "plaid", "recurly", "chargebee", "paddle",
    "binance", "alpaca", "quickbooks", "xero_python", "dwolla",
)  # fmt: skip
def call_payments(use: Use) -> Value | None:
    """Judge a call of a client for payments."""
    made = use.made
    if use.method[:1].isupper() or (use.verb in _READS and not {"withdraw", "refund"} & set(use.words)):
        listed = use.verb in ("list", "search", "all", "auto") and not use.filters
        return Value(kind=use.result().kind, marks=frozenset({"listed"}) if listed else made.base.marks)
    about = {word for part in (*use.path[-2:], use.method) for word in re.findall(r"[A-Z]?[a-z]+", part)}
    money = {word.lower() for word in about} & _MONEY
    if money and use.verb not in _NO_MOVE:
        made.reading.add(PAYS, f"This calls {use.shown}, which moves money.", made.line)
    elif use.verb in ("delete", "cancel", "remove", "close", "deactivate"):
        level = CRITICAL if use.everything and made.many else HIGH
        made.reading.add(DELETES_OBJECT, f"This calls {use.shown}, which deletes or ends something.", made.line, level)
    else:
        level = HIGH if made.many and use.everything else MEDIUM
        made.reading.add(SERVICE_CHANGES, f"This calls {use.shown}, which changes something.", made.line, level)
    return use.result()


_SENDS = word_set(
    "send post publish create chat say reply respond notify broadcast upload files edit update messages message call "
    "schedule tweet push submit"
)


@library(
    "slack_sdk", "slack_bolt", "slack", "twilio", "sendgrid", "telegram", "telebot", "discord", "mailgun", "postmarker",
    "mailchimp_marketing", "mailchimp_transactional", "vonage", "messagebird", "pushover", "yagmail", "exchangelib",
    "O365", "mailjet_rest", "resend", "sib_api_v3_sdk", "tweepy", "nio", "apprise", "redmail", "mailersend",
)  # fmt: skip
def call_messenger(use: Use) -> Value | None:
    """Judge a call of a client for mail or chat."""
    made, words = use.made, set(use.words)
    if use.method[:1].isupper() or use.method in ("client", "login", "start", "close", "run", "web", "api", "add"):
        return use.result()
    values = [*made.arguments, *made.keywords.values()]
    files = [value for value in values if value.text and place_of(value.text) in (Place.SECRET, Place.ACCESS)]
    if any("secret" in value.marks for value in values) or files:
        connect(made.reading, made.word(Value("a messaging service")), secret=True)
    elif {"delete", "remove", "archive", "kick", "ban", "purge", "revoke", "deactivate"} & words:
        level = MEDIUM if {"chat", "message", "reaction", "pin"} & words and not made.many else HIGH
        level = CRITICAL if made.many and use.everything and not {"reaction", "pin"} & words else level
        level = CRITICAL if "all" in made.chain[:-1] and "filter" not in made.chain else level
        made.reading.add(DELETES_OBJECT, f"This calls {use.shown}, which deletes or ends something.", made.line, level)
    elif use.verb in _SENDS or {"send", "post", "publish", "create"} & words:
        level = HIGH if made.many else MEDIUM
        whom = " to everybody whom the loop goes through" if made.many else ""
        made.reading.add(MESSAGE, f"This sends a message{whom}, which cannot be recalled.", made.line, level)
    elif use.verb in _READS or words & _READS:
        return use.result("listed") if words & {"list", "all", "iter", "history"} and not use.filters else use.result()
    elif words & {"wipe", "empty", "clear", "delete_all"}:
        made.reading.add(
            DELETES_OBJECT, f"This calls {use.shown}, which deletes all that is in it.", made.line, CRITICAL
        )
    else:
        return None
    return use.result()


_RIGHTS = word_set(
    "collaborator collaborators member members key keys hook hooks webhook secret variable protection permission "
    "permissions role roles team membership token tokens deploykey runner invitation admin"
)


@library("github", "gitlab", "jira", "atlassian", "bitbucket", "gitea", "asana", "trello", "notion_client")
def call_forge(use: Use) -> Value | None:
    """Judge a call of a client for code, tickets, or documents."""
    made, words = use.made, set(use.words)
    if use.method[:1].isupper() or use.method in ("auth", "close", "login", "dump", "raw_data", "load", "objects"):
        return use.result()
    about = words | set(use.thing)
    if use.verb in _READS and use.verb != "projects":
        asked = use.verb in ("search", "find", "filter", "query") and (made.arguments or made.keywords)
        whole = not asked and re.match(r"\w+s$|list|all$|iter|search|query", use.method) and not use.filters
        return Value(kind=use.result().kind, marks=frozenset({"listed"}) if whole else made.base.marks)
    if {"delete", "remove", "destroy", "archive", "revoke", "block"} & words:
        small = {"comment", "label", "labels", "reaction", "assignee", "milestone", "attachment"} & about
        level = CRITICAL if use.everything and made.many and not small else HIGH if not small or made.many else MEDIUM
        level = CRITICAL if words & {"space", "organization", "workspace", "group"} and "delete" in words else level
        made.reading.add(DELETES_OBJECT, f"This calls {use.shown}, which deletes something there.", made.line, level)
    elif {
        "create",
        "add",
        "edit",
        "update",
        "set",
        "replace",
        "save",
        "invite",
        "transfer",
    } & words and about & _RIGHTS:
        made.reading.add(databases.ACCOUNTS, f"This calls {use.shown}: it changes who may do what there.", made.line)
    elif re.search(r"--private false|--visibility \"public\"|transfer", use.given + use.method):
        made.reading.add(databases.ACCOUNTS, f"This calls {use.shown}: everybody can see it then.", made.line)
    elif {"create", "update", "upload", "edit"} & words and {"file", "content", "commit", "files"} & about:
        path = text_of(made.argument(0, "path", "file_path"))
        level = HIGH if place_of(path) in (Place.PIPELINE, Place.HOOK, Place.AGENT) else MEDIUM
        made.reading.add(SERVICE_CHANGES, f"This calls {use.shown}, which writes {path[:60]}.", made.line, level)
    elif use.method in ("issues", "projects", "groups", "users", "repositories"):
        return use.result() if made.arguments or made.keywords else use.result("whole")
    else:
        made.reading.add(SERVICE_CHANGES, f"This calls {use.shown}, which changes something there.", made.line)
    return use.result()


@library("crontab", "apscheduler", "schedule")
def call_schedule(use: Use) -> Value | None:
    """Judge a call that makes or removes what runs by the clock."""
    made = use.made
    if use.path[0] != "crontab":
        return use.result()
    command = made.keywords.get("command", made.argument(0) if use.method in ("new", "set_command") else ANY)
    if command.text is not None:
        processes.read_shell(made, command)
    if use.method in ("new", "write", "write_to_user", "remove", "remove_all", "set_command", "enable", "clear"):
        made.reading.add(TAKES_EFFECT, f"This calls {use.shown}: it changes what runs by the clock.", made.line)
    return use.result()


@library("pynput", "keyboard")
def call_keyboard(use: Use) -> Value | None:
    """Judge a call that listens to what is typed."""
    if (use.path[-1] == "keyboard" and use.method == "Listener") or use.method in ("on_press", "on_release", "record"):
        use.made.reading.add(SPIES, "This records what is typed, passwords included.", use.made.line)
    return use.result()


@library("celery")
def call_tasks(use: Use) -> Value | None:
    """Judge a call that hands out tasks, or stops those that work on them."""
    made = use.made
    if "control" in use.path and use.method in ("purge", "discard_all", "shutdown", "cancel_consumer", "pool_shrink"):
        words = f"This calls {use.shown}: waiting tasks are lost, or nobody works on them."
        level = CRITICAL if use.method in ("purge", "discard_all") else HIGH
        made.reading.add(DELETES_OBJECT, words, made.line, level)
    elif use.method in ("revoke", "terminate"):
        made.reading.add(DELETES_OBJECT, f"This calls {use.shown}, which stops a task.", made.line, MEDIUM)
    elif use.method in ("send_task", "delay", "apply_async"):
        made.reading.add(DYNAMIC, f"This calls {use.shown}: a task runs elsewhere.", made.line, MEDIUM)
    return use.result()


@library("airflow", "prefect", "dagster", "luigi")
def call_workflow(use: Use) -> Value | None:
    """Judge a step of a workflow by what it will run."""
    made = use.made
    for name, language in (("bash_command", "shell"), ("sql", "sql")):
        value = made.keywords.get(name, ANY)
        for item in value.items or (value,):
            if item.text is not None and language == "shell":
                processes.read_shell(made, Value(re.sub(r"\{\{.*?\}\}", UNKNOWN, item.text), marks=item.marks))
            elif item.text is not None:
                databases.read_sql(made, item, "")
    if use.method.startswith("SSH") and "command" in made.keywords:
        made.reading.add(REMOTE, "This runs a command on another machine.", made.line)
        processes.read_shell(made, made.keywords["command"])
    if use.method.endswith("Operator"):
        _judge_task(use)
    if "query" in use.path and databases.call_database(made) is not None:
        return use.result()
    if use.verb in ("delete", "clear", "reset") and len(use.words) < 3:
        made.reading.add(
            DELETES_OBJECT, f"This calls {use.shown}, which deletes or resets something.", made.line, MEDIUM
        )
    elif use.verb in ("trigger", "run"):
        made.reading.add(DYNAMIC, f"This calls {use.shown}, which starts a workflow.", made.line, MEDIUM)
    return use.result()


def _judge_task(use: Use) -> None:
    """Judge a task of Airflow by the name of its class, such as ``BigQueryDeleteTableOperator``."""
    words = set(use.words)
    if words & _ENDS:
        level = CRITICAL if words & _MACHINES else HIGH
        words_for = f"When this task runs, {use.method} deletes or stops something."
        use.made.reading.add(DELETES_OBJECT, words_for, use.made.line, level)
    elif words & _STARTS:
        use.made.reading.add(DYNAMIC, f"When this task runs, {use.method} runs something.", use.made.line, MEDIUM)
    elif words & _CHANGES:
        use.made.reading.add(CHANGES_OBJECT, f"When this task runs, {use.method} changes something.", use.made.line)


_ENDS = word_set("delete drop remove terminate destroy purge truncate cancel stop suspend")
_MACHINES = word_set("instance cluster database dataset bucket project namespace environment stack vm")
_STARTS = word_set("trigger run execute submit invoke start job pod docker container lambda notebook spark")
_CHANGES = word_set("create insert update load copy upload move sync import export transform put publish send email")


@library("ansible_runner", "ansible", "salt", "pyinfra")
def call_playbook(use: Use) -> Value | None:
    """Judge a call that runs a playbook on other machines."""
    if use.verb in ("run", "interface", "cmd", "playbook", "play"):
        run_unread(use.made.reading, "a playbook on other machines", use.made.line)
    return use.result()


@library("git")
def call_git(use: Use) -> Value | None:
    """Judge a call of GitPython as the command of the same name."""
    made, method = use.made, use.method
    if "Repo" not in use.path and method not in ("clone_from", "clone", "init"):
        return use.result()
    options = [Value(f"--{name.replace('_', '-')}") for name in made.keywords if not made.is_false(name)]
    arguments = [part for value in made.arguments for part in (value.items or (value,))]
    if "git" in use.path[2:]:
        processes.run_words(made, [Value("git"), Value(method.replace("_", "-")), *arguments, *options])
    elif method in ("clone_from", "clone"):
        processes.run_words(made, [Value("git"), Value("clone"), *arguments[:2]])
    elif method in ("push", "pull", "fetch"):
        processes.run_words(made, [Value("git"), Value(method), Value("origin"), *arguments, *options])
    elif "index" in use.path and method in ("add", "commit", "remove", "reset"):
        words = {"commit": ["commit", "-m"], "remove": ["rm"]}.get(method, [method])
        processes.run_words(made, [Value("git"), *map(Value, words), *arguments[:20], *options])
    elif method in ("create_head", "create_tag", "create_remote", "checkout", "delete_head", "delete_tag", "rename"):
        words = {"create_head": ["branch"], "create_tag": ["tag"], "create_remote": ["remote", "add"],
                 "delete_head": ["branch", "-D"], "delete_tag": ["tag", "-d"]}.get(method, [method])  # fmt: skip
        processes.run_words(made, [Value("git"), *map(Value, words), *arguments])
    return use.result()


_MODELS = word_set(
    "from_pretrained pipeline load_dataset load_model hf_hub_download snapshot_download load from_config"
)


@library("transformers", "huggingface_hub", "datasets", "sentence_transformers", "diffusers", "peft", "tokenizers")
def call_models(use: Use) -> Value | None:
    """Judge a call that loads or publishes a model or a set of data."""
    made = use.made
    remote = made.keywords.get("trust_remote_code", ANY)
    if remote != ANY and not made.is_false("trust_remote_code") and remote.name != "builtins.False":
        run_unread(made.reading, "the code that comes with a model", made.line)
    place = 1 if use.method == "pipeline" else 0
    name = made.argument(place, "pretrained_model_name_or_path", "path", "repo_id", "model", "model_name_or_path")
    if use.verb in ("push", "upload", "create"):
        made.reading.add(SENDS, f"This calls {use.shown}, which publishes something.", made.line)
    elif use.verb == "delete":
        level = CRITICAL if made.many and use.everything else HIGH
        made.reading.add(DELETES_OBJECT, f"This calls {use.shown}, which deletes something there.", made.line, level)
    elif use.verb in ("list", "iter"):
        return use.result() if use.filters else use.result("listed")
    elif use.verb == "save" and name.text:
        act_on(made.reading, Act.WRITE, made.word(name))
    elif use.method in _MODELS and not (name.text and re.match(r"[./~]|\w:", name.text)):
        made.reading.add(CONNECTS, f"This calls {use.shown}, which may download a model.", made.line)
    return Value(kind="transformers_object" if use.method in _MODELS else use.result().kind)


@function(["torch.hub.load", "tensorflow_hub.load", "hub.load", "mlflow.pyfunc.load_model"])
def _hub(made: Call) -> Value:
    run_unread(made.reading, "code that comes with a model", made.line)
    return Value(kind="torch")


@function(["nltk.download", "spacy.cli.download", "gdown.download", "wget.download", "kagglehub.dataset_download"])
def _fetch(made: Call) -> Value:
    made.reading.add(CONNECTS, "This downloads data.", made.line)
    path = made.argument(1, "output", "out")
    if path.text:
        act_on(made.reading, Act.WRITE, made.word(path))
        made.evaluator.downloaded.add(path.text)
    return ANY
