"""Clients of stores of data: Redis, MongoDB, Elasticsearch, Neo4j, Cassandra, message queues, and stores of secrets."""

from __future__ import annotations

import re

from app.risk.commands import secret_stores
from app.risk.effects import run_dynamic
from app.risk.python import databases, networks
from app.risk.python.clients import DATA, Use, library
from app.risk.python.values import ANY, Value, rendered, text_of
from app.risk.rules import declare, word_set
from app.risk.stores import redis
from app.risk.words import UNKNOWN
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

STORE_GONE = declare(
    "python.store_gone", CRITICAL, "Deletes an index, a queue, a topic, or everything that a store keeps.",
    "from elasticsearch import Elasticsearch\nElasticsearch().indices.delete(index='orders')",
    "from elasticsearch import Elasticsearch\nElasticsearch().indices.get(index='orders')", language="python",
)  # fmt: skip
STORE_CHANGES = declare(
    "python.store_changes", MEDIUM, "Changes or deletes something in a store of data.",
    "from elasticsearch import Elasticsearch\nElasticsearch().delete(index='orders', id='5')",
    "from elasticsearch import Elasticsearch\nElasticsearch().get(index='orders', id='5')", language="python",
)  # fmt: skip

_REDIS_PARTS = word_set("config client script acl cluster function memory slowlog module latency pubsub object command")
_REDIS_LEADS = word_set(
    "pipeline register_script lock from_url pubsub execute watch multi immediate_execute_command get_connection_kwargs "
    "close aclose connection_pool json ft ts bf ping transaction reset listen get_message subscribe psubscribe "
    "set_response_callback"
)


@library("redis", "aioredis", "rediscluster", "valkey")
def call_redis(use: Use) -> Value | None:
    """Judge a call of a client for Redis as the command of the same name."""
    made, method = use.made, use.method
    if method[:1].isupper() or method in _REDIS_LEADS or "Script" in use.path:
        return use.result()
    listing = method in ("keys", "scan_iter", "scan")
    chosen = any(re.search(r"[^*]", value.text or UNKNOWN) for value in [*made.arguments, *made.keywords.values()])
    if listing:
        if method == "keys":
            redis.read_words(["KEYS", "*"], made.reading, made.line)
        return Value(kind=DATA, marks=frozenset() if chosen else frozenset({"listed"}))
    if method == "execute_command":
        words = [text_of(value) for value in made.arguments]
        words = [*"".join(words[:1]).split(), *words[1:]] or [UNKNOWN]
    else:
        name = {"delete": "del", "setex": "setex"}.get(method, method)
        words = name.split("_", 1) if name.split("_")[0] in _REDIS_PARTS and "_" in name else [name.replace("_", "")]
        words += [part for value in made.arguments for part in _redis_words(value)]
    if words[0].lower() in ("del", "unlink") and use.everything:
        made.reading.add(redis.ALL, f"This calls {use.shown} for all keys.", made.line)
        return Value(kind=DATA)
    if made.many and words[0].lower() in ("del", "unlink"):
        words.append(UNKNOWN)
    redis.read_words(words, made.reading, made.line)
    return Value(kind=DATA)


def _redis_words(value: Value) -> list[str]:
    if value.items is not None:
        return [text_of(item) for item in value.items]
    return [text_of(value)]


_MONGO_LEADS = word_set(
    "get_database get_default_database get_collection with_options start_session with_transaction start_transaction "
    "close admin client database codec_options initialize_ordered_bulk_op"
)
_MONGO_DATA = word_set("inserted_id inserted_ids deleted_count modified_count matched_count to_list")


