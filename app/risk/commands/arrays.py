"""Controllers of disks, shared storage, and programs that make or keep copies of it."""

from __future__ import annotations

from app.risk.commands.disks import CHANGES, FORMATS
from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

COPIES_GONE = declare(
    "backup.gone",
    CRITICAL,
    "Deletes backups.",
    "duplicacy prune -all -exclusive",
    "duplicacy list",
    language="shell",
)
COPIES = declare(
    "backup.changes",
    HIGH,
    "Changes what is backed up, or writes files back from a backup.",
    "duplicacy restore -r 5",
    "duplicacy list",
    language="shell",
)

known_by_lines(
    "storcli storcli64 perccli perccli64 megacli megacli64 hpssacli ssacli hpacucli "
    "arcconf sas2ircu sas3ircu tw_cli mvcli",
    Row(
        r"\b(?:del(?:ete)?|erase|init\w*|clear|sanitize|remove)\b|-cfg(?:clr|lddel|each)|-ldinit|-cfglddel|create\b|"
        r"-pd(?:clear|offline)|factory|securityerase",
        FORMATS,
        "deletes what is on disks",
    ),
    Row(
        r"\b(?:show|list|display|getconfig|info|detail|status)\b|-(?:ldinfo|pdlist|adp\w*info|ldpdinfo|encinfo|cfgdsply)"
    ),
    Row(r"", CHANGES, "changes an array of disks"),
)
known_by_lines(
    "linstor drbdsetup drbdmeta longhornctl openebs portworx pxctl stork",
    Row(
        r"\b(?:delete|del|lost|d|wipe-md|create-md|destroy|forget|new-current-uuid|--discard-my-data)\b",
        FORMATS,
        "deletes volumes",
    ),
    Row(r"\b(?:list|l|show|status|describe|info|events|show-gi|cstate|dstate|inspect|v)\b"),
    Row(r"", CHANGES, "changes volumes"),
)
known_by_lines(
    "radosgw-admin",
    Row(
        r"--purge-(?:data|objects|keys)|\b(?:bucket rm|objects expire|user rm|subuser rm|zone(?:group)? "
        r"delete|realm rm|"
        r"metadata rm|gc process|orphans finish|object rm)\b",
        FORMATS,
        "deletes accounts of the object store with data",
    ),
    Row(r"\b(?:list|info|stats|get|show|status|check)\b(?!.*--fix)"),
    Row(r"", CHANGES, "changes the object store"),
)
known_by_lines(
    "ceph-volume cephadm ceph-osd ceph-objectstore-tool ceph-mon ceph-authtool cephfs-journal-tool cephfs-data-scan",
    Row(
        r"\b(?:zap|rm-cluster|--mkfs|remove|rm-daemon|journal reset|table|init|destroy|--op remove)\b",
        FORMATS,
        "deletes what is on disks of the cluster",
    ),
    Row(r"\b(?:list|ls|inventory|check-host|inspect|--op list|info)\b"),
    Row(r"", CHANGES, "changes disks of the cluster"),
)
known_by_lines(
    "duplicacy proxmox-backup-client proxmox-backup-manager bconsole dirvish attic zbackup borgmatic autorestic "
    "resticprofile sanoid syncoid urbackupclientctl veeamconfig nbbackup bpexpdate dsmc dsmadmc vzdump burp bareos "
    "bcopy amrmtape amadmin obnam backupninja dejadup deja-dup hbackup percona-backup pbm",
    Row(
        r"\b(?:prune|forget|delete|remove|expire|purge|del(?:ete)?-\w+|erase|wipe|destroy)\b|-d 0\b",
        COPIES_GONE,
        "deletes backups",
    ),
    Row(r"\b(?:list|snapshots|info|status|check|show|query|q|version|rlist|diff|catalog|rinfo)\b"),
    Row(
        r"\b(?:restore|extract|retrieve|recover|mount|key|config|change-detection)\b",
        COPIES,
        "writes files back from a backup, or changes its keys",
    ),
    Row(r"\b(?:backup|create|run|start|incr|incremental|init|--take-snapshots)\b", COPIES, "makes a backup", LOW),
    Row(r"", COPIES, "changes what is backed up", unread=True),
)
known_by_lines(
    "elasticdump multielasticdump es2csv elasticsearch-reset-password esrally",
    Row(r"--deleteall|--delete\b|--type=delete", FORMATS, "deletes what is in an index"),
    Row(r"reset", CHANGES, "changes passwords of the search engine"),
    Row(r"", CHANGES, "copies an index", MEDIUM),
)
