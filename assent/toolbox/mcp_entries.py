"""Operators' entries of MCP servers, in a TOML file: how to reach each server, and what its tools may do."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from assent.contracts import RiskLevel
from assent.masking import mask_text
from assent.naming import SNAKE, closest
from assent.toolbox.errors import InvalidToolError
from assent.toolbox.model import Effect, Tier

SETTING = "ASSENT_TOOL_SERVERS"
"""The variable that names the file."""
LARGEST_FILE = 5_000_000
"""Largest file that is read, in bytes."""
_MOST_MISTAKES = 20
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=200)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ServersFileError(InvalidToolError):
    """The file with the entries cannot be used; the message names each mistake, one on a line."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolEntry(_Entry):
    """What an operator says about one tool.

    Effect, idempotence, risk, and hosts count only while the tool is as it was pinned.

    Attributes:
        allowed: whether it can be called at all.
        effect: what a call changes.
        idempotent: a second identical call changes nothing more.
        risk: the risk of a call is never assessed below this. None: by the effect.
        capabilities: what it can be used for, in words for searching.
        sends_to: hosts to which it sends data, if it only reads; the server's own host is added.
        timeout: seconds after which a call fails; None: the server's.
        tier: what a call costs.
        pin: the digest for which all of this holds; `assent.toolbox.mcp_tools.pin_of` computes it.
    """

    allowed: bool = True
    effect: Effect = Effect.DESTROY
    idempotent: bool = False
    risk: RiskLevel | None = None
    capabilities: tuple[Word, ...] = ()
    sends_to: tuple[Word, ...] = ()
    timeout: float | None = Field(default=None, gt=0, le=86_400)
    tier: Tier = Tier.API
    pin: str = Field(default="", pattern=r"^(sha256:[0-9a-f]{64})?$")

    @model_validator(mode="after")
    def _sends_only_if_it_reads(self) -> ToolEntry:
        if self.sends_to and self.effect is not Effect.READ:
            raise ValueError("sends_to is for tools that only read; every other call is approved")
        return self


class ServerEntry(_Entry):
    """How an MCP server is reached, and what its tools may do.

    Attributes:
        name: the prefix of the names of its tools.
        command: the program to start, for a server over standard input and output.
        args: its arguments.
        directory: its working directory; empty: the folder of the file.
        environment: variables of the program, each with the name of the variable here whose value it gets.
        url: the address, for a server over HTTP.
        headers: headers to send, each with the name of the variable here whose value is sent.
        protocol: `legacy` skips asking for the protocol of 2026, which some old servers do not survive.
        start_seconds: how long the server may take to start, and to list its tools.
        timeout: seconds after which a call fails.
        largest_message: bytes of a message of the server; with a larger one, the connection ends.
        largest_result: bytes of the result of a call.
        others_allowed: whether tools without an entry can be called; they count as `destroy`.
        tools: entries of tools, by the server's names.
    """

    name: str
    command: str = ""
    args: tuple[str, ...] = ()
    directory: str = ""
    environment: dict[Variable, Variable] = {}
    url: str = ""
    headers: dict[Word, Variable] = {}
    protocol: Literal["auto", "legacy"] = "auto"
    start_seconds: float = Field(default=20.0, gt=0, le=600)
    timeout: float = Field(default=60.0, gt=0, le=86_400)
    largest_message: int = Field(default=4_000_000, ge=10_000, le=100_000_000)
    largest_result: int = Field(default=1_000_000, ge=1_000, le=50_000_000)
    others_allowed: bool = True
    tools: dict[Word, ToolEntry] = {}

    @property
    def host(self) -> str:
        """The host of a server over HTTP; empty for one over standard input and output."""
        return urlsplit(self.url).hostname or ""

    @model_validator(mode="after")
    def _one_way(self) -> ServerEntry:
        if not SNAKE.fullmatch(self.name):
            raise ValueError(f"{self.name!r} is not a prefix of tool names: use snake_case, such as github")
        if bool(self.command) == bool(self.url):
            raise ValueError("give either command (a server over standard input and output) or url (one over HTTP)")
        if self.url and (self.args or self.directory or self.environment):
            raise ValueError("args, directory, and environment are for servers that are started by a command")
        if self.command and self.headers:
            raise ValueError("headers are for servers with a url")
        self._without_secrets()
        return self

    def _without_secrets(self) -> None:
        """Refuse secrets in the file, and secrets that would be sent without encryption."""
        for argument in (self.command, *self.args, self.url):
            if mask_text(argument) != argument:
                raise ValueError(
                    "an argument or the url looks as if it contained a secret: put that into an environment variable, "
                    "and name the variable in environment or headers"
                )
        if not self.url:
            return
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or parts.username is not None or parts.fragment:
            raise ValueError("url must be an address such as https://tools.example.com/mcp, without an account in it")
        if self.headers and parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ValueError("headers would be sent without encryption: use https")