@library("pymongo", "motor", "beanie", "umongo", "mongomock")
def call_mongo(use: Use) -> Value | None:
    """Judge a call of a client for MongoDB as that of its shell."""
    made, method = use.made, use.method
    if method[:1].isupper():
        if method in ("DeleteMany", "UpdateMany", "DeleteOne", "InsertOne", "UpdateOne", "ReplaceOne"):
            return Value(method, kind="json", items=tuple(made.arguments))
        return use.result()
    if method in _MONGO_LEADS or method in _MONGO_DATA or use.path[0] == "mongomock":
        return use.result()
    if method in ("commit_transaction", "abort_transaction"):
        return Value(kind=DATA)
    name = use.verb + "".join(word.capitalize() for word in use.words[1:])
    name = {"dropCollection": "drop", "remove": "deleteMany", "rename": "renameCollection"}.get(name, name)
    arguments = [rendered(value) for value in (*made.arguments, *made.keywords.values())]
    if not arguments and method in ("delete_many", "remove"):
        arguments = ["{}"]
    if method in ("delete_many", "update_many", "delete_one", "update_one", "replace_one") and use.everything:
        made.reading.add(databases.ALL_ROWS, f"This calls {method} for everything that was listed.", made.line)
        return Value(kind=DATA)
    text = f"db.{'collection' if name != 'dropDatabase' else ''}.{name}({', '.join(arguments)})".replace("..", ".")
    text = re.sub(r'"(\w+|\$\w+)":', r"\1:", text.replace(UNKNOWN, "unknown"))
    made.reading.read("mongo", text, made.line, fixed=True)
    if made.many and re.match(r"(?:delete|update|replace)(?:One|_one)", name):
        made.reading.add(databases.MANY_ROWS, f"This calls {method} again and again.", made.line)
    if method == "bulk_write":
        for item in made.argument(0, "requests").items or ():
            if item.text in ("DeleteMany", "UpdateMany") and item.items and item.items[0].empty:
                made.reading.add(databases.ALL_ROWS, "This deletes or changes all documents.", made.line)
    lists = method in ("find", "distinct", "list_collection_names", "list_database_names", "aggregate")
    everything = lists and not any(not value.empty for value in made.arguments[:1]) and "filter" not in made.keywords
    return Value(kind=use.result().kind, marks=frozenset({"listed"}) if everything else frozenset())


_KEPT = word_set("indices snapshot ilm slm ingest")
_SEARCH_READS = word_set(
    "get search count exists info ping msearch mget scroll scan explain field cat stats health simulate analyze "
    "termvectors validate list knn resolve hits status state pending nodes tasks segments shard options render "
    "open_point_in_time async_search fielddata refresh flush"
)


@library("elasticsearch", "elasticsearch7", "elasticsearch8", "elasticsearch_dsl", "opensearchpy", "opensearch_dsl")
def call_search(use: Use) -> Value | None:
    """Judge a call of a client for Elasticsearch or OpenSearch."""
    made, method = use.made, use.method
    part = use.path[-1]
    if method[:1].isupper() or (use.verb in _SEARCH_READS and "secret" not in use.words):
        named = text_of(made.argument(0, "index", "name"))
        all_of_them = use.verb in ("get", "cat", "indices", "scan") and re.fullmatch(r"[*]|_all|\ufffc?|", named)
        marks = made.base.marks | ({"listed"} if all_of_them else frozenset())
        return Value(kind=use.result().kind, marks=marks)
    if method in ("indices", "filter", "query", "sort", "source", "extra", "params", "execute", "hits", "aggs"):
        return use.result()
    if method == "delete_by_query" or (method == "delete" and {"query", "filter"} & set(made.chain)):
        whole = re.search(r"match_all|\{\}", use.given) and "filter" not in use.given
        _store(use, CRITICAL if whole else HIGH, "the documents that match")
    elif part == "indices" and (use.verb in ("delete", "drop") and len(use.words) == 1):
        _store(use, CRITICAL, "an index with all documents")
    elif re.match(r"delete_data_stream|delete_index$", method) or (part == "snapshot" and use.verb == "delete"):
        _store(use, CRITICAL, "data or copies of it")
    elif part in ("security", "cluster", "license", "nodes") or re.search(r"password|api_key|role|user", method):
        _store(use, HIGH, "rights or the cluster")
    elif method == "update_by_query" or (part in _KEPT and re.match(r"close|delete|restore|freeze|put_sett", method)):
        _store(use, HIGH, "an index or how it is kept")
    elif use.verb == "delete" and use.everything and made.many:
        _store(use, CRITICAL, "all documents")
    elif use.verb in ("delete", "bulk", "parallel", "streaming"):
        deletes = "delete" in use.given
        _store(use, HIGH if made.many or deletes else MEDIUM, "documents")
    else:
        _store(use, MEDIUM, "documents or an index")
    return use.result()


def _store(use: Use, level: RiskLevel, what: str) -> None:
    rule = STORE_GONE if level is CRITICAL else STORE_CHANGES
    use.made.reading.add(rule, f"This calls {use.shown}, which changes or deletes {what}.", use.made.line, level)


