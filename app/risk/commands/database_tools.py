"""Tools that dump, restore, create, drop, and migrate databases."""

from __future__ import annotations

import re

from app.risk.commands.options import arguments_of
from app.risk.commands.package_rules import PROJECT
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, run_unread
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import RiskRule, declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

DUMPS = declare(
    "database.dumps", LOW, "Copies a database out.", "pg_dump shop -f shop.dump", "pg_isready", language="shell"
)
RESTORES = declare(
    "database.restores",
    HIGH,
    "Writes a copy back into a database.",
    "pg_restore -d shop shop.dump",
    "pg_restore -l shop.dump",
    language="shell",
)
GONE = declare(
    "database.gone",
    CRITICAL,
    "Deletes a database, or replaces what is in it.",
    "dropdb shop",
    "createdb shop",
    language="shell",
)
CREATES = declare(
    "database.creates", MEDIUM, "Creates or maintains a database.", "createdb shop", "pg_isready", language="shell"
)
USERS = declare(
    "database.users", HIGH, "Changes who may use a database.", "createuser ada", "psql -l", language="shell"
)
SERVER = declare(
    "database.server",
    HIGH,
    "Starts, stops, or changes a database server.",
    "pg_ctl stop",
    "pg_ctl status",
    language="shell",
)
MIGRATES = declare(
    "database.migrates",
    HIGH,
    "Runs the project's migrations, which have not been read, on a database.",
    "alembic upgrade head",
    "alembic current",
    language="shell",
    unread=True,
)
DRAFTS = declare(
    "database.drafts_migration",
    LOW,
    "Writes a new migration into the project.",
    "alembic revision -m x",
    "alembic history",
    language="shell",
    unread=True,
)

_PG = (
    "-d --dbname -h --host -p --port -U --username -f --file -F --format -t --table -n --schema -N -T -j --jobs "
    "-Z -E -S -L -O --owner -T"
)


@program(
    *word_set(
        "pg_dump pg_dumpall mysqldump mariadb-dump mongodump mongoexport pg_basebackup mydumper bson2json "
        "sqlite3_rsync redis-dump neo4j-admin-dump xtrabackup mariabackup mysqlpump wal-g pgbackrest barman "
        "pg_receivewal litestream"
    )
)
def _dump(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        _PG + " -o --out -r --result-file -u --user -c --collection --db --uri --archive --tab -D --pgdata",
    )
    texts = [word.text for word in given.operands]
    if given.exactly("--version", "-V", "--help"):
        return
    reading.touch(databases=[word.text for word in given.operands[:1] if word.known])
    if command.name in ("wal-g", "pgbackrest", "barman", "xtrabackup", "mariabackup", "litestream"):
        if given.has("--copy-back", "--move-back") or any("restore" in text or "recover" in text for text in texts):
            reading.add(GONE, "This replaces the database by a copy.", command.line, HIGH)
        elif any(re.search(r"delete|expire|stanza-delete", text) for text in texts):
            reading.add(GONE, "This deletes copies of the database.", command.line)
        elif any(
            re.search(r"list|info|show|check|verify|status|version|snapshots|generations|databases", text)
            for text in texts
        ):
            return
    reading.add(DUMPS, "This copies data out of the database.", command.line)
    for word in given.values("-f", "--file", "-o", "--out", "-r", "--result-file", "-D", "--pgdata"):
        if place_of(word.text) is Place.BACKUP:
            reading.touch(paths=[word.text])
        else:
            act_on(reading, Act.WRITE, word)