class _File(_Entry):
    servers: dict[str, ServerEntry] = {}


def read_servers(path: Path | str) -> list[ServerEntry]:
    """Return the entries of a file, by name.

    Raises:
        ServersFileError: it cannot be read, or has mistakes.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise ServersFileError(f"{path} is larger than {LARGEST_FILE:,} bytes.")
        document = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise ServersFileError(f"{path} cannot be read ({error.strerror}).") from None
    except (UnicodeDecodeError, RecursionError):
        raise ServersFileError(f"{path} is not a TOML file in UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise ServersFileError(f"{path} is not TOML: {error}.") from None
    return parsed_servers(document, str(path), str(path.parent))


def parsed_servers(document: Mapping[str, Any], origin: str, folder: str = "") -> list[ServerEntry]:
    """Return the entries of a document, by name. Raises ServersFileError.

    Args:
        origin: where the document is from, for messages.
        folder: what relative directories are relative to.
    """
    servers = document.get("servers")
    if isinstance(servers, dict):
        # A field `name` in the file has no place: it is reported as one that does not exist.
        named = {
            name: {("name_" if key == "name" else key): value for key, value in entry.items()} | {"name": name}
            for name, entry in servers.items() if isinstance(entry, dict)
        }  # fmt: skip
        document = {**document, "servers": servers | named}
    try:
        found = _File.model_validate(document).servers
    except ValidationError as error:
        mistakes = [f"{origin}: {words}" for words in _mistakes(error)]
        more = len(mistakes) - _MOST_MISTAKES
        raise ServersFileError("\n".join(mistakes[:_MOST_MISTAKES] + [f"… and {more} more."] * (more > 0))) from None
    ordered = (found[name] for name in sorted(found))
    return [entry.model_copy(update={"directory": str(Path(folder) / entry.directory)}) for entry in ordered]


def _mistakes(error: ValidationError) -> Iterator[str]:
    """Yield each mistake with its place, without the values, which may be secret."""
    for problem in error.errors(include_url=False, include_input=False):
        # The check of names of a dict adds "[key]" to the place.
        place = [str(part) for part in problem["loc"] if part != "[key]"]
        if problem["type"] == "extra_forbidden":
            yield f"{'.'.join(place)}: there is no such field.{_meant(place)}"
            continue
        words = problem["msg"].removeprefix("Value error, ").rstrip(".")
        if problem["type"] in ("dict_type", "model_type"):
            words = "this must be a table"
        if problem["type"] == "string_pattern_mismatch":
            words = _PATTERNS.get(place[-1], "write the name of an environment variable, not its value")
        yield f"{'.'.join(place) or 'the file'}: {words[:1].lower()}{words[1:]}."


_PATTERNS = {"pin": "a pin is sha256: and 64 hexadecimal digits, as `assent tools show --json` prints it"}


def _meant(place: list[str]) -> str:
    """Return a hint at the field that was probably meant."""
    model: type[BaseModel] = _File
    if len(place) >= 3:
        model = ToolEntry if len(place) >= 5 and place[2] == "tools" else ServerEntry
    near = closest(place[-1], (name for name in model.model_fields if name != "name"))
    return f" Did you mean {near}?" if near else ""
