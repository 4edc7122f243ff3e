"""Acts that a request names with a noun (*take a backup*, *do a restart*), and what requests say in German."""

from __future__ import annotations

from collections.abc import Sequence

ACTS = {
    "backup": "backup", "snapshot": "backup", "restart": "restart", "reboot": "restart", "shutdown": "stop",
    "export": "export", "cleanup": "delete", "deletion": "delete", "removal": "delete", "purge": "delete",
    "tuneup": "optimize", "tuning": "optimize", "tune": "optimize", "optimization": "optimize",
    "optimisation": "optimize", "vacuum": "optimize", "refresh": "refresh", "update": "apply", "upgrade": "apply",
    "migration": "move", "rename": "rename", "copy": "copy", "restore": "restore", "restoration": "restore",
    "rollback": "restore", "repair": "fix", "fix": "fix", "rotation": "rotate", "deployment": "deploy",
    "installation": "deploy", "release": "deploy",
    "analysis": "analyze", "inspection": "analyze", "investigation": "analyze", "review": "analyze",
    "diagnosis": "analyze", "assessment": "analyze", "comparison": "compare", "count": "count", "summary": "describe",
    "description": "describe", "explanation": "describe", "forecast": "forecast", "prediction": "forecast",
    "measurement": "measure", "report": "report", "check": "check", "test": "check", "validation": "check",
    "verification": "check", "search": "find", "look": "find", "list": "list", "overview": "list",
    "sicherung": "backup", "datensicherung": "backup", "neustart": "restart", "bereinigung": "delete",
    "löschung": "delete", "aktualisierung": "refresh", "auffrischung": "refresh", "optimierung": "optimize",
    "reparatur": "fix", "wiederherstellung": "restore", "umbenennung": "rename", "kopie": "copy",
    "bericht": "report", "vergleich": "compare", "prüfung": "check", "überprüfung": "check", "analyse": "analyze",
    "übersicht": "list", "suche": "find",
}  # fmt: skip
"""Nouns of acts, each with the basic form of the verb that means the same."""
ASKED_FOR = frozenset({"get", "need", "want", "have", "like", "give", "brauche", "brauchen", "möchte"})
"""Verbs that ask for an act only with an indefinite article: *get the last backup* asks for something else."""
LIGHT = frozenset({
    "take", "taking", "make", "making", "do", "doing", "create", "creating", "run", "running", "perform",
    "performing", "execute", "carry", "trigger", "start", "write", "generate", "prepare", "produce", "schedule", "give",
    "draw", "bring", "order", "tell", "mach", "mache", "machen", "erstelle", "erstellen", "führe", "nimm", "schreibe",
    "schreib", "anlegen", "lege", "durchführen", "ziehe",
})  # fmt: skip
"""Verbs that say little by themselves: the noun after them says what is to be done."""
_INDEFINITE = frozenset({"a", "an", "another", "one", "new", "fresh", "ein", "eine", "einen", "neues", "neue", "neuen"})
NEW = _INDEFINITE | {"full", "complete", "quick", "fast", "vollständiges", "vollständige", "komplettes"}
_EARLIER = frozenset({
    "last", "latest", "previous", "recent", "existing", "old", "older", "oldest", "current", "newest", "yesterdays",
    "letzte", "letztes", "letzten", "alte", "alten",
})  # fmt: skip
_ENDS = frozenset({
    "of", "for", "from", "on", "in", "at", "to", "with", "before", "after", "and", "or", "by", "that", "which", "about",
    "as", "into", "so", "because", "if", "when", "via", "using", "between", "von", "vom", "für", "auf", "mit", "bevor",
    "und", "der", "des", "im", "aus", "zu", "zum",
})  # fmt: skip
_ADVERBS = frozenset({
    "now", "first", "today", "please", "immediately", "too", "also", "then", "again", "finally", "beforehand",
    "afterwards", "tonight", "out", "me", "us", "bitte", "zuerst", "vorher", "danach", "jetzt", "durch", "an", "mir",
    "zunächst", "dann", "sofort",
})  # fmt: skip
_STATES = frozenset({
    "status", "state", "history", "size", "age", "log", "logs", "time", "times", "date", "policy", "policies",
    "schedule", "schedules", "job", "jobs", "count", "health", "list", "report", "strategy", "window", "retention",
})  # fmt: skip
_THINGS = frozenset({"backup", "snapshot", "migration", "deployment", "cleanup", "rotation", "installation"})
_MOST_WORDS = 8