@program(
    "pg_restore",
    "mongorestore",
    "mongoimport",
    "mysqlimport",
    "mariadb-import",
    "myloader",
    "redis-load",
    "neo4j-admin",
)
def _restore(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        _PG + " --db --uri --nsInclude --collection -c-x -u --user --archive --type --from-path --from",
    )
    if given.exactly("--version", "-V", "--help", "--dryRun") or (
        command.name == "pg_restore" and given.exactly("-l", "--list")
    ):
        return
    texts = [word.text for word in given.operands]
    if command.name == "neo4j-admin":
        if "dump" in texts or "check" in texts or "info" in texts or "report" in texts:
            reading.add(DUMPS, "This copies data out of the database.", command.line)
            return
    elif command.name == "pg_restore" and not given.value("-d", "--dbname"):
        for word in given.values("-f", "--file"):
            if word.text != "-":
                act_on(reading, Act.WRITE, word)
        return
    if given.has(
        "--clean", "-c", "--drop", "-C", "--create", "--overwrite-tables", "--overwrite-destination", "--delete", "-D"
    ):
        reading.add(GONE, "This deletes what is in the database, and writes a copy in its place.", command.line)
    else:
        reading.add(RESTORES, "This writes a copy into the database.", command.line)


@program(
    *word_set(
        "dropdb dropuser createdb createuser vacuumdb reindexdb clusterdb initdb pg_resetwal pg_rewind "
        "pg_upgrade pg_archivecleanup pg_checksums pg_controldata pg_config pg_waldump pg_amcheck pg_dropcluster "
        "pg_createcluster pg_lsclusters mysql_upgrade mysqlcheck mysqlshow mysql_install_db mysql_secure_installation "
        "myisamchk pgbench mongostat mongotop pg_renamecluster pg_upgradecluster mysql_tzinfo_to_sql mysqlslap "
        "redis-benchmark redis-check-aof redis-check-rdb"
    )
)
def _tools(command: Command, reading: Reading) -> None:
    found = _TOOLS.get(command.name)
    given = arguments_of(command.arguments, _PG)
    if found is None or given.exactly("--version", "-V", "--help"):
        return
    rule, message, level = found
    if command.name == "createuser" and given.has("-s", "--superuser"):
        message, level = "This creates the user {what}, who may do everything on the database server.", CRITICAL
    shown = ", ".join(word.display for word in given.operands[:3])
    reading.touch(databases=[word.text for word in given.operands[:1] if word.known and rule is not USERS])
    reading.add(rule, message.replace("{what}", shown or "the usual database"), command.line, level)
    if not all(word.known for word in given.operands):
        reading.doubt()


_TOOLS = {
    "dropdb": (GONE, "This deletes the database {what} with all its data.", None),
    "dropuser": (USERS, "This deletes the user {what} of the database server.", None),
    "createuser": (USERS, "This creates the user {what} of the database server.", None),
    "createdb": (CREATES, "This creates the database {what}.", None),
    "vacuumdb": (CREATES, "This cleans up {what}.", None),
    "reindexdb": (CREATES, "This builds the indexes of {what} again; others may wait meanwhile.", HIGH),
    "clusterdb": (CREATES, "This writes the tables of {what} again; others wait meanwhile.", HIGH),
    "initdb": (SERVER, "This makes a new data folder for a database server.", MEDIUM),
    "pg_resetwal": (GONE, "This resets the write-ahead log: changes may be lost.", None),
    "pg_rewind": (GONE, "This replaces the data of a database server by another one's.", HIGH),
    "pg_upgrade": (SERVER, "This changes the version of a database server's data.", None),
    "pg_archivecleanup": (GONE, "This deletes archived changes, which recovery may need.", HIGH),
    "pg_dropcluster": (GONE, "This deletes the database server {what} with all its data.", None),
    "pg_createcluster": (SERVER, "This creates the database server {what}.", MEDIUM),
    "pg_upgradecluster": (SERVER, "This changes the version of the database server {what}.", None),
    "pg_renamecluster": (SERVER, "This renames the database server {what}.", None),
    "mysql_upgrade": (SERVER, "This changes system tables of the database server.", None),
    "mysql_install_db": (SERVER, "This makes a new data folder for a database server.", MEDIUM),
    "mysql_secure_installation": (USERS, "This changes users and settings of the database server.", None),
    "mysqlcheck": (CREATES, "This checks or repairs tables.", None),
    "myisamchk": (CREATES, "This checks or repairs the files of tables.", None),
    "pgbench": (CREATES, "This fills or loads the database {what} with test data.", None),
    "mysqlslap": (CREATES, "This loads the database server.", None),
    "redis-check-aof": (CREATES, "This checks the files of Redis, and may cut them.", None),
    "redis-check-rdb": (CREATES, "This checks the files of Redis.", LOW),
    "redis-benchmark": (CREATES, "This loads the Redis server, and writes into it.", None),
    "pg_checksums": (SERVER, "This checks or changes checksums of a stopped database server.", LOW),
}


