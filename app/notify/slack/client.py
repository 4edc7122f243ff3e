"""A client for Slack's Web API, and the meaning of its errors."""

from __future__ import annotations

import http.client
import logging
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from app.domain.notices import Later, Refused
from app.notify.slack.blocks import escaped
from app.settings import Settings

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError

_OURS = frozenset({
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
    "no_permission", "org_login_required", "team_access_not_granted", "access_denied",
    "not_allowed_token_type", "ekm_access_denied",
})  # fmt: skip
"""Errors about our token: once an operator has fixed it, the message is sent."""
_FINAL = {
    "users_not_found": "No Slack user has this email address. The person can link their account under Profile, Slack.",
    "user_not_found": "Slack does not know this user.",
    "user_disabled": "The account in Slack is not active.",
    "cannot_dm_bot": "This is a bot, which reads no messages.",
    "messages_tab_disabled": "The app does not accept direct messages. Enable its Messages tab.",
    "msg_too_long": "The message is too long for Slack.",
    "invalid_blocks": "Slack rejected the format of the message.",
    "invalid_blocks_format": "Slack rejected the format of the message.",
    "invalid_arguments": "Slack rejected the format of the call.",
    "message_not_found": "The message has been deleted.",
    "cant_update_message": "The message belongs to another app.",
    "edit_window_closed": "The workspace does not allow editing old messages.",
    "expired_trigger_id": "It took too long; press the button again.",
}
"""Errors about one message, one person, or one call."""
_CLOSED = {
    "channel_not_found": "Unknown channel, or the app has not been invited to it.",
    "not_in_channel": "The app is not in the channel. Invite it.",
    "is_archived": "The channel is archived.",
    "restricted_action": "The workspace does not allow the app to post there.",
}
"""Errors about a channel: no message can be posted there until somebody changes that."""
KNOWN_SECONDS = 600.0
"""How long users' email addresses and direct message channels are cached."""
log = structlog.get_logger("slack")
_log = logging.getLogger("slack")
_log.addHandler(logging.NullHandler())
# Errors are in our results and our log; the library would log whole responses.
_log.setLevel(logging.CRITICAL + 1)


class SlackError(Exception):
    """An API call failed; `result` says whether it may work later."""

    def __init__(self, result: Later | Refused, code: str = "") -> None:
        super().__init__(result.reason)
        self.result = result
        self.code = code


