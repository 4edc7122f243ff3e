"""What commands of Redis would do."""

from __future__ import annotations

import shlex

from app.risk.reading import Reading
from app.risk.rules import RiskRule, declare, word_set
from app.risk.words import UNKNOWN as UNKNOWN_PART
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

_LANGUAGE = "redis"
WRITES = declare(
    "redis.writes", LOW, "Adds to or changes a key of Redis.", "SADD tags a", "SMEMBERS tags", language=_LANGUAGE
)
DELETES = declare(
    "redis.deletes", MEDIUM, "Deletes or replaces keys of Redis.", "DEL session:1", "GET session:1", language=_LANGUAGE
)
ALL = declare("redis.deletes_all", CRITICAL, "Deletes all keys of Redis.", "FLUSHALL", "DBSIZE", language=_LANGUAGE)
SERVER = declare(
    "redis.server",
    HIGH,
    "Changes how the Redis server works, or stops it.",
    "CONFIG SET maxmemory 1mb",
    "CONFIG GET maxmemory",
    language=_LANGUAGE,
)
TAKES_OVER = declare(
    "redis.takes_over",
    CRITICAL,
    "Writes files on the server, loads code into it, or takes its data from elsewhere.",
    "CONFIG SET dir /root/.ssh",
    "CONFIG GET dir",
    language=_LANGUAGE,
)
CODE = declare(
    "redis.code",
    HIGH,
    "Runs a script in the Redis server.",
    "EVAL 'return 1' 0",
    "GET a",
    language=_LANGUAGE,
    unread=True,
)
SLOW = declare(
    "redis.slow", MEDIUM, "Keeps the Redis server busy, so that others wait.", "KEYS *", "SCAN 0", language=_LANGUAGE
)
SECRET = declare(
    "redis.secret",
    HIGH,
    "Reads passwords, or what all clients send.",
    "CONFIG GET requirepass",
    "CONFIG GET maxmemory",
    language=_LANGUAGE,
)
UNKNOWN = declare(
    "redis.unknown", MEDIUM, "An unknown command of Redis.", "FROB a", "GET a", language=_LANGUAGE, unread=True
)

