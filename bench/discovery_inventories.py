"""Makes large inventories for measuring asset discovery, with the duplicates and broken rows that belong to them."""

from __future__ import annotations

import csv
import datetime
import random
from dataclasses import dataclass, field
from pathlib import Path

HEADINGS = (
    "Hostname", "DNS name", "IP address", "MAC", "Serial no.", "Device type", "Vendor", "Model", "Operating system",
    "OS release", "CPU cores", "Memory (GB)", "Disk", "Stage", "Site", "Responsible team", "Business service", "Impact",
    "Lifecycle state", "Purchased", "End of support", "Needs", "Cost unit", "Runs on", "Cluster", "Remarks",
)  # fmt: skip
HARDWARE = {
    "server": (("Dell Inc.", "PowerEdge R650"), ("HPE", "ProLiant DL380 Gen10"), ("Lenovo", "ThinkSystem SR650")),
    "virtual machine": (("VMware, Inc.", "VMware7,1"), ("QEMU", "Standard PC (Q35 + ICH9, 2009)")),
    "laptop": (("Dell Inc.", "Latitude 5440"), ("HP", "EliteBook 840 G10"), ("LENOVO", "ThinkPad T14")),
    "switch": (("Cisco Systems", "C9300-48P"), ("Arista", "DCS-7050SX3")),
    "printer": (("Kyocera", "ECOSYS P3155dn"), ("HP", "LaserJet M507")),
}
SYSTEMS = {
    "server": (("Red Hat Enterprise Linux", "9.4"), ("Windows Server 2022", "21H2"), ("Ubuntu", "22.04")),
    "virtual machine": (("Ubuntu", "24.04"), ("Windows Server 2019", "1809"), ("Debian", "12")),
    "laptop": (("Windows 11 Pro", "23H2"), ("Windows 10 Pro", "22H2")),
    "switch": (("IOS XE", "17.9.4"), ("EOS", "4.28.3M")),
    "printer": (("", ""),),
}
NOTHING = ("", "n/a", "-", "unknown")
ROW = list[str]


@dataclass
class Made:
    """A made inventory.

    Attributes:
        path: The CSV file.
        rows: How many data records it has.
        duplicates: Groups of data records, from 1, that are one asset.
        invalid: Data records that cannot be valid.
    """

    path: Path
    rows: int = 0
    duplicates: list[list[int]] = field(default_factory=list)
    invalid: set[int] = field(default_factory=set)


class _Maker:
    def __init__(self, seed: int, rows: int) -> None:
        self.random, self.rows = random.Random(seed), rows
        self.names = [self._name(number) for number in range(rows)]

    def _name(self, number: int) -> str:
        kind = self.random.choice(("app", "db", "web", "fs", "ws"))
        return f"{self.random.choice(('lys', 'kir', 'ost'))}-{kind}-{number:06d}"

    def asset(self, number: int) -> ROW:
        """The cells of an asset that is like no other."""
        pick = self.random.choice
        kind = pick(tuple(HARDWARE))
        vendor, model = pick(HARDWARE[kind])
        system, release = pick(SYSTEMS[kind])
        name = self.names[number]
        needs = "; ".join(pick(self.names) for _ in range(pick((0, 0, 0, 1, 2))))
        virtual = kind == "virtual machine"
        memory = pick((8, 16, 32, 64, 128)) if system else ""
        disk = pick((256, 512, 1024, 2048)) if system else 0
        address = (number + 257).to_bytes(5, "big")
        return [
            name, f"{name}.corp.lysbeck.example", "10." + ".".join(map(str, address[2:])),
            "02:" + address.hex(":"),
            "" if virtual else f"SN{self.random.randrange(16**4):04X}{number:07d}", kind, vendor, model,
            system, release,
            str(pick((2, 4, 8, 16))) if system else "", str(memory),
            _size(disk),
            pick(("Production", "Production", "Test", "Development")), pick(("Lysbeck DC1", "Lysbeck DC2", "Kirn")),
            pick(("Unix", "Windows", "Network", "Workplace")), pick(("Billing", "Claims", "Portal", "Archive")),
            pick(("high", "medium", "low")), pick(("in use", "in use", "in stock", "retired")), self._day(2016, 2025),
            self._day(2024, 2032), needs, f"CC-{self.random.randrange(10_000):04d}",
            f"lys-esx-{self.random.randrange(64):02d}" if virtual else "", pick(("CL-A", "CL-B")) if virtual else "",
            pick(("", "", pick(NOTHING), "moved in spring")),
        ]  # fmt: skip

    def _day(self, first: int, last: int) -> str:
        start = datetime.date(first, 1, 1)
        day = start + datetime.timedelta(days=self.random.randrange((datetime.date(last, 12, 31) - start).days))
        return self.random.choice((day.isoformat(), day.strftime("%d.%m.%Y"), ""))

    def again(self, row: ROW) -> ROW:
        """Another record of the same asset."""
        copy = list(row)
        if self.random.random() < 0.5:
            copy[0], copy[3] = copy[1].upper(), copy[3].replace(":", "-").upper()
        else:
            copy[0], copy[1], copy[2] = f"{copy[0]}-old", "", ""
            copy[18] = "retired"
        return copy

    def broken(self, row: ROW) -> ROW:
        """A record that cannot be valid."""
        copy = list(row)
        place, value = self.random.choice(((2, "10.1.2.300"), (3, "02:00:zz"), (10, "four"), (19, "2021-02-30")))
        copy[place] = value
        if self.random.random() < 0.3:
            copy[:5] = [""] * 5
        return copy


def _size(gigabytes: int) -> str:
    if gigabytes < 1024:
        return f"{gigabytes} GB" if gigabytes else ""
    return f"{gigabytes // 1024} TB"


def make(path: Path, rows: int, seed: int = 20) -> Made:
    """Write an inventory of so many records: 3 % are second records of an asset, and 1 % are invalid."""
    maker = _Maker(seed, rows)
    chance = maker.random
    made = Made(path)
    kept: list[tuple[int, ROW]] = []
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        for number in range(rows):
            record = number + 1
            if kept and chance.random() < 0.03:
                first, row = kept.pop(chance.randrange(len(kept)))
                writer.writerow(maker.again(row))
                made.duplicates.append([first, record])
                continue
            row = maker.asset(number)
            if chance.random() < 0.01:
                writer.writerow(maker.broken(row))
                made.invalid.add(record)
                continue
            writer.writerow(row)
            if chance.random() < 0.2:
                kept.append((record, row))
    made.rows = rows
    return made
