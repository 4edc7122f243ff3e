"""Rules for privileges, and for access from the database to the machine or the network."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_ROLE_OBJECTS = frozenset({"ROLE", "USER", "GROUP", "LOGIN"})


@sql_rule("sql.grant", RiskLevel.HIGH, "Privileges are granted.", verbs="GRANT ALTER")
def grant(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "GRANT" or (statement.starts("ALTER", "DEFAULT", "PRIVILEGES") and statement.has("GRANT")):
        everybody = " to everybody" if statement.has("TO", "PUBLIC") else ""
        further = (
            ", with the option to grant them to others"
            if statement.has("WITH", "GRANT", "OPTION") or statement.has("WITH", "ADMIN")
            else ""
        )
        yield Hit(f"Grants privileges or role membership{everybody}{further}. Check who receives what.")


@sql_rule("sql.revoke", RiskLevel.HIGH, "Privileges are revoked or denied.", verbs="REVOKE DENY ALTER")
def revoke(statement: SqlStatement) -> Iterator[Hit]:
    taken = statement.verb in ("REVOKE", "DENY")
    if taken or (statement.starts("ALTER", "DEFAULT", "PRIVILEGES") and statement.has("REVOKE")):
        yield Hit("Revokes privileges; those who rely on them are denied access at once.")


@sql_rule(
    "sql.role",
    RiskLevel.HIGH,
    "A role or user is created, changed, dropped, or assumed.",
    verbs="CREATE ALTER DROP SET REASSIGN RENAME EXECUTE EXEC USE",
)
def role(statement: SqlStatement) -> Iterator[Hit]:
    if _is_about_role(statement):
        schema = statement.dialect in ("oracle", "") and statement.verb == "DROP" and statement.has("CASCADE")
        words = f"{_VERBS[statement.verb]} a role; roles decide who can connect to the database and what they can do."
        if schema:
            words = "Drops a user with all tables and other objects that it owns. Only a backup can restore them."
        yield Hit(words, severity=RiskLevel.CRITICAL if schema else None)
    elif statement.verb == "REASSIGN":
        yield Hit("Transfers everything that a role owns to another role.")
    elif statement.verb in ("EXECUTE", "EXEC"):
        if statement.keys[1:2] == ["AS"]:
            yield Hit("The statements that follow run with another user's privileges.")
    elif statement.verb == "USE":
        if statement.keys[1:2] == ["ROLE"] and not _names(statement).isdisjoint(_POWERFUL_ROLES):
            yield Hit("The statements that follow run with the rights of an administrator.")
    elif statement.verb == "SET" and _sets_role(statement):
        yield Hit("The statements that follow run with another role's privileges, or a password is changed.")


_VERBS = {"CREATE": "Creates", "ALTER": "Changes", "DROP": "Drops", "RENAME": "Renames"}


def _is_about_role(statement: SqlStatement) -> bool:
    """Return whether a statement creates, changes, or drops a role, user, or login."""
    if statement.verb not in _VERBS or statement.has("MAPPING"):
        return False
    server_role = statement.object == "SERVER" and statement.has("SERVER", "ROLE")
    return statement.object in _ROLE_OBJECTS or server_role or statement.starts(statement.verb, "APPLICATION", "ROLE")


def _sets_role(statement: SqlStatement) -> bool:
    keys = [key for key in statement.keys[1:4] if key not in ("LOCAL", "SESSION")]
    if keys[:2] == ["DEFAULT", "ROLE"]:
        return True
    return keys[:1] in (["ROLE"], ["AUTHORIZATION"], ["PASSWORD"]) and keys[1:2] not in (["DEFAULT"], ["NONE"])


_POWERS = ("SUPERUSER", "CREATEUSER")
_POWERFUL_ROLES = word_set(
    "PG_EXECUTE_SERVER_PROGRAM PG_READ_SERVER_FILES PG_WRITE_SERVER_FILES PG_WRITE_ALL_DATA RDS_SUPERUSER RDSADMIN "
    "CLOUDSQLSUPERUSER AZURE_PG_ADMIN POSTGRES SYSADMIN SECURITYADMIN SERVERADMIN DB_OWNER DB_SECURITYADMIN DBA "
    "SYSDBA SYSOPER SYSBACKUP SYSKM SYSDG IMP_FULL_DATABASE DATAPUMP_IMP_FULL_DATABASE EXP_FULL_DATABASE JAVASYSPRIV "
    "SUPER FILE SYSTEM_USER SYSTEM_VARIABLES_ADMIN ROOT ACCOUNTADMIN ORGADMIN GLOBALORGADMIN"
)
_ADMINISTRATORS = word_set(
    "POSTGRES ROOT SA SYS SYSTEM ADMIN ADMINISTRATOR RDSADMIN SUPERUSER DBADMIN SYSMAN AZURE_SUPERUSER CLOUDSQLADMIN"
)


@sql_rule(
    "sql.superuser",
    RiskLevel.CRITICAL,
    "Unlimited privileges are granted.",
    verbs="CREATE ALTER GRANT SET EXECUTE EXEC",
)
def superuser(statement: SqlStatement) -> Iterator[Hit]:
    names = _names(statement)
    if _is_about_role(statement):
        yield from _powers_of_role(statement, names)
    elif statement.verb == "SET" and statement.has("PASSWORD") and not names.isdisjoint(_ADMINISTRATORS):
        yield Hit("Changes the password of an administrator, who can do everything.")
    elif statement.verb in ("EXECUTE", "EXEC") and statement.keys[1:2] == ["AS"] and names & {"SA", "DBO"}:
        yield Hit("The statements that follow run as an administrator, who can do everything.")
    elif statement.verb == "GRANT":
        yield from _powers_granted(statement, names)


def _names(statement: SqlStatement) -> set[str]:
    """Return the words of a statement, and what is in quotes, in upper case."""
    return {bare(token.text) for token in statement.tokens[:200]}


def bare(text: str) -> str:
    """Return a word, a name, or a text without its quotes, in upper case."""
    text = text[1:] if text[:2] in ("N'", "n'") else text
    return text.strip("'\"[]`").upper()


def _powers_of_role(statement: SqlStatement, names: set[str]) -> Iterator[Hit]:
    if power := next((name for name in _POWERS if name in statement.keys), ""):
        yield Hit(f"Grants {power}: those who use this role bypass the checks that apply to everyone else.")
    elif statement.has("ADD", "MEMBER") and not names.isdisjoint(_POWERFUL_ROLES):
        yield Hit("Makes somebody a member of a role that can do everything.")
    elif statement.verb in ("ALTER", "CREATE") and _changes_administrator(statement):
        yield Hit("Changes the password or the rights of an administrator, who can do everything.")


def _changes_administrator(statement: SqlStatement) -> bool:
    place = next((index for index, key in enumerate(statement.keys) if key in _ROLE_OBJECTS), 0) + 1
    while statement.keys[place : place + 1] and statement.keys[place] in ("IF", "NOT", "EXISTS"):
        place += 1
    if place >= len(statement.tokens) or statement.verb != "ALTER":
        return False
    name = statement.tokens[place].text.strip("'\"[]`").upper()
    changes = {"PASSWORD", "IDENTIFIED", "ENABLE", "UNLOCK", "LOGIN", "RENAME"} & set(statement.keys)
    return name in _ADMINISTRATORS and bool(changes)


def _powers_granted(statement: SqlStatement, names: set[str]) -> Iterator[Hit]:
    everywhere = statement.has("ON", "*", ".", "*")
    before = set(statement.keys[1 : statement.find("ON") if statement.has("ON") else None])
    if not names.isdisjoint(_POWERFUL_ROLES - {"ROOT", "SYSTEM_USER"}) and _grants_role(statement):
        yield Hit("Grants a built-in role that can access the server's files or programs, or everything in it.")
    elif everywhere and (
        before & {"ALL", "SUPER", "FILE", "CREATE", "GRANT"} or statement.has("WITH", "GRANT", "OPTION")
    ):
        yield Hit("Grants all privileges on every database of the server, or some that lead to all of them.")
    elif before & {"ALL"} and (not statement.has("ON") or statement.has("ON", "ACCOUNT")):
        yield Hit("Grants every privilege that there is.")
    elif before & {"ALL"} and statement.has("TO", "PUBLIC") and _on_many(statement):
        yield Hit("Grants everybody who can connect every privilege on everything there.")
    elif before & {"PROXY"} and not names.isdisjoint(_ADMINISTRATORS):
        yield Hit("Lets somebody act as an administrator, who can do everything.")
    elif any(text.startswith("ROLES/") and text.endswith(("ADMIN", "OWNER")) for text in names):
        yield Hit("Grants a role with which one can do everything.")
    elif {"MANAGE", "GRANTS"} <= before or {"BECOME", "USER"} <= before:
        yield Hit("Grants a privilege with which one can take any other.")
    elif "ANY" in before and before & {
        "PROCEDURE",
        "ROLE",
        "TABLE",
        "PRIVILEGE",
        "USER",
        "LOGIN",
        "DIRECTORY",
        "LIBRARY",
    }:
        yield Hit("Grants a privilege for the objects of everybody, which leads to all others.")
    elif "CONTROL" in before and (statement.has("SERVER") or not statement.has("ON")):
        yield Hit("Grants control of the server.")


def _on_many(statement: SqlStatement) -> bool:
    """Return whether a GRANT is about all objects of a kind, or about a schema or database as a whole."""
    return any(statement.has("ON", word) for word in ("ALL", "DATABASE", "SCHEMA"))


def _grants_role(statement: SqlStatement) -> bool:
    """Return whether a role's name stands where a GRANT names what it grants."""
    end = statement.find("TO") if statement.has("TO") else len(statement.keys)
    granted = {token.text.strip("'\"[]`").upper() for token in statement.tokens[1:end]}
    return not granted.isdisjoint(_POWERFUL_ROLES)


