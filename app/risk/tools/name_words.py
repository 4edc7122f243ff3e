"""Words in names of tools, by what they are the names of."""

from __future__ import annotations

from app.risk.rules import word_set

WHOLE_PAIRS = word_set(
    "resourcegroup storageaccount keyvault keyring hostedzone managedzone userpool dbinstance dbcluster sqlserver "
    "sqldatabase sqlinstance virtualmachine managedcluster filesystem persistentvolume volumeclaim nodepool nodegroup "
    "virtualnetwork recoverypoint recoveryvault objectstore datalake dnszone kafkatopic storagepool activedirectory "
    "searchindex vectorstore knowledgebase namedgraph"
)
"""Things whose deletion loses what is in them, with names of two words."""
ABOUT = word_set(
    "lock policy tag tags label labels alias rule permission role member grant binding access alert subscription "
    "comment note attachment annotation watcher setting option parameter flag"
)
"""What is deleted is something about a thing, not the thing."""
SEARCH_ENGINES = word_set(
    "elastic elasticsearch opensearch es solr algolia pinecone qdrant weaviate milvus chroma meilisearch "
    "typesense vector"
)
DATABASES = word_set(
    "sql postgres postgresql pg mysql mariadb sqlite mssql oracle mongo mongodb dynamodb cassandra supabase database "
    "db neo4j neo cypher table column create concurrently"
)
INFORMATION = word_set(
    "schema schemas stats statistics info information health version versions usage metadata overview details detail "
    "summary status templates size sizes count types type names indexes columns tables collections databases schemas "
    "metrics uptime lag latency topology inventory report reports docs documentation reference help about "
    "capabilities permissions_list changelog diagnostics profile definition definitions structure relations lineage "
    "dependencies results suggestions time timezone timezones clock date today logs balance quota limits cost costs "
    "forecast calendar agenda availability directions distance elevation places route routes timeline trends headlines "
    "news tree blame freebusy converter tracking quotes quote price prices rate rates locale locales features context "
    "contexts"
)
"""Nouns for what a tool tells, in names without a verb."""
LOOKED_UP = word_set("dns id host hostname name ip path address library url domain")
STRANGE = word_set(
    "hook injection attack exploit override bypass sudo root force raw kill clear empty cleanup scrub shred annihilate "
    "obliterate nuke eradicate eliminate expire retire sunset teardown dispose expunge zero trash burn demolish"
)
MEDIA = word_set("disk disks volume volumes drive drives device partition partitions")
