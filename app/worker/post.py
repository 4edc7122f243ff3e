"""The post: plans deliveries of notifications, and attempts them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import structlog

from app.domain.notices import (
    KEPT_TRYING,
    Channel,
    DeliveryState,
    Later,
    Notice,
    NoticeKind,
    Refused,
    Result,
    Rewriter,
    Sender,
    WebhookCall,
)
from app.notify.slack.sender import SlackSender
from app.services.clock import Clock
from app.services.notifications.browsers import Browsers
from app.services.notifications.callback_messages import CallbackComposer, RunEnded
from app.services.notifications.channel_trouble import ChannelTrouble
from app.services.notifications.deliveries import Deliveries
from app.services.notifications.destination_messages import DestinationComposer
from app.services.notifications.destinations import Destinations
from app.services.notifications.messages import NoticeComposer
from app.services.notifications.planner import NotificationPlanner
from app.services.notifications.sign_in_mail import SignInMail
from app.services.notifications.slack_turns import ASKED, WAITS, SlackTurns
from app.services.vault.ring import KeyRing
from app.services.vault.values import Vault
from app.store.engine import Sessions
from app.store.notify import Delivery

log = structlog.get_logger(__name__)


class Post:
    """Sends notifications. Its methods are called in several threads at once.

    Args:
        senders: The transport of each channel.
        public_url: The portal's address for people.
        secret_key: Signs links.
        demo: Links work in messages that are kept instead of sent.
        ring: Decrypts addresses and secrets; None: the keys are those of `secret_key` alone.
        session_lifetime: Browsers show notifications for that long after the person signed in there; None: until they
            sign out.
        run_ended: Called with the id of a request and the event with which the run ended that its answer began.
    """

    def __init__(
        self,
        sessions: Sessions,
        clock: Clock,
        senders: Mapping[Channel, Sender],
        public_url: str,
        secret_key: str,
        demo: bool = False,
        session_lifetime: timedelta | None = None,
        ring: KeyRing | None = None,
        run_ended: RunEnded | None = None,
    ) -> None:
        self.planning = NotificationPlanner(sessions, clock)
        vault = Vault(ring or KeyRing(secret_key))
        self._composing = NoticeComposer(sessions, clock, public_url, secret_key, vault)
        self._places = DestinationComposer(sessions, clock, self._composing, public_url, vault)
        self._callbacks = CallbackComposer(sessions, clock, public_url, vault, run_ended)
        self._destinations = Destinations(sessions, clock, vault)
        self._sign_in_mail = SignInMail(sessions, clock)
        self.deliveries = Deliveries(sessions, clock, demo)
        self._senders = senders
        self._slack = isinstance(senders.get(Channel.SLACK), SlackSender)
        self._channel_trouble = ChannelTrouble(sessions, clock, self._slack)
        self._turns = SlackTurns(sessions, clock)
        self._clock = clock
        self._browsers = Browsers(sessions, clock, vault)
        self._session_lifetime = session_lifetime

    def forget_browsers(self) -> None:
        """Show no more notifications where the person would have to sign in again."""
        if self._session_lifetime is not None:
            self._browsers.forget_ended(self._session_lifetime)

    def deliver(self, delivery_id: str, job_id: int | None = None) -> DeliveryState | None:
        """Attempt a delivery and store the result, which ends the job. Returns None if it is no longer pending.

        If this process dies after the other side has received a notification and before this is stored, the
        notification is sent again with the same ID.
        """
        delivery = self.deliveries.take(delivery_id)
        if delivery is None:
            return None
        try:
            callback = delivery.kind == NoticeKind.CALLBACK.value
            composed = (self._callbacks if callback else self._composer(delivery)).compose(delivery)
            self.deliveries.drop(composed.dropped)
            if composed.later is not None:
                self.deliveries.postpone(delivery, composed.later, composed.reason, job_id, afresh=callback)
                return DeliveryState.PENDING
            if composed.notice is None:
                self.deliveries.suppress(delivery, composed.reason, job_id)
                return DeliveryState.SUPPRESSED
            included, seen, target = composed.included, 0, self._target(delivery, composed.notice)
            if target and (turn := self._turns.wait(target, delivery)):
                self.deliveries.postpone(delivery, turn, WAITS, job_id)
                return DeliveryState.PENDING
            if isinstance(composed.notice, Notice):
                seen = composed.notice.version if delivery.channel == Channel.SLACK.value else 0
                if delivery.person_id:
                    delivery.address = composed.notice.to.address  # it may have changed since
            result = self._senders[Channel(delivery.channel)].send(composed.notice)
        except Exception:
            # A fault of ours must not affect other deliveries. This one is retried, and admins can see it.
            log.error("delivery.failed", delivery=delivery_id, exc_info=True)
            result, included = Later("Something went wrong on our side; see the log."), ()
            seen, target = 0, ""
        if target and isinstance(result, Later) and result.limited and self._may_wait(delivery):
            self.deliveries.postpone(delivery, self._turns.pause(target, result), ASKED, job_id)
            return DeliveryState.PENDING
        self._browsers.forget(result.expired)
        state = self.deliveries.note(delivery, result, included, job_id, seen)
        if delivery.destination_id:
            self._destinations.note(delivery, result, state)
        self._raise_alarm(delivery, result, state)
        _report(delivery_id, delivery.attempts, result, state)
        return state

    def _target(self, delivery: Delivery, notice: Notice | WebhookCall) -> str:
        """The channel or person in Slack that a notice goes to; empty if it does not go there."""
        if not self._slack or delivery.channel != Channel.SLACK.value or not isinstance(notice, Notice):
            return ""
        return notice.to.slack or delivery.person_id or ""

    def _may_wait(self, delivery: Delivery) -> bool:
        return self._clock() - delivery.first_due_at < KEPT_TRYING

    def _raise_alarm(self, delivery: Delivery, result: Result, state: DeliveryState) -> None:
        """Notify admins if nothing arrives until somebody changes something, or if it was given up after a day."""
        channel = Channel(delivery.channel)
        if channel not in (Channel.MAIL, Channel.SLACK) or not isinstance(result, Later):
            return
        if result.ours or (state is DeliveryState.FAILED and delivery.person_id):
            self._channel_trouble.note(channel)

    def _composer(self, delivery: Delivery) -> NoticeComposer | DestinationComposer:
        return self._composing if delivery.person_id else self._places

    def sign_in(self, given: Mapping[str, Any], job_id: int | None = None) -> None:
        """Send a sign-in link to an address that has an account, as the job from `app.store.jobs.sign_in_job` says."""
        self._sign_in_mail.answer(given["email"], given["source"], datetime.fromisoformat(given["asked_at"]), job_id)

    def rewrite(self, given: Mapping[str, Any], job_id: int) -> None:
        """Update a sent message, as the job from `app.store.jobs.rewrite_job` says, and end the job."""
        delivery = self.deliveries.sent(given["delivery"], given["seen"])
        notice = self._composer(delivery).rewritten(delivery) if delivery else None
        if delivery is None or notice is None:
            self.deliveries.end_job(job_id)
            return
        try:
            result = cast(Rewriter, self._senders[Channel(delivery.channel)]).rewrite(delivery.reference, notice)
        except Exception:
            log.error("rewriting.failed", delivery=delivery.id, exc_info=True)
            result = Later("Something went wrong on our side; see the log.")
        since = datetime.fromisoformat(given["since"]) if given["since"] else None
        self.deliveries.note_rewriting(delivery, result, job_id, given["tries"], since)


def _report(delivery_id: str, attempts: int, result: Result, state: DeliveryState) -> None:
    if isinstance(result, Later | Refused):
        log.warning(
            "delivery.put_off" if state is DeliveryState.PENDING else "delivery.given_up",
            delivery=delivery_id, attempts=attempts, reason=result.reason[:300],
        )  # fmt: skip
