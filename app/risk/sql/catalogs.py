"""Rules for the databases' own tables: catalogs that are written to, and passwords that are read from them."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from app.risk.rules import word_set
from app.risk.sql.names import written_names
from app.risk.sql.rules import Hit, sql_rule
from app.risk.sql.statement import SqlStatement
from assent.contracts import RiskLevel

_CATALOGS = {
    "postgres": {"pg_catalog", "information_schema"},
    "mysql": {"mysql", "sys", "performance_schema", "information_schema"},
    "tsql": {"sys", "msdb", "master"},
    "oracle": {"sys", "system"},
}
_ALL_CATALOGS = {schema for schemas in _CATALOGS.values() for schema in schemas}
_CATALOG_TABLES = word_set(
    "sqlite_master sqlite_schema sqlite_temp_master pg_class pg_attribute pg_proc pg_authid pg_auth_members "
    "pg_database pg_type pg_index pg_constraint pg_trigger pg_namespace pg_rewrite pg_depend pg_shdepend pg_statistic "
    "pg_operator pg_language pg_extension pg_tablespace pg_policy pg_default_acl pg_largeobject "
    "pg_largeobject_metadata pg_enum pg_foreign_server pg_user_mapping pg_subscription pg_publication "
    "pg_event_trigger pg_db_role_setting pg_sequence pg_inherits pg_attrdef pg_cast pg_shadow pg_description user$ "
    "obj$ tab$ sysobjects syslogins sysusers sysprocesses"
)
_HARMLESS_TABLES = word_set("dual plan_table sqlite_sequence sqlite_stat1 pg_settings")


@sql_rule("sql.catalog.written", RiskLevel.CRITICAL, "A system catalog is changed by hand.")
def catalog_written(statement: SqlStatement) -> Iterator[Hit]:
    names = [name for write in statement.writes for name in written_names(write.node)]
    if statement.verb in ("TRUNCATE", "DROP", "ALTER") and statement.object in ("TABLE", "", "VIEW"):
        names += statement.targets
    for name in names:
        parts = name.lower().replace('"', "").split(".")
        if parts[-1] in _HARMLESS_TABLES or parts[-1].startswith("#"):
            continue
        schemas = _CATALOGS.get(statement.dialect, _ALL_CATALOGS)
        if parts[-1] in _CATALOG_TABLES or not schemas.isdisjoint(parts[:-1]):
            words = "which can give rights or destroy the database, past all checks"
            yield Hit(f"Changes the system table {name}, {words}.")


_SECRETS: dict[str, frozenset[str]] = {
    "pg_authid": word_set("rolpassword"),
    "pg_shadow": word_set("passwd"),
    "pg_user_mapping": word_set("umoptions"),
    "pg_user_mappings": word_set("umoptions"),
    "pg_subscription": word_set("subconninfo"),
    "pg_largeobject": word_set("data"),
    "user": word_set("authentication_string password"),
    "global_priv": word_set("priv"),
    "servers": word_set("password"),
    "slave_master_info": word_set("user_password"),
    "sql_logins": word_set("password_hash"),
    "syslogins": word_set("password"),
    "sysxlogins": word_set("password"),
    "credentials": word_set("credential_identity"),
    "linked_logins": word_set("remote_name"),
    "dba_users": word_set("password password_versions"),
    "user$": word_set("password spare4"),
    "user_history$": word_set("password"),
    "link$": word_set("password passwordx authpwd"),
    "dba_db_links": word_set("password"),
    "dba_users_with_defpwd": word_set("username"),
    "pg_hba_file_rules": frozenset(),
    "decrypted_secrets": word_set("decrypted_secret"),
    "decrypted_key": word_set("decrypted_raw_key"),
}
_SCHEMAS = {
    "user": {"mysql"}, "global_priv": {"mysql"}, "servers": {"mysql"}, "slave_master_info": {"mysql"},
    "credentials": {"sys"}, "linked_logins": {"sys"}, "sql_logins": {"sys", "master"},
}  # fmt: skip


@sql_rule("sql.password.read", RiskLevel.HIGH, "Passwords, or their hashes, are read from a system table.")
def password_read(statement: SqlStatement) -> Iterator[Hit]:
    if statement.tree is None:
        if any(
            token.text.strip('"').lower() in ("pg_authid", "pg_shadow", "sql_logins", "user$")
            for token in statement.tokens
        ):
            yield Hit("Reads a system table that holds passwords or their hashes.")
        return
    if statement.prefix == "EXPLAIN" and statement.verb == "EXPLAIN":
        return
    if found := next(_shown_secrets(statement.tree), ""):
        yield Hit(f"Shows {found[:80]}, with which one can sign in or act as somebody else.")
        return
    for table in statement.tree.find_all(exp.Table):
        name = table.name.lower()
        if name not in _SECRETS or (name in _SCHEMAS and table.db.lower() not in _SCHEMAS[name]):
            continue
        secret = _reads_secret(statement, table, _SECRETS[name])
        words = f"Reads {'passwords or their hashes' if secret else 'who has an account'} from {name}."
        yield Hit(words, severity=None if secret else RiskLevel.LOW)
        return


_SECRET_COLUMNS = word_set(
    "password passwd pwd password_hash passwordhash password_digest encrypted_password hashed_password secret "
    "client_secret api_key apikey api_secret secret_key private_key access_token refresh_token auth_token "
    "session_token totp_secret mfa_secret otp_secret recovery_codes webhook_secret signing_secret signing_key "
    "service_role_key connection_string"
)


def _shown_secrets(tree: exp.Expression) -> Iterator[str]:
    """Yield the columns of a query's result that hold what one signs in with."""
    queries = [tree] if isinstance(tree, exp.Select) else list(tree.find_all(exp.Select))[:1]
    for query in queries:
        for shown in query.expressions:
            column = shown.unalias()
            if isinstance(column, exp.Column) and column.name.lower() in _SECRET_COLUMNS:
                yield column.name


def _reads_secret(statement: SqlStatement, table: exp.Table, columns: frozenset[str]) -> bool:
    if statement.tree is None or statement.verb in ("COPY", "TABLE"):
        return True
    stars = [star for star in statement.tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    names = {column.name.lower() for column in statement.tree.find_all(exp.Column)}
    if table.name.lower().startswith("pg_"):
        columns = columns | {table.alias_or_name.lower()}  # the whole row
    return bool(stars) or not names.isdisjoint(columns)
