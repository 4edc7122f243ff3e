"""Which argument of a call goes to which parameter, as PowerShell decides it, and what does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from app.risk.powershell.nodes import Node
from workflows.package_deployment.toolkit import values
from workflows.package_deployment.toolkit.catalog import COMMON, CONFIRMING, Command, Parameter
from workflows.package_deployment.toolkit.cmdlets import ANY_NUMBER
from workflows.package_deployment.toolkit.findings import Level
from workflows.package_deployment.toolkit.names import near, shown

Report = Callable[[int, Level, str, str, str], None]
"""Notes a finding: line, level, code, words, suggestion."""


@dataclass(frozen=True)
class Argument:
    """An argument of a call.

    Attributes:
        name: The parameter as it is written; None for an argument without a name.
        value: None if there is none, or if it is not known.
        sure: Whether it is given in any case.
        has_value: Whether there is a value, even if it is not known.
    """

    name: str | None
    value: Node | None
    line: int
    sure: bool = True
    has_value: bool = True
    from_table: bool = False


@dataclass
class Bound:
    """What became of the arguments of a call.

    Attributes:
        given: The parameters that get a value, with the argument of each.
        complete: Whether all arguments are known.
        rest: Arguments that no parameter takes, for a command that passes them on.
    """

    command: Command
    given: dict[Parameter, Argument] = field(default_factory=dict)
    complete: bool = True
    rest: list[Argument] = field(default_factory=list)

    def value(self, name: str) -> Node | None:
        """Return the value of the parameter of this name, or None if it is not given or not known."""
        for parameter, argument in self.given.items():
            if parameter.name.lower() == name.lower():
                return argument.value
        return None

    def given_line(self, name: str, otherwise: int) -> int:
        """Return the line on which the parameter of this name is given."""
        for parameter, argument in self.given.items():
            if parameter.name.lower() == name.lower():
                return argument.line
        return otherwise

    def has(self, name: str) -> bool:
        """Return whether the parameter of this name is given."""
        return any(parameter.name.lower() == name.lower() for parameter in self.given)


def find(command: Command, written: str) -> tuple[Parameter | None, list[str]]:
    """Return the parameter that a written name means, or None with the names that it may mean.

    A beginning counts if only one parameter begins with it; the command's own parameters go before the common ones.
    """
    known = command.parameters or ()
    common = (COMMON if command.common else ()) + (CONFIRMING if command.asks_first else ())
    lower = written.lower()
    if exact := command.parameter(written) or next((p for p in common if lower in map(str.lower, p.names)), None):
        return exact, []
    for group in (known, common):
        matching = [p for p in group if any(name.lower().startswith(lower) for name in p.names)]
        if len(matching) == 1:
            return matching[0], []
        if matching:
            return None, [p.name for p in matching]
    return None, []


def bind(
    command: Command, arguments: Iterable[Argument], *, piped: bool, complete: bool, line: int, report: Report
) -> Bound:
    """Give the arguments of a call to the parameters of a command whose parameters are known.

    Args:
        piped: Whether it gets input from a pipeline.
        complete: Whether all arguments are known.
        report: Called for everything that does not fit.
    """
    bound = Bound(command, complete=complete)
    loose: list[Argument] = []
    arguments = list(arguments)
    for argument in arguments:
        if argument.name is None:
            loose.append(argument)
        else:
            _bind_named(bound, argument, report)
    sets = _fitting_sets(command, bound.given)
    if not sets:
        names = " ".join(f"-{parameter.name}" for parameter in bound.given if parameter not in COMMON)
        report(
            line,
            Level.ERROR,
            "parameter.combination",
            f"{command.name} has no set of parameters in which these go together: {names}.",
            "",
        )
        return bound
    sets = _bind_loose(bound, loose, sets, line, report)
    if bound.rest:
        unbound = {id(argument) for argument in bound.rest}
        bound.rest = [argument for argument in arguments if id(argument) in unbound]
    _check_values(bound, report)
    _check_mandatory(bound, sets, piped, line, report)
    return bound


def _bind_named(bound: Bound, argument: Argument, report: Report) -> None:
    command, written = bound.command, argument.name or ""
    parameter, possible = find(command, written)
    if parameter is None:
        if any(other.takes_rest for other in command.parameters or ()):
            bound.rest.append(argument)
            return
        _report_unknown(command, argument, possible, report)
        return
    if parameter in bound.given:
        if not (argument.from_table and bound.given[parameter].from_table):
            report(
                argument.line, Level.ERROR, "parameter.twice", f"{command.name} is given -{parameter.name} twice.", ""
            )
        bound.given[parameter] = argument
        return
    if not argument.has_value and not parameter.is_switch:
        report(
            argument.line, Level.ERROR, "parameter.no_value", f"-{parameter.name} of {command.name} needs a value.", ""
        )
    bound.given[parameter] = argument


def _report_unknown(command: Command, argument: Argument, possible: list[str], report: Report) -> None:
    written = shown(argument.name or "")
    if possible:
        report(
            argument.line,
            Level.ERROR,
            "parameter.ambiguous",
            f"-{written} of {command.name} may mean: {', '.join(f'-{name}' for name in possible[:8])}.",
            "Write the whole name.",
        )
        return
    names = [name for parameter in command.parameters or () for name in parameter.names]
    meant = near(written, [*names, *(p.name for p in COMMON)])
    # A function without attributes puts what it does not know into $args.
    level = Level.ERROR if command.common else Level.WARNING
    if command.keeps_unknown and argument.from_table and not meant:
        level = Level.WARNING
    report(
        argument.line,
        level,
        "parameter.unknown",
        f"{command.name} has no parameter -{written}.",
        f"Did you mean -{meant[0]}?" if meant else "",
    )


def _fitting_sets(command: Command, given: Iterable[Parameter]) -> list[str]:
    """Return the sets in which all these parameters exist, the default set first."""
    own = [parameter for parameter in given if parameter in (command.parameters or ())]
    sets = [name for name in command.sets if all(name in parameter.sets for parameter in own)]
    return sorted(sets, key=lambda name: name != command.default_set)


def _bind_loose(bound: Bound, loose: list[Argument], sets: list[str], line: int, report: Report) -> list[str]:
    """Give arguments without a name to parameters by their positions. Return the sets that are then possible."""
    command = bound.command
    if not loose:
        return sets
    if command.name.lower() in ANY_NUMBER:
        return sets
    best: list[Parameter] = []
    for name in sets:
        places = _places(command, bound, name)
        if len(places) > len(best):
            best = places
        if len(places) >= len(loose):
            best = places
            break
    for parameter, argument in zip(best, loose, strict=False):
        bound.given[parameter] = argument
    rest = loose[len(best) :]
    if rest and any(parameter.takes_rest for parameter in command.parameters or ()):
        bound.rest += rest
    elif rest:
        _report_too_many(bound, rest[0], report)
    return _fitting_sets(command, bound.given) or sets


def _places(command: Command, bound: Bound, name: str) -> list[Parameter]:
    """Return the parameters of a set that are still free for arguments without a name, one for each position."""
    free: dict[int, Parameter] = {}
    for parameter in command.parameters or ():
        if parameter.position is not None and name in parameter.sets and parameter not in bound.given:
            free.setdefault(parameter.position, parameter)
    taken = {p.position for p in bound.given if command.source == "built-in" and p.position is not None}
    return [free[position] for position in sorted(free) if position not in taken]


def _report_too_many(bound: Bound, argument: Argument, report: Report) -> None:
    command = bound.command
    switches = [p for p in bound.given if p.is_switch and p.name.lower() not in ("whatif", "confirm")]
    words = f"{command.name} takes no further value without the name of its parameter."
    suggestion = ""
    if switches:
        suggestion = f"If it is meant for a switch, write -{switches[-1].name}:$true or -{switches[-1].name}:$false."
    # Not every position is known of cmdlets, and functions without attributes put the rest into $args.
    sure = command.source == "toolkit" or (command.source == "script" and command.common)
    report(argument.line, Level.ERROR if sure else Level.WARNING, "argument.too_many", words, suggestion)


def _check_values(bound: Bound, report: Report) -> None:
    for parameter, argument in bound.given.items():
        if argument.from_table and parameter.is_switch and not argument.has_value:
            continue
        words, suggestion = values.problem(parameter, argument.value)
        if words:
            report(argument.line, Level.ERROR, "value.not_allowed", f"{bound.command.name}: {words}", suggestion)
        if parameter.obsolete:
            report(
                argument.line,
                Level.INFO,
                "parameter.obsolete",
                f"The toolkit announces that -{parameter.name} of {bound.command.name} will be removed.",
                "",
            )


def _check_mandatory(bound: Bound, sets: list[str], piped: bool, line: int, report: Report) -> None:
    command = bound.command
    if piped and command.source == "toolkit" and not _takes_input(bound, sets):
        report(line, Level.ERROR, "pipeline.not_taken", f"{command.name} takes no input from the pipeline.", "")
    if not bound.complete:
        return
    missing = [_missing(bound, name, piped) for name in sets]
    if not missing or not all(missing):
        return
    fewest = min(missing, key=len)
    names = ", ".join(f"-{parameter.name}" for parameter in fewest)
    other = {p.name for absent in missing if len(absent) == len(fewest) for p in absent} - {p.name for p in fewest}
    words = f"{command.name} needs {names}."
    suggestion = f"Or one of: {', '.join(f'-{name}' for name in sorted(other)[:6])}." if other else ""
    report(line, Level.ERROR, "parameter.missing", words, suggestion)


def _takes_input(bound: Bound, sets: list[str]) -> bool:
    parameters = bound.command.parameters or ()
    return any(p.pipeline and p not in bound.given and any(name in p.sets for name in sets) for p in parameters)


def _missing(bound: Bound, name: str, piped: bool) -> list[Parameter]:
    """Return the parameters that a set needs and the call does not give."""
    absent = [p for p in bound.command.parameters or () if name in p.mandatory and p not in bound.given]
    if not piped:
        return absent
    # Of several parameters that take it, input goes to the first of its own type; all by property name.
    return [parameter for parameter in absent if not parameter.pipeline]
