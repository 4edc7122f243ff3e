"""The reading of one shell's code: what is known at the place that is being read, and where it is reported."""

from __future__ import annotations

from app.risk.reading import Reading
from app.risk.shell.expansion import Expander
from app.risk.shell.state import Definition, Flow, State
from app.risk.shell.statements import run_node
from app.risk.shell.tree import Node, Sequence

_MOST_TURNS = 64


class Session:
    """A shell whose code is being read.

    Attributes:
        reading: The reading of the text that is being read.
        state: What is known at this place.
        spawning: In how many pipelines and background commands this place is.
        entered: `spawning` at the call of each function that is being read.
        turns: How many turns of loops may still be read one by one.
    """

    def __init__(self, reading: Reading, state: State) -> None:
        self.reading = reading
        self.state = state
        self.spawning = 0
        self.entered: dict[str, int] = {}
        self.turns = _MOST_TURNS

    def run(self, node: Node, given: Flow | None = None) -> Flow:
        """Read commands, and return what they print.

        Args:
            node: The commands.
            given: What they read from standard input; None if that is not known to be redirected.
        """
        return run_node(self, node, given)

    def expander(self, choice: int = 0) -> Expander:
        """Return an expander of words at this place."""
        files = self.reading.options.get("files")
        known = files if isinstance(files, dict) else None
        return Expander(self.state, self.substitute, self.reading.budget, choice, files=known)

    def substitute(self, body: Sequence, given: Flow | None) -> Flow:
        """Read commands in a subshell, and return what they print."""
        before = self.state
        self.state = before.copy()
        try:
            return self.run(body, given)
        finally:
            before.functions.update(self.state.functions)
            self.state = before

    def read_here(self, text: str, line: int, *, fixed: bool = True, within: str = "") -> None:
        """Read a text as code of this shell, as ``eval`` and aliases do."""
        self.reading.read("shell", text, line, fixed=fixed, within=within, session=self, same=True)

    def call(self, name: str, definition: Definition, given: Flow | None) -> Flow:
        """Read a function's body as called with the arguments in the state."""
        definition.called = True
        reading, calls = self.reading, self.state.calls
        self.reading = definition.reading
        self.state.calls = (*calls, name)
        entered, self.entered = self.entered, self.entered | {name: self.spawning}
        try:
            return self.run(definition.body, given)
        finally:
            self.reading, self.entered = reading, entered
            self.state.calls = calls

    def read_uncalled(self) -> None:
        """Read the bodies of functions that have not been called, because others may call them."""
        for name, definition in list(self.state.functions.items()):
            if not definition.called:
                before = self.state
                self.state = before.copy()
                self.state.arguments = None
                self.call(name, definition, None)
                self.state = before