@program(
    *word_set(
        "pg_ctl pg_ctlcluster mysqladmin mariadb-admin mysqld mysqld_safe postgres redis-server mongod cockroach "
        "neo4j nodetool rabbitmqctl rabbitmqadmin zkcli zkcli.sh patronictl repmgr etcdctl etcdutl ksql curator "
        "consul-kv"
    )
)
def _server(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-D --pgdata -m -o -l -t -u -p -h --host --port -P --bootstrap-server --zookeeper --topic --endpoints",
    )
    texts = {word.text.lower() for word in given.operands} | {
        name.lower() for name, _ in given.options if name.startswith("--")
    }
    text = " ".join(sorted(texts))
    if given.exactly("--version", "-V", "--help", "version"):
        return
    if re.search(
        r"\bdrop\b|\bdelete\b|\bpurge\w*|\bdel\b|forget_cluster|reset\b|deleteall|decommission|assassinate"
        r"|delete_\w+|purge_queue",
        text,
    ):
        reading.add(GONE, f"This deletes data or settings of the server: {command.name} {text}."[:200], command.line)
    elif re.search(r"user|password|passwd|grant|role|permission|auth", text) and not re.search(r"list", text):
        unlimited = command.name == "rabbitmqctl" and "administrator" in texts
        level = CRITICAL if unlimited else None
        reading.add(USERS, "This changes who may use the server.", command.line, level)
    elif re.search(
        r"\b(?:status|list\w*|describe|info|ping|version|variables|processlist|extended-status|get|show\w*"
        r"|topology|history"
        r"|health|member list|tpstats|ring|cluster_status|diagnostics\b|snapshot "
        r"status|endpoint|check)\b|--list|--describe",
        text,
    ):
        return
    else:
        reading.add(
            SERVER, f"This starts, stops, or changes a server: {command.name} {text}."[:200].strip(), command.line
        )


# Migrations

ALEMBIC = Program(
    "alembic", values="-c --config -n --name -x -m --message --rev-id --sql-x", helps="--help -h --version"
)
ALEMBIC.reader("current, history, heads, show, branches, check")(lambda given, reading: reading.doubt())
ALEMBIC.does(DRAFTS, "This writes a new migration.", "revision, merge, init, edit")
ALEMBIC.does(MIGRATES, "This runs the project's migrations on the database.", "upgrade, stamp, ensure_version")


@ALEMBIC.reader("downgrade")
def _downgrade(given: Given, reading: Reading) -> None:
    if given.has("--sql"):
        reading.doubt()
    elif "base" in given.texts:
        given.note(reading, GONE, "This takes back all migrations: all tables go.")
    else:
        given.note(reading, MIGRATES, "This takes back migrations; what they had added is lost.")


@program(
    *word_set(
        "manage.py django-admin flask rails rake-db artisan prisma knex sequelize typeorm mikro-orm drizzle-kit "
        "flyway liquibase goose migrate dbmate sqitch atlas diesel sqlx ecto phinx doctrine bytebase skeema gh-ost "
        "pt-online-schema-change pt-archiver yoyo pgroll sqldef console supabase hasura wp drush bin/console"
    )
)
def _migrations(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "--settings --pythonpath --database --schema -d -e --env --url --config -c --knexfile --name -n -m",
    )
    words = [word for word in given.operands if not re.match(r"[\w.-]+=", word.text)]
    if not words or given.exactly("--version", "-V", "--help", "-h"):
        return
    if not words[0].known:
        run_unread(reading, words[0])
        return
    text = " ".join(word.text for word in words[:3]).lower()
    shown = f"{command.name} {text}"[:100]
    for rule, level, pattern, message in _MIGRATION_WORDS:
        if re.search(pattern, text):
            reading.doubt()
            if rule is not None:
                forced = level
                if rule is MIGRATES and given.has("--force-reset", "--accept-data-loss", "--force", "--drop"):
                    rule, forced = (
                        (GONE, None) if given.has("--force-reset", "--accept-data-loss", "--drop") else (rule, level)
                    )
                reading.add(rule, f"{message}: {shown}.", command.line, forced)
            return
    run_unread(reading, f"the project's command {shown}", command.line)


