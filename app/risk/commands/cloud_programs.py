"""Command lines of clouds other than that of AWS."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.cloud_rules import (
    ACCESS,
    CHANGES,
    CREATES,
    GONE,
    PAYS,
    RUNS,
    SECRET,
    Deed,
    judge,
    kind_of,
)
from app.risk.commands.clouds import common, whole_of
from app.risk.commands.object_stores import read_store
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import run_dynamic
from app.risk.reading import Reading
from app.risk.rules import RiskRule
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


_GROUPS = {
    # name: (words before the verb are the target, words that mean reading whatever the verb)
    "gcloud": "info version help topic components list feedback cheat-sheet",
    "az": "version find feedback self-test",
    "doctl": "version",
    "hcloud": "version",
    "oci": "",
    "linode-cli": "",
    "vultr-cli": "version",
    "ibmcloud": "version",
    "aliyun": "version",
    "scw": "version",
    "exo": "version",
    "openstack": "",
    "civo": "version",
    "upctl": "version",
    "ovhai": "",
    "tccli": "",
    "eksctl": "version info utils",
    "heroku": "help status ps",
    "vercel": "help whoami",
    "netlify": "help status",
    "fly": "version status",
    "flyctl": "version status",
    "railway": "whoami status",
    "render": "",
    "firebase": "help login:list",
    "wrangler": "whoami docs",
    "supabase-cli": "",
    "pscale": "version",
    "neonctl": "",
    "atlas-cli": "",
    "mongocli": "",
    "confluent": "version",
    "ccloud": "version",
    "databricks": "version",
    "snow": "",
    "stripe": "version status",
    "twilio": "",
    "gam": "version",
    "m365": "version status",
    "sf": "version",
    "sfdx": "version",
    "auth0": "",
    "okta": "",
    "datadog-ci": "version",
    "newrelic": "version",
    "sentry-cli": "info",
    "pd": "",
    "cf": "version target",
    "amplify": "status",
    "sam": "",
    "serverless": "info",
    "sls": "info",
    "copilot": "",
    "eb": "status",
    "ecs-cli": "ps",
    "cdk8s": "",
    "azd": "version",
    "func": "",
    "gcutil": "",
    "heroku-cli": "",
    "surge": "list whoami",
    "now": "",
    "deployctl": "",
    "cloudflare": "",
    "flarectl": "",
    "dokku": "version",
}
_TRAILING = re.compile(r"^[a-z]+(?:[-:][a-z-]+)*$")


@program(*_GROUPS)
def _cloud(command: Command, reading: Reading) -> None:
    name = command.name
    if name in ("vercel", "now", "surge") and all(word.text.startswith("-") for word in command.arguments):
        if not any(word.text in ("--version", "-v", "--help", "-h") for word in command.arguments):
            reading.add(CHANGES, "This deploys the project, whose code has not been read.", command.line)
        return
    given = common(command, reading)
    if given is None:
        return
    if name == "heroku" and [word.text for word in given.operands] == ["config"]:
        reading.add(SECRET, "This shows settings of the application, secrets included.", command.line)
        return
    if name in ("gcloud", "az") and given.operands[0].text == "config" and len(given.operands) > 1:
        if given.operands[1].text in ("set", "unset", "configurations"):
            reading.add(ACCESS, "This changes which account or project is used.", command.line, MEDIUM)
        return
    words = [word.text.lower() for word in given.operands if word.known][:8]
    if words[0] in _GROUPS[name].split():
        return
    whole = whole_of(command, given)
    if name == "gcloud" and words[0] in ("alpha", "beta"):
        words = words[1:]
    if name == "gcloud" and words[:1] == ["storage"]:
        read_store(words[1] if len(words) > 1 else "", given, given.operands[2:], command, reading)
        return
    verb, place = _verb(words)
    target = " ".join(words[:place]) if place else " ".join(words[1:3])
    judge(Deed(verb, target or name, whole, command.line, name), reading)
    reading.touch(objects=words[place + 1 : place + 3] if kind_of(verb) != "reads" else [])
    for pattern, rule, level, message in _CLOUD_SPECIALS:
        if re.search(pattern, f"{name} {whole}"):
            reading.add(rule, message, command.line, level)


def _verb(words: list[str]) -> tuple[str, int]:
    """Return the first word after the group's name that is a known verb, and its place."""
    for place, word in enumerate(words):
        if place == 0 and len(words) > 1 and kind_of(words[1]) and "-" not in word and ":" not in word:
            continue
        parts = re.split(r"[:]", word)
        if kind_of(parts[-1]) and _TRAILING.match(word):
            return word, place
    return words[-1] if len(words) > 1 else words[0], len(words) - 1


