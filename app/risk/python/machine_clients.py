"""Clients of hypervisors, network devices, machinery, homes, and disks."""

from __future__ import annotations

import re

from app.risk.commands.routers import CHANGES as DEVICE_CHANGES
from app.risk.commands.routers import ERASES as DEVICE_ERASED
from app.risk.commands.routers import read_device_lines
from app.risk.python.clients import Use
from app.risk.python.files import EXTRACTS
from app.risk.python.known_calls import Row, known_by_calls
from app.risk.python.method_names import CHANGES_OBJECT, DELETES_OBJECT
from app.risk.python.values import text_of
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

MACHINE_GONE = declare(
    "python.machine_gone", CRITICAL, "Deletes virtual machines, their disks, or what they are stored in.",
    "import libvirt\nc = libvirt.open('qemu:///system')\nc.storagePoolLookupByName('a').delete()",
    "import libvirt\nlibvirt.open('qemu:///system').listAllDomains()", language="python",
)  # fmt: skip
MACHINE = declare(
    "python.machine", HIGH, "Stops or changes a machine, a device, or something in the real world.",
    "import libvirt\nlibvirt.open('qemu:///system').lookupByName('a').destroy()",
    "import libvirt\nlibvirt.open('qemu:///system').lookupByName('a').info()", language="python",
)  # fmt: skip
DISK = declare(
    "python.disk_gone", CRITICAL, "Erases a disk, its partitions, or the memory of a device.",
    "import parted\nparted.getDevice('/dev/sdb').clobber()", "import parted\nparted.getDevice('/dev/sdb')",
    language="python",
)  # fmt: skip

known_by_calls(
    "libvirt",
    Row(r"(?:pool|volume)\S* (?:delete|wipe|wipepattern|destroy)\b|\bvol\w* (?:delete|wipe)", MACHINE_GONE,
        "deletes disks of virtual machines", HIGH, CRITICAL),
    Row(r" (?:wipe|wipepattern|delete) ", MACHINE_GONE, "deletes a disk of a virtual machine", HIGH, CRITICAL),
    Row(r" (?:undefine|undefineflags)\b", MACHINE_GONE, "deletes a virtual machine", HIGH, CRITICAL),
    Row(r" destroy(?:flags)?\b", MACHINE, "turns a machine or a network off", HIGH, CRITICAL),
    Row(r" (?:shutdown|reset|reboot|suspend|pmsuspend|managedsave|migrate\w*|setmemory|detachdevice\w*|revertto\w*)\b",
        MACHINE, "stops or changes a machine", HIGH),
    Row(r" (?:create|createxml|definexml|create\w+|resume|attachdevice\w*|snapshotcreate\w*)\b", CHANGES_OBJECT,
        "starts or makes a machine"),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "proxmoxer proxmox",
    Row(r"(?:storage|backup|snapshot|content|pools)\S* delete\b", MACHINE_GONE, "deletes what machines are kept in"),
    Row(r"(?:qemu|lxc|nodes)\S* delete\b", MACHINE_GONE, "deletes a machine with its disks", HIGH, CRITICAL),
    Row(r" delete\b", DELETES_OBJECT, "deletes something", HIGH, CRITICAL),
    Row(r"(?:stop|shutdown|reset|reboot|suspend|rollback|migrate)\S* (?:post|create)\b"
        r"|status\S* (?:post|create) .*(?:stop|shutdown|reboot|reset)", MACHINE, "stops a machine"),
    Row(r"(?:access|acl|users|roles|firewall|cluster|agent|exec)\S* (?:post|put|create|set)\b", MACHINE,
        "changes who may do what, or runs something in a machine"),
    Row(r" (?:post|put|create|set)\b", CHANGES_OBJECT, "changes something"),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "pyVim pyVmomi pyvmomi vmware",
    Row(r" (?:destroy\w*|unregister\w*|deletevirtualdisk\w*|deletedatastorefile\w*|removeall\w*|removesnapshot\w*"
        r"|formatvmfs\w*)\b",
        MACHINE_GONE, "deletes a machine, a disk, or copies of one", HIGH, CRITICAL),
    Row(r" (?:poweroff\w*|shutdown\w*|reset\w*|reboot\w*|suspend\w*|entermaintenance\w*|reconfig\w*|reverttosnapshot\w*"
        r"|revert\w*|migrate\w*|relocate\w*|disable\w*)\b", MACHINE, "stops or changes a machine"),
    Row(r" (?:startprograminguest|initiatefiletransfertoguest)\b", MACHINE, "runs a program in a machine"),
    Row(r" (?:poweron\w*|clone\w*|create\w+_task|createvm\w*|createsnapshot\w*)\b", CHANGES_OBJECT,
        "makes or starts a machine"),
    Row(r""),
)  # fmt: skip


