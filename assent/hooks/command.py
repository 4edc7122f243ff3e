"""The command `assent hook`: passes a coding agent's call to the portal, waits for people, and prints the answer.

Whatever goes wrong before a tool call ends with exit code 2 and a reason on standard error, which every one of these
agents documents as: the call is not made. It starts before each call, so it imports as little as it can.
"""

from __future__ import annotations

import os
import sys
import time

from assent.hooks.limits import LIMITS

TYPE_CHECKING = False  # as in `typing`, which takes too long to import
if TYPE_CHECKING:
    import threading

USAGE = """\
Usage: assent hook AGENT [--limit SECONDS]
       assent hook install AGENT --project DIR

The first form is what a coding agent calls: it reads the call from standard input, asks the portal, and prints the
answer. The second one sets it up in a project. AGENT is {agents}.

  --limit SECONDS  How long the agent waits for the hook; it is answered before that. [{limits}]

The portal's address comes from ASSENT_URL, the agent's token from ASSENT_TOKEN; or both, as lines NAME=value, from the
file {file}, which nobody else may be able to read.
"""
RESERVE = 15.0
"""Seconds before the agent's limit at which waiting for people ends, to say so in time."""
LAST_SECONDS = 3.0
"""Seconds before the agent's limit at which the process ends in any case."""
POLL_SECONDS = 25.0
"""How long one call waits: less than what proxies allow."""
ANSWER_SECONDS = 40.0
"""How long the portal may take for an answer, at most."""
PATIENCE_SECONDS = 10.0
"""How long the portal may be away, enough for a restart."""
RETRY_SECONDS = 0.5
BLOCK = 2
"""The exit code for: do not make the call."""
PERSON_TOKEN = "assent_person_"  # noqa: S105 - the beginning of a token, not one


class HookError(Exception):
    """There is no answer; the message says why."""