class SlackApi:
    """The parts of Slack's Web API that are used here. Thread-safe.

    Args:
        base_url: with a trailing slash.
        seconds: timeout for a response.
    """

    def __init__(self, token: str, base_url: str, seconds: int) -> None:
        # Imported here because it takes 3 MiB, and a portal without Slack does not need it.
        from slack_sdk.web import WebClient

        self._client = WebClient(token, base_url=base_url, timeout=seconds, retry_handlers=[], logger=_log)
        self._base = urlsplit(base_url)
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._lock = threading.Lock()

    def call(self, method: str, **values: Any) -> dict[str, Any]:
        """Call a method. Raises SlackError."""
        return self._called(method, json=values)

    def asked(self, method: str, **values: str) -> dict[str, Any]:
        """Call a method that only reads; such methods accept forms. Raises SlackError."""
        return self._called(method, params=values)

    def _called(self, method: str, **how: Any) -> dict[str, Any]:
        from slack_sdk.errors import SlackApiError, SlackClientError

        try:
            answer = self._client.api_call(method, **how)
            return dict(answer.data) if isinstance(answer.data, dict) else {}
        except SlackApiError as error:
            raise _refused(method, error) from error
        except (SlackClientError, OSError, http.client.HTTPException, ValueError) as error:
            words = str(getattr(error, "reason", "") or error) or type(error).__name__
            raise SlackError(Later(f"Slack does not respond: {words}")) from error

    def user_with(self, email: str) -> str:
        """The id of the user with that address. Raises SlackError."""
        look = lambda: self.asked("users.lookupByEmail", email=email)["user"]["id"]  # noqa: E731
        return str(self._remembered("email", email, look))

    def email_of(self, user: str) -> str:
        """The email address of a user of our own workspace; empty: none that can be trusted. Raises SlackError."""
        found: dict[str, Any] = self._remembered("user", user, lambda: self.asked("users.info", user=user)["user"])
        doubtful = ("is_bot", "deleted", "is_stranger", "is_restricted", "is_ultra_restricted")
        if any(found.get(field) for field in doubtful) or found.get("team_id", self.team()) != self.team():
            return ""
        return str(found.get("profile", {}).get("email", ""))

    def team(self) -> str:
        """The id of the workspace that the token is for. Raises SlackError."""
        return str(self._remembered("team", "", lambda: self.asked("auth.test")["team_id"]))

    def direct(self, user: str) -> str:
        """The channel of direct messages to a user. Raises SlackError."""
        look = lambda: self.call("conversations.open", users=user)["channel"]["id"]  # noqa: E731
        return str(self._remembered("direct", user, look))

    def reply(self, response_url: str, words: str) -> None:
        """Show the person who pressed a button a message that only they see; a failure is logged."""
        from slack_sdk.errors import SlackClientError
        from slack_sdk.webhook import WebhookClient

        if not self._is_slacks(response_url):
            return
        try:
            WebhookClient(response_url, timeout=self._client.timeout, logger=_log, retry_handlers=[]).send(
                text=escaped(words), response_type="ephemeral", replace_original=False
            )
        except (SlackClientError, OSError, http.client.HTTPException) as error:
            log.warning("slack.unsaid", reason=str(error)[:300])

    def _is_slacks(self, url: str) -> bool:
        """True for a URL on the configured API server, or on Slack over TLS at the default port."""
        try:
            parts = urlsplit(url)
            usual = parts.port in (None, 443)
        except ValueError:
            return False
        if (parts.scheme, parts.netloc) == (self._base.scheme, self._base.netloc):
            return True
        hosted = (parts.hostname or "").endswith(".slack.com") and "@" not in parts.netloc
        return parts.scheme == "https" and hosted and usual

    def _remembered(self, what: str, of: str, look: Any) -> Any:
        with self._lock:
            at, value = self._known.get((what, of), (0.0, None))
        if value is not None and time.monotonic() - at < KNOWN_SECONDS:
            return value
        try:
            value = look()
        except (KeyError, TypeError) as error:
            raise SlackError(Later("Slack's response is not valid.")) from error
        with self._lock:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[what, of] = (time.monotonic(), value)
        return value


def _refused(method: str, error: SlackApiError) -> SlackError:
    answer = error.response
    data = answer.data if isinstance(answer.data, dict) else {}
    code, status = str(data.get("error", ""))[:200], int(answer.status_code)
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return SlackError(Later("Slack asked us to wait.", _seconds(answer.headers), limited=method), code)
    if status >= 500:
        return SlackError(Later(f"Slack responded with {status}.", _seconds(answer.headers)), code)
    if code in _OURS:
        needed = f" ({data['needed']})" if isinstance(data.get("needed"), str) else ""
        return SlackError(Later(f"Slack rejected our token: {code}{needed}. See docs/slack.md.", ours=True), code)
    if code in _FINAL:
        return SlackError(Refused(f"{_FINAL[code]} ({code})"), code)
    if code in _CLOSED:
        return SlackError(Refused(f"{_CLOSED[code]} ({code})", gone=True), code)
    # Unknown errors may be temporary, and admins see them on their page in the meantime.
    return SlackError(Later(f"Slack said: {code or status}"), code)


def _seconds(headers: Any) -> timedelta | None:
    given = {str(name).lower(): str(value) for name, value in dict(headers).items()}.get("retry-after", "")
    return timedelta(seconds=int(given)) if given.isdecimal() and len(given) < 7 else None


def slack_api(settings: Settings, seconds: int) -> SlackApi | None:
    """A client for Slack's Web API with this timeout; None: no Slack app is configured."""
    if not settings.slack_bot_token:
        return None
    return SlackApi(settings.slack_bot_token, settings.slack_api_url, seconds)
