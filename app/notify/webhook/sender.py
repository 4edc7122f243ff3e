"""Standard Webhooks (https://www.standardwebhooks.com): signed calls with ids that identify repetitions."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cached_property

import httpcore
from standardwebhooks.webhooks import Webhook

from app.domain.networks import Network
from app.domain.notices import Later, Refused, Result, Sent, WebhookCall
from app.notify.reach import ForbiddenAddressError, forbidden, guarded
from app.notify.webhook.event_streams import RunRefusedError, listen
from app.notify.webhook.network import Deadline, TimedBackend

_AGENT = b"Assent-Webhooks/1"
GONE = 410
_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError)


class WebhookSender:
    """Posts events.

    Args:
        allowed: private networks that may be reached.
        seconds: total timeout of a call, from the first connection to the head of the response.
    """

    def __init__(self, clock: Callable[[], datetime], allowed: Sequence[Network], seconds: int) -> None:
        self._clock = clock
        self._allowed = allowed
        self._seconds = seconds

    def send(self, call: WebhookCall) -> Result:
        """Post it once. Redirects are not followed; the body of a response is read only if it
        has the events of a run, in the background."""
        at = self._clock()
        headers: dict[bytes | str, bytes | str] = {
            "Content-Type": "application/json", "User-Agent": _AGENT, "webhook-id": call.id,
            "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signatures(call, at),
        }  # fmt: skip
        if call.streams:
            headers["Accept"] = "text/event-stream"
        try:
            with guarded(self._allowed):
                status, answered = self._post(call, headers)
        except ForbiddenAddressError as error:
            return Later(f"The address is not allowed: {error}.")
        except (httpcore.TimeoutException, TimeoutError):
            return Later(f"No answer within {self._seconds} s.")
        except RunRefusedError:
            return Later("The agent refused the run: its events begin with RUN_ERROR.")
        except _FAILURES as error:
            refusal = forbidden(error)
            return Later(f"The address is not allowed: {refusal}." if refusal else f"It cannot be reached: {error}")
        return _result(call, status, answered, at)

    def _post(self, call: WebhookCall, headers: Mapping[bytes | str, bytes | str]) -> tuple[int, dict[str, str]]:
        deadline = Deadline(time.monotonic() + self._seconds)
        with ExitStack() as stack:
            backend = TimedBackend(deadline)
            pool = stack.enter_context(
                httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, retries=0)
            )
            answer = stack.enter_context(pool.stream("POST", call.url, headers=headers, content=call.body))
            if call.streams and 200 <= answer.status < 300:
                listen(answer, deadline, stack.pop_all(), call.ended)
            answered = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers]
            return answer.status, {name.lower(): value for name, value in answered}

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()


def signatures(call: WebhookCall, at: datetime) -> str:
    """One signature for each secret, separated by spaces."""
    return " ".join(Webhook(secret).sign(call.id, at, call.body.decode()) for secret in call.secrets)


def _result(call: WebhookCall, status: int, answered: dict[str, str], at: datetime) -> Result:
    if 200 <= status < 300:
        return Sent(call.topic, f"HTTP {status}")
    if status == GONE:
        return Refused(f"It responded with {status}, Gone.", gone=True)
    if 300 <= status < 400:
        return Later(f"It responded with {status}; redirects are not followed.")
    return Later(f"It responded with {status}.", _after(answered.get("retry-after", ""), at))


def _after(text: str, now: datetime) -> timedelta | None:
    """The wait from a Retry-After header, which is in seconds or a date."""
    if text.isascii() and text.isdigit() and len(text) < 7:
        return timedelta(seconds=int(text))
    try:
        return max(parsedate_to_datetime(text) - now, timedelta(0))
    except (TypeError, ValueError):
        return None