class UnreachableError(HookError):
    """The portal did not answer; another attempt may succeed."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["install"]:
        from assent.hooks.install import install

        return install(given[1:])
    if not given or given[0] in ("-h", "--help"):
        print(_usage(), file=sys.stdout if given else sys.stderr)
        return 0 if given else BLOCK
    try:
        return _hook(given)
    except HookError as error:
        return _blocked(str(error))
    except KeyboardInterrupt:
        return _blocked("Interrupted.")
    except Exception as error:
        return _blocked(f"Unexpected error: {type(error).__name__}: {error}")


def program() -> None:
    """Run the command as a program of its own."""
    sys.exit(main())


def _blocked(reason: str) -> int:
    print(_failure(reason, after=False), file=sys.stderr)
    return BLOCK


def _failure(reason: str, after: bool) -> str:
    """What people and the agent read. A call that was made must not seem to be missing, or the agent repeats it."""
    return f"Assent: {reason} {'What was done is not recorded.' if after else 'The call is not made.'}"


def _hook(given: list[str]) -> int:
    began = time.monotonic()
    agent, limit = _options(given)
    watch = _end_at(began, limit, after=False)
    call = sys.stdin.buffer.read()
    after = _is_after(call)
    if after:
        watch.cancel()
        _end_at(began, limit, after=True)
    try:
        answer = _asked(agent, call, began, limit)
    except HookError as error:
        if not after:
            raise
        # The call has been made: there is nothing to prevent any more.
        print(_failure(str(error), after), file=sys.stderr)
        return 0
    sys.stdout.buffer.write(answer.encode())  # whatever the locale is
    sys.stdout.flush()
    return 0


def _options(given: list[str]) -> tuple[str, float]:
    agent, rest = given[0], given[1:]
    if agent not in LIMITS:
        raise HookError(f"{agent!r} is not a coding agent that is known here: use {', '.join(LIMITS)}.")
    if not rest:
        return agent, LIMITS[agent]
    try:
        if rest[0] != "--limit" or len(rest) != 2 or not 1 <= float(rest[1]) <= 86_400:
            raise ValueError
        return agent, float(rest[1])
    except ValueError:
        raise HookError("The only option is --limit, with 1 to 86400 seconds.") from None


def _end_at(began: float, limit: float, *, after: bool) -> threading.Timer:
    """End this process before the agent stops waiting, whatever it hangs in: some agents then make the call."""
    import threading

    def end() -> None:
        os.write(2, f"{_failure('There was no answer in time.', after)}\n".encode())
        os._exit(0 if after else BLOCK)

    watch = threading.Timer(began + limit - min(LAST_SECONDS, limit / 10) - time.monotonic(), end)
    watch.daemon = True
    watch.start()
    return watch


def _is_after(call: bytes) -> bool:
    """True if the hook is called after the tool call. The portal reads the call; this only looks at one field."""
    import json

    try:
        document = json.loads(call)
    except ValueError:
        return False
    event = document.get("hook_event_name") if isinstance(document, dict) else None
    return isinstance(event, str) and event.lower().startswith(("post", "after"))


def _asked(agent: str, call: bytes, began: float, limit: float) -> str:
    """The portal's answer in the agent's format.

    Args:
        began: when the agent began to wait, on the monotonic clock.
    """
    import json

    until = began + max(limit - RESERVE, limit / 2)
    portal = _Portal(*_settings())
    use = os.urandom(16).hex()
    path = f"/api/v1/hooks/{agent}?use={use}"
    answer = portal.patiently("POST", f"{path}&again=true", call, until)
    pending = json.loads(answer).get("pending")
    if pending is None:
        return answer
    outcome = f"/api/v1/approvals/{pending['request_id']}/outcome?wait="
    answered_by = until + (began + limit - until) / 3  # the answer comes a moment after the wait
    while (left := until - time.monotonic()) > 0:
        found = portal.patiently("GET", f"{outcome}{min(left, POLL_SECONDS):.3f}", None, answered_by)
        read = json.loads(found)
        if read["resolved"] or read["held_until"]:
            break
    return portal.call("POST", path, call, max(0.5, (began + limit - time.monotonic()) / 2))


class _Portal:
    """The portal, as an agent's token may use it."""

    def __init__(self, url: str, token: str) -> None:
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(url)
            self._host, self._port = parts.hostname or "", parts.port
        except ValueError:
            self._host, self._port = "", None
        if not self._host or parts.scheme not in ("http", "https"):
            raise HookError(f"ASSENT_URL is {url!r}, not an address that starts with http:// or https://.")
        self._secure, self._root = parts.scheme == "https", parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def patiently(self, method: str, path: str, body: bytes | None, until: float) -> str:
        """Like `call`, and again while the portal is away, but not for long: the agent stands still meanwhile."""
        give_up = min(until, time.monotonic() + PATIENCE_SECONDS)
        while True:
            try:
                return self.call(method, path, body, max(1.0, min(until - time.monotonic(), ANSWER_SECONDS)))
            except UnreachableError:
                if time.monotonic() + RETRY_SECONDS > give_up:
                    raise
            time.sleep(RETRY_SECONDS)

    def call(self, method: str, path: str, body: bytes | None, seconds: float) -> str:
        """One call, which may take so many seconds. Raises HookError."""
        import http.client

        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=seconds)
        try:
            connection.request(method, self._root + path, body, self._headers)
            response = connection.getresponse()
            status, answer = response.status, response.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            words = str(error) or type(error).__name__
            raise UnreachableError(f"The portal at {self._host} does not answer: {words}.") from None
        finally:
            connection.close()
        if status in (502, 503, 504):
            raise UnreachableError(f"The portal at {self._host} is not available (HTTP {status}).")
        if status != 200:
            raise HookError(_problem(status, answer))
        return answer


def _problem(status: int, answer: str) -> str:
    import json

    try:
        return f"The portal refused this: {json.loads(answer)['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"The portal answered with HTTP {status}."


def _settings() -> tuple[str, str]:
    """The portal's address and the token. Raises HookError."""
    stored = _stored()
    url = (os.environ.get("ASSENT_URL") or stored.get("ASSENT_URL", "")).strip()
    token = (os.environ.get("ASSENT_TOKEN") or stored.get("ASSENT_TOKEN", "")).strip()
    if not url or not token:
        missing = "ASSENT_TOKEN" if url else "ASSENT_URL"
        raise HookError(f"{missing} is not set, neither in the environment nor in {settings_file()}.")
    if token.startswith(PERSON_TOKEN):
        raise HookError("ASSENT_TOKEN is a person's token. Create one for the agent.")
    if not token.isascii() or not token.isprintable():
        raise HookError("ASSENT_TOKEN is not a token.")
    return url, token


def settings_file() -> str:
    """The user's file with the address and the token; never in a project, where it would be shared."""
    folder = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")  # noqa: PTH111, PTH118 - pathlib takes 10 ms
    return os.path.join(folder, "assent", "hook.env")  # noqa: PTH118


def _stored() -> dict[str, str]:
    path = settings_file()
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise HookError(f"{path} holds a token, and others may read it: chmod 600 it.")
            lines = file.read().splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HookError(f"{path} cannot be read: {error}.") from None
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}


def _usage() -> str:
    limits = ", ".join(f"{name}: {seconds:g}" for name, seconds in LIMITS.items())
    return USAGE.format(agents=", ".join(LIMITS), limits=limits, file=settings_file()).rstrip()


if __name__ == "__main__":
    program()
