"""A call of a cmdlet or a function: its arguments by the names of its parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.risk.powershell.evaluation import evaluate
from app.risk.powershell.nodes import Command, Declared, Given, Named, Node, Splat
from app.risk.powershell.values import NOTHING, Value
from app.risk.rules import word_set
from app.risk.words import UNKNOWN, Word

if TYPE_CHECKING:
    from app.risk.powershell.script import Script
    from app.risk.reading import Reading

SWITCHES = word_set(
    """
    recurse force whatif confirm verbose debug passthru wait nonewwindow asjob all quiet append noclobber
    notypeinformation usebasicparsing asplaintext asstring asbytestream raw noexit noprofile nologo noninteractive
    autosize wrap hidetableheaders unique descending casesensitive simplematch list notmatch allmatches directory file
    hidden readonly system followsymlink asarray compress ashashtable leaf isvalid resolve relative
    nonewline  only disablekeepalive skipcertificatecheck skiphttperrorcheck usedefaultcredentials
    allowunencryptedauthentication allowclobber acceptlicense skippublishercheck allowprerelease
    online noreboot norestart restart includemanagementtools includeallsubfeature removefiles loadprofile
    useshellexecute allowdefer checkdiskspace persistprompt silent nowait noservicerestart createdir
    passwordneverexpires accountneverexpires nopassword disabled enabled recursive removedata removeoem
    full quick skiprestart  listavailable  nohostoutput keepoutput includeuser stderr
    listimported skipeditioncheck minimizedwindow asynchronous literal exact wildcard parallel  novalidate
    enableexception  includepassword  ignoredns disablenamechecking global
      unboundarguments noelement  nototalcount simple detailed overwrite
    replacefailed useculture asjson hideproperty usetransaction nowarnings  exitonprocessfailure
    noexitonprocessfailure createnowindow noprocesscallback runasnonelevated notop notopmost topmost customtext
    forcecloseapps forcecloseprocesses blockexecution promptsave allowdefercloseprocesses minimizewindows silentrestart
    secureparameters repair repairfromsource skipmsialreadyinstalledcheck includeupdatesandhotfixes exactmatch
    asexact usedefaultmsi ignorenewest exitonerror  quietuninstall passwordnotrequired all_users
    """
)
"""Parameters without a value, of cmdlets in general."""
VALUED = word_set(
    """
    path literalpath filter include exclude name identity id inputobject value computername credential session
    scriptblock filepath argumentlist destination itemtype property expandproperty first last skip encoding depth
    outfile infile uri method body headers contenttype usersession websession sessionvariable timeoutsec proxy
    erroraction warningaction errorvariable outvariable outbuffer informationaction pipelinevariable warningvariable
    erroractionpreference stream delimiter header typename type scope executionpolicy version requiredversion
    minimumversion repository verb windowstyle workingdirectory redirectstandardoutput redirectstandarderror
    command class classname namespace query methodname arguments server searchbase resultsize members member
    to from subject smtpserver cc bcc attachments recipients
    password description displayname title message text key action parameters transforms addparameters
    additionalargumentlist closeapps closeprocesses processname membername foregroundcolor backgroundcolor pattern
    childpath additionalchildpath container parent property newname accessrights user groupname resourcegroupname
    """
)
_ALIASES = {
    "pspath": "literalpath", "lp": "literalpath", "cn": "computername", "ea": "erroraction", "ev": "errorvariable",
    "ov": "outvariable", "wa": "warningaction", "wi": "whatif", "cf": "confirm", "vb": "verbose",
    "args": "argumentlist",
    "usage": "credential", "ip": "inputobject", "ps": "computername", "icm": "scriptblock", "jobname": "name",
    "s": "recurse",
}  # fmt: skip
_PREFERENCES = word_set(
    "erroraction errorvariable warningaction warningvariable informationaction informationvariable outvariable "
    "outbuffer pipelinevariable verbose debug progressaction ea ev ov wa confirm whatif wi cf"
)


@dataclass
class Call:
    """A call.

    Attributes:
        name: The name after aliases are resolved, in lower case.
        shown: The name as it is written.
        positional: Arguments without a name.
        named: Arguments by name, in lower case, as they are written: perhaps abbreviated. None for a switch.
        input: What the pipeline brings; None at its beginning.
        uncertain: Some parameters are not known.
    """

    name: str
    shown: str
    line: int
    script: Script
    input: Value | None
    positional: list[tuple[Value, str, int]] = field(default_factory=list)
    named: dict[str, tuple[Value | None, str, int]] = field(default_factory=dict)
    uncertain: bool = False

    @property
    def reading(self) -> Reading:
        """The reading that is added to."""
        return self.script.reading

    def find(self, *names: str) -> tuple[Value | None, str, int] | None:
        """Return the first argument with one of these names, which may be abbreviated or given as an alias."""
        for name in names:
            if name in self.named:
                return self.named[name]
        for name in names:
            for given, found in self.named.items():
                if _ALIASES.get(given) == name or (name.startswith(given) and given not in _EXACT):
                    return found
        return None

    def value(self, *names: str) -> Value | None:
        """Return the value of a parameter."""
        found = self.find(*names)
        return found[0] if found else None

    def flag(self, *names: str) -> bool:
        """Return True if a switch is given, or may be: anything but ``:$false``."""
        found = self.find(*names)
        return found is not None and not (found[0] is not None and found[0].text.lower() in ("false", "0"))

    def bound(self, *groups: str) -> list[Value]:
        """Return the values of positional parameters, by name or place; each group has names separated by bars."""
        return [value for value, _, _ in self._bound(groups)]

    def _bound(self, groups: tuple[str, ...]) -> list[tuple[Value, str, int]]:
        waiting = list(self.positional)
        found: list[tuple[Value, str, int]] = []
        for group in groups:
            named = self.find(*group.split("|"))
            if named is not None and named[0] is not None:
                found.append((named[0], named[1], named[2]))
            elif waiting:
                found.append(waiting.pop(0))
            else:
                found.append((NOTHING, "", self.line))
        return found

    def words(self, *groups: str, place: int = 0, piped: bool = True) -> list[Word]:
        """Return the words of a positional parameter; what the pipeline brings if it is not given."""
        value, shown, line = self._bound(groups)[place]
        if value is NOTHING or value.kind == "null":
            if not piped or self.input is None:
                return []
            value, shown, line = self.input, "", self.line
        if value.kind == "type" or value.table is not None:
            return [Word(UNKNOWN, line, shown)]
        return value.words(line, shown)

    def all_values(self) -> list[Value]:
        """Return all arguments, the pipeline's included."""
        values = [value for value, _, _ in self.positional]
        values += [value for value, _, _ in self.named.values() if value is not None]
        return values + ([self.input] if self.input is not None else [])

    def origins(self) -> frozenset[str]:
        """Return where the arguments come from."""
        return frozenset().union(*(value.origin for value in self.all_values())) if self.all_values() else frozenset()


