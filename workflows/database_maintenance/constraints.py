"""When and where indexes may be created."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from workflows.database_maintenance.inputs import ALL_HOURS, MaintenanceInput


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


def outside_hours(settings: MaintenanceInput, moment: datetime) -> str:
    """Return why indexes may not be created at a time; empty if they may."""
    if settings.allowed_hours == ALL_HOURS:
        return ""
    local = moment.astimezone(UTC if settings.time_zone == "UTC" else ZoneInfo(settings.time_zone))
    if local.hour in settings.allowed_hours:
        return ""
    hours = ", ".join(str(hour) for hour in settings.allowed_hours) or "none"
    return f"It is {local:%H:%M} ({settings.time_zone}); indexes may be created only in the hours {hours}."
