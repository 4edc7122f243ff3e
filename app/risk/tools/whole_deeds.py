"""Deeds that lose a thing with everything that is in it."""

from __future__ import annotations

from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.deeds import Deed

WHOLES = (
    Deed(
        names.DELETES_WHOLE,
        "takes down an environment with everything in it",
        word_set("destroy teardown nuke"),
        word_set("environment env infrastructure infra stack deployment everything"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a key without which data cannot be read",
        word_set("delete destroy remove disable"),
        word_set("key cmk"),
        word_set("kms keyvault hsm cmk encryption cloudkms"),
        word_set("alias tag policy grant access"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a key without which data cannot be read",
        word_set("deletion"),
        word_set("key cmk"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a machine with its disks",
        word_set("delete destroy remove terminate"),
        word_set("server droplet linode machine node vps baremetal"),
        word_set("hetzner hcloud digitalocean linode vultr scaleway ovh upcloud equinix openstack nova lightsail"),
        word_set("key tag label firewall rule member mcp"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a copy of a database with all that is in it",
        word_set("delete reset destroy"),
        word_set("branch"),
        word_set("supabase neon planetscale xata turso"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes something with all that is within it",
        word_set("delete remove destroy"),
        word_set("recursive recursively"),
        without=word_set("file folder directory path dir"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "empties a collection",
        word_set("clear empty"),
        word_set("object document record vector entries row point datapoint embedding"),
        without=word_set("cache cart chat conversation filter selection form draft"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a base with all tables in it",
        word_set("delete destroy remove"),
        word_set("base"),
        word_set("airtable nocodb baserow"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a project with everything in it",
        word_set("delete destroy remove"),
        word_set("project"),
        word_set("gcp gcloud google firebase supabase railway neon render azure openshift fly"),
        word_set("member task issue file label key card item drive doc sheet"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a stream with all messages in it",
        word_set("delete destroy remove drop recreate"),
        word_set("topic queue stream exchange vhost eventhub"),
        word_set(
            "kafka rabbitmq rabbit sqs sns pubsub nats kinesis servicebus eventhub eventhubs pulsar redpanda mq amqp"
        ),
        word_set("message policy subscription tag consumer group"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "starts again with no data",
        word_set("reset reinitialize reinit recreate nuke reseed"),
        word_set("database db schema keyspace index collection dataset warehouse datastore tables"),
        without=word_set("password connection stats statistics pool role user cache test"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes an application with everything in it",
        word_set("delete destroy remove"),
        word_set("app application site service"),
        word_set("heroku fly flyio render vercel netlify railway appengine dokku cloudfoundry"),
        word_set("log variable var domain alias member env setting addon key token"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a site or a group with everything in it",
        word_set("delete destroy remove purge"),
        word_set("site group team"),
        word_set("sharepoint wordpress gitlab teams"),
        word_set("page file item list member user label runner badge variable comment domain column access"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes points to return to",
        word_set("expire"),
        word_set("snapshot backup"),
        without=word_set("policy date set"),
    ),
    Deed(
        names.DELETES_WHOLE,
        "deletes a container with all that is in it",
        word_set("delete remove destroy drop"),
        word_set("container pool"),
        word_set("cosmos cosmosdb blob storage swift synapse zfs"),
        word_set("policy tag lease metadata"),
    ),
)
