"""What is found out while the code of a proposal is read: findings, what it touches, and whether it is understood."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib import import_module

from app.domain.reading_tools import NO_TOOLS, ReadingTools
from app.domain.risk import Finding, Touches
from app.risk.budget import DEPTH, Budget, OverBudgetError
from app.risk.languages import LIMITS_ITSELF, language_named, reader_of
from app.risk.rules import RiskRule, declare
from assent.contracts import RiskLevel

TOO_LARGE = declare("code.too_large", RiskLevel.HIGH, "The code is too large or too complex to be read.", unread=True)
FAILED = declare("code.failed", RiskLevel.HIGH, "Reading the code failed, so its effects are unknown.", unread=True)
TOO_DEEP = declare("code.too_deep", RiskLevel.HIGH, "Code is nested in code too deep to be read.", unread=True)
NO_ANALYSER = declare(
    "script.no_analyser",
    RiskLevel.HIGH,
    "Code in a language that cannot be analyzed.",
    "expect -c 'spawn ls'",
    "python -c 'print(1)'",
    language="shell",
    unread=True,
)
_MOST_NAMES = 200
"""The most names that one list of `Touches` holds."""
_MOST_LETTERS = 200


class _Found:
    """What all readings of one proposal share."""

    def __init__(self, budget: Budget, tools: ReadingTools) -> None:
        self.budget = budget
        self.tools = tools
        self.findings: list[Finding] = []
        self.names: dict[str, set[str]] = {}
        self.understood = True
        self.depth = 0
        self.item = ""


class Reading:
    """The reading of one text, which may contain texts in other languages.

    Readers call `add`, `touch`, and `read`. Lines are those of the text that is being read, from 1; nested readings
    translate them to lines of the outermost text.

    Attributes:
        options: Facts from the proposal that readers may need: ``dialect``, ``server_version``, ``rows`` (a dictionary
            of the number of rows by table name), ``shell``, and ``image``: True if the machine on which the code runs
            is thrown away afterwards, as when an image is built or a pipeline runs.
    """

    def __init__(self, budget: Budget | None = None, tools: ReadingTools = NO_TOOLS, **options: object) -> None:
        self._found = _Found(budget or Budget(), tools)
        self._first = 1
        self._fixed: int | None = None
        self._within = ""
        self.options = options

    @property
    def budget(self) -> Budget:
        """What may still be read."""
        return self._found.budget

    @property
    def tools(self) -> ReadingTools:
        """The tools that the policy registers as reading."""
        return self._found.tools

    @property
    def understood(self) -> bool:
        """True if everything so far has been read, and its effects are known."""
        return self._found.understood

    @property
    def findings(self) -> list[Finding]:
        """The findings so far."""
        return self._found.findings

    @property
    def touches(self) -> Touches:
        """What the code touches, as far as it has been read."""
        return Touches(**{kind: tuple(sorted(names)[:_MOST_NAMES]) for kind, names in self._found.names.items()})

    def add(self, rule: RiskRule, message: str, line: int | None = None, severity: RiskLevel | None = None) -> None:
        """Add a finding.

        Args:
            message: What would happen, in plain words, as a sentence.
            line: Line in the text that is being read; None for the whole text.
            severity: The rule's if None.
        """
        self.take([rule.finding(message, line, severity)])

    def take(self, findings: Iterable[Finding]) -> None:
        """Add findings whose lines are those of the text that is being read."""
        for found in findings:
            if found.unread:
                self._found.understood = False
            self._found.findings.append(
                replace(
                    found,
                    message=f"{self._within}{found.message}",
                    line=self.outer_line(found.line),
                    item=found.item or self._found.item,
                )
            )

    def outer_line(self, line: int | None) -> int | None:
        """Return a line of the text that is being read as a line of the outermost text."""
        if self._fixed is not None:
            return self._fixed
        return None if line is None else line + self._first - 1

    @contextmanager
    def at_item(self, item: str) -> Iterator[None]:
        """Give this item to the findings that are added meanwhile; see `Finding`."""
        before = self._found.item
        self._found.item = f"{before}/{item}" if before and item else before or item
        try:
            yield
        finally:
            self._found.item = before

    @contextmanager
    def from_folder(self, folder: str) -> Iterator[None]:
        """Take paths from this folder meanwhile, as seen from the working folder; an empty one changes nothing."""
        before = self.options
        self.options = before | {"folder": folder} if folder else before
        try:
            yield
        finally:
            self.options = before

    def doubt(self) -> None:
        """Note that something is not understood for which there is a finding already, or which needs none."""
        self._found.understood = False

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Let `understood` be about what is read meanwhile only; afterwards, it is about everything again."""
        before, self._found.understood = self._found.understood, True
        try:
            yield
        finally:
            self._found.understood = self._found.understood and before

    def touch(
        self,
        *,
        commands: Iterable[str] = (),
        paths: Iterable[str] = (),
        hosts: Iterable[str] = (),
        databases: Iterable[str] = (),
        objects: Iterable[str] = (),
        environment: Iterable[str] = (),
    ) -> None:
        """Note what the code touches; see `Touches`."""
        given = {
            "commands": commands, "paths": paths, "hosts": hosts,
            "databases": databases, "objects": objects, "environment": environment,
        }  # fmt: skip
        for kind, names in given.items():
            known = self._found.names.setdefault(kind, set())
            known.update(name[:_MOST_LETTERS] for name in names if name and len(known) < 4 * _MOST_NAMES)

    def read(
        self,
        language: str,
        text: str,
        line: int = 1,
        *,
        fixed: bool = False,
        within: str = "",
        **options: object,
    ) -> None:
        """Read code that is nested in the text that is being read. Never raises.

        Args:
            language: A language of `app.risk.languages`; one that cannot be read gets a finding.
            line: The line on which the nested text begins.
            fixed: All its findings belong to that line, because it is decoded, or its lines are not those of the text.
            within: What the nested code is, as the beginning of messages, such as ``In the SQL for psql: ``.
        """
        inner = Reading.__new__(Reading)
        inner._found = self._found
        inner._first = (self.outer_line(line) or 1) if not fixed else 1
        inner._fixed = self._fixed if self._fixed is not None else (self.outer_line(line) if fixed else None)
        inner._within = within or self._within
        inner.options = self.options | options
        self._found.depth += 1
        try:
            inner._read(language, text)
        finally:
            self._found.depth -= 1

    def _read(self, language: str, text: str) -> None:
        known = language_named(language)
        if not known:
            name = language.strip()[:40] or "an unnamed language"
            self.add(NO_ANALYSER, f"This code has not been checked, because {name} cannot be analyzed.")
            with suppress(OverBudgetError):
                import_module("app.risk.commands.other_code").read_known_parts(text, self)
        elif self._found.depth > DEPTH:
            self.add(TOO_DEEP, "Here, code is nested in code too deep to be read.", 1)
        elif known not in LIMITS_ITSELF and not self.budget.fits(text):
            self.add(TOO_LARGE, f"The code has {len(text):,} characters, which is too many to read.", 1)
        else:
            try:
                reader_of(known)(text, self)
            except OverBudgetError:
                self.add(TOO_LARGE, "The code is too complex: only a part of it has been read.")
            except Exception:  # a fault of a reader must not hide a proposal; deep nesting is the usual cause
                self.add(FAILED, "This code could not be read to its end, so its effects are unknown.")
