"""Operators' entries of MCP servers: mistakes are named with their place, and no secret gets into the file."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from assent.toolbox import Effect
from assent.toolbox.mcp_entries import ServersFileError, parsed_servers, read_servers

GOOD = """
[servers.github]
command = "github-mcp-server"
args = ["stdio"]
directory = "work"
environment = { GITHUB_TOKEN = "OUR_TOKEN" }

[servers.github.tools.list_issues]
effect = "read"
sends_to = ["api.github.com"]
pin = "sha256:%s"

[servers.search]
url = "https://search.example.com/mcp"
headers = { Authorization = "SEARCH_AUTHORIZATION" }
others_allowed = false
""" % ("0" * 64)

MISTAKES = [
    ("[server.x]", "server: there is no such field. Did you mean servers?"),
    ("servers = 3", "servers: this must be a table."),
    ("[servers]\nx = 3", "servers.x: this must be a table."),
    ("[servers.x]", "servers.x: give either command"),
    ("[servers.x]\ncommand = 'a'\nurl = 'https://b.example'", "servers.x: give either command"),
    ("[servers.Big]\ncommand = 'a'", "servers.Big: 'Big' is not a prefix of tool names: use snake_case"),
    ("[servers.x]\ncommand = 'a'\nname = 'y'", "there is no such field"),
    ("[servers.x]\ncomand = 'a'", "servers.x.comand: there is no such field. Did you mean command?"),
    ("[servers.x]\ncommand = 'a'\nheaders = {A = 'B'}", "headers are for servers with a url"),
    ("[servers.x]\nurl = 'https://a.example'\nargs = ['b']", "are for servers that are started by a command"),
    ("[servers.x]\nurl = 'ftp://a.example'", "url must be an address such as"),
    ("[servers.x]\nurl = 'https://me:you@a.example/mcp'", "servers.x:"),
    ("[servers.x]\nurl = 'http://a.example'\nheaders = {A = 'B'}", "headers would be sent without encryption"),
    ("[servers.x]\ncommand = 'a'\nenvironment = {T = 'Bearer abc'}", "write the name of an environment variable"),
    ("[servers.x]\ncommand = 'a'\nargs = ['--token=ghp_abcdefghijklmnopqrstuvwxyz0123456789']", "contained a secret"),
    ("[servers.x]\ncommand = 'a'\ntimeout = 0", "servers.x.timeout: input should be greater than 0."),
    ("[servers.x]\ncommand = 'a'\n[servers.x.tools.y]\nefect = 1", "tools.y.efect: there is no such field. Did"),
    ("[servers.x]\ncommand = 'a'\n[servers.x.tools.y]\neffect = 'reads'", "tools.y.effect: input should be 'read'"),
    ("[servers.x]\ncommand = 'a'\n[servers.x.tools.y]\npin = 'abc'", "tools.y.pin: a pin is sha256:"),
    ("[servers.x]\ncommand = 'a'\n[servers.x.tools.y]\nsends_to = ['b']", "sends_to is for tools that only read"),
]


def test_entries_are_read(tmp_path: Path) -> None:
    path = tmp_path / "servers.toml"
    path.write_text(GOOD)
    github, search = read_servers(path)
    assert (github.name, github.directory, github.environment) == (
        "github", str(tmp_path / "work"), {"GITHUB_TOKEN": "OUR_TOKEN"},
    )  # fmt: skip
    assert github.tools["list_issues"].effect is Effect.READ and github.others_allowed
    assert search.host == "search.example.com" and not search.others_allowed


@pytest.mark.parametrize(("text", "words"), MISTAKES)
def test_mistakes_are_named_with_their_place(text: str, words: str) -> None:
    with pytest.raises(ServersFileError) as found:
        parsed_servers(tomllib.loads(text), "servers.toml")
    assert str(found.value).startswith("servers.toml: ") and words in str(found.value)
    assert "ghp_" not in str(found.value) and "Bearer" not in str(found.value) and ":you@" not in str(found.value)


def test_several_mistakes_are_named_at_once() -> None:
    text = "[servers.x]\ncommand = 'a'\ntimeout = 0\nstart_seconds = 'soon'\n[servers.y]\n"
    with pytest.raises(ServersFileError) as found:
        parsed_servers(tomllib.loads(text), "servers.toml")
    assert len(str(found.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"[servers", "is not TOML"), (b"\xff", "is not a TOML file in UTF-8"), (b"a=" + b"[" * 50_000, "is not"),
     (b"#" * 5_000_001, "larger than"), (None, "cannot be read (No such file")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "servers.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ServersFileError, match=words.replace("(", r"\(")) as found:
        read_servers(path)
    assert str(path) in str(found.value)