@library("neo4j", "py2neo", "neomodel", "arango", "gremlin_python")
def call_graph(use: Use) -> Value | None:
    """Judge a call of a client for a store of graphs, whose language is Cypher."""
    made = use.made
    if use.method in ("run", "execute_query", "cypher_query", "query", "evaluate", "execute"):
        text = made.argument(0, "query", "query_", "statement", "cypher")
        if text.text is None:
            run_dynamic(made.reading, made.word(Value()), made.line)
        else:
            cypher = text.text.replace(UNKNOWN, "unknown")
            made.reading.read("cypher", cypher, made.line, fixed=True, within="In its Cypher: ")
        return Value(kind=DATA)
    whole = {"all", "database", "collection", "graph"} & set(use.words)
    if use.verb in ("delete", "drop") and whole:
        _store(use, CRITICAL, "everything in the graph")
        return use.result()
    return use.result() if use.method in _GRAPH_LEADS or use.method[:1].isupper() else None


_GRAPH_LEADS = word_set(
    "driver session begin_transaction execute_read execute_write read_transaction write_transaction close "
    "verify_connectivity data single consume value values fetch graph nodes relationships match basic_auth"
)
_CASSANDRA = word_set("connect execute execute_async prepare bind add shutdown set_keyspace result one all was_applied")


@library("cassandra", "scylla", "acsylla")
def call_cassandra(use: Use) -> Value | None:
    """Judge a call of a client for Cassandra, whose language is close to SQL."""
    made = use.made
    first = made.argument(0)
    if use.method in ("execute", "execute_async", "prepare", "add") and first.text is not None:
        keyspace = re.match(r"\s*drop\s+(?:keyspace|materialized\s+view|type)\b", first.text, re.IGNORECASE)
        if keyspace:
            made.reading.add(databases.DROPS, "This drops a keyspace with everything in it.", made.line)
        elif re.match(r"\s*(?:create|alter|use|batch|begin\s+batch)\b.*", first.text, re.IGNORECASE | re.DOTALL):
            made.reading.add(STORE_CHANGES, "This changes tables or rows.", made.line)
        else:
            databases.read_sql(made, first, "")
        return Value(kind=use.result().kind)
    return use.result() if use.method in _CASSANDRA or use.method[:1].isupper() else None


@library("alembic")
def call_migration(use: Use) -> Value | None:
    """Judge a step of a migration of a database's schema."""
    made, method = use.made, use.method
    if method == "execute":
        value = made.argument(0)
        if value.text is not None:
            databases.read_sql(made, value, "")
    elif method in ("drop_table", "drop_column"):
        made.reading.add(databases.DROPS, f"This calls {method}: what is in it is gone.", made.line)
    elif method in ("downgrade", "upgrade"):
        level = CRITICAL if method == "downgrade" and "base" in use.given else HIGH
        made.reading.add(STORE_CHANGES, "This runs migrations that have not been read.", made.line, level)
    elif method == "batch_alter_table":
        return use.result()
    elif use.verb in ("add", "create", "alter", "rename", "drop", "bulk"):
        text = made.shown.replace(" ", "")
        harmless = method == "create_table" or "postgresql_concurrently=True" in text
        tight = method == "add_column" and "nullable=False" in text and "server_default" not in text
        heavy = use.verb in ("alter", "rename") or method in ("create_index", "create_unique_constraint") or tight
        level = LOW if harmless else HIGH if heavy or use.verb == "drop" else MEDIUM
        made.reading.add(STORE_CHANGES, f"This calls {method}, which changes a table.", made.line, level)
    return use.result()


_QUEUE_READS = word_set(
    "list describe poll consume get subscribe connect channel close flush assign seek partitions offsets lag position "
    "committed pause resume metrics topics basic_consume basic_get start_consuming process_data_events begin end "
    "basic_qos add_callback socket context setsockopt term"
)