def act_named(said: Sequence[str]) -> str:
    """Return the act that words ask for with a noun, as a verb; empty: none.

    Args:
        said: the words of a clause from the place on where its verb stands, in lower case.
    """
    if not said:
        return ""
    verb = said[0]
    if verb in LIGHT:
        return _act_in(said[1:])
    if verb in ASKED_FOR:
        return _act_in(said[1:]) if _INDEFINITE & set(said[1:4]) else ""
    if verb in NEW and len(said) > 1:
        return _act_in(said[1:])
    return ACTS[verb] if verb in ACTS and len(said) > 1 and said[1] in LIGHT else ""


def _act_in(said: Sequence[str]) -> str:
    """Return the act that the noun at the end of a phrase names: “statistics refresh of shop” is a refresh."""
    phrase: list[str] = []
    for word in said[:_MOST_WORDS]:
        if word in _ENDS:
            break
        if word not in _ADVERBS:
            phrase.append(word)
    while phrase and phrase[-1] in LIGHT:
        phrase.pop()  # “ein Backup machen”
    if not phrase or _EARLIER & set(phrase):
        return ""
    head = phrase[-1]
    return ACTS.get(head) or ACTS.get(head.removesuffix("s")) or ACTS.get("".join(phrase[-2:]), "")


def names_a_state(said: Sequence[str]) -> bool:
    """Return whether words begin with a noun that only looks like a verb: “backup status” asks for no backup."""
    return len(said) > 1 and said[0] in _THINGS and said[1] in _STATES


GERMAN_VERBS = {
    "prüfe": "check", "prüfen": "check", "überprüfe": "check", "überprüfen": "check", "teste": "check",
    "sichere": "backup", "sichern": "backup", "lösche": "delete", "löschen": "delete", "entferne": "delete",
    "entfernen": "delete", "bereinige": "delete", "bereinigen": "delete", "aktualisiere": "refresh",
    "aktualisieren": "refresh", "erneuere": "refresh", "optimiere": "optimize", "optimieren": "optimize",
    "verbessere": "optimize", "repariere": "fix", "reparieren": "fix", "behebe": "fix", "beheben": "fix",
    "finde": "find", "finden": "find", "suche": "find", "suchen": "find", "zeige": "list", "zeig": "list",
    "zeigen": "list", "liste": "list", "auflisten": "list", "zähle": "count", "zählen": "count",
    "vergleiche": "compare", "vergleichen": "compare", "analysiere": "analyze", "analysieren": "analyze",
    "untersuche": "analyze", "untersuchen": "analyze", "neustarten": "restart", "verschiebe": "move",
    "verschieben": "move", "kopiere": "copy", "kopieren": "copy", "exportiere": "export", "exportieren": "export",
    "schreibe": "write", "schreib": "write", "schreiben": "write", "erstelle": "create", "erstellen": "create",
    "stoppe": "stop", "stoppen": "stop", "messe": "measure", "miss": "measure", "berichte": "report",
}  # fmt: skip
GERMAN = {
    "datenbank": "database", "datenbanken": "database", "tabelle": "table", "tabellen": "table",
    "statistik": "statistic", "statistiken": "statistic", "tabellenstatistik": "statistic",
    "tabellenstatistiken": "statistic", "gesundheit": "health", "zustand": "health", "abfrage": "query",
    "abfragen": "query", "indizes": "index", "indexe": "index", "fehlende": "missing", "fehlenden": "missing",
    "langsam": "slow", "langsame": "slow", "langsamen": "slow", "veraltet": "stale", "veraltete": "stale",
    "veralteten": "stale", "zeilen": "row", "datei": "file", "dateien": "file", "dienst": "service",
    "vollständig": "full", "vollständige": "full", "vollständiges": "full", "komplettes": "full",
}  # fmt: skip
GERMAN_STOP_WORDS = frozenset({
    "bitte", "der", "das", "den", "dem", "des", "ein", "eine", "einen", "einer", "eines", "und", "oder", "von", "vom",
    "für", "mit", "zu", "zum", "zur", "auf", "im", "ist", "sind", "dann", "danach", "vorher", "zuerst", "zunächst",
    "anschließend", "zuletzt", "mir", "uns", "ich", "wir", "es", "sie", "auch", "noch", "brauche", "brauchen", "möchte",
    "hinterher", "davor",
})  # fmt: skip