_READS = word_set(
    "GET MGET STRLEN GETRANGE SUBSTR EXISTS TYPE TTL PTTL EXPIRETIME PEXPIRETIME SCAN DBSIZE RANDOMKEY DUMP OBJECT "
    "TOUCH HGET "
    "HMGET HGETALL HKEYS HVALS HLEN HEXISTS HSTRLEN HSCAN HRANDFIELD HTTL LRANGE LLEN LINDEX LPOS SMEMBERS "
    "SISMEMBER SMISMEMBER "
    "SCARD SRANDMEMBER SSCAN SINTER SUNION SDIFF SINTERCARD ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE "
    "ZRANGEBYLEX "
    "ZREVRANGEBYLEX ZRANK ZREVRANK ZSCORE ZMSCORE ZCARD ZCOUNT ZLEXCOUNT ZSCAN ZINTER ZUNION ZDIFF ZRANDMEMBER "
    "ZINTERCARD BITCOUNT "
    "BITPOS GETBIT BITFIELD_RO PFCOUNT GEOPOS GEODIST GEOHASH GEOSEARCH GEORADIUS_RO XRANGE XREVRANGE XLEN XREAD "
    "XINFO XPENDING "
    "PING ECHO INFO TIME LASTSAVE ROLE SELECT AUTH HELLO QUIT COMMAND READONLY READWRITE ASKING LOLWUT SUBSCRIBE "
    "PSUBSCRIBE "
    "SSUBSCRIBE UNSUBSCRIBE PUNSUBSCRIBE MULTI EXEC DISCARD WATCH UNWATCH WAIT SORT_RO LCS JSON.GET JSON.MGET "
    "JSON.TYPE "
    "JSON.OBJKEYS FT.SEARCH FT.INFO FT._LIST FT.AGGREGATE TS.GET TS.RANGE TS.INFO BF.EXISTS BF.INFO HELP DIGEST"
)
_WRITES = word_set(
    "SETNX MSETNX APPEND INCR INCRBY INCRBYFLOAT DECR DECRBY SETRANGE SETBIT BITFIELD BITOP EXPIRE PEXPIRE "
    "EXPIREAT PEXPIREAT "
    "PERSIST HSET HMSET HSETNX HINCRBY HINCRBYFLOAT LPUSH RPUSH LPUSHX RPUSHX LINSERT LSET SADD ZADD ZINCRBY PFADD "
    "PFMERGE GEOADD "
    "XADD XACK XCLAIM XAUTOCLAIM XGROUP XREADGROUP PUBLISH SPUBLISH COPY BGSAVE BGREWRITEAOF GETEX LMOVE RPOPLPUSH "
    "SMOVE "
    "BRPOPLPUSH BLMOVE JSON.SET JSON.MERGE JSON.ARRAPPEND JSON.NUMINCRBY TS.ADD BF.ADD HEXPIRE"
)
_DELETES = word_set(
    "DEL UNLINK SET SETEX PSETEX MSET GETSET GETDEL RENAME RENAMENX MOVE RESTORE HDEL HGETDEL LREM LTRIM LPOP RPOP "
    "LMPOP BLPOP BRPOP "
    "SREM SPOP ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZREMRANGEBYLEX ZPOPMIN ZPOPMAX BZPOPMIN BZPOPMAX XDEL XTRIM "
    "SDIFFSTORE "
    "SINTERSTORE SUNIONSTORE ZUNIONSTORE ZINTERSTORE ZDIFFSTORE ZRANGESTORE GEOSEARCHSTORE GEORADIUS SORT SAVE "
    "JSON.DEL FT.CREATE"
)
_CODE = word_set("EVAL EVALSHA EVAL_RO EVALSHA_RO FCALL FCALL_RO FUNCTION SCRIPT")
_SERVER = word_set(
    "SHUTDOWN DEBUG SWAPDB FAILOVER MIGRATE ACL RESET FT.DROPINDEX FT.DROP PSYNC SYNC REPLCONF LATENCY RESTORE-ASKING"
)
_READ_PARTS = {
    "CONFIG": "GET HELP",
    "CLIENT": "LIST INFO ID GETNAME SETNAME GETREDIR TRACKINGINFO HELP NO-EVICT SETINFO",
    "CLUSTER": "INFO NODES SLOTS SHARDS MYID KEYSLOT COUNTKEYSINSLOT GETKEYSINSLOT LINKS REPLICAS HELP",
    "ACL": "WHOAMI CAT HELP DRYRUN",
    "MEMORY": "USAGE STATS DOCTOR HELP",
    "SLOWLOG": "GET LEN HELP",
    "LATENCY": "DOCTOR HISTORY LATEST GRAPH HISTOGRAM HELP",
    "MODULE": "LIST HELP",
    "SCRIPT": "EXISTS HELP",
    "FUNCTION": "LIST STATS HELP DUMP",
    "PUBSUB": "CHANNELS NUMSUB NUMPAT SHARDCHANNELS",
    "OBJECT": "ENCODING FREQ IDLETIME REFCOUNT",
    "DEBUG": "OBJECT",
}
_FOR_A_TIME = word_set("EX PX EXAT PXAT NX")
"""With these, a value is one that is made again, such as that of a cache, or replaces none."""
_MOST_KEYS = 3


def read(text: str, reading: Reading) -> None:
    """Read commands of Redis, one in a line."""
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        reading.budget.step()
        try:
            words = shlex.split(line[:20_000])
        except ValueError:
            words = line.split()
        if words:
            read_words(words, reading, number)