_MIGRATION_WORDS: tuple[tuple[RiskRule | None, RiskLevel | None, str, str], ...] = (
    (
        GONE,
        None,
        r"\bflush\b|db:(?:drop|reset|purge|wipe|fresh|migrate:reset|schema:load|setup|truncate_all)|migrate[: "
        r"](?:reset|fresh|refresh)"
        r"|db:(?:migrate:undo:all|wipe)|migrate:(?:reset|rollback:all)|drop[ "
        r"-]?all|dropall|\bclean\b|schema:drop|\breset_db\b|\bsqlflush\b"
        r"|\bmigrate \w+ zero\b|database drop|db (?:drop|reset|push --force-reset)|\bdrop\b|sql-drop|site-install"
        r"|\bempty\b|db[: "
        r"]reset|migrate:undo:all|zap",
        "This deletes what is in the database",
    ),
    (
        MIGRATES,
        None,
        r"rollback|downgrade|\bdown\b|undo|revert|redo|\bunapply\b|db:migrate:down|migration:run|step:-",
        "This takes back migrations; what they had added is lost",
    ),
    (
        DRAFTS,
        None,
        r"makemigrations|\bmigrate:make\b|migration:(?:create|generate)|make:\w+|generate|\bg "
        r"\w+|\bnew\b|\bcreate\b(?!.*db)"
        r"|revision|startapp|startproject|makemessages|compilemessages|migrate "
        r"diff|seed:make|\badd\b|introspect|db pull|format|init\b"
        r"|squashmigrations",
        "This writes files of the project",
    ),
    (
        None,
        None,
        r"showmigrations|sqlmigrate|\bstatus\b|\bhistory\b|\bcurrent\b|\binfo\b|\bcheck\b|validate|db:version"
        r"|db:migrate:status|routes"
        r"|\bdiff(?:settings)?\b|inspectdb|\blist\b|migrate:(?:status|list|currentversion)|\babout\b|\bshow\b"
        r"|\bheads\b|version|db:abort|\bstats\b"
        r"|notes|findstatic|\bhelp\b|route:list|dump",
        "",
    ),
    (PROJECT, None, r"^test\b|^spec\b|\blint\b", "This runs the project's tests"),
    (
        PROJECT,
        None,
        r"runserver|^run\b|^server?\b|^s$|^serve\b|^dev\b|studio|start$|collectstatic|assets:|compilestatic"
        r"|^build\b|cache:clear"
        r"|clear-cache|clearsessions|^cr$|optimize",
        "This runs the project's program",
    ),
    (MIGRATES, CRITICAL, r"sqlreset|reset$", "This deletes what is in the database"),
    (
        MIGRATES,
        None,
        r"migrat|upgrade|\bup\b|update|apply|deploy|push|latest|sync|repair|stamp|baseline|changelog|execute"
        r"|--execute|setup",
        "This changes the database by the project's migrations",
    ),
    (RESTORES, MEDIUM, r"seed|loaddata|import|createcachetable", "This writes data into the database"),
    (
        USERS,
        None,
        r"createsuperuser|changepassword|user (?:create|delete|update)|password",
        "This changes who may use the application",
    ),
    (
        MIGRATES,
        None,
        r"shell|console|dbshell|dbconsole|runner|\bc\b|tinker|eval|runscript|^sql\b|exec",
        "This runs code on the application",
    ),
)
