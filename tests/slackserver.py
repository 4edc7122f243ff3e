"""A real HTTP server that speaks as much of Slack's Web API as is used here, and what Slack sends to us."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

TOKEN = "xoxb-a-token-of-tests"
SECRET = "a signing secret of tests"
TEAM = "T0001"


class SlackServer:
    """A workspace that does what a test tells it to.

    Attributes:
        users: mail addresses by user.
        messages: what was posted, by channel and time stamp, as it reads now; `order` has them as they came.
        calls: every call that was taken, as method and arguments.
        answers: what the next calls get instead of being taken: status, headers and document.
        said: ephemeral words to those who pressed buttons.
        windows: what `views.open` was given.
        refuse: what a call gets instead of being taken, by method and arguments; None: it is taken.
        on_call, on_said: called before a call, or words to somebody, are taken; may wait.
    """

    def __init__(self) -> None:
        self.users: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[int, dict[str, str], Any]] = []
        self.said: list[dict[str, Any]] = []
        self.windows: list[dict[str, Any]] = []
        self.channels: set[str] = {"C0TEAM"}
        self.on_call: Callable[[str], None] = lambda method: None
        self.refuse: Callable[[str, dict[str, Any]], Any] = lambda method, given: None
        self.on_said: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    @property
    def url(self) -> str:
        """The base address of the API."""
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def response_url(self) -> str:
        """Where those who press buttons are answered."""
        return f"http://127.0.0.1:{self.port}/response"

    def add(self, email: str, **values: Any) -> str:
        """A user with that address."""
        user = f"U{len(self.users) + 1:04}"
        self.users[user] = {"id": user, "team_id": TEAM, "profile": {"email": email}} | values
        return user

    def start(self) -> None:
        """Listen, on the same port as before if it was stopped."""
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def to(self, user: str) -> list[dict[str, Any]]:
        """The direct messages of a user, as they read now."""
        return [self.messages[message_id] for message_id in self.order if message_id.startswith(f"D{user}:")]

    def to_channel(self, channel: str) -> list[dict[str, Any]]:
        """The messages in a channel, as they read now."""
        return [self.messages[message_id] for message_id in self.order if message_id.startswith(f"{channel}:")]

    def take(self, method: str, given: dict[str, Any], token: str) -> tuple[int, dict[str, str], Any]:
        """Answer a call."""
        self.on_call(method)
        with self._lock:
            if self.answers:
                return self.answers.pop(0)
            if token != f"Bearer {TOKEN}":
                return _no("invalid_auth")
            if (refusal := self.refuse(method, given)) is not None:
                return tuple(refusal)
            self.calls.append((method, given))
            return self._done(method, given)

    def _done(self, method: str, given: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        match method:
            case "auth.test":
                return _yes(team_id=TEAM, user_id="UBOT")
            case "users.lookupByEmail":
                found = [user for user in self.users.values() if user["profile"]["email"] == given["email"]]
                return _yes(user=found[0]) if found else _no("users_not_found")
            case "users.info":
                return _yes(user=self.users[given["user"]]) if given["user"] in self.users else _no("user_not_found")
            case "conversations.open":
                known = given["users"] in self.users
                return _yes(channel={"id": f"D{given['users']}"}) if known else _no("user_not_found")
            case "chat.postMessage":
                return self._post(given)
            case "chat.update":
                key = f"{given['channel']}:{given['ts']}"
                if key not in self.messages:
                    return _no("message_not_found")
                self.messages[key] |= given
                return _yes(channel=given["channel"], ts=given["ts"])
            case "views.open":
                self.windows.append(given["view"])
                return _yes(view=given["view"] | {"id": f"V{len(self.windows)}"})
        return _no("unknown_method")

    def _post(self, given: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        channel = given["channel"]
        if not channel.startswith("DU") and channel not in self.channels:
            return _no("channel_not_found")
        problem = complaint(given["blocks"])
        if problem:
            return _no("invalid_blocks")
        ts = f"{1_700_000_000 + len(self.order)}.000100"
        self.order.append(f"{channel}:{ts}")
        self.messages[f"{channel}:{ts}"] = dict(given)
        return _yes(channel=channel, ts=ts)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        slack = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if "json" in self.headers.get("Content-Type", ""):
                    given = json.loads(body)
                else:
                    given = {name: values[0] for name, values in parse_qs(body.decode()).items()}
                if self.path == "/response":
                    slack.on_said()
                    slack.said.append(given)
                    answer: tuple[int, dict[str, str], Any] = (200, {}, "ok")
                else:
                    method = self.path.removeprefix("/api/")
                    answer = slack.take(method, given, self.headers.get("Authorization", ""))
                self._answer(*answer)

            def _answer(self, status: int, headers: dict[str, str], document: Any) -> None:
                content = (document if isinstance(document, str) else json.dumps(document)).encode()
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    pass  # the caller has not waited

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing is written."""

        return Handler


def _yes(**values: Any) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"ok": True} | values


def _no(error: str) -> tuple[int, dict[str, str], Any]:
    return 200, {}, {"ok": False, "error": error}


LIMITED = (429, {"Retry-After": "90"}, {"ok": False, "error": "ratelimited"})
"""What Slack says to those who call too often."""


def complaint(blocks: list[dict[str, Any]]) -> str:
    """What Slack would have against blocks, by the limits that it documents; empty: nothing."""
    if not 1 <= len(blocks) <= 50:
        return "number of blocks"
    for block in blocks:
        text = block.get("text") or {}
        limit = 150 if block["type"] == "header" else 3000
        if text and not 1 <= len(text["text"]) <= limit:
            return "text"
        elements = block.get("elements", [])
        if block["type"] == "context" and not 1 <= len(elements) <= 10:
            return "context"
        if block["type"] == "actions" and not 1 <= len(elements) <= 25:
            return "actions"
        for element in elements if block["type"] == "actions" else []:
            if (
                len(element["text"]["text"]) > 75
                or len(element.get("value", "")) > 2000
                or len(element.get("url", "")) > 3000
            ):
                return "button"
    return ""


def signed(body: str, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    """The headers with which Slack sends a body."""
    stamp = str(int(time.time() if at is None else at))
    made = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {
        "X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={made}",
        "Content-Type": "application/x-www-form-urlencoded",
    }  # fmt: skip


def interaction(payload: dict[str, Any]) -> str:
    """The body of an interaction."""
    return urlencode({"payload": json.dumps(payload)})


def press(server: SlackServer, user: str, button: dict[str, Any], **values: Any) -> dict[str, Any]:
    """What Slack sends when somebody presses a button."""
    return {
        "type": "block_actions", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM},
        "trigger_id": f"1.2.{secrets.token_hex(8)}", "response_url": server.response_url, "actions": [button],
    } | values  # fmt: skip


def submit(user: str, window: dict[str, Any], **written: str) -> dict[str, Any]:
    """What Slack sends when somebody sends a window with what they have written in its fields."""
    values = {name: {name: {"type": "plain_text_input", "value": text}} for name, text in written.items()}
    view = {"callback_id": window["callback_id"], "private_metadata": window["private_metadata"]}
    return {
        "type": "view_submission", "team": {"id": TEAM}, "user": {"id": user, "team_id": TEAM},
        "view": view | {"state": {"values": values}},
    }  # fmt: skip


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The buttons of a message by what they do."""
    found = [element for block in message["blocks"] if block["type"] == "actions" for element in block["elements"]]
    return {element["action_id"]: element for element in found}


def words(message: dict[str, Any]) -> str:
    """All that a message says."""
    return json.dumps(message["blocks"], ensure_ascii=False)
