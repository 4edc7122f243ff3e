"""What commands of Redis, operations of MongoDB, and statements of Cypher would do."""

import json
import time

import pytest

from app.risk.reading import Reading
from app.risk.rules import RULES
from app.risk.stores import cypher, mongo, redis  # noqa: F401 - their rules are in the catalog once they are imported
from tests.risk.commands import level_of, table

REDIS = table(
    """
    safe GET a
    safe hgetall session:8f2a
    safe CONFIG GET maxmemory
    safe SCAN 0 MATCH a*
    low SADD tags a
    low EXPIRE a 60
    medium SET a b
    medium DEL a
    medium KEYS *
    medium? FROB a
    high DEL a b c d
    high CONFIG GET requirepass
    high CONFIG SET maxmemory 1mb
    high? EVAL 'return 1' 0
    high SHUTDOWN NOSAVE
    high REPLICAOF NO ONE
    critical FLUSHALL
    critical flushdb async
    critical CONFIG SET dir /root/.ssh
    critical REPLICAOF 10.0.0.1 6379
    critical MODULE LOAD /tmp/x.so
    """
)
MONGO = table(
    """
    safe db.orders.find({state: 'open'}).limit(5)
    safe db.orders.aggregate([{$match: {a: 1}}, {$count: 'n'}])
    safe db.tags.find({name: 'drop()'})
    safe rs.status()
    safe {"find": "orders", "filter": {}}
    safe {"operation": "find", "collection": "orders", "filter": {"state": "open"}}
    low db.orders.insertOne({a: 1})
    medium db.orders.updateOne({_id: 1}, {$set: {a: 1}})
    medium db.orders.deleteOne({_id: 1})
    medium {"delete": "orders", "deletes": [{"q": {"_id": 1}, "limit": 1}]}
    medium db.orders.createIndex({a: 1})
    medium? db.orders.frobnicate({})
    high db.orders.updateMany({}, {$set: {a: 1}})
    high db.orders.deleteMany({state: 'x'})
    high db.orders.dropIndex('a')
    high db.a.aggregate([{$match: {}}, {$out: 'b'}])
    high db.adminCommand({shutdown: 1})
    high db.createUser({user: 'x', pwd: 'y', roles: ['root']})
    high? load('x.js')
    high? db.a.find({$where: 'sleep(1)'})
    high? db['orders']['deleteMany']({})
    high? const f = db.orders.drop; f()
    safe show dbs
    safe db.orders.find({name: /o'neill/i})
    medium? rm -rf /
    medium? éloquent()
    medium? [1, 2]
    critical x = /'/; db.dropDatabase(); y = /'/
    critical `it's`; db.dropDatabase(); `it's`
    critical 'a db.dropDatabase()
    critical /* a db.dropDatabase()
    critical db.orders.deleteMany({})
    critical db.orders.remove()
    critical db.orders.deleteMany({_id: {$exists: true}})
    critical db.orders.drop()
    critical db.getSiblingDB('shop').dropDatabase()
    critical db.getCollectionNames().forEach(c => db[c].drop())
    critical {"operation": "deleteMany", "collection": "orders", "filter": {}}
    critical {"op": "delete_many", "collection": "orders"}
    critical {"delete": "orders", "deletes": [{"q": {}, "limit": 0}]}
    critical {"dropDatabase": 1}
    """
)
CYPHER = table(
    """
    safe MATCH (p:Person) RETURN count(p)
    safe MATCH (n) WHERE n.name = 'DETACH DELETE' RETURN n
    safe CALL db.labels()
    safe SHOW INDEXES
    medium CREATE (n:Tag {name: 'DELETE'})
    medium MATCH (p:Person {id: 17}) SET p.city = 'Bonn'
    medium MATCH (p:Person) WHERE p.id = 17 DETACH DELETE p
    medium? CALL my.procedure()
    high MATCH (p:Person) SET p.seen = true
    high MATCH (p:Person) WHERE p.age > 3 DETACH DELETE p
    high DROP INDEX people
    high LOAD CSV FROM 'file:///etc/passwd' AS row RETURN row
    high GRANT ROLE admin TO x
    critical MATCH (n) DETACH DELETE n
    critical MATCH (p:Person) DETACH DELETE p
    critical MATCH (n) WHERE n.id IS NOT NULL DETACH DELETE n
    critical MATCH (n) /* {id: 1} */ DETACH DELETE n
    critical CALL apoc.cypher.run('MATCH (n) DETACH DELETE n', {})
    critical RETURN 1; MATCH (n) DETACH DELETE n
    critical MATCH (n:`it's`) DETACH DELETE n // `it's`
    critical DROP DATABASE shop
    """
)
CASES = [("redis", *row) for row in REDIS] + [("mongo", *row) for row in MONGO] + [("cypher", *row) for row in CYPHER]


def reading_of(language: str, text: str) -> Reading:
    reading = Reading()
    reading.read(language, text)
    return reading


@pytest.mark.parametrize(("language", "level", "understood", "text"), CASES)
def test_a_statement_has_its_level(language, level, understood, text):
    reading = reading_of(language, text)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.language in ("redis", "mongo", "cypher")])
def test_a_rule_is_triggered_by_its_example_and_not_by_the_harmless_one(rule):
    assert rule.id in {found.rule for found in reading_of(rule.language, rule.example).findings}
    assert rule.id not in {found.rule for found in reading_of(rule.language, rule.harmless).findings}


def test_findings_have_the_line_of_their_statement():
    assert [found.line for found in reading_of("redis", "GET a\n\nFLUSHALL").findings] == [3]
    assert [found.line for found in reading_of("mongo", "db.a.find({})\ndb.a.drop()").findings] == [2]
    assert [found.line for found in reading_of("cypher", "MATCH (n)\nRETURN n;\n\nMATCH (n) DELETE n").findings] == [4]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("redis", "SET a b\n" * 100_000),
        ("redis", "SET " + '"' * 200_000),
        ("mongo", "db.a(" * 50_000),
        ("mongo", json.dumps([{"delete": "a", "deletes": [{"q": {}}] * 50}] * 2_000)),
        ("mongo", "{" * 200_000),
        ("mongo", "a" * 200_000),
        ("mongo", "a1" * 100_000),
        ("mongo", "'\\'" * 80_000),
        ("mongo", "/* " * 80_000),
        ("mongo", "(/[" * 80_000),
        ("mongo", "`a" * 100_001),
        ("cypher", "MATCH (n) " * 25_000),
        ("cypher", "'" * 200_001 + "/*" * 10_000),
        ("cypher", "'\\'" * 80_000),
        ("cypher", "/* " * 80_000),
        ("cypher", "apoc.cypher.run(" * 10_000),
    ],
)
def test_hostile_text_is_read_in_bounded_time(language, text):
    began = time.process_time()
    reading_of(language, text)
    assert time.process_time() - began < 3