@sql_rule("sql.owner", RiskLevel.HIGH, "An object's owner is changed.", verbs="ALTER")
def owner(statement: SqlStatement) -> Iterator[Hit]:
    place = statement.find("OWNER", "TO")
    if statement.keys[1:2] == ["AUTHORIZATION"]:
        place = 1
    if place >= 0:
        yield Hit(
            "The new owner can change, empty, and drop the object; the old owner no longer can.",
            statement.line_at(place),
        )


@sql_rule(
    "sql.row_security",
    RiskLevel.HIGH,
    "Row-level security is turned off, or its policies are changed.",
    verbs="ALTER CREATE DROP SET",
)
def row_security(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object == "POLICY":
        yield Hit("Changes which rows users can read or write.")
    elif statement.verb == "ALTER" and _near(statement, ("DISABLE", "NO"), ("ROW", "LEVEL", "SECURITY")):
        yield Hit(
            f"Turns off row-level security of {statement.object_name}: users can see rows that were hidden from them."
        )
    elif statement.verb == "SET" and statement.has("ROW_SECURITY"):
        yield Hit("Changes row-level security for this session.")


def _near(statement: SqlStatement, off: tuple[str, ...], words: tuple[str, ...]) -> bool:
    place = statement.find(*words)
    return place > 0 and bool(set(statement.keys[max(0, place - 2) : place]).intersection(off))


@sql_rule("sql.trigger.disabled", RiskLevel.HIGH, "Triggers are turned off.", verbs="ALTER DISABLE")
def trigger_disabled(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("DISABLE", "TRIGGER") or statement.has("DISABLE", "RULE"):
        yield Hit("Turns off triggers: checks, audit trails, and foreign keys that depend on them no longer work.")


@sql_rule("sql.alter_system", RiskLevel.HIGH, "The server's configuration is changed for everybody.", verbs="ALTER SET")
def alter_system(statement: SqlStatement) -> Iterator[Hit]:
    if _sets_code(statement):
        words = "Lets the server load a library, or write a file that others run."
        yield Hit(words, severity=RiskLevel.CRITICAL)
    elif statement.starts("ALTER", "SYSTEM") or statement.starts("SET", "CLUSTER", "SETTING"):
        yield Hit("Changes the server's configuration for every database and user, even after a restart.")
    elif statement.starts("ALTER", "DATABASE") or (
        statement.verb == "SET" and {"GLOBAL", "PERSIST", "PERSIST_ONLY"} & set(statement.keys[1:5])
    ):
        yield Hit("Changes settings for everybody, not only for this session.")


_LIBRARIES = word_set(
    "SHARED_PRELOAD_LIBRARIES SESSION_PRELOAD_LIBRARIES LOCAL_PRELOAD_LIBRARIES JIT_PROVIDER INIT_CONNECT"
)
_LOG_FILES = word_set("GENERAL_LOG_FILE SLOW_QUERY_LOG_FILE LOG_DIRECTORY LOG_FILENAME")
_RUN = (".php", ".jsp", ".asp", ".aspx", ".sh", ".py", ".cgi", ".cnf", "authorized_keys")


def _sets_code(statement: SqlStatement) -> bool:
    """Return whether a setting of the server names a library by its path, or a log that somebody may run."""
    if statement.verb not in ("ALTER", "SET"):
        return False
    keys = set(statement.keys[1:12])
    texts = [token.text.strip("'\"").lower() for token in statement.tokens if token.kind == "string"]
    library = keys & _LIBRARIES and any("/" in text for text in texts)
    return bool(library or (keys & _LOG_FILES and any(text.endswith(_RUN) for text in texts)))


@sql_rule("sql.security_definer", RiskLevel.HIGH, "A function runs with its owner's privileges.", verbs="CREATE ALTER")
def security_definer(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("SECURITY", "DEFINER"):
        words = "Everybody who can call this function acts with its owner's privileges; check its search_path."
        yield Hit(words, statement.line_at(statement.find("SECURITY", "DEFINER")))
