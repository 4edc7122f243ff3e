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


@sql_rule("sql.revoke", RiskLevel.HIGH, "Privileges are revoked.", verbs="REVOKE ALTER")
def revoke(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "REVOKE" or (statement.starts("ALTER", "DEFAULT", "PRIVILEGES") and statement.has("REVOKE")):
        yield Hit("Revokes privileges; those who rely on them are denied access at once.")


@sql_rule(
    "sql.role",
    RiskLevel.HIGH,
    "A role or user is created, changed, dropped, or assumed.",
    verbs="CREATE ALTER DROP SET REASSIGN RENAME",
)
def role(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in _ROLE_OBJECTS and statement.verb in ("CREATE", "ALTER", "DROP", "RENAME"):
        yield Hit(
            f"{statement.verb.capitalize()}s a role; roles decide who can connect to the database and what they can do."
        )
    elif statement.verb == "REASSIGN":
        yield Hit("Transfers everything that a role owns to another role.")
    elif statement.verb == "SET" and _sets_role(statement):
        yield Hit("The statements that follow run with another role's privileges, or a password is changed.")


def _sets_role(statement: SqlStatement) -> bool:
    keys = [key for key in statement.keys[1:4] if key not in ("LOCAL", "SESSION")]
    return keys[:1] in (["ROLE"], ["AUTHORIZATION"], ["PASSWORD"])


_POWERS = ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "REPLICATION")
_POWERFUL_ROLES = frozenset(
    {"PG_EXECUTE_SERVER_PROGRAM", "PG_READ_SERVER_FILES", "PG_WRITE_SERVER_FILES", "RDS_SUPERUSER", "SYSADMIN", "DBA"}
)


@sql_rule("sql.superuser", RiskLevel.CRITICAL, "Unlimited privileges are granted.", verbs="CREATE ALTER GRANT SET")
def superuser(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in _ROLE_OBJECTS and (power := next((name for name in _POWERS if name in statement.keys), "")):
        yield Hit(f"Grants {power}: those who use this role bypass the checks that apply to everyone else.")
    elif statement.verb == "GRANT" and _POWERFUL_ROLES.intersection(statement.keys):
        yield Hit("Grants a built-in role that can access the server's files or programs, or everything in it.")
    elif statement.verb == "GRANT" and statement.starts("GRANT", "ALL") and statement.has("ON", "*", ".", "*"):
        yield Hit("Grants all privileges on every database of the server.")


@sql_rule("sql.owner", RiskLevel.HIGH, "An object's owner is changed.", verbs="ALTER")
def owner(statement: SqlStatement) -> Iterator[Hit]:
    place = statement.find("OWNER", "TO")
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


@sql_rule(
    "sql.setting.safeguard",
    RiskLevel.HIGH,
    "A setting turns off triggers, foreign keys, or other safeguards.",
    verbs="SET PRAGMA",
)
def safeguards_off(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "PRAGMA" and not (statement.has("=") or statement.has("(")):
        return
    names = {key.lower() for key in statement.keys[1:]}
    if found := sorted(names & _SAFEGUARDS):
        yield Hit(
            f"{found[0]} controls a safeguard, such as triggers, foreign keys, write protection, or how text is parsed."
        )


_SAFEGUARDS = word_set(
    "session_replication_role zero_damaged_pages allow_system_table_mods ignore_checksum_failure "
    "standard_conforming_strings backslash_quote default_transaction_read_only transaction_read_only "
    "writable_schema ignore_check_constraints foreign_keys foreign_key_checks sql_safe_updates sql_mode "
    "unique_checks sql_log_bin trusted_schema cell_size_check journal_mode synchronous fsync full_page_writes "
    "synchronous_commit defer_foreign_keys query_only recursive_triggers"
)


@sql_rule("sql.alter_system", RiskLevel.HIGH, "The server's configuration is changed for everybody.", verbs="ALTER SET")
def alter_system(statement: SqlStatement) -> Iterator[Hit]:
    if statement.starts("ALTER", "SYSTEM"):
        yield Hit("Changes the server's configuration for every database and user, even after a restart.")
    elif statement.starts("ALTER", "DATABASE") or (
        statement.verb == "SET" and {"GLOBAL", "PERSIST"} & set(statement.keys[1:3])
    ):
        yield Hit("Changes settings for everybody, not only for this session.")


@sql_rule("sql.security_definer", RiskLevel.HIGH, "A function runs with its owner's privileges.", verbs="CREATE ALTER")
def security_definer(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("SECURITY", "DEFINER"):
        words = "Everybody who can call this function acts with its owner's privileges; check its search_path."
        yield Hit(words, statement.line_at(statement.find("SECURITY", "DEFINER")))


@sql_rule("sql.copy.program", RiskLevel.CRITICAL, "COPY runs a program on the database server.", verbs="COPY")
def copy_program(statement: SqlStatement) -> Iterator[Hit]:
    if statement.has("PROGRAM"):
        yield Hit("Runs a shell command on the database server, with the server's privileges.")


@sql_rule(
    "sql.copy.file",
    RiskLevel.HIGH,
    "Data is copied to or from a file on the server, or rows are loaded.",
    verbs="COPY LOAD SELECT WITH VALUES TABLE ( UNLOAD",
)
def copy_file(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb in ("LOAD", "UNLOAD"):
        yield Hit("Loads a file or a library into the server.")
    elif statement.verb == "COPY" and not statement.has("PROGRAM"):
        if statement.has("TO", "STDOUT"):
            return
        if statement.has("FROM", "STDIN"):
            yield Hit("Adds rows that are not part of this text.", severity=RiskLevel.MEDIUM)
        else:
            yield Hit("Reads or writes a file on the database server, with the server's privileges.")
    elif statement.has("INTO", "OUTFILE") or statement.has("INTO", "DUMPFILE"):
        yield Hit("Writes a file on the database server.")


_FUNCTIONS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        word_set(
            "pg_read_file pg_read_binary_file pg_ls_dir pg_stat_file pg_file_write pg_file_unlink pg_file_rename "
            "pg_file_read lo_import lo_export load_file load_extension writefile readfile edit xp_cmdshell sys_exec "
            "sys_eval xp_regread xp_dirtree utl_file fts3_tokenizer read_csv read_text read_blob read_parquet "
            "pg_ls_logdir pg_ls_waldir pg_ls_tmpdir"
        ),
        ("file", "reads or writes files, or runs programs, on the database server"),
    ),
    **dict.fromkeys(
        word_set(
            "dblink dblink_connect dblink_connect_u dblink_exec dblink_open dblink_send_query openrowset "
            "opendatasource openquery http http_get http_post http_put http_delete utl_http "
            "postgres_fdw_get_connections"
        ),
        ("remote", "connects to another server: data can leave, or be changed there"),
    ),
    **dict.fromkeys(
        word_set(
            "pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_promote pg_switch_wal "
            "pg_create_restore_point pg_wal_replay_pause pg_wal_replay_resume pg_drop_replication_slot "
            "pg_create_logical_replication_slot pg_create_physical_replication_slot pg_logical_emit_message "
            "pg_stat_reset pg_stat_statements_reset pg_log_backend_memory_contexts pg_replication_origin_drop "
            "pg_export_snapshot pg_backup_start pg_backup_stop"
        ),
        ("server", "controls the server: it can interrupt other people's work, or change how the server runs"),
    ),
    **dict.fromkeys(
        word_set(
            "query_to_xml query_to_xml_and_xmlschema cursor_to_xml table_to_xml database_to_xml ts_stat ts_rewrite "
            "xpath_table crosstab sp_executesql eval exec_immediate"
        ),
        ("text", "runs a text as SQL whose effects cannot be determined here"),
    ),
    **dict.fromkeys(
        word_set(
            "nextval setval set_config lo_create lo_unlink lo_put lo_from_bytea lowrite lo_truncate pg_notify "
            "pg_advisory_lock pg_advisory_xact_lock pg_try_advisory_lock pg_try_advisory_xact_lock "
            "pg_advisory_lock_shared pg_advisory_unlock_all setseed pg_sleep pg_sleep_for pg_sleep_until benchmark "
            "sleep get_lock release_lock"
        ),
        ("effect", "changes something or blocks others, although it looks like a query"),
    ),
}


KNOWN_FUNCTIONS = frozenset(_FUNCTIONS)


def _calls(statement: SqlStatement, group: str) -> Iterator[Hit]:
    for name, index in statement.functions():
        known = _FUNCTIONS.get(name)
        if known is not None and known[0] == group:
            yield Hit(f"{name} {known[1]}.", statement.line_at(index))


@sql_rule("sql.function.server_file", RiskLevel.CRITICAL, "A function accesses the server's files or programs.")
def server_file(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "file")
    if statement.has("XP_CMDSHELL") and not any(name == "xp_cmdshell" for name, _ in statement.functions()):
        yield Hit("xp_cmdshell runs a shell command on the database server.")


@sql_rule("sql.function.remote", RiskLevel.HIGH, "A function connects to another server.")
def remote_function(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "remote")


@sql_rule("sql.function.server_control", RiskLevel.HIGH, "A function controls the server or ends sessions.", verbs="")
def server_control(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "server")
    if statement.verb in ("KILL", "SHUTDOWN"):
        yield Hit("Ends other people's sessions, or stops the server.")


@sql_rule("sql.function.runs_text", RiskLevel.HIGH, "A function runs a text as SQL.")
def runs_text(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "text")


@sql_rule("sql.function.effect", RiskLevel.MEDIUM, "A function in a query changes something or blocks others.")
def effect(statement: SqlStatement) -> Iterator[Hit]:
    yield from _calls(statement, "effect")


@sql_rule("sql.remote", RiskLevel.HIGH, "A connection to another server is set up.", verbs="CREATE ALTER DROP IMPORT")
def remote(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in ("SERVER", "SUBSCRIPTION", "PUBLICATION") or statement.starts("IMPORT", "FOREIGN"):
        yield Hit("Connects this database to another server: data can be sent to it or received from it.")


@sql_rule(
    "sql.extension",
    RiskLevel.HIGH,
    "An extension or language is installed, changed, or dropped.",
    verbs="CREATE ALTER DROP INSTALL UNINSTALL",
)
def extension(statement: SqlStatement) -> Iterator[Hit]:
    if statement.object in ("EXTENSION", "LANGUAGE", "PLUGIN", "COMPONENT") or statement.verb in (
        "INSTALL",
        "UNINSTALL",
    ):
        words = "Changes which code the server runs: an extension can access files, programs, or the network."
        yield Hit(words)


@sql_rule("sql.attach", RiskLevel.HIGH, "Another database file is opened or closed.", verbs="ATTACH DETACH")
def attach(statement: SqlStatement) -> Iterator[Hit]:
    yield Hit("Opens or closes another database file; a file that does not exist is created.")
