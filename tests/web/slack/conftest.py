"""A web application with a Slack app, and scenes in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app.factory import create_app
from app.services.bundle import Services
from app.settings import Settings
from tests.factories import close_app
from tests.slackserver import SECRET, TOKEN, SlackServer
from tests.web.slack.scenes import Scene


@pytest.fixture(scope="module")
def slack() -> Iterator[SlackServer]:
    """A workspace."""
    server = SlackServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def app(module_database_url: str, slack: SlackServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The web application with a Slack app."""
    settings = Settings(
        database_url=module_database_url, data_dir=tmp_path_factory.mktemp("data"), secret_key="k" * 40,
        async_mode="threading", slack_bot_token=TOKEN, slack_signing_secret=SECRET, slack_api_url=slack.url,
    )  # fmt: skip
    made = create_app(settings)
    yield made
    close_app(made)


@pytest.fixture
def scene(app: Flask, services: Services, slack: SlackServer) -> Callable[..., Scene]:
    """Makes scenes."""
    return lambda **values: Scene(app, services, slack, **values)
