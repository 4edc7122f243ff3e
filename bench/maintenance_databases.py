"""The databases of `bench.maintenance`: each of another kind, with queries that are slow in it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Made:
    """A database: how it is made, and its workload. Tables of more than `rows` rows are tried on samples."""

    name: str
    setup: str
    workload: str
    slow_ms: float = 5.0
    rows: int = 500_000


def _numbers(count: int) -> str:
    return f"FROM generate_series(1, {count}) AS i"


DATABASES = (
    Made(
        "pgbench",
        "CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));"
        "CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp);"
        f"INSERT INTO pgbench_accounts SELECT i, i % 20, hashint4(i) % 5000, '' {_numbers(400_000)};"
        f"INSERT INTO pgbench_history SELECT i % 200, i % 20, hashint4(i) & 262143, i, now() {_numbers(300_000)};",
        "-- name: history of an account\nSELECT * FROM pgbench_history WHERE aid = 4711;"
        "-- name: lowest balances of a branch\n"
        "SELECT aid FROM pgbench_accounts WHERE bid = 7 ORDER BY abalance LIMIT 10;",
    ),
    Made(
        "camel-shop",
        'CREATE TABLE "Bestellungen" ("Id" int PRIMARY KEY, "KundenNr" int, "Größe" text, "Angelegt" timestamptz);'
        'INSERT INTO "Bestellungen" SELECT i, hashint4(i) & 32767, (hashint4(i) % 50)::text, '
        f"'2026-01-01'::timestamptz + i * interval '1 minute' {_numbers(300_000)};",
        '-- name: of a customer\nSELECT * FROM "Bestellungen" B WHERE b."KundenNr" = 77;'
        '-- name: newest of a size\nSELECT * FROM "Bestellungen" WHERE "Größe" = \'-7\' '
        'ORDER BY "Angelegt" DESC LIMIT 5;',
    ),
    Made(
        "tenants",
        "".join(
            f"CREATE SCHEMA t{tenant}; CREATE TABLE t{tenant}.orders (id int PRIMARY KEY, customer int, state text);"
            f"INSERT INTO t{tenant}.orders SELECT i, hashint4(i) & 16383, 's' || i % {tenant * 20} {_numbers(200_000)};"
            for tenant in (1, 2, 3)
        ),
        "".join(
            f"-- name: tenant {tenant}\nSELECT * FROM T{tenant}.Orders WHERE Customer = {tenant};"
            for tenant in (1, 2, 3)
        ),
    ),
    Made(
        "orm",
        "CREATE TABLE app_user (id int PRIMARY KEY, email text, group_id int);"
        "CREATE TABLE app_group (id int PRIMARY KEY, name text);"
        "CREATE TABLE app_post (id int PRIMARY KEY, author_id int, created_at timestamptz, published bool);"
        "CREATE TABLE app_comment (id int PRIMARY KEY, post_id int, author_id int, body text);"
        f"INSERT INTO app_group SELECT i, 'g' || i {_numbers(500)};"
        f"INSERT INTO app_user SELECT i, 'u' || i || '@example.com', 1 + i % 500 {_numbers(50_000)};"
        "INSERT INTO app_post SELECT i, 1 + (hashint4(i) & 32767), now() - i * interval '1 min', i % 9 > 0 "
        f"{_numbers(200_000)};"
        "INSERT INTO app_comment SELECT i, 1 + (hashint4(i) & 131071), 1 + (hashint4(-i) & 32767), 'c' "
        f"{_numbers(400_000)};",
        "-- name: comments on posts of a user\nSELECT c.body FROM app_user u JOIN app_post p ON p.author_id = u.id "
        "JOIN app_comment c ON c.post_id = p.id WHERE u.email = 'u4711@example.com';"
        "-- name: members who wrote\nSELECT count(*) FROM app_user u WHERE u.group_id = 9 AND EXISTS "
        "(SELECT 1 FROM app_post p WHERE p.author_id = u.id AND p.published);"
        "-- name: sign-in\nSELECT * FROM app_user WHERE lower(email) = 'u99@example.com';",
    ),
    Made(
        "events",
        "CREATE TABLE events (id bigint PRIMARY KEY, kind text, at timestamptz, account int, payload jsonb);"
        "INSERT INTO events SELECT i, 'k' || (hashint4(i) & 63), '2026-01-01'::timestamptz + i * interval '1 s', "
        f"hashint4(-i) & 65535, jsonb_build_object('n', i) {_numbers(400_000)};",
        "-- name: newest of an account\nSELECT * FROM events WHERE account = 815 ORDER BY at DESC LIMIT 10;"
        "-- name: a kind in an hour\nSELECT count(*) FROM events WHERE kind = 'k7' AND "
        "at BETWEEN '2026-01-02 10:00' AND '2026-01-02 11:00';",
    ),
    Made(
        "archive",
        "CREATE TABLE archive (id bigint PRIMARY KEY, box int, code text, stored date);"
        "INSERT INTO archive SELECT i, hashint4(i) & 524287, md5(i::text), '2000-01-01'::date + i / 400 "
        f"{_numbers(3_000_000)};",
        "-- name: a box\nSELECT * FROM archive WHERE box = 4711;"
        "-- name: a code\nSELECT * FROM archive WHERE code = md5('99');"
        "-- name: a day\nSELECT count(*) FROM archive WHERE stored = '2010-03-04';",
        slow_ms=20,
    ),
    Made(
        "sampled-join",
        "CREATE TABLE invoice (id int PRIMARY KEY, customer int, total int);"
        "CREATE TABLE line (id int PRIMARY KEY, invoice_id int, product int, amount int);"
        f"INSERT INTO invoice SELECT i, hashint4(i) & 65535, i % 900 {_numbers(600_000)};"
        f"INSERT INTO line SELECT i, 1 + i / 2, hashint4(i) & 4095, 1 {_numbers(1_000_000)};",
        "-- name: lines of a customer\nSELECT l.* FROM invoice i JOIN line l ON l.invoice_id = i.id "
        "WHERE i.customer = 9;"
        "-- name: a product\nSELECT sum(amount) FROM line WHERE product = 77;",
        slow_ms=10,
        rows=200_000,
    ),
    Made(
        "sensors",
        "CREATE TABLE reading (sensor int, at timestamptz, value float8);"
        "INSERT INTO reading SELECT hashint4(i) & 1023, '2026-01-01'::timestamptz + i * interval '5 s', i % 100 "
        f"{_numbers(500_000)};",
        "-- name: last value\nSELECT value FROM reading WHERE sensor = 12 ORDER BY at DESC LIMIT 1;"
        "-- name: a day of a sensor\nSELECT avg(value) FROM reading WHERE sensor = 12 AND at >= '2026-01-05' "
        "AND at < '2026-01-06';"
        "-- name: newest\nSELECT max(at) FROM reading;",
    ),
    Made(
        "mail",
        "CREATE TABLE message (id int PRIMARY KEY, box int, seen bool, sent timestamptz, subject text);"
        "INSERT INTO message SELECT i, hashint4(i) & 8191, i % 40 > 0, now() - i * interval '1 min', "
        f"md5(i::text) {_numbers(300_000)};",
        "-- name: unseen\nSELECT count(*) FROM message WHERE box = 5 AND NOT seen;"
        "-- name: newest\nSELECT * FROM message WHERE box = 5 ORDER BY sent DESC LIMIT 20;"
        "-- name: subject\nSELECT id FROM message WHERE subject LIKE 'abcde%';",
    ),
    Made(
        "graph",
        "CREATE TABLE edge (source int, target int, kind text);"
        f"INSERT INTO edge SELECT hashint4(i) & 65535, hashint4(-i) & 65535, 'e' || i % 5 {_numbers(400_000)};",
        "-- name: two steps\nSELECT count(*) FROM edge a JOIN edge b ON b.source = a.target WHERE a.source = 17;"
        "-- name: back\nSELECT * FROM edge WHERE target = 17 AND kind = 'e3';",
    ),
    Made(
        "stock",
        "CREATE TABLE product (sku text PRIMARY KEY, supplier int, name text);"
        "CREATE TABLE movement (id int, sku text, delta int, at date);"
        f"INSERT INTO product SELECT 'P' || i, i % 300, 'n' || i {_numbers(50_000)};"
        "INSERT INTO movement SELECT i, 'P' || (1 + i % 50000), i % 7, '2020-01-01'::date + i / 300 "
        f"{_numbers(500_000)};",
        "-- name: stock of a supplier\nSELECT p.sku, sum(m.delta) FROM product p JOIN movement m USING (sku) "
        "WHERE p.supplier = 12 GROUP BY p.sku;"
        "-- name: moved on a day\nSELECT count(*) FROM movement WHERE at = '2022-05-06';",
    ),
    Made(
        "tickets",
        "CREATE TABLE ticket (id int PRIMARY KEY, state text, assignee int, due date, title text);"
        "INSERT INTO ticket SELECT i, CASE WHEN i % 50 = 0 THEN 'open' ELSE 'closed' END, hashint4(i) & 255, "
        f"'2026-01-01'::date + i % 900, md5(i::text) {_numbers(300_000)};",
        "-- name: open of somebody\nSELECT * FROM ticket WHERE state = 'open' AND assignee = 7 ORDER BY due;"
        "-- name: due next\nSELECT * FROM ticket WHERE state = 'open' ORDER BY due LIMIT 10;"
        "-- name: unassigned\nSELECT count(*) FROM ticket WHERE assignee IS NULL;",
    ),
    Made(
        "bookings",
        "CREATE TABLE booking (id int PRIMARY KEY, room int, starts timestamptz, ends timestamptz, guest text);"
        "INSERT INTO booking SELECT i, i % 2000, '2026-01-01'::timestamptz + (i / 2000) * interval '1 day', "
        f"'2026-01-02'::timestamptz + (i / 2000) * interval '1 day', 'g' || hashint4(i) {_numbers(300_000)};",
        "-- name: a room in a week\nSELECT * FROM booking WHERE room = 12 AND starts < '2026-03-08' "
        "AND ends > '2026-03-01';"
        "-- name: arrivals\nSELECT count(*) FROM booking WHERE starts = '2026-04-01';",
    ),
    Made(
        "numbers-as-text",
        "CREATE TABLE meter (number varchar(20), region char(2), since date);"
        "INSERT INTO meter SELECT lpad(i::text, 12, '0'), CASE i % 3 WHEN 0 THEN 'BE' WHEN 1 THEN 'NL' ELSE 'LU' END, "
        f"'1990-01-01'::date + i % 9000 {_numbers(300_000)};",
        "-- name: a meter\nSELECT * FROM meter WHERE number = '000000004711';"
        "-- name: since a day\nSELECT count(*) FROM meter WHERE region = 'NL' AND since = '2001-02-03';",
    ),
    Made(
        "wide",
        "CREATE TABLE wide (id int PRIMARY KEY, "
        + ", ".join(f"c{number} text DEFAULT 'xxxxxxxxxxxx'" for number in range(40))
        + ", owner int, state int);"
        f"INSERT INTO wide (id, owner, state) SELECT i, hashint4(i) & 4095, i % 10 {_numbers(100_000)};",
        "-- name: of an owner\nSELECT id, c7 FROM wide WHERE owner = 12 AND state = 3;"
        "-- name: several owners\nSELECT id FROM wide WHERE owner IN (1, 2, 3);",
    ),
    Made(
        "skewed",
        "CREATE TABLE visit (id int PRIMARY KEY, country text, page int);"
        "INSERT INTO visit SELECT i, CASE WHEN i % 1000 = 0 THEN 'IS' ELSE 'US' END, hashint4(i) & 255 "
        f"{_numbers(500_000)};",
        "-- name: rare\nSELECT * FROM visit WHERE country = 'IS' AND page = 9;"
        "-- name: common\nSELECT count(*) FROM visit WHERE country = 'US' AND page = 9;",
    ),
    Made(
        "expressions",
        "CREATE TABLE person (id int PRIMARY KEY, name text, born timestamp);"
        "INSERT INTO person SELECT i, 'Name' || hashint4(i), '1950-01-01'::timestamp + i * interval '2 hours' "
        f"{_numbers(250_000)};",
        "-- name: any case\nSELECT * FROM person WHERE upper(name) = 'NAME12345';"
        "-- name: on a day\nSELECT count(*) FROM person WHERE born::date = '1980-02-03';",
    ),
    Made(
        "with-indexes",
        "CREATE TABLE audit (id int PRIMARY KEY, actor int, verb text, at timestamptz);"
        "INSERT INTO audit SELECT i, hashint4(i) & 31, 'v' || i % 30, now() - i * interval '1 s' "
        f"{_numbers(300_000)};"
        "CREATE INDEX ON audit (actor); CREATE INDEX ON audit (verb);",
        "-- name: newest of an actor\nSELECT * FROM audit WHERE actor = 3 ORDER BY at DESC LIMIT 5;"
        "-- name: a verb of an actor\nSELECT count(*) FROM audit WHERE actor = 3 AND verb = 'v7';",
        slow_ms=0.2,
    ),
    Made(
        "cte",
        "CREATE TABLE account (id int PRIMARY KEY, parent int, owner int);"
        f"INSERT INTO account SELECT i, i / 3, hashint4(i) & 8191 {_numbers(300_000)};",
        "-- name: below\nWITH RECURSIVE t AS (SELECT id FROM account WHERE id = 5000 UNION ALL "
        "SELECT a.id FROM account a JOIN t ON a.parent = t.id) SELECT count(*) FROM t;"
        "-- name: of an owner\nWITH mine AS (SELECT * FROM account WHERE owner = 44) SELECT count(*) FROM mine;",
    ),
    Made(
        "views",
        "CREATE TABLE sale (id int PRIMARY KEY, shop int, day date, amount int);"
        f"INSERT INTO sale SELECT i, hashint4(i) & 511, '2024-01-01'::date + i / 500, i % 99 {_numbers(400_000)};",
        "-- name: a shop in a month\nSELECT sum(amount) FROM sale WHERE shop = 4 AND day >= '2025-02-01' "
        "AND day < '2025-03-01';"
        "-- name: best days\nSELECT day, sum(amount) FROM sale WHERE shop = 4 GROUP BY day ORDER BY 2 DESC LIMIT 3;",
    ),
    Made(
        "keys",
        "CREATE TABLE session (token uuid, user_id int, expires timestamptz);"
        "INSERT INTO session SELECT md5(i::text)::uuid, hashint4(i) & 65535, "
        f"now() + (i % 1000) * interval '1 min' {_numbers(300_000)};",
        "-- name: by token\nSELECT * FROM session WHERE token = md5('77')::uuid;"
        "-- name: of a user\nSELECT count(*) FROM session WHERE user_id = 3 AND expires > now();",
    ),
    Made(
        "outer-joins",
        "CREATE TABLE item (id int PRIMARY KEY, list int); CREATE TABLE mark (item_id int, color text);"
        f"INSERT INTO item SELECT i, hashint4(i) & 8191 {_numbers(200_000)};"
        f"INSERT INTO mark SELECT 1 + (hashint4(i) & 131071), 'c' || i % 9 {_numbers(300_000)};",
        "-- name: marks of a list\nSELECT i.id, m.color FROM item i LEFT JOIN mark m ON m.item_id = i.id "
        "WHERE i.list = 5;"
        "-- name: without marks\nSELECT count(*) FROM item i WHERE i.list = 5 AND NOT EXISTS "
        "(SELECT 1 FROM mark m WHERE m.item_id = i.id);",
    ),
    Made(
        "queue",
        "CREATE TABLE job (id int PRIMARY KEY, queue text, state text, priority int, at timestamptz);"
        "INSERT INTO job SELECT i, 'q' || i % 20, CASE WHEN i % 200 = 0 THEN 'todo' ELSE 'done' END, i % 5, "
        f"now() - i * interval '1 s' {_numbers(400_000)};",
        "-- name: next\nSELECT * FROM job WHERE state = 'todo' AND queue = 'q0' ORDER BY priority DESC, at LIMIT 1;"
        "-- name: waiting\nSELECT count(*) FROM job WHERE state = 'todo';",
    ),
    Made(
        "geography",
        "CREATE TABLE place (id int PRIMARY KEY, lat float8, lon float8, kind int);"
        "INSERT INTO place SELECT i, (hashint4(i) % 9000) / 100.0, (hashint4(-i) % 18000) / 100.0, i % 200 "
        f"{_numbers(300_000)};",
        "-- name: in a box\nSELECT count(*) FROM place WHERE lat BETWEEN 50 AND 50.2 AND lon BETWEEN 4 AND 5;"
        "-- name: of a kind\nSELECT * FROM place WHERE kind = 7 AND lat > 80;",
    ),
    Made(
        "small",
        f"CREATE TABLE setting (id int PRIMARY KEY, name text); INSERT INTO setting SELECT i, 'n' || i {_numbers(300)};"
        "CREATE TABLE log (id int PRIMARY KEY, setting int, text text);"
        f"INSERT INTO log SELECT i, i % 300, md5(i::text) {_numbers(300_000)};",
        "-- name: log of a setting\nSELECT l.text FROM setting s JOIN log l ON l.setting = s.id WHERE s.name = 'n7';",
    ),
)
"""Twenty-five databases."""
