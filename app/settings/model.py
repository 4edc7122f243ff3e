"""The settings themselves: names, types, defaults, and what they mean."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import NoDecode, SettingsConfigDict

from app.settings.checks import PREFIX, CheckedSettings, Networks, networks_of


class Settings(CheckedSettings):
    """The settings of all processes. Empty text counts as not set."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    database_url: str = Field(
        default="",
        repr=False,
        description="Address of PostgreSQL 14 or later. Not set: an embedded server in the data directory.",
    )
    data_dir: Path = Field(
        default=Path(".data"),
        description="Directory of the embedded database and the generated secret key. "
        "A relative path is below the current folder.",
    )
    host: str = Field(default="127.0.0.1", min_length=1, description="Address that the web process listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port that the web process listens on.")
    max_connections: int = Field(
        default=4096, ge=64, le=65_536,
        description="Connections that one web process keeps open, as far as the system's limit of open files allows.",
    )  # fmt: skip
    connections_per_address: int = Field(
        default=256, ge=8, le=65_536,
        description="Connections of one network address that wait for their client. With one more, the one that has "
        "waited the longest is closed. Trusted proxies are exempt.",
    )  # fmt: skip
    max_busy_requests: int = Field(
        default=200, ge=10, le=10_000,
        description="HTTP requests that one web process answers at the same time. Further ones are answered with 503 "
        "at once, instead of making all wait. Those that wait for a decision do not count.",
    )  # fmt: skip
    request_timeout_seconds: int = Field(
        default=15, ge=1, le=300,
        description="Seconds in which the head of a request must arrive. A body gets one more second for each 10 kB.",
    )  # fmt: skip
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Networks of reverse proxies, separated by commas: `10.1.0.5,fd00::/8`. Only their "
        "`X-Forwarded-For`, `-Proto`, and `-Host` headers count. Not set: none.",
    )
    reuse_port: bool = Field(default=False, description="Lets several web processes share the port (SO_REUSEPORT).")
    base_url: str = Field(
        default="", description="Address at which people reach the portal, for links. Not set: host and port."
    )
    secret_key: str = Field(
        default="",
        repr=False,
        description="Signs sessions and links. Not set: created once, and kept in the data directory.",
    )
    encryption_keys: str = Field(
        default="",
        repr=False,
        description="Keys that encrypt stored files and secrets, separated by commas, as `assent keys new` prints "
        "them. The first encrypts, the others only decrypt. Not set: see the next one.",
    )
    encryption_keys_file: str = Field(
        default="",
        description="File with these keys instead, one per line. Not set: `encryption_keys` in the data directory if "
        "it exists, or else a key derived from the secret key, which also decrypts always.",
    )
    session_hours: int = Field(
        default=12, ge=1, le=24 * 30, description="Hours until a signed-in person must sign in again."
    )
    session_idle_minutes: int = Field(
        default=0, ge=0, le=60 * 24 * 30,
        description="Minutes without activity after which a session ends: 0 for never, or at least 5. Pages and API "
        "calls are activity; automatic updates of an open page are not.",
    )  # fmt: skip
    session_cookie_secure: Literal["auto", "always", "never"] = Field(
        default="auto", description="Sends the session cookie over HTTPS only. auto: when the base URL is https."
    )
    grace: int = Field(
        default=0, ge=0, le=300,
        description="Seconds in which the decision that settles a request can be undone: it takes effect only "
        "afterwards. A rule of the policy may set its own.",
    )  # fmt: skip
    max_body_bytes: int = Field(
        default=2_000_000, ge=10_000, le=100_000_000, description="Largest request body, in bytes."
    )
    async_mode: Literal["eventlet", "threading"] = Field(
        default="eventlet", description="How the web process serves many requests at once."
    )
    web_processes: int = Field(default=1, ge=1, le=64, description="Web processes that `assent serve` starts.")
    workers: int = Field(default=1, ge=1, le=64, description="Worker processes that `assent serve` starts.")
    worker_concurrency: int = Field(default=10, ge=1, le=500, description="Jobs that one worker runs at the same time.")
    workflows: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Comma list of `package.module:NAME`, or of workflow files in YAML. "
        "Not set: installed entry points, and the packages and workflow files in `workflows/` of the current folder "
        "(of the checkout, where it is run from one).",
    )
    policy_file: str = Field(
        default="",
        description="Policy file that `assent serve` loads when it starts. Not set: none is loaded.",
    )
    tool_servers: str = Field(
        default="",
        description="TOML file with the MCP servers whose tools agents and workflows may call. Not set: none.",
    )
    model_tier1: str = Field(
        default="",
        description="Language model for tasks that need high accuracy, such as `anthropic:claude-opus-4-5`. Not set: "
        "the other tiers; if none is set, steps do without models.",
    )
    model_tier2: str = Field(default="", description="Language model for tasks that need medium accuracy.")
    model_tier3: str = Field(default="", description="Language model for simple tasks.")
    model_budget_tokens: int | None = Field(
        default=None, ge=0,
        description="Tokens that the models of one run may use before people are asked. Not set: any number.",
    )  # fmt: skip
    model_budget_dollars: Decimal | None = Field(
        default=None, ge=0, le=1_000_000, allow_inf_nan=False,
        description="US dollars that the models of one run may cost before people are asked. Not set: any amount.",
    )  # fmt: skip
    files_dir: str = Field(
        default="",
        description="Existing directory for the contents of uploaded files, which all processes on all machines share. "
        "Not set: they are stored in the database.",
    )
    input_folders: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Directories, separated by commas, in which the input of a run may name files by their paths. All "
        "processes need them. Not set: none.",
    )
    file_max_bytes: int = Field(
        default=100_000_000, ge=1, le=2_000_000_000, description="Largest uploaded file, in bytes."
    )
    files_bytes_per_person: int = Field(
        default=1_000_000_000, ge=1, le=10**15,
        description="Bytes that the uploaded files of a person and their agents may have together, and those that one "
        "run saves.",
    )  # fmt: skip
    files_bytes_total: int = Field(
        default=10_000_000_000, ge=1, le=10**15, description="Bytes that all uploaded files may have together."
    )
    files_unused_days: int = Field(
        default=7, ge=1, le=3650,
        description="Days after which an uploaded file that no run uses is deleted, finished or not.",
    )  # fmt: skip
    run_data_days: int = Field(
        default=0, ge=0, le=3650,
        description="Days after which what an ended run holds is deleted: its input, files, checkpoints, artifacts, "
        "lessons, and the contents of its requests. 0: never.",
    )  # fmt: skip
    event_days: int = Field(
        default=0, ge=0, le=3650,
        description="Days after which events are deleted, unless their run still goes on: the steps on the page of an "
        "old run. 0: never.",
    )  # fmt: skip
    delivery_days: int = Field(
        default=0, ge=0, le=3650,
        description="Days after which the list of deliveries forgets what was sent, has failed, or was not sent. "
        "0: never.",
    )  # fmt: skip
    checkpoint_days: int = Field(
        default=0, ge=0, le=3650,
        description="Days after which the checkpoints of completed and canceled runs are deleted. 0: never.",
    )  # fmt: skip
    request_content_days: int = Field(
        default=0, ge=0, le=3650,
        description="Days after which the contents of decided requests are deleted: what was proposed and approved. "
        "Their digests, decisions, and audit entries stay. 0: never.",
    )  # fmt: skip
    mail_from: str = Field(
        default="",
        description="From address of emails, such as `Assent <assent@example.com>`. Required with a mail server.",
    )
    mail_reply_to: str = Field(
        default="",
        description="Reply-To address of emails, where somebody reads replies. Not set: emails say that replies are "
        "not read.",
    )
    mail_return_path: str = Field(
        default="", description="Address to which bounces of emails go, without a name. Not set: the From address."
    )
    smtp_host: str = Field(
        default="", description="Mail server. Not set: emails are kept, and shown on the outbox page instead."
    )
    smtp_port: int = Field(
        default=0, ge=0, le=65535, description="Its port. 0: 587 with `starttls`, 465 with `tls`, 25 with `none`."
    )
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        default="starttls", description="How the connection to it is protected; its certificate is checked."
    )
    smtp_user: str = Field(default="", description="Account at the mail server. Not set: no sign-in.")
    smtp_password: str = Field(default="", repr=False, description="The account's password.")
    sign_in_by_mail: bool = Field(
        default=True,
        description="With a mail server: people can have a sign-in link sent to their address. "
        "Switch it off if mailboxes are not safe enough.",
    )
    sign_in_contact: str = Field(
        default="", max_length=200,
        description="Whom people ask for a sign-in link, as the sign-in page says: `the database team, ext. 17`. "
        "Not set: an administrator.",
    )  # fmt: skip
    smtp_timeout_seconds: float = Field(
        default=30.0, ge=1, le=300, description="Seconds to wait for each response of the mail server."
    )
    api_calls_per_minute: int = Field(
        default=3000, ge=0, le=10_000_000,
        description="API calls that each token may make per minute. 0: any number.",
    )  # fmt: skip
    refusals_per_minute: int = Field(
        default=60, ge=0, le=1_000_000,
        description="Rejected sign-ins, tokens, and actions per minute, by network address and by account, after which "
        "further ones are answered with 429. 0: any number. Permitted actions are never limited.",
    )  # fmt: skip
    slack_bot_token: str = Field(
        default="",
        repr=False,
        description="Token of the Slack app's bot, `xoxb-…`. Not set: messages are kept in the outbox instead.",
    )
    slack_signing_secret: str = Field(
        default="", repr=False, description="The Slack app's signing secret. Not set: requests from Slack are rejected."
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/", description="Base address of Slack's Web API, for tests and for GovSlack."
    )
    slack_timeout_seconds: int = Field(
        default=10, ge=1, le=300, description="Seconds to wait for a response from Slack."
    )
    webhook_timeout_seconds: int = Field(
        default=15, ge=1, le=300, description="Seconds that a webhook call may take in total."
    )
    push_key: str = Field(
        default="", repr=False,
        description="Private key with which browsers' push services recognize this portal; `assent push-key` prints a "
        "new one. Not set: browsers show notifications only while a page of the portal is open.",
    )  # fmt: skip
    allowed_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Private networks that webhooks and other destinations may reach, separated by commas: "
        "`10.1.0.0/16,fd00::/8`. Not set: public addresses only.",
    )
    demo: bool = Field(
        default=False,
        description="Set by `assent serve --demo`, and only by it: messages in the outbox keep links that decide.",
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="One JSON object per line, or text for people."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Minimum severity of messages that are logged."
    )

    @property
    def public_url(self) -> str:
        """The portal's address for people, without a trailing slash."""
        if self.base_url:
            return self.base_url
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def networks(self) -> Networks:
        """The private networks that destinations may be in."""
        return networks_of(self.allowed_networks)

    @property
    def session_idle(self) -> timedelta | None:
        """How long a session lasts without activity; None if inactivity does not end it."""
        return timedelta(minutes=self.session_idle_minutes) if self.session_idle_minutes else None

    @property
    def run_data_kept(self) -> timedelta | None:
        """How long what an ended run holds is kept; None for as long as the run."""
        return timedelta(days=self.run_data_days) if self.run_data_days else None

    @property
    def grace_span(self) -> timedelta:
        """How long a decision that settles a request can be taken back."""
        return timedelta(seconds=self.grace)

    @property
    def proxies(self) -> Networks:
        """The networks of reverse proxies that are trusted."""
        return networks_of(self.trusted_proxies)

    @property
    def cookie_secure(self) -> bool:
        """Whether the session cookie is marked Secure."""
        if self.session_cookie_secure == "auto":
            return self.public_url.startswith("https://")
        return self.session_cookie_secure == "always"
