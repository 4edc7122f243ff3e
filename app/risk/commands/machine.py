"""A machine's kernel, start, clock, and settings."""

from __future__ import annotations

import re

from app.risk.commands.guards import LOGS
from app.risk.commands.services import POWER
from app.risk.commands.table import Command, program
from app.risk.effects import run_unread
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
KERNEL = declare(
    "machine.kernel",
    HIGH,
    "Changes the running kernel.",
    "sysctl -w net.ipv4.ip_forward=1",
    "sysctl -a",
    language="shell",
)
CLOCK = declare(
    "machine.clock",
    HIGH,
    "Changes the machine's clock, name, or language.",
    "timedatectl set-time 00:00",
    "timedatectl status",
    language="shell",
)
BOOT = declare(
    "machine.boot", HIGH, "Changes how the machine starts.", "update-grub", "efibootmgr -v", language="shell"
)
SETTINGS = declare(
    "machine.settings",
    HIGH,
    "Changes settings of the machine.",
    "update-alternatives --set editor /usr/bin/vim",
    "update-alternatives --list editor",
    language="shell",
)


@program(
    *word_set(
        "sysctl modprobe insmod rmmod depmod kmod dkms dmesg perf bpftool bpftrace systemtap stap trace-cmd cpupower "
        "tuned-adm kpatch livepatch canonical-livepatch mokutil setpci msr-tools wrmsr cgset cgcreate cgdelete "
        "update-initramfs dracut mkinitcpio mkinitrd"
    )
)
def _kernel(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    operands = [text for text in texts if not text.startswith("-")]
    name = command.name
    if (
        name == "sysctl"
        and not any("=" in text for text in texts)
        and not set(texts) & {"-w", "-p", "--write", "--load", "--system", "-f"}
    ):
        return
    if name == "dmesg":
        if set(texts) & {"-c", "-C", "--clear", "--read-clear", "-D", "-n"}:
            reading.add(LOGS, "This clears the kernel's messages.", command.line)
        return
    if name in ("modprobe", "dkms", "kmod", "mokutil", "cpupower", "tuned-adm", "bpftool") and (
        set(texts)
        & {
            "-n",
            "--dry-run",
            "--show",
            "status",
            "list",
            "-c",
            "--list-enrolled",
            "--sb-state",
            "show",
            "-D",
            "--showconfig",
            "active",
            "frequency-info",
            "recommend",
        }
    ):
        return
    if name in ("perf", "bpftrace", "stap", "systemtap", "trace-cmd"):
        reading.add(
            KERNEL,
            "This watches the whole machine, and may run programs of its own in the kernel.",
            command.line,
            MEDIUM if name == "perf" else None,
        )
        reading.doubt()
        return
    if not operands and not texts and name not in ("update-initramfs", "dracut", "mkinitcpio"):
        return
    rule = BOOT if name in ("update-initramfs", "dracut", "mkinitcpio", "mkinitrd") else KERNEL
    reading.add(
        rule, f"This changes the kernel: {name} {' '.join(operands[:3])}."[:120].replace(" .", "."), command.line
    )


@program(
    *word_set(
        "timedatectl hwclock hostnamectl localectl ntpdate chronyc ntpq chronyd sntp locale-gen localedef "
        "dpkg-reconfigure update-locale machinectl setxkbmap loadkeys setfont"
    )
)
def _clock(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    if re.search(
        r"\bset|-w\b|-s\b|--systohc|--hctosys|--set|makestep|settime|hostname "
        r"\S|-b\b|adjtime|^-?a\b|reconfigure|poweroff|reboot|terminate|remove|clone|rename|kill",
        " ".join(texts),
    ) or (
        command.name
        in ("ntpdate", "chronyd", "locale-gen", "localedef", "dpkg-reconfigure", "update-locale", "loadkeys")
        and "-q" not in texts
    ):
        reading.add(
            CLOCK,
            f"This changes the machine's clock, name, or language: {command.name} {' '.join(texts[:3])}."[:120].replace(
                " .", "."
            ),
            command.line,
        )
    elif command.name.endswith(("ctl", "chronyc")) and not re.match(
        r"(?:-\S+ "
        r")*(?:$|status|show|list|tracking|sources|sourcestats|activity|image-status|timesync-status|static$|icon"
        r"|chassis$|hostname$|-)",
        " ".join(texts),
    ):
        reading.add(CLOCK, f"What {command.name} {' '.join(texts[:2])} does is not known.", command.line, MEDIUM)
        reading.doubt()


@program(
    *word_set(
        "grub-install update-grub grub-mkconfig grub2-mkconfig grub2-install grub-set-default grub2-set-default "
        "grub-reboot efibootmgr bootctl grubby lilo syslinux extlinux bless nvram fwupdmgr flashrom kernelstub "
        "kernel-install systemd-firstboot rpi-update raspi-config ubootenv fw_setenv"
    )
)
def _boot(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    line = " ".join(texts)
    if (
        command.name in ("efibootmgr", "bootctl", "fwupdmgr", "nvram", "grubby", "grub-mkconfig", "grub2-mkconfig")
        and (not texts or re.match(r"(?:-v|--verbose|status|list|get-|security|-p$|-x$|--info|--default|show)", line))
        and not re.search(r"-[BcbnoOr]\b|-o\b", line)
    ):
        return
    reading.add(
        BOOT, f"This changes how the machine starts: {command.name} {line}."[:120].replace(" .", "."), command.line
    )


@program(
    *word_set(
        "update-alternatives alternatives ldconfig defaults gsettings dconf authbind setterm quotaon quotaoff "
        "setquota edquota update-rc.d chkconfig insserv rc-update update-mime-database xdg-mime xdg-settings plutil "
        "PlistBuddy lpadmin cupsctl cancel lp lpr a2ensite a2dissite a2enmod a2dismod "
        "phpenmod phpdismod virsh virt-install qm pct pvesh lxc incus lxd multipass VBoxManage vboxmanage qemu-img xe "
        "govc esxcli vim-cmd prlctl tart qemu-system-x86_64 virt-clone lxc-start lxc-stop lxc-destroy drbdadm "
        "pcs crm gluster "
        "ceph rbd rados mmchconfig sacctmgr scontrol scancel squeue sinfo sacct sbatch srun qsub qdel"
    )
)
def _settings(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    line = f"{' '.join(texts)}".lower()
    name = command.name
    if name in ("squeue", "sinfo", "sacct"):
        return
    if not texts and name not in ("ldconfig", "newaliases"):
        return
    if re.match(
        r"(?:-\w+ "
        r")?(?:--list|--display|--query|--get-selections|--version|-p\b|read|list|get|show|info|status|domblklist"
        r"|domstate|dominfo|dumpxml|ls|config show|image list|check|"
        r"df|health|version|help|osd (?:tree|stat|df|dump|status)|pg "
        r"stat|-s$|-n$|capabilities|net-list|pool-list|vol-list|snapshot-list|guestinfo|about|query|default|find"
        r"|datastore\.ls|vm\.info)",
        line,
    ):
        return
    if re.search(
        r"\b(?:delete|destroy(?! \w+$)|undefine|rm|remove|purge|unregistervm|vm-uninstall|vm-destroy|closemedium"
        r"|vmsvc/destroy|vol-delete"
        r"|pool-delete"
        r"|snapshot-delete|zap|wipe|lost|osd purge|detach-disk|template-delete|erase|create-md|wipe-md)\b|-destroy"
        r"|--discard-my-data",
        f"{name} {line}",
    ):
        level = (
            CRITICAL
            if name
            in (
                "virsh",
                "qm",
                "pct",
                "lxc",
                "incus",
                "vboxmanage",
                "govc",
                "xe",
                "ceph",
                "rbd",
                "rados",
                "gluster",
                "pvesh",
                "esxcli",
                "lxc-destroy",
                "drbdadm",
            )
            else HIGH
        )
        level = CRITICAL if "--all" in texts or name == "vim-cmd" else level
        reading.add(SETTINGS, f"This deletes machines, disks, or settings: {name} {line}."[:140], command.line, level)
    elif name in ("virsh", "qm", "pct", "xe", "govc", "vboxmanage", "lxc-stop") and re.search(
        r"\b(?:reboot|shutdown|stop|destroy|reset|poweroff|power\.off|controlvm)\b", line
    ):
        reading.add(POWER, f"This stops or restarts a virtual machine: {name} {line}."[:140], command.line)
    elif name in ("sbatch", "srun", "qsub"):
        run_unread(reading, command.words[-1])
    else:
        low = name in (
            "qemu-img",
            "plutil",
            "xdg-mime",
            "xdg-settings",
            "gsettings",
            "dconf",
            "setterm",
            "lp",
            "lpr",
            "cancel",
            "multipass",
            "lxc",
            "incus",
            "tart",
            "scancel",
            "defaults",
            "ldconfig",
        )
        reading.add(
            SETTINGS,
            f"This changes settings of the machine: {name} {line}."[:140],
            command.line,
            MEDIUM if low else None,
        )