@library("kafka", "confluent_kafka", "aiokafka", "pika", "aio_pika", "kombu", "stomp", "nats", "pulsar", "zmq")
def call_queue(use: Use) -> Value | None:
    """Judge a call of a client for message queues."""
    made, words = use.made, set(use.words)
    if use.method[:1].isupper() or use.method == "Connection":
        return use.result()
    if use.verb in ("recv", "receive", "poll"):
        return use.result("download")
    if {"delete", "purge", "remove"} & words:
        lost = bool({"topics", "topic", "records", "stream", "vhost"} & words)
        lost = lost or (use.everything and made.many)
        _store(use, CRITICAL if lost else HIGH, "a queue or topic with its messages")
    elif use.method == "bind" and use.path[0] == "zmq":
        made.evaluator.facts.add("serves")
        made.reading.add(networks.SERVES, "This opens a port for other machines.", made.line)
    elif use.verb in _QUEUE_READS or use.method in _QUEUE_READS:
        return use.result("download") if use.verb in ("poll", "consume", "get", "basic") else use.result()
    elif {"alter", "incremental"} & words:
        _store(use, HIGH, "how long messages are kept, or who may read them")
    elif {"send", "publish", "produce", "declare", "create", "bind", "ack", "nack", "commit", "reject"} & words:
        _store(use, LOW if {"ack", "commit", "declare"} & words else MEDIUM, "messages or queues")
    else:
        return None
    return use.result()


_REVEALS = word_set("read get unwrap generate export reveal")


@library("hvac", "consul", "etcd3", "kazoo", "zookeeper", "infisical", "doppler", "onepasswordconnectsdk", "conjur")
def call_keeper(use: Use) -> Value | None:
    """Judge a call of a client for a store of secrets or settings."""
    made, words = use.made, set(use.words)
    vault = use.path[0] not in ("consul", "etcd3", "kazoo", "zookeeper")
    if use.method[:1].isupper() or use.method in ("client", "start", "stop", "close", "is_authenticated", "auth"):
        return use.result()
    if {"delete", "destroy", "remove", "disable", "seal", "revoke", "rm"} & words:
        wide = bool({"metadata", "all", "prefix", "seal", "disable", "destroy"} & words)
        wide = wide or bool(re.search(r"--recurs\w* true|--prefix true", use.given)) or (made.many and use.everything)
        shown = f"This calls {use.shown}, which deletes what is kept."
        made.reading.add(secret_stores.STORE_GONE, shown, made.line, CRITICAL if wide else HIGH)
    elif vault and _REVEALS & words and not {"health", "status"} & words:
        made.reading.add(secret_stores.SECRET, f"This calls {use.shown}, which reads secrets.", made.line)
        return Value(kind=DATA, marks=frozenset({"secret"}))
    elif {"create", "update", "set", "put", "write", "patch", "enable", "add", "configure", "tune", "login"} & words:
        level = MEDIUM if not vault or "login" in words else HIGH
        made.reading.add(secret_stores.STORE, f"This calls {use.shown}, which changes what is kept.", made.line, level)
    elif {"get", "list", "read", "exists", "watch", "keys", "lookup", "members", "nodes"} & words:
        return use.result("listed") if "list" in words or "prefix" in words or "children" in words else use.result()
    else:
        return use.result() if use.method in ("kv", "secrets", "v1", "v2", "agent", "health", "catalog") else None
    return use.result()


_DIRECTORY_READS = word_set("bind search open initialize set start unbind who simple sasl")


@library("ldap3", "ldap")
def call_directory(use: Use) -> Value | None:
    """Judge a call of a client for directories of people."""
    made = use.made
    if use.verb in ("ad", "addmembers") and {"add", "members"} & set(use.words):
        level = CRITICAL if re.search("admin", use.given) else HIGH
        made.reading.add(databases.ACCOUNTS, "This makes somebody a member of a group.", made.line, level)
        return ANY
    if use.method[:1].isupper() or use.verb in _DIRECTORY_READS:
        return use.result("listed") if "search" in use.method and "objectclass=*" in use.given else use.result()
    admins = re.search(r"domain admins|enterprise admins|administrators|cn=admins|schema admins|wheel|sudo", use.given)
    if admins and use.verb in ("modify", "add", "extend"):
        made.reading.add(databases.ACCOUNTS, "This makes somebody an administrator.", made.line, CRITICAL)
    elif use.verb in ("delete", "modify", "add", "extend", "rename", "passwd"):
        level = CRITICAL if use.verb == "delete" and made.many and not made.filtered else HIGH
        made.reading.add(databases.ACCOUNTS, f"This calls {use.shown}: it changes who may sign in.", made.line, level)
    else:
        return None
    return ANY
