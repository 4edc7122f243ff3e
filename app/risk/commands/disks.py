"""Disks, volumes, and file systems."""

from __future__ import annotations

import re

from app.risk.commands.options import arguments_of
from app.risk.commands.subcommands import Program
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

FORMATS = declare(
    "disk.formats", CRITICAL, "Deletes what is on a disk.", "mkfs.ext4 /dev/sdb1", "blkid /dev/sdb1", language="shell"
)
CHANGES = declare(
    "disk.changes",
    HIGH,
    "Changes disks, volumes, or what is mounted.",
    "mount /dev/sdb1 /mnt",
    "mount",
    language="shell",
)


@program(
    *word_set(
        "mkfs mkfs.ext2 mkfs.ext3 mkfs.ext4 mkfs.xfs mkfs.btrfs mkfs.vfat mkfs.fat mkfs.ntfs mkfs.exfat mkfs.f2fs "
        "mke2fs mkntfs mkdosfs newfs newfs_apfs mkswap nwipe badblocks sgdisk sfdisk fdisk cfdisk gdisk parted "
        "cryptsetup mdadm diskutil nvme sg_format zerofree growpart partprobe resize2fs e2fsck fsck tune2fs "
        "xfs_repair debugfs fstrim partclone clonezilla testdisk photorec mkfs.erofs gparted hdiutil asr losetup "
        "kpartx multipath dmsetup e2label ntfsfix xfs_growfs btrfs tgtadm iscsiadm nbd-client eject fsfreeze "
        "extundelete sgdisk64 swapon swapoff smartctl"
    )
)
def _disks(command: Command, reading: Reading) -> None:
    name = command.name
    given = arguments_of(command.arguments, "-t -L -b -m -o -n -N -c -d -U -A -a -s --key-file --type --label --align")
    texts = [word.text for word in given.operands]
    options = {option for option, _ in given.options}
    line = " ".join([*texts, *options]).lower()
    devices = [word.text for word in given.operands if word.text.startswith(("/dev/", "disk")) and word.known]
    reading.touch(paths=devices)
    if options & {"--help", "--version", "-V", "-h"} and not devices:
        return
    if _only_looks(name, options, line):
        return
    if name == "mkswap" or (
        name.startswith(("mkfs", "mke2fs", "mkntfs", "mkdosfs", "newfs"))
        and texts
        and not devices
        and "." not in name[:4]
    ):
        file = [word for word in given.operands if not word.text.startswith("/dev/") and "/" in word.text]
        if file and name != "mkfs":
            act_on(reading, Act.WRITE, file[0])
            return
    if name == "xfs_repair" and "-L" in options:
        reading.add(CHANGES, "This throws away the changes that the file system has not written yet.", command.line)
    elif _destroys(name, options, line):
        shown = devices[0] if devices else texts[-1] if texts else "a disk"
        reading.add(FORMATS, f"This deletes what is on {shown[:80]}.", command.line)
    else:
        reading.add(
            CHANGES, f"This changes disks: {name} {' '.join(texts[:3])}."[:120].replace(" .", "."), command.line
        )


def _only_looks(name: str, options: set[str], line: str) -> bool:
    if (
        name in ("sgdisk", "sfdisk", "fdisk", "gdisk", "cfdisk", "parted")
        and (
            options & {"-l", "--list", "-p", "--print", "-d", "--dump", "-i", "--info", "-v", "--verify"}
            and not options & {"-Z", "--zap-all", "-z", "--zap", "-o", "--clear", "--delete"}
        )
    ) or (name == "sgdisk" and options <= {"-b", "--backup"}):
        return True
    looks = {
        "parted": r"^[^ ]* ?(?:print|unit \w+ print)",
        "cryptsetup": r"^(?:status|luksdump|isluks|benchmark)",
        "mdadm": r"--detail|--examine|--query|(?:^| )-[dqe]\b",
        "diskutil": r"^(?:list|info|activity|listfilesystems|verifydisk|verifyvolume|apfs list|cs list)",
        "nvme": r"^(?:list|id-|smart-log|show|get-|error-log|list-subsys)",
        "losetup": r"^$|-a|-l|-j|--list",
        "dmsetup": r"^(?:ls|info|status|table|deps|targets|version)",
        "btrfs": r"(?:show|list|df|usage|status|stats|get)",
        "swapon": r"--show|-s\b",
        "iscsiadm": r"-m (?:session|node|discovery)$",
        "hdiutil": r"^(?:info|imageinfo"
        r"|verify|checksum)",
        "tune2fs": r"-l\b",
        "fsck": r"-n\b",
        "e2fsck": r"-n\b",
        "badblocks": r"^(?!.*-[wn]\b)",
        "debugfs": r"^(?!.*-w\b)",
        "multipath": r"-l",
        "xfs_repair": r"-n\b",
        "smartctl": r"^(?!.*(?:^| )-[so]\b)",
    }
    pattern = looks.get(name)
    return bool(pattern and re.search(pattern, line))


