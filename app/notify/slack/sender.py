"""Notices as Slack messages: direct messages to people, and messages in the channels of teams."""

from __future__ import annotations

from app.domain.notices import Notice, Result, Sent
from app.notify.slack.blocks import message_of, title_of
from app.notify.slack.client import SlackApi, SlackError

EVENT_TYPE = "assent_notice"
"""The event type in a message's metadata, which also has the delivery's id, so that repetitions can be recognized."""


class SlackSender:
    """Posts messages, and updates posted ones."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    def send(self, notice: Notice) -> Result:
        """Post it. Without a response, it is posted again: Slack has no means to refuse a repetition."""
        text, blocks = message_of(notice)
        metadata = {"event_type": EVENT_TYPE, "event_payload": {"delivery": notice.id}}
        try:
            posted = self._api.call(
                "chat.postMessage", channel=self._place(notice), text=text, blocks=blocks, metadata=metadata,
                unfurl_links=False, unfurl_media=False,
            )  # fmt: skip
        except SlackError as error:
            return error.result
        return Sent(title_of(notice), f"{posted.get('channel', '')}:{posted.get('ts', '')}")

    def rewrite(self, reference: str, notice: Notice) -> Result:
        """Replace a message with the notice."""
        channel, _, ts = reference.partition(":")
        text, blocks = message_of(notice)
        try:
            self._api.call("chat.update", channel=channel, ts=ts, text=text, blocks=blocks)
        except SlackError as error:
            return error.result
        return Sent(title_of(notice), reference)

    def _place(self, notice: Notice) -> str:
        if notice.to.slack.startswith(("C", "G")):
            return notice.to.slack
        return self._api.direct(notice.to.slack or self._api.user_with(notice.to.address))
