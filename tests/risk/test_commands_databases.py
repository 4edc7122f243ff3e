"""What clients and tools of databases would do."""

import pytest

from tests.risk.commands import level_of, reading_of, table

# SQL is understood as far as its own reader says so; its tests are elsewhere.
SQL = [
    ("safe", "psql shop -c 'SELECT 1'"),
    ("safe", r"psql shop -c '\dt'"),
    ("safe", "mysql shop -e 'SELECT 1'"),
    ("safe", "sqlite3 a.db .tables"),
    ("medium", "psql shop -v ON_ERROR_STOP=1 -c 'UPDATE a SET b = 1 WHERE id = 8'"),
    ("critical", "psql -h db1 shop -c 'DROP TABLE orders'"),
    ("critical", "psql --command='DROP TABLE orders' shop"),
    ("critical", "mysql -u root -e 'DROP DATABASE shop'"),
    ("critical", "sqlite3 a.db 'DELETE FROM orders'"),
    ("critical", "sqlcmd -S db1 -Q 'DROP TABLE orders'"),
]
CASES = table(
    """
    safe psql -l
    safe mongosh shop --eval 'db.orders.find({a: 1})'
    safe redis-cli get a
    safe redis-cli --bigkeys
    safe pg_ctl status
    safe etcdctl get /a
    safe pg_restore -l shop.dump
    safe? alembic current
    safe? ./manage.py showmigrations
    safe? flyway info
    low? psql shop
    low pg_dump shop -f shop.dump
    low? ./manage.py makemigrations
    low? npx prisma generate
    low? rails test
    medium createdb shop
    high? psql shop -f changes.sql
    high? mongosh x.js
    high? sqlite3 a.db '.read x.sql'
    high? psql shop -c $X
    high? alembic upgrade head
    high? alembic downgrade -1
    high? ./manage.py migrate
    high? rails db:migrate
    high? npx prisma migrate deploy
    high createuser ada
    high pg_ctl stop
    critical dropdb shop
    critical pg_restore --clean -d shop shop.dump
    critical mongorestore --drop dump
    critical mysqladmin drop shop
    critical alembic downgrade base
    critical? npx prisma migrate reset --force
    critical? npx prisma db push --force-reset
    critical? ./manage.py flush --no-input
    critical? bundle exec rails db:drop
    critical? ./artisan migrate:fresh
    critical? php artisan migrate:fresh
    critical? python3 manage.py flush --no-input
    critical? flyway clean
    critical redis-cli -h 10.0.0.5 CONFIG SET dir /root/.ssh
    critical redis-cli FLUSHALL
    critical mongosh shop --eval 'db.orders.deleteMany({})'
    critical cypher-shell 'MATCH (n) DETACH DELETE n'
    critical cqlsh -e 'DROP KEYSPACE shop'
    critical etcdctl del / --prefix
    """
)


@pytest.mark.parametrize(("level", "command"), SQL)
def test_sql_for_a_client_is_read(level, command):
    reading = reading_of(command)
    assert level_of(reading).value == level, reading.findings


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_of_a_database_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings


@pytest.mark.parametrize(
    ("command", "given", "given_from", "level"),
    [
        ("psql shop", "SELECT 1;", "", "safe"),
        ("psql shop", "TRUNCATE orders", "", "critical"),
        ("sqlite3 a.db", "DROP TABLE orders;", "", "critical"),
        ("redis-cli", "GET a\nFLUSHALL", "", "critical"),
        ("psql shop", None, "files", "high"),
        ("mysql shop", None, "download", "critical"),
    ],
)
def test_statements_from_standard_input_are_read(command, given, given_from, level):
    assert level_of(reading_of(command, given=given, given_from=given_from)).value == level


def test_hosts_and_databases_are_named():
    touches = reading_of("psql -h db1.example.com -d shop -c 'SELECT 1'").touches
    assert touches.hosts == ("db1.example.com",)
    assert touches.databases == ("shop",)
    assert reading_of("mongosh mongodb://u:p@db2:27017/shop --eval 'db.a.find()'").touches.hosts == ("db2",)
