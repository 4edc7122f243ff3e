"""Commands that list what a service has, and filters that leave some of it out."""

from __future__ import annotations

import re

from app.risk.commands.table import Command
from app.risk.rules import word_set

_LISTS = re.compile(
    r"(?:list|ls|lists|get|show|status|images|volumes|snapshots|dump|scan|--scan|-l|query|find|keys|search|all|index|indices"
    r"|(?:list|describe|get|show|search|find|enum)[-_:]?\w[-\w]*|[-\w]*[-_:](?:list|ls|find|show|get)|ps|lists?-\w+|queue"
    r"|[\w/]*getall\w*|showvms|_cat/\S*|list_\w+|cat)",
    re.IGNORECASE,
)
_LISTERS = word_set(
    "lvs vgs pvs getent mailq postqueue ldapsearch qm pct virsh exiqgrep redis-cli mongosh mongo mysql psql sqlite3 "
    "heroku squeue qstat condor_q showmount exportfs zfs zpool rbd"
)
"""Programs that list without a word that says so, or whose words are in another language."""
_NOT_OF_SERVICES = word_set(
    "ls find git dir tree cat grep docker-compose pip pip3 npm yarn pnpm apt dpkg rpm dnf yum brew snap flatpak "
    "conda gem "
    "cargo ps pgrep pidof lsof jobs history alias crontab tmux screen make"
)
_CHOOSES = re.compile(
    r"-l|--selector|--field-selector|--filters?|--tags?|--pattern|--match|--label|--prefix|--search|--limit|--max-items"
    r"|--older-than|--until|--since|--status|--state|--where|--name|-q|--owner|--dangling",
    re.IGNORECASE,
)
"""Options that choose some of what is listed."""
_CONDITION = re.compile(
    r"\bwhere\b(?!\s+(?:schemaname|table_schema|not datistemplate|datistemplate))|\blimit\b|\[\?", re.I
)


def lists_all(command: Command) -> bool:
    """Return True if a command prints all of a kind that a service has."""
    words = [word.text for word in command.arguments]
    if command.name in _NOT_OF_SERVICES or not words:
        return command.name in _LISTERS
    if any(_CONDITION.search(word) for word in words):
        return False
    for place, word in enumerate(words):
        option, _, value = word.partition("=")
        if _CHOOSES.fullmatch(option):
            following = value or (words[place + 1] if place + 1 < len(words) else "")
            quiet = option in ("-q", "-l") and (following.startswith("-") or not following or following in _NAMES)
            if following.strip("'\"*") and not quiet and option != "--owner":
                return False
    return command.name in _LISTERS or any(_LISTS.fullmatch(word) for word in words[:4])


_NAMES = word_set("name names id ids list ls volume volumes node")


def chooses(command: Command) -> bool:
    """Return True if a filter keeps only some of the lines that it reads."""
    words = [word.text for word in command.arguments]
    if command.name in ("grep", "egrep", "fgrep", "rg"):
        return not any(re.fullmatch(r"-\w*v\w*|--invert-match", word) for word in words)
    if command.name in ("awk", "gawk", "mawk"):
        return any(re.search(r"[^!N]={2}|[^!]~|\bNR\s*(?:==|<)", word) for word in words)
    if command.name in ("jq", "yq"):
        return any("select(" in word for word in words)
    return command.name in ("head", "tail", "fzf", "shuf", "peco") and not (
        command.name == "tail" and any(word.startswith("+") for word in words)
    )
