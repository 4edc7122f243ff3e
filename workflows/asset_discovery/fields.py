"""The fields of an asset, which the columns of inventories are mapped to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Field(StrEnum):
    """A field of an asset; `IGNORE` is the place of columns that are none."""

    NAME = "name"
    FQDN = "fqdn"
    IP_ADDRESS = "ip_address"
    MAC_ADDRESS = "mac_address"
    SERIAL_NUMBER = "serial_number"
    ASSET_TYPE = "asset_type"
    MANUFACTURER = "manufacturer"
    MODEL = "model"
    OS = "os"
    OS_VERSION = "os_version"
    CPU_COUNT = "cpu_count"
    MEMORY_MB = "memory_mb"
    DISK_GB = "disk_gb"
    ENVIRONMENT = "environment"
    LOCATION = "location"
    OWNER = "owner"
    APPLICATION = "application"
    CRITICALITY = "criticality"
    STATUS = "status"
    PURCHASED_ON = "purchased_on"
    SUPPORT_ENDS_ON = "support_ends_on"
    DEPENDS_ON = "depends_on"
    COST_CENTER = "cost_center"
    VIRTUAL_HOST = "virtual_host"
    CLUSTER = "cluster"
    IGNORE = "ignore"


class ValueKind(StrEnum):
    """How the values of a field are kept: text, a list of texts, a whole number, or a date."""

    TEXT = "text"
    LIST = "list"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True)
class FieldFacts:
    """What pages say about a field.

    Attributes:
        title: In pages and reports.
        description: What belongs there, and in which unit.
        value: How its values are kept.
    """

    title: str
    description: str
    value: ValueKind = ValueKind.TEXT


FACTS: dict[Field, FieldFacts] = {
    Field.NAME: FieldFacts("Name", "What people call the asset, such as a host name"),
    Field.FQDN: FieldFacts("FQDN", "Fully qualified domain name"),
    Field.IP_ADDRESS: FieldFacts("IP address", "IPv4 and IPv6 addresses", ValueKind.LIST),
    Field.MAC_ADDRESS: FieldFacts("MAC address", "Hardware addresses of network interfaces", ValueKind.LIST),
    Field.SERIAL_NUMBER: FieldFacts("Serial number", "The manufacturer's or the platform's own identifier"),
    Field.ASSET_TYPE: FieldFacts("Type", "Server, virtual machine, laptop, switch, printer, and so on"),
    Field.MANUFACTURER: FieldFacts("Manufacturer", "Who made it"),
    Field.MODEL: FieldFacts("Model", "The manufacturer's model, or the instance type of a cloud"),
    Field.OS: FieldFacts("Operating system", "Its name, perhaps with its version"),
    Field.OS_VERSION: FieldFacts("OS version", "Version, release, or build of the operating system"),
    Field.CPU_COUNT: FieldFacts("CPUs", "Number of processors or cores", ValueKind.NUMBER),
    Field.MEMORY_MB: FieldFacts("Memory", "In MiB", ValueKind.NUMBER),
    Field.DISK_GB: FieldFacts("Disk", "Total storage, in GiB", ValueKind.NUMBER),
    Field.ENVIRONMENT: FieldFacts("Environment", "Production, test, development, and so on"),
    Field.LOCATION: FieldFacts("Location", "Site, building, room, data center, or region"),
    Field.OWNER: FieldFacts("Owner", "The person or team that answers for it"),
    Field.APPLICATION: FieldFacts("Application", "The service or business application that it runs"),
    Field.CRITICALITY: FieldFacts("Criticality", "How much depends on it"),
    Field.STATUS: FieldFacts("Status", "In use, in stock, retired, running, stopped, and so on"),
    Field.PURCHASED_ON: FieldFacts("Purchased on", "Date of purchase", ValueKind.DATE),
    Field.SUPPORT_ENDS_ON: FieldFacts("Support ends on", "End of support or warranty", ValueKind.DATE),
    Field.DEPENDS_ON: FieldFacts("Depends on", "Assets that it needs, by name", ValueKind.LIST),
    Field.COST_CENTER: FieldFacts("Cost center", "Where its costs are charged"),
    Field.VIRTUAL_HOST: FieldFacts("Virtual host", "The machine on which it runs"),
    Field.CLUSTER: FieldFacts("Cluster", "The cluster or group to which it belongs"),
    Field.IGNORE: FieldFacts("(ignored)", "A column that is no field of an asset"),
}
