"""Where a path points, and what it means to delete, write, or read there."""

import pytest

from app.risk.effects import Act, act_on
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

PLACES = {
    Place.EVERYTHING: ["/", "//", "/*", "C:\\", "c:\\*", "/home/..", "C:/*.*"],
    Place.HOME: ["~", "~/", "~/*", "/root", "/home/app", "C:\\Users\\app"],
    Place.HOMES: ["/home", "/home/*", "C:\\Users"],
    Place.DEVICE: ["/dev/sda", "/dev/nvme0n1p1", "\\\\.\\PhysicalDrive0"],
    Place.NOTHING: ["/dev/null", "NUL"],
    Place.ACCESS: ["~/.ssh/authorized_keys", "/etc/sudoers.d/x", "/etc/passwd", "/tmp/../etc/shadow"],
    Place.SECRET: [
        "~/.ssh/id_rsa",
        ".env",
        "../../.env.production",
        "~/.aws/credentials",
        "tls/server.key",
        "/etc/ssh/ssh_host_rsa_key",
    ],
    Place.SCHEDULE: ["/etc/cron.d/x", "/var/spool/cron/root"],
    Place.STARTUP: ["~/.bashrc", "/etc/profile.d/x.sh", "C:\\Users\\a\\profile.ps1"],
    Place.HOOK: [".git/hooks/pre-commit", ".git/config", ".husky/pre-push"],
    Place.PIPELINE: [".github/workflows/ci.yml", ".gitlab-ci.yml"],
    Place.AGENT: [".claude/settings.json", ".mcp.json", "AGENTS.md", ".cursor/rules/a.md"],
    Place.SYSTEM: ["/usr", "/etc/hosts", "C:\\Windows\\System32\\drivers"],
    Place.DATA: ["/var/lib/postgresql/17/main"],
    Place.GENERATED: ["node_modules", "app/__pycache__", "build/x.txt"],
    Place.BUILD: ["package.json", "sub/Makefile", "Dockerfile"],
    Place.CODE: ["app/a.py", "/srv/app/a.py", "run.sh"],
    Place.TEMPORARY: ["/tmp/x", "C:\\Temp\\x.txt"],
    Place.WORKING: ["notes.txt", "docs/", "./a.txt", ".env.example"],
    Place.WORKING_ALL: [".", "./*", "*"],
    Place.OUTSIDE: ["../x.txt", "/nowhere/x.txt", "~/notes.txt"],
    Place.UNKNOWN: [f"{UNKNOWN}/x", UNKNOWN],
    Place.SHARE: ["\\\\server\\share\\x.txt"],
}


@pytest.mark.parametrize(("place", "path"), [(place, path) for place, paths in PLACES.items() for path in paths])
def test_a_path_points_to_a_place(place, path):
    assert place_of(path) is place


@pytest.mark.parametrize(
    ("act", "path", "level"),
    [
        (Act.DELETE_ALL, "/", RiskLevel.CRITICAL),
        (Act.DELETE_ALL, "src", RiskLevel.HIGH),
        (Act.DELETE_ALL, "node_modules", RiskLevel.MEDIUM),
        (Act.DELETE_ALL, f"{UNKNOWN}/*", RiskLevel.CRITICAL),
        (Act.DELETE_ALL, f"{UNKNOWN}/build", RiskLevel.HIGH),
        (Act.DELETE, "notes.txt", RiskLevel.MEDIUM),
        (Act.DELETE, "*.txt", RiskLevel.HIGH),
        (Act.WRITE, "notes.txt", RiskLevel.LOW),
        (Act.WRITE, "app/a.py", RiskLevel.MEDIUM),
        (Act.APPEND, "~/.ssh/authorized_keys", RiskLevel.CRITICAL),
        (Act.WRITE, "/dev/sda", RiskLevel.CRITICAL),
        (Act.WRITE, "/dev/null", RiskLevel.SAFE),
        (Act.READ, ".env", RiskLevel.HIGH),
        (Act.READ, "notes.txt", RiskLevel.SAFE),
        (Act.LIST, "~/.ssh", RiskLevel.SAFE),
    ],
)
def test_an_act_is_as_bad_as_its_place(act, path, level):
    reading = Reading()
    act_on(reading, act, Word(path, 3))
    worst = max((found.severity for found in reading.findings), key=lambda one: one.rank, default=RiskLevel.SAFE)
    assert worst is level
    assert {found.line for found in reading.findings} <= {3}