_EXACT = frozenset(["erroraction", "ea", "wa", "ev", "ov"])


def _is_switch(name: str) -> bool:
    if name in VALUED or name in _PREFERENCES - {"verbose", "debug", "confirm", "whatif", "wi", "cf"}:
        return False
    if name in SWITCHES or name in ("wi", "cf", "vb", "s"):
        return True
    if any(known.startswith(name) for known in ("recurse", "force")) and len(name) <= 6:
        return name not in ("f",) and name[:2] in ("r", "re", "fo")
    if any(known.startswith(name) for known in VALUED):
        return False
    return any(known.startswith(name) for known in SWITCHES)


def call_of(
    name: str, command: Command, piped: Value | None, script: Script, declared: Sequence[Declared] = ()
) -> Call:
    """Bind the arguments of a command to parameters."""
    call = Call(name, command.shown.strip(), command.line, script, piped)
    waiting: tuple[str, str, int] | None = None
    for argument in command.arguments:
        script.spend()
        if isinstance(argument, Named):
            if waiting is not None:
                call.named[waiting[0]] = (None, waiting[1], waiting[2])
                waiting = None
            waiting = _named(argument, call, declared)
        elif isinstance(argument, Splat):
            _splat(argument, call)
        elif isinstance(argument, Given):
            value = evaluate(argument.value, script)
            if waiting is not None:
                call.named[waiting[0]] = (value, argument.shown, argument.line)
                waiting = None
            else:
                call.positional.append((value, argument.shown, argument.line))
    if waiting is not None:
        call.named[waiting[0]] = (None, waiting[1], waiting[2])
    return call


def _named(argument: Named, call: Call, declared: Sequence[Declared]) -> tuple[str, str, int] | None:
    """Add a named argument; returns its name if the next argument is its value."""
    name = argument.name.lower()
    if argument.value is not None:
        value = evaluate(argument.value, call.script)
        call.named[name] = (value, argument.shown.partition(":")[2], argument.line)
        return None
    own = next((one for one in declared if one.name.startswith(name)), None)
    if name == "list" and re.search(r"-(?:pnp|mg|sp)|list", call.name):
        return (name, argument.shown, argument.line)  # names a list of SharePoint
    if ("switch" in " ".join(own.attributes).lower()) if own is not None else _is_switch(name):
        call.named[name] = (None, argument.shown, argument.line)
        return None
    return (name, argument.shown, argument.line)


def _splat(argument: Node, call: Call) -> None:
    value = evaluate(argument, call.script)
    if value.table is not None:
        for key, held in value.table.items():
            call.named[key] = (held, "", argument.line)
    elif value.items is not None:
        call.positional += [(item, "", argument.line) for item in value.items]
    else:
        call.uncertain = True
        call.reading.doubt()


def run_blocks(call: Call, item: Value | None = None) -> Value:
    """Run the script blocks among the arguments, those within hashtables and lists included.

    Conditions for a server, such as those of ``Get-ADUser -Filter``, are none.
    """
    outcome: Value = NOTHING
    held = [value for value, _, _ in call.positional]
    held += [value for name, (value, _, _) in call.named.items() if value is not None and name not in _CONDITIONS]
    for value in held:
        for one in value.each():
            for part in (one, *(one.table.values() if one.table is not None else ())):
                if part.block is not None:
                    outcome = call.script.run_block(part.block, item)
    return outcome


_CONDITIONS = frozenset({"filter", "where", "condition"})
