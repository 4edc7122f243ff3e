"""Whether a tool's name says that it deletes something with everything that is in it, such as a bucket."""

from __future__ import annotations

from collections.abc import Sequence

from app.risk.rules import word_set
from app.risk.tools.call import ToolCall, words_in
from app.risk.tools.name_words import ABOUT, DATABASES, MEDIA, SEARCH_ENGINES, WHOLE_PAIRS

DELETES = word_set(
    "delete drop remove purge destroy truncate wipe erase terminate deprovision decommission deletes removes flush "
    "unlink discard deleting rm bulkdelete annihilate obliterate eradicate nuke teardown expunge shred dispose "
    "eliminate demolish zap deletion vaporize incinerate unprovision dismantle"
)
"""Words for deleting."""
WHOLES = word_set(
    "bucket buckets database databases db dbs schema schemas table tables keyspace keyspaces namespace "
    "namespaces cluster "
    "clusters backup backups snapshot snapshots volume volumes disk disks stack stacks vault vaults organization "
    "tenant filesystem filesystems hostedzone collection dataset datasets vm vms droplet droplets instance instances "
    "deployments datastore collections resourcegroup resourcegroups partition partitions warehouse warehouses "
    "zone zones realm realms mailbox mailboxes workspace workspaces organizations tenants org orgs fleet fleets "
    "catalog catalogs queue queues ou subtree aks eks "
    "gke backupset backupsets"
)
"""Things whose deletion loses what is in them, or infrastructure with its disks."""
_MANAGERS = word_set(
    "admin manager management manage service tool client api controller handler operations ops console action"
)
"""Ends of names that say what kind of tool it is, not what it is for: ``cluster_admin``."""
KINDS = ("kind", "type", "resource", "resourcetype", "objecttype", "resourcekind", "entity", "object", "target")
"""Arguments that say what something is done to."""
_EMPTIES = word_set("empty clear")
_FORMATS = word_set("format reformat")
"""Verbs that lose data only where their object holds any: ``emptyBucket``, ``format_disk``."""


def whole_of(call: ToolCall, deletes: bool) -> str:
    """Return what is deleted with everything in it, such as ``bucket``; empty if it is nothing of that kind.

    Args:
        deletes: The name or the action says that the call deletes something.
    """
    said = {*call.words, *call.action}
    if said & _FORMATS and said & MEDIA:
        return "a disk"
    if not deletes and not said & _EMPTIES:
        return ""
    named = _before_from(call.words)
    if not set(named) - DELETES - _EMPTIES:
        named = call.all_words  # ``database.drop``
    words = [word for word in (*named, *call.action) if word not in DELETES | _EMPTIES | {"prune"}]
    while words and words[-1] in _MANAGERS:
        words = words[:-1]
    if words[-1:] == ["zone"] and "purge" in said:
        return ""  # of a network for content, whose caches fill again
    kind = [] if words[-1:] and words[-1] in ABOUT else words_in(call.text(*KINDS))
    for last in (words[-1:], kind[-1:]):
        if last and last[0] in WHOLES:
            return last[0]
    if words[-1:] in (["index"], ["indices"], ["indexes"]) and _is_search_index(call):
        return "index"
    if words[-1:] == ["group"] and set(call.all_words) & {"azmcp", "azure", "azurerm"}:
        return "resource group"
    for pair in (words[-2:], kind[-2:]):
        if "".join(pair).removesuffix("s") in WHOLE_PAIRS:
            return " ".join(pair)
    return "all that there is" if "all" in words else ""


def _before_from(words: Sequence[str]) -> Sequence[str]:
    """Return the words of a name up to where it says from what something is taken: ``remove_user_from_org``."""
    place = next((number for number, word in enumerate(words) if number > 1 and word in ("from", "in", "on")), None)
    return words[:place]


def _is_search_index(call: ToolCall) -> bool:
    """Return True if an index is one of documents, rather than one of a database's table or collection."""
    if set(call.all_words) & SEARCH_ENGINES:
        return True
    of_table = {"table", "tablename", "collection", "columns", "schema", "database"} & {
        setting.plain for setting in call.settings[:50]
    }
    return not of_table and not set(call.all_words) & DATABASES