def read_words(words: list[str], reading: Reading, line: int) -> None:
    """Read one command, given as its words."""
    verb = words[0].upper()
    part = words[1].upper() if len(words) > 1 else ""
    if part in _READ_PARTS.get(verb, "").split():
        if (
            verb == "CONFIG"
            and len(words) > 2
            and words[2].lower() in ("*", "requirepass", "masterauth", "tls-key-file-pass")
        ):
            reading.add(SECRET, "This reads the server's settings, its password included.", line)
        return
    found = _found(verb, part, words)
    if found is not None:
        rule, message, level = found
        reading.add(rule, message, line, level)
        reading.touch(objects=words[1:4] if rule in (WRITES, DELETES) else [])


def _found(verb: str, part: str, words: list[str]) -> tuple[RiskRule, str, RiskLevel | None] | None:
    keys = ", ".join(words[1:4]).replace(UNKNOWN_PART, "…")[:80] or "a key"
    if verb in ("FLUSHALL", "FLUSHDB"):
        return ALL, f"{verb} deletes all keys{'' if verb == 'FLUSHALL' else ' of the database'}.", None
    if verb == "CONFIG":
        if part == "SET" and any(
            word.lower()
            in (
                "dir",
                "dbfilename",
                "appendfilename",
                "slave-read-only",
                "protected-mode",
                "loadmodule",
                "enable-debug-command",
                "enable-module-command",
            )
            for word in words[2:]
        ):
            return (
                TAKES_OVER,
                f"This sets {words[2]}, which decides which files the server writes or who may use it.",
                None,
            )
        return (
            SERVER,
            f"This changes the server's settings: {' '.join(words[1:4])[:80]}.",
            MEDIUM if part == "RESETSTAT" else None,
        )
    if verb in ("SLAVEOF", "REPLICAOF"):
        if [word.upper() for word in words[1:3]] == ["NO", "ONE"]:
            return SERVER, "This makes the server stand alone, without its primary.", None
        return TAKES_OVER, f"This replaces all data by that of {' '.join(words[1:3])[:80]}.", None
    if verb == "MODULE":
        return TAKES_OVER, "This loads a program into the server, or takes one out.", None
    if verb == "KEYS":
        return SLOW, "KEYS goes through all keys; everybody else waits.", None
    if verb == "MONITOR" or (verb == "ACL" and part in ("LIST", "GETUSER", "USERS", "LOG")):
        return (
            SECRET,
            "This shows what all clients send, or the users of the server.",
            MEDIUM if part == "USERS" else None,
        )
    if verb in _CODE:
        return CODE, f"{verb} runs or stores code in the server, which is not read.", None
    if verb in ("CLIENT", "CLUSTER", "MEMORY", "SLOWLOG", "PUBSUB", "OBJECT", "COMMAND"):
        level = HIGH if verb == "CLUSTER" or part in ("PAUSE", "NO-TOUCH") else MEDIUM
        return (
            (SERVER, f"{verb} {part} changes the server's connections or state.", level) if verb != "COMMAND" else None
        )
    if verb in _SERVER:
        return SERVER, f"{verb} {part}".strip() + " stops the server, or changes how it works.", None
    if verb in ("SETEX", "PSETEX") or (verb == "SET" and _FOR_A_TIME & {word.upper() for word in words[3:]}):
        key = words[1][:80] if len(words) > 1 else "a key"
        return WRITES, f"{verb} keeps {key} for a limited time, or if it is new.", None
    if verb in _DELETES:
        many = len(words) - 1 > _MOST_KEYS or any(UNKNOWN_PART in word for word in words)
        level = HIGH if verb in ("DEL", "UNLINK") and many else MEDIUM
        return DELETES, f"{verb} deletes or replaces {keys}.", level
    if verb in _WRITES:
        return WRITES, f"{verb} changes {keys}.", None
    if verb in _READS:
        return None
    return UNKNOWN, f"{words[0][:40]} is not a known command of Redis.", None