def _typed(use: Use) -> None:
    """Read lines for a device among the arguments."""
    made = use.made
    texts = [text_of(value) for value in (*made.arguments, *made.keywords.values()) if value.text is not None]
    if texts and not use.method[:1].isupper():
        read_device_lines(texts, made.reading, made.line)


known_by_calls(
    "ncclient jnpr panos routeros_api librouteros unificontrol meraki pyeapi pan fortigate_api f5 bigrest pysnmp genie "
    "pyats acitoolkit aioeapi",
    Row(r"zeroize|private-data-reset|factory|reset-configuration|reset_configuration|erase|delete_config"
        r"|\bformat (?:flash|disk|all)",
        DEVICE_ERASED, "deletes the settings of a network device"),
    Row(r" (?:reboot|restart|poweroff|halt|shutdown|reload|upgrade|install)\w* ", DEVICE_CHANGES,
        "restarts or changes a device"),
    Row(r" delete\w* ?", DEVICE_CHANGES, "deletes settings of a network device", HIGH, CRITICAL),
    Row(r" (?:edit_config|copy_config|commit|load|set\w*|update\w*|create\w*|add\w*|remove\w*|apply\w*|run_commands"
        r"|config"
        r"|kill_session|discard_changes|call|block\w*|move)\b", DEVICE_CHANGES, "changes a network device"),
    Row(r""),
    special=_typed,
)  # fmt: skip
known_by_calls(
    "pymodbus snap7 pycomm3 opcua asyncua can pyads minimalmodbus bacpypes BAC0 dronekit pymavlink RPi gpiozero serial",
    Row(r"^(?:rpi|gpiozero|serial)\b.* (?:output|on|off|write|toggle|blink)\b", CHANGES_OBJECT, "switches something"),
    Row(r"(?:^| )(?:write\w*|set_\w+|plc_\w+|db_write|send\w*|ab_write|as_ebwrite|simple_goto|arm\w*|call_method"
        r"|control\w*)\b",
        MACHINE, "switches or moves a machine in the real world"),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "homeassistant_api hass_client kasa pyHS100 phue tuyapower tinytuya pytradfri aiohue pysmartthings "
    "ring_doorbell august",
    Row(r"unlock|disarm|alarm|\block\b|garage|\bgate\b|\bdoor\b|valve|siren|factory|reboot", MACHINE,
        "opens, disarms, or restarts something at home"),
    Row(r" (?:turn_\w+|set_\w+|trigger_\w+|on|off|toggle|\w*_service)\b", CHANGES_OBJECT, "switches something"),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "parted pyparted blivet",
    Row(r" (?:clobber|deleteallpartitions|removepartition|deletepartition|commit|wipe|destroy\w*|do_it|format|minimize"
        r"|initializedisk|deletedevice|recursive_remove|reset)\b", DISK, "erases a disk or its partitions"),
    Row(r" freshdisk\b", DISK, "makes a new table of partitions"),
    Row(r""),
)  # fmt: skip
known_by_calls(
    "esptool pyocd adafruit_platformdetect",
    Row(r"erase|write_flash|burn_|espefuse|format", DISK, "erases or replaces what a device runs"),
    Row(r" main\b", EXTRACTS, "talks to a device", MEDIUM),
    Row(r""),
)  # fmt: skip
_ENDS = re.compile(r"delete|remove|destroy|terminate|deactivate|close account|cancel|purge|revoke|confirm|pay\b|buy now"
                   r"|place order|transfer|send payment|drop\b|wipe|reset|lösch", re.IGNORECASE)  # fmt: skip
known_by_calls(
    "pyautogui pywinauto uiautomation",
    Row(r" (?:typewrite|write|hotkey|press|type_keys|keydown|send_keys|click\w*|doubleclick|set_edit_text|select|moveto"
        r"|dragto|menu_select|invoke)\b", MACHINE, "types or clicks in whatever window is in front", HIGH),
    Row(r""),
)  # fmt: skip
