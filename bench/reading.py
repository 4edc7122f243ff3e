"""Reading code: how often the level is right, how long it takes, and how much memory.

    python -m bench.reading

Prints, for the labelled cases in `tests/risk/corpus` (those that rules were written with, and those held back), the
share of exact levels, precision and recall of "high or critical" and of "critical", and the share of harmless cases
that are rated high. To reach: 88 %, 92 and 98 %, 96 % recall of critical, at most 5 %. Then the milliseconds of an
assessment (median at most 3, 95th percentile at most 40), the longest for hostile texts (at most 1 s for a megabyte), a
round trip to the process that reads for the web process, and the memory of that process (at most 120 MiB). Last, how a
large set of harmless scripts of this machine is rated, with the reasons for "high".
"""

from __future__ import annotations

import platform
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from app.risk.apart import assess_apart
from app.risk.assess import assess_proposal
from bench.support import machine

MOST_SCRIPTS = 400
LANGUAGES = (
    "shell", "powershell", "python", "sql", "yaml", "json", "dockerfile", "crontab", "mongo", "cypher", "redis",
)  # fmt: skip


def script(language: str, content: str) -> dict[str, Any]:
    """Return a proposal of a script."""
    return {"kind": "script", "title": "t", "language": language, "content": content}


def main() -> None:
    """Print all figures."""
    print(f"reading: {machine()}")
    _scores()
    _hostile()
    _process()
    _scripts("shell", shell_scripts())
    _scripts("python", _python_files())


def _scores() -> None:
    from tests.risk import score

    for name in ("shared", "dev", "held"):
        print(f"\n{name}: {'' if name != 'held' else 'held back while rules were written'}")
        score.main([name])


def hostile(size: int) -> Iterator[tuple[str, str, str]]:
    """Yield languages, names, and texts that are made to be slow to read."""
    shapes: dict[str, Callable[[str], str]] = {
        "brackets": lambda _: "(" * size,
        "quotes": lambda _: "'\"" * (size // 2),
        "short commands": lambda language: ("SELECT 1;\n" if language == "sql" else "a = 1\n") * (size // 10),
        "nesting": lambda language: {"sql": "SELECT (", "python": "f("}.get(language, "$(") * (size // 8),
        "here-documents": lambda _: "cat <<EOF\n" * (size // 10),
        "one word": lambda _: "a" * size,
        "braces": lambda _: "{a,b}" * (size // 5),
        "markup": lambda _: "<!-- " * (size // 5),
        "comments": lambda _: "/* " * (size // 3),
        "escaped quotes": lambda _: "'\\'" * (size // 3),
    }
    for language in LANGUAGES:
        for name, text in shapes.items():
            yield language, name, text(language)


def _hostile() -> None:
    worst: list[tuple[float, str]] = []
    for size in (20_000, 200_000, 1_000_000):
        for language, name, text in hostile(size):
            started = time.thread_time()
            assessment = assess_proposal(script(language, text))
            taken = time.thread_time() - started
            worst.append((taken, f"{language}, {name}, {size:,} characters: {assessment.level.value}"))
    worst.sort(reverse=True)
    print("\nhostile texts, seconds of the processor (to reach: 1.0):")
    for taken, what in worst[:8]:
        print(f"  {taken:5.2f}  {what}")


def _process() -> None:
    before = {child.pid for child in psutil.Process().children()}
    first = time.perf_counter()
    for language, text in (("shell", "ls"), ("powershell", "ls"), ("python", "print(1)"), ("sql", "SELECT 1")):
        assess_apart(script(language, text))
    first = time.perf_counter() - first
    times: list[float] = []
    for number in range(300):
        started = time.perf_counter()
        assess_apart(script("shell", f"ls {number}"))
        times.append((time.perf_counter() - started) * 1e3)
    times.sort()
    print(f"\nthe process beside: {first:.2f} s for the first text in each of four languages,")
    print(f"then median {times[150]:.1f} ms, p95 {times[285]:.1f} ms")
    for child in psutil.Process().children():
        if child.pid not in before:
            print(f"its memory: {child.memory_info().rss / (1 << 20):.0f} MiB (to reach: 120)")


def shell_scripts(most: int | None = MOST_SCRIPTS) -> list[Path]:
    """Return shell scripts of this machine, at most so many, or all."""
    found = []
    for folder in ("/usr/bin", "/usr/sbin", "/etc/init.d", "/var/lib/dpkg/info", "/usr/share"):
        for path in sorted(Path(folder).glob("*" if folder != "/usr/share" else "*/*.sh")):
            if path.is_file() and path.stat().st_size < 100_000 and _begins(path, b"#!", b"sh"):
                found.append(path)
    return found[:: max(1, len(found) // most)][:most] if most else found


def _begins(path: Path, mark: bytes, name: bytes) -> bool:
    with path.open("rb") as file:
        line = file.readline(200)
    return line.startswith(mark) and name in line


def _python_files() -> list[Path]:
    found = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    return found[:MOST_SCRIPTS]


def _scripts(language: str, paths: list[Path]) -> None:
    levels: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    times: list[float] = []
    for path in paths:
        text = path.read_text(errors="replace")
        started = time.thread_time()
        assessment = assess_proposal(script(language, text))
        times.append((time.thread_time() - started) * 1e3)
        levels[assessment.level.value] += 1
        if assessment.level.value in ("high", "critical"):
            reasons.update({found.rule for found in assessment.findings if found.severity is assessment.level})
    times.sort()
    if not times:
        return
    print(f"\n{len(paths)} harmless {language} files of {platform.system()}: {dict(levels.most_common())}")
    p95 = times[int(len(times) * 0.95)]
    print(f"  ms: median {times[len(times) // 2]:.1f}, p95 {p95:.1f}, longest {times[-1]:.0f}")
    print("  reasons for high:", ", ".join(f"{rule} {count}" for rule, count in reasons.most_common(10)))


if __name__ == "__main__":
    main()