_CLOUD_SPECIALS: list[tuple[str, RiskRule, RiskLevel | None, str]] = [
    (
        r"^gcloud .*projects? delete|^az group delete|^heroku apps?:destroy|^(?:fly|flyctl) (?:apps? "
        r")?destroy|^doctl projects delete"
        r"|^firebase projects?:delete|^vercel (?:rm|remove|projects? rm)",
        GONE,
        None,
        "This deletes a project with everything in it.",
    ),
    (
        r"^(?:fly|flyctl) (?:m(?:achines?)? )?scale (?:count|vm"
        r"|memory)",
        CHANGES,
        None,
        "This changes how much of it runs.",
    ),
    (r"^heroku (?:maintenance:on|ps:stop)", CHANGES, None, "This takes the application out of service."),
    (
        r"^stripe .*\b(?:refunds?|charges?|payouts?|transfers?|payment_intents?|invoices?|subscriptions?)\b.*"
        r"\b(?:create|capture|pay|confirm|cancel|finalize)\b",
        PAYS,
        None,
        "This moves money.",
    ),
    (r"^twilio .*(?:messages|calls):create", CHANGES, MEDIUM, "This sends a message or calls somebody."),
    (
        r"^az backup .*(?:--delete-backup-data (?:true|yes|y)|soft-delete-feature-state disable)",
        GONE,
        None,
        "This deletes backups, or makes that possible.",
    ),
    (
        r"^gam (?:all|csv|.*\bcsv\b).*\b(?:delete"
        r"|suspend)\b",
        GONE,
        None,
        "This deletes or locks accounts of many people.",
    ),
    (r"^gcloud .*(?:add|set)-iam-policy", ACCESS, None, "This changes who may do what."),
    (
        r"^gcloud auth (?:login|activate-service-account)|^az login|^heroku login",
        ACCESS,
        MEDIUM,
        "This signs in to a cloud account.",
    ),
    (
        r"^heroku (?:pg:reset|pg:copy|pg:push)|^pscale .*delete|^supabase .*reset",
        GONE,
        None,
        "This replaces or deletes a database.",
    ),
    (
        r"^heroku (?:run|ps:exec)|^(?:fly|flyctl) (?:ssh|console|machine exec)|^gcloud compute ssh|^az (?:vm "
        r"run-command|ssh|webapp ssh)",
        RUNS,
        None,
        "This runs commands on machines of the account.",
    ),
    (
        r"^(?:vercel|now|netlify|surge|wrangler|firebase|fly|flyctl|railway|cf|eb|sam|serverless|sls|amplify"
        r"|copilot|azd|deployctl)"
        r"(?: (?:deploy|up|push|publish|--prod)\b|$| --prod)",
        CHANGES,
        None,
        "This deploys the project, whose code has not been read.",
    ),
    (
        r"^heroku config:(?:set|unset)|^vercel env (?:add|rm)|^netlify env:|^(?:fly|flyctl) secrets "
        r"(?:set|unset|import)|^wrangler secret",
        ACCESS,
        None,
        "This changes settings or secrets of an application.",
    ),
]


BQ = Program(
    "bq",
    values="--project_id --dataset_id --format --location -n --max_results --destination_table --schema "
    "--source_format",
    helps="--help",
)
BQ.reads("ls, show, head, version, help, info, get-iam-policy, partition")
BQ.does(CREATES, "This creates or loads a table: {what}.", "mk, load, cp, snapshot, mkdef, init")
BQ.does(
    CHANGES,
    "This changes {what}.",
    "update, set-iam-policy, add-iam-policy-binding, remove-iam-policy-binding, undelete, insert, cancel, wait",
)
BQ.does(CREATES, "This copies data out: {what}.", "extract")
BQ.does(GONE, "This deletes {what}, with its data.", "rm")
BQ.option("mk, load", "--replace --force -f", GONE, "This replaces what is in the table.", HIGH)


@BQ.reader("query")
def _bq_query(given: Given, reading: Reading) -> None:
    for word in given.operands:
        if not word.known:
            run_dynamic(reading, word)
        reading.read(
            "sql", word.when_empty, word.line, fixed=True, within="In the statement for bq: ", dialect="bigquery"
        )


@program("aws-vault", "saml2aws", "granted", "assume", "chamber", "aws-okta")
def _vaults(command: Command, reading: Reading) -> None:
    words = command.arguments
    cut = next((place for place, word in enumerate(words) if word.text == "--"), None)
    if cut is not None and words[cut + 1 :]:
        reading.doubt()
        read_command(replace(command, words=words[cut + 1 :]), reading)
    else:
        reading.add(ACCESS, "This uses or changes keys of a cloud account.", command.line)
