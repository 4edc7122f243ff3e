"""Rules for settings: of the session, of the server, and of SQLite by PRAGMA."""

from __future__ import annotations

from collections.abc import Iterator

from app.risk.rules import word_set
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

SAFEGUARDS = word_set(
    "session_replication_role zero_damaged_pages allow_system_table_mods ignore_checksum_failure "
    "standard_conforming_strings backslash_quote default_transaction_read_only transaction_read_only "
    "writable_schema ignore_check_constraints foreign_keys foreign_key_checks sql_safe_updates sql_mode "
    "unique_checks sql_log_bin trusted_schema cell_size_check journal_mode synchronous fsync full_page_writes "
    "synchronous_commit defer_foreign_keys query_only recursive_triggers row_security session_preload_libraries "
    "local_preload_libraries dynamic_library_path jit_provider general_log audit_trail rekey hexrekey"
)
_SAFE_WHEN = {
    **dict.fromkeys(
        word_set(
            "standard_conforming_strings default_transaction_read_only transaction_read_only foreign_keys fsync "
            "foreign_key_checks sql_safe_updates unique_checks sql_log_bin cell_size_check full_page_writes query_only "
            "row_security synchronous_commit recursive_triggers defer_foreign_keys"
        ),
        word_set("ON TRUE 1 YES 'ON' 'TRUE' LOCAL REMOTE_WRITE REMOTE_APPLY"),
    ),
    **dict.fromkeys(
        word_set("zero_damaged_pages allow_system_table_mods ignore_checksum_failure writable_schema trusted_schema "
                 "ignore_check_constraints"),
        word_set("OFF FALSE 0 NO"),
    ),
    "session_replication_role": word_set("ORIGIN DEFAULT LOCAL"),
    "journal_mode": word_set("WAL DELETE TRUNCATE PERSIST"),
    "synchronous": word_set("FULL EXTRA NORMAL 1 2 3"),
    "backslash_quote": word_set("OFF FALSE 0 SAFE_ENCODING"),
}  # fmt: skip
"""Values with which a safeguard is on."""


@sql_rule(
    "sql.setting.safeguard",
    RiskLevel.HIGH,
    "A setting turns off triggers, foreign keys, or other safeguards.",
    verbs="SET PRAGMA",
)
def safeguards_off(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "PRAGMA" and not (statement.has("=") or statement.has("(")):
        return
    for index, key in enumerate(statement.keys[1:], 1):
        name = key.lower()
        if name in SAFEGUARDS and _value(statement, index) not in _SAFE_WHEN.get(name, ()):
            yield Hit(
                f"{name} controls a safeguard, such as triggers, foreign keys, write protection, or how text is parsed."
            )
            return


def level_of_setting(name: str, value: str) -> RiskLevel | None:
    """Return how bad it is to give a setting a value (in upper case); None if nothing is known about the setting."""
    if name in SAFEGUARDS:
        return RiskLevel.SAFE if value in _SAFE_WHEN.get(name, ()) else RiskLevel.HIGH
    return RiskLevel.SAFE if name in _OWN_SETTINGS or "." in name or name.startswith("enable_") else None


def _value(statement: SqlStatement, index: int) -> str:
    """Return the value that a setting gets, without quotes and in upper case."""
    for token in statement.tokens[index + 1 : index + 4]:
        if token.key not in ("=", ":", "TO", "("):
            return token.text.strip("'\"").upper()
    return ""


_OWN_SETTINGS = word_set(
    "search_path time timezone statement_timeout lock_timeout idle_in_transaction_session_timeout work_mem "
    "maintenance_work_mem client_encoding datestyle intervalstyle extra_float_digits application_name names "
    "client_min_messages transaction characteristics constraints nocount xact_abort ansi_nulls quoted_identifier "
    "arithabort ansi_padding ansi_warnings concat_null_yields_null numeric_roundabort dateformat datefirst language "
    "statistics showplan_text showplan_all showplan_xml deadlock_priority rowcount textsize implicit_transactions "
    "autocommit character collation_connection character_set_client character_set_results sql_notes "
    "sql_quote_show_create time_zone group_concat_max_len max_execution_time wait_timeout interactive_timeout "
    "lc_messages lc_time seed random_page_cost effective_cache_size jit bytea_output default_tablespace "
    "temp_tablespaces transaction_isolation default_transaction_isolation check_function_bodies xmloption "
    "lock_wait_timeout innodb_lock_wait_timeout profiling optimizer_switch tx_isolation parseonly noexec fmtonly "
    "serveroutput sort_buffer_size join_buffer_size read_buffer_size tmp_table_size max_heap_table_size "
    "innodb_strict_mode innodb_lock_wait_timeout session_track_gtids query_tag lock_timeout week_start"
)


@sql_rule("sql.setting", RiskLevel.LOW, "A setting of this session is changed.", verbs="SET RESET DISCARD DECLARE")
def setting(statement: SqlStatement) -> Iterator[Hit]:
    if statement.verb == "DECLARE" and not statement.keys[1:2][0:1]:
        return
    names = [key.lower() for key in statement.keys[1:6] if key not in ("LOCAL", "SESSION", "@", ".")]
    first = names[0] if names else ""
    own = (
        statement.keys[1:2] == ["@"]
        or first in _OWN_SETTINGS
        or first in SAFEGUARDS
        or first.startswith(("enable_", "@"))
        or statement.verb != "SET"
    )
    words = "Changes a setting for the rest of this session."
    if statement.verb == "DECLARE":
        if statement.keys[1].startswith("@"):
            yield Hit("Declares a variable.", severity=RiskLevel.SAFE)
    elif statement.verb != "RESET" or statement.keys[1:2] not in (["MASTER"], ["SLAVE"], ["REPLICA"], ["BINARY"]):
        yield Hit(words, severity=RiskLevel.SAFE if own else None)


_READING_PRAGMAS = word_set(
    "table_info table_xinfo table_list index_list index_info index_xinfo database_list foreign_key_list "
    "foreign_key_check integrity_check quick_check compile_options function_list collation_list module_list "
    "pragma_list page_count freelist_count data_version"
)
_SIMPLE_PRAGMAS = word_set(
    "user_version schema_version application_id encoding page_size journal_mode synchronous foreign_keys cache_size "
    "auto_vacuum busy_timeout locking_mode wal_autocheckpoint temp_store mmap_size secure_delete max_page_count "
    "query_only recursive_triggers trusted_schema writable_schema read_uncommitted"
)
_OWN_PRAGMAS = word_set(
    "cache_size busy_timeout temp_store mmap_size threads analysis_limit query_only case_sensitive_like cache_spill "
    "automatic_index foreign_keys optimize wal_checkpoint shrink_memory reverse_unordered_selects recursive_triggers "
    "hard_heap_limit soft_heap_limit read_uncommitted cell_size_check defer_foreign_keys synchronous"
)


@sql_rule("sql.pragma", RiskLevel.MEDIUM, "A PRAGMA changes how SQLite works.", verbs="PRAGMA")
def pragma(statement: SqlStatement) -> Iterator[Hit]:
    name = statement.name_after(1).rsplit(".", 1)[-1].lower()
    sets = statement.has("=") or statement.has("(")
    if name not in _READING_PRAGMAS and (sets or name not in _SIMPLE_PRAGMAS):
        words = f"PRAGMA {name} changes how SQLite works with this file."
        yield Hit(words, severity=RiskLevel.SAFE if name in _OWN_PRAGMAS else None)
