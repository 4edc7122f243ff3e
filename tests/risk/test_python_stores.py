"""Python: clients of stores of data, message queues, and stores of secrets."""

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

REDIS = "import redis\nr=redis.Redis(host='x')\n"
MONGO = "from pymongo import MongoClient, DeleteMany\ndb=MongoClient('mongodb://h').shop\nc=db['orders']\n"
SEARCH = "from elasticsearch import Elasticsearch, helpers\nes=Elasticsearch('https://x.example')\n"
NOTHING = ""
CASES = [
    (REDIS, "print(r.get('a'))", SAFE),
    (REDIS, "r.delete('a')", MEDIUM),
    (REDIS, 'r.flushall()', CRITICAL),
    (REDIS, 'r.flushdb(asynchronous=True)', CRITICAL),
    (REDIS, "r.delete(*r.keys('*'))", CRITICAL),
    (REDIS, "r.delete(*r.keys('sess:*'))", HIGH),
    (REDIS, 'for k in r.scan_iter():\n  r.delete(k)', CRITICAL),
    (REDIS, "for k in r.scan_iter('tmp:*'):\n  r.delete(k)", HIGH),
    (REDIS, "for k in r.scan_iter(match='cart:*'):\n  if r.ttl(k)==-1:\n    r.delete(k)", HIGH),
    (REDIS, "r.execute_command('FLUSHALL')", CRITICAL),
    (REDIS, "r.config_set('dir','/root/.ssh')", CRITICAL),
    (REDIS, "r.incr('a')", LOW),
    (REDIS, "r.set('a','b')", MEDIUM),
    (REDIS, "p=r.pipeline()\np.hset('a','b',1)\np.execute()", LOW),
    (REDIS, "r.eval('return 1',0)", HIGH),
    (REDIS, 'r.shutdown()', HIGH),
    (REDIS, "print(r.config_get('requirepass'))", HIGH),
    (REDIS, "r.publish('c','m')", LOW),
    (REDIS, "print(r.info(), r.dbsize(), r.hgetall('a'), r.zrange('a',0,-1))", SAFE),
    (MONGO, "print(c.count_documents({}), c.find_one({'a':1}), list(c.find().limit(3)))", SAFE),
    (MONGO, "c.delete_one({'_id':1})", MEDIUM),
    (MONGO, 'c.delete_many({})', CRITICAL),
    (MONGO, "c.delete_many({'_id':{'$exists':True}})", CRITICAL),
    (MONGO, "c.delete_many({'state':'old'})", HIGH),
    (MONGO, "c.update_many({},{'$set':{'a':1}})", HIGH),
    (MONGO, "c.update_one({'_id':1},{'$set':{'a':1}})", MEDIUM),
    (MONGO, "c.insert_one({'a':1})", LOW),
    (MONGO, 'c.drop()', CRITICAL),
    (MONGO, "db.drop_collection('orders')", CRITICAL),
    (MONGO, "MongoClient().drop_database('shop')", CRITICAL),
    (MONGO, 'for n in db.list_collection_names():\n  db[n].drop()', CRITICAL),
    (MONGO, "for d in c.find():\n  c.delete_one({'_id':d['_id']})", CRITICAL),
    (MONGO, "for d in c.find({'old':True}):\n  c.delete_one({'_id':d['_id']})", HIGH),
    (MONGO, 'c.bulk_write([DeleteMany({})])', CRITICAL),
    (MONGO, "c.create_index('a')", MEDIUM),
    (MONGO, "c.drop_index('a_1')", HIGH),
    (MONGO, "db.command('dropDatabase')", CRITICAL),
    (MONGO, "print(db.command('ping'))", SAFE),
    (MONGO, "c.aggregate([{'$match':{}},{'$out':'orders'}])", HIGH),
    (MONGO, "c.rename('x')", HIGH),
    (MONGO, "db.command('createUser','x',pwd='y',roles=['root'])", HIGH),
    (SEARCH, "print(es.search(index='a',query={'match_all':{}}))", SAFE),
    (SEARCH, "es.index(index='a',id=1,document={'x':1})", MEDIUM),
    (SEARCH, "es.delete(index='a',id=1)", MEDIUM),
    (SEARCH, "es.indices.delete(index='logs-2024')", CRITICAL),
    (SEARCH, "es.indices.delete(index='*')", CRITICAL),
    (SEARCH, "es.delete_by_query(index='a',query={'match_all':{}})", CRITICAL),
    (SEARCH, "es.delete_by_query(index='a',query={'range':{'at':{'lt':'now-90d'}}})", HIGH),
    (SEARCH, "es.update_by_query(index='a',query={'match_all':{}})", HIGH),
    (SEARCH, "es.snapshot.delete(repository='r',snapshot='s')", CRITICAL),
    (SEARCH, 'es.cluster.put_settings(persistent={})', HIGH),
    (SEARCH, "print(es.cluster.health(), es.cat.indices(), es.indices.get(index='*'))", SAFE),
    (SEARCH, "es.indices.create(index='a')", MEDIUM),
    (SEARCH, "es.indices.close(index='a')", HIGH),
    (SEARCH, "es.security.put_user(username='x',password='y',roles=['superuser'])", HIGH),
    (SEARCH, "helpers.bulk(es,[{'_op_type':'delete','_id':1}])", HIGH),
    (SEARCH, "for h in helpers.scan(es,index='a'):\n  es.delete(index='a',id=h['_id'])", CRITICAL),
    (NOTHING,
     'from neo4j import GraphDatabase\n'
     "d=GraphDatabase.driver('bolt://x')\n"
     'with d.session() as s:\n'
     "  s.run('MATCH (n) DETACH DELETE n')", CRITICAL),
    (NOTHING,
     'from neo4j import GraphDatabase\n'
     "d=GraphDatabase.driver('bolt://x')\n"
     "print(d.execute_query('MATCH (n) RETURN count(n)'))", SAFE),
    (NOTHING,
     'from cassandra.cluster import Cluster\n'
     "s=Cluster(['x']).connect('shop')\n"
     "s.execute('TRUNCATE orders')", CRITICAL),
    (NOTHING,
     'from cassandra.cluster import Cluster\n'
     "s=Cluster(['x']).connect('shop')\n"
     "s.execute('DROP KEYSPACE shop')", CRITICAL),
    (NOTHING,
     'from cassandra.cluster import Cluster\n'
     "s=Cluster(['x']).connect('shop')\n"
     "print(list(s.execute('SELECT * FROM a WHERE id = 5')))", SAFE),
    (NOTHING,
     'from kafka.admin import KafkaAdminClient\n'
     "KafkaAdminClient(bootstrap_servers='x').delete_topics(['orders'])", CRITICAL),
    (NOTHING, "from kafka import KafkaProducer\nKafkaProducer(bootstrap_servers='x').send('t',b'x')", MEDIUM),
    (NOTHING, "from kafka import KafkaConsumer\nfor m in KafkaConsumer('t'):\n  print(m.value)", SAFE),
    (NOTHING, "import pika\nc=pika.BlockingConnection().channel()\nc.queue_purge('orders')", HIGH),
    (NOTHING, "import pika\nc=pika.BlockingConnection().channel()\nc.basic_publish('','q',b'x')", MEDIUM),
    (NOTHING, "import hvac\nprint(hvac.Client(url='x').secrets.kv.v2.read_secret_version(path='db'))", HIGH),
    (NOTHING,
     'import hvac\n'
     "hvac.Client(url='x').secrets.kv.v2.delete_metadata_and_all_versions(path='db')", CRITICAL),
    (NOTHING, 'import hvac\nhvac.Client().sys.seal()', CRITICAL),
    (NOTHING, "import consul\nprint(consul.Consul().kv.get('a'))", SAFE),
    (NOTHING, "import consul\nconsul.Consul().kv.delete('a',recurse=True)", CRITICAL),
    (NOTHING, "import etcd3\netcd3.client().delete_prefix('/')", CRITICAL),
    (NOTHING, "import ldap3\nc=ldap3.Connection('s')\nc.delete('cn=x,dc=y')", HIGH),
    (NOTHING,
     'import ldap3\n'
     "c=ldap3.Connection('s')\n"
     "c.extend.microsoft.add_members_to_groups('cn=x','cn=Domain Admins,dc=y')", CRITICAL),
    (NOTHING, "import ldap3\nc=ldap3.Connection('s')\nprint(c.search('dc=y','(uid=x)'))", SAFE),
]  # fmt: skip


@pytest.mark.parametrize(("imports", "text", "expected"), CASES, ids=[case[1][:70] for case in CASES])
def test_clients_are_rated_by_what_their_calls_do(imports, text, expected):
    document = {"kind": "script", "title": "t", "language": "python", "content": imports + text}
    assessment = assess_proposal(document)
    assert assessment.level is expected, assessment.findings