def _destroys(name: str, options: set[str], line: str) -> bool:
    if name.startswith(("mkfs", "mke2fs", "mkntfs", "mkdosfs", "newfs")) or name in (
        "nwipe",
        "sg_format",
        "mkswap",
        "asr",
    ):
        return True
    if name in ("sgdisk", "sfdisk", "fdisk", "gdisk", "cfdisk"):
        return name == "sgdisk" or name == "sfdisk" or bool(options & {"-Z", "--zap-all", "-w", "--wipe", "--delete"})
    return bool(
        re.search(
            {
                "parted": r"mklabel|mktable|\brm\b|mkpart|resizepart",
                "cryptsetup": r"luksformat|erase|lukserase"
                r"|reencrypt|lukskillslot|luksremovekey|format",
                "mdadm": r"--zero-superblock|--create|--stop|--remove|--fail|--build|(?:^| )-[csr]\b",
                "diskutil": r"erase|partition|zerodisk|randomdisk|secureerase|delete|reformat",
                "nvme": r"format|sanitize|delete-ns|write-zeroes|dsm",
                "badblocks": r"-w\b",
                "btrfs": r"subvolume "
                r"delete|device (?:delete|remove)|rescue zero-log",
                "hdiutil": r"^(?:erase|burn)",
                "debugfs": r"-w\b",
            }.get(name, r"(?!)"),
            line,
        )
    )


@program(
    *word_set(
        "lvremove vgremove pvremove lvcreate lvextend lvreduce lvresize lvchange lvrename lvconvert vgcreate vgextend "
        "vgreduce vgchange vgrename vgexport pvcreate pvmove pvresize lvs vgs pvs lvdisplay vgdisplay pvdisplay "
        "lvscan vgscan pvscan vgcfgrestore vgcfgbackup lvmconfig lvm"
    )
)
def _volumes(command: Command, reading: Reading) -> None:
    name = command.name
    if name in (
        "lvs",
        "vgs",
        "pvs",
        "lvdisplay",
        "vgdisplay",
        "pvdisplay",
        "lvscan",
        "vgscan",
        "pvscan",
        "vgcfgbackup",
        "lvmconfig",
    ):
        return
    shown = " ".join(word.display for word in command.arguments if not word.text.startswith("-"))[:80] or "volumes"
    if name.endswith("remove") or name in ("lvreduce", "vgreduce", "pvcreate"):
        reading.add(FORMATS, f"This deletes {shown}, with what is on it.", command.line)
    else:
        reading.add(CHANGES, f"This changes volumes: {name} {shown}.", command.line)


ZFS = Program(
    "zfs",
    "zpool",
    values="-o -O -t -d -s -S -V -b -R -m -T -I",
    dry_run="-n -nv --dryrun",
    objects=True,
    helps="--help -?",
)
ZFS.reads("list, get, diff, holds, version, status, iostat, history, userspace, groupspace, events, wait, projectspace")
ZFS.does(FORMATS, "This deletes {what}, with its data.", "destroy, rollback, create -f, labelclear, split")
ZFS.does(
    CHANGES,
    "This changes {what|file systems}.",
    "create, set, inherit, mount, unmount, umount, rename, promote, clone, send, receive, recv, hold, release, allow, "
    "unallow, share, unshare, import, export, add, attach, detach, replace, scrub, trim, online, offline, clear, "
    "upgrade, reguid, remove, resilver, "
    "load-key, unload-key, change-key, checkpoint, initialize, reopen, sync, redact, program",
)
ZFS.does(CHANGES, "This makes a snapshot: {what}.", "snapshot, snap, bookmark", LOW)
ZFS.option("receive, recv", "-F", FORMATS, "This replaces what is in {what}.")
ZFS.option("create", "-f", FORMATS, "This uses disks although there is data on them.")


@program(
    *word_set(
        "mount umount mount.nfs mount.cifs sshfs fusermount fusermount3 unmount pmount udisksctl mountpoint automount "
        "gio systemd-mount autofs davfs2 rclone-mount s3fs pivot_root switch_root"
    )
)
def _mounts(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-t -o -L -U -T -O --types --options")
    if (
        command.name == "mountpoint"
        or (not given.operands and not given.has("-a", "--all"))
        or given.exactly("-l", "-V", "--help", "--version")
    ):
        return
    if (
        command.name in ("udisksctl", "gio")
        and given.operands
        and given.operands[0].text
        in (
            "status",
            "info",
            "list",
            "dump",
            "monitor",
            "tree",
            "cat",
        )
    ):
        return
    shown = ", ".join(word.display for word in given.operands[:2])
    reading.add(CHANGES, f"This mounts or unmounts {shown or 'file systems'}.", command.line)
