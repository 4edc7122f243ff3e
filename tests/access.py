"""Who may do what, by every way in: one table, and for each of its lines the routes, messages and commands that do it.

The people of the table work at a desk where a request asks the team `dba`:

- requester: a reviewer of that team who started the run
- asked: a reviewer of that team
- stand_in: a reviewer of another team, delegate of somebody of that team who is away
- not_asked: a reviewer of another team
- admin: of no team
- viewer, auditor: look, and read the audit log
- nobody, who is no column: is not signed in, and gets nothing but what is in `OPEN`

What a line says about somebody:

- yes: it is done
- role: refused, as their roles do not allow it (403 `forbidden`)
- own: refused, as they started the run (403 `own_request`)
- team: refused, as the approval of others is required (403 `not_asked`)
- not: there is no such thing of theirs (404 `not_found`)
- none: allowed, but there is nothing of theirs to do it to (409 `illegal_transition`); of a report: the run does that
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PEOPLE = ("viewer", "auditor", "not_asked", "stand_in", "requester", "asked", "admin")

_TABLE = """
                              viewer  auditor  not_asked  stand_in  requester  asked  admin
look at requests and runs     yes     yes      yes        yes       yes        yes    yes
decide                        role    role     team       yes       own        yes    team
take a decision back          role    role     none       none      none       yes    none
check an edit                 role    role     yes        yes       yes        yes    yes
comment                       role    role     yes        yes       yes        yes    yes
resolve a comment             role    role     yes        yes       own        yes    yes
reopen a comment              role    role     yes        yes       own        yes    yes
claim                         role    role     team       yes       own        yes    team
release the claim of asked    role    role     role       role      role       yes    yes
snooze                        yes     yes      yes        yes       yes        yes    yes
snooze for everyone           role    role     team       yes       own        yes    team
return what one snoozed       none    none     none       none      none       none   none
assign                        role    role     team       yes       yes        yes    yes
escalate                      role    role     team       yes       yes        yes    yes
give more time                role    role     team       yes       own        yes    yes
reopen a rejection            role    role     team       yes       own        yes    yes
cancel a request              role    role     team       yes       yes        yes    yes
ask for approval              role    role     yes        yes       yes        yes    yes
report what was done          role    role     role       role      none       role   role
look at a file of the run     yes     yes      yes        yes       yes        yes    yes
look at an unused file        not     not      not        not       yes        not    not
list one's own files          yes     yes      yes        yes       yes        yes    yes
upload a file                 role    role     yes        yes       yes        yes    yes
change an unused file         role    role     not        not       yes        not    not
start a run                   role    role     yes        yes       yes        yes    yes
choose a workflow             role    role     not        not       yes        not    not
control a run                 role    role     yes        yes       yes        yes    yes
cancel a waiting run          role    role     team       yes       yes        yes    yes
see what a run holds          role    role     role       role      role       role   yes
delete what a run holds       role    role     role       role      role       role   none
see what comes from a file    role    role     role       role      role       role   yes
delete a file and its runs    role    role     role       role      role       role   none
read the audit log            role    yes      role       role      role       role   yes
export the audit log          role    yes      role       role      role       role   yes
see figures of operating      role    role     role       role      role       role   yes
manage people                 role    role     role       role      role       role   yes
see deliveries                role    role     role       role      role       role   yes
send a delivery again         role    role     role       role      role       role   yes
see destinations              role    role     role       role      role       role   yes
manage destinations           role    role     role       role      role       role   yes
make tokens of agents         role    role     role       role      role       role   yes
make tokens of one's own      yes     yes      yes        yes       yes        yes    yes
see absences                  yes     yes      yes        yes       yes        yes    yes
be absent                     role    role     yes        yes       yes        yes    yes
end an absence of asked       role    role     role       role      role       yes    yes
confirm an absence of asked   not     not      not        not       not        yes    not
confirm a token made for one  yes     yes      yes        yes       yes        yes    yes
see grants                    yes     yes      yes        yes       yes        yes    yes
see past approvals            role    yes      yes        yes       yes        yes    yes
propose a grant               role    role     yes        yes       yes        yes    yes
give a grant                  role    role     yes        yes       yes        yes    yes
decline a grant               role    role     yes        yes       yes        yes    yes
revoke a grant                role    role     yes        yes       yes        yes    yes
see lessons                   yes     yes      yes        yes       yes        yes    yes
recall lessons                role    role     yes        yes       yes        yes    yes
change a lesson               role    role     yes        yes       yes        yes    yes
see prepared reasons          yes     yes      yes        yes       yes        yes    yes
change a prepared reason      role    role     role       role      yes        yes    yes
see policies                  yes     yes      yes        yes       yes        yes    yes
test a policy                 role    yes      yes        yes       yes        yes    yes
confirm a policy              role    role     role       role      role       role   yes
see oneself                   yes     yes      yes        yes       yes        yes    yes
choose what one is told of    yes     yes      yes        yes       yes        yes    yes
link a Slack user             yes     yes      yes        yes       yes        yes    yes
choose how pages look         yes     yes      yes        yes       yes        yes    yes
keep views of the queue       yes     yes      yes        yes       yes        yes    yes
see samples                   role    yes      yes        yes       yes        yes    yes
review a sample               role    role     team       yes       not        yes    team
decide on several together    role    role     yes        yes       yes        yes    yes
sign out                      yes     yes      yes        yes       yes        yes    yes
"""


@dataclass(frozen=True)
class Way:
    """One way to do something.

    Attributes:
        kind: ``page``, ``rest``, ``socket`` or ``command``.
        method: of HTTP.
        rule: Flask's rule of the route, the name of the message, or the command's words.
        body: what is sent; texts in braces are filled in with what was prepared.
    """

    kind: str
    method: str
    rule: str
    body: dict[str, Any] = field(default_factory=dict)


def page(route: str, **body: Any) -> Way:
    """A page or a form."""
    method, rule = route.split(" ", 1)
    return Way("page", method, rule, body)


def rest(route: str, **body: Any) -> Way:
    """A route of the API."""
    method, rule = route.split(" ", 1)
    return Way("rest", method, rule, body)


def socket(name: str, **body: Any) -> Way:
    """A message over Socket.IO."""
    return Way("socket", "", name, body)


def command(words: str) -> Way:
    """A command of `assent approvals`, in somebody's name."""
    return Way("command", "", words)


CHOICES = {
    **{
        f"{kind}.{name}": value
        for kind in ("asked", "assigned", "escalated", "expiring", "outcome", "settled", "receipt")
        for name, value in (("way", "mail"), ("least", "safe"), ("below", "digest"))
    },
    "rhythm": "daily", "digest_at": "08:00", "digest_by": "mail", "quiet_from": "", "quiet_until": "",
}  # fmt: skip
"""A whole form of notifications."""

WAYS: dict[str, tuple[Way, ...]] = {
    "see figures of operating": (page("GET /operations"),),
    "look at requests and runs": (
        page("GET /"),
        page("GET /dashboard"),
        page("GET /queue"),
        page("GET /decided"),
        page("GET /decided/export"),
        page("GET /runs/export"),
        page("GET /queue/export"),
        page("GET /queue/views"),
        page("GET /queue/at-work"),
        page("GET /frame"),
        page("GET /requests/<request_id>"),
        page("GET /tools"),
        page("GET /tools/<tool_name>"),
        page(
            "GET /requests/<request_id>/<any(decisions, preview, claim, release, snooze, unsnooze, assignment, "
            "escalations, extension, withdrawal, reopening, comments, resolution, cancel, review):act>"
        ),
        page("GET /runs"),
        page("GET /runs/<run_id>"),
        page("GET /runs/<run_id>/progress"),
        page("GET /workflows/<workflow>"),
        page("GET /runs/<run_id>/artifacts"),
        page("GET /runs/<run_id>/artifacts/<path:name>"),
        page("GET /insights"),
        page("GET /insights/models"),
        page("GET /api/docs"),
        page("GET /api/docs/<name>"),
        rest("GET /api/v1/workflows"),
        rest("GET /api/v1/runs"),
        rest("GET /api/v1/runs/<uuid:id>"),
        rest("GET /api/v1/runs/<uuid:id>/events"),
        rest("GET /api/v1/approvals"),
        rest("GET /api/v1/approvals/<uuid:id>"),
        rest("GET /api/v1/approvals/<uuid:id>/outcome"),
        rest("GET /api/v1/approvals/<uuid:id>/comments"),
        rest("GET /api/v1/insights"),
        rest("GET /api/v1/insights/models"),
        rest("GET /api/v1/runs/<uuid:id>/models"),
        rest("GET /api/v1/workflows/<workflow>/forecast"),
        rest("GET /api/approvals/pending"),
        rest("GET /metrics"),
        rest("GET /api/workflows/<uuid:id>/details"),
        socket("join_request", request_id="{request}"),
        socket("edit_request", request_id="{request}", editing=True),
        socket("leave_request", request_id="{request}"),
        socket("join_workflow", workflow_id="{run}"),
        socket("leave_workflow", workflow_id="{run}"),
        socket("request_workflow_update", workflow_id="{run}"),
        socket("catch_up", after=0),
    ),
    "decide": (
        page("POST /requests/<request_id>/decisions", verdict="approve", digest="{digest}"),
        rest("POST /api/v1/approvals/<uuid:id>/decisions", verdict="approve", digest="{digest}"),
        rest("POST /api/approvals/<uuid:id>", approved=True, comments="Fine.", digest="{digest}"),
        socket("submit_approval", request_id="{request}", verdict="approve", digest="{digest}"),
        command("decide {request} approve --digest {digest}"),
    ),
    "take a decision back": (
        page("POST /requests/<request_id>/withdrawal"),
        rest("POST /api/v1/approvals/<uuid:id>/withdrawal"),
        command("withdraw {request}"),
    ),
    "check an edit": (
        page("POST /requests/<request_id>/preview", content="select 1", digest="{digest}"),
        rest("POST /api/v1/approvals/<uuid:id>/preview", change={"content": "select 1"}),
    ),
    "comment": (
        page("POST /requests/<request_id>/comments", body="Why now?"),
        rest("POST /api/v1/approvals/<uuid:id>/comments", comment="Why now?"),
    ),
    "resolve a comment": (
        page("POST /requests/<request_id>/resolution", comment_id="{comment}", act="resolve"),
        rest("POST /api/v1/approvals/<uuid:id>/comments/<uuid:comment_id>/resolution"),
    ),
    "reopen a comment": (rest("DELETE /api/v1/approvals/<uuid:id>/comments/<uuid:comment_id>/resolution"),),
    "claim": (
        page("POST /requests/<request_id>/claim"),
        rest("POST /api/v1/approvals/<uuid:id>/claim"),
        command("claim {request}"),
    ),
    "release the claim of asked": (
        page("POST /requests/<request_id>/release"),
        rest("DELETE /api/v1/approvals/<uuid:id>/claim"),
        command("release {request}"),
    ),
    "snooze": (
        page("POST /requests/<request_id>/snooze", span="60"),
        rest("POST /api/v1/approvals/<uuid:id>/snooze", wakes=["comment"]),
    ),
    "snooze for everyone": (
        page("POST /requests/<request_id>/snooze", span="60", for_all="1", reason="After lunch."),
        rest("POST /api/v1/approvals/<uuid:id>/snooze", wakes=["comment"], for_all=True, reason="After lunch."),
    ),
    "return what one snoozed": (
        page("POST /requests/<request_id>/unsnooze"),
        rest("DELETE /api/v1/approvals/<uuid:id>/snooze"),
    ),
    "assign": (
        page("POST /requests/<request_id>/assignment", person_id="{asked}"),
        rest("POST /api/v1/approvals/<uuid:id>/assignment", person="{asked_mail}"),
        command("assign {request} {asked_mail}"),
    ),
    "escalate": (
        page("POST /requests/<request_id>/escalations", reason="It is urgent."),
        rest("POST /api/v1/approvals/<uuid:id>/escalations", reason="It is urgent."),
        command("escalate {request} --reason urgent"),
    ),
    "give more time": (
        page("POST /requests/<request_id>/extension", until="{later}", reason="Over the weekend."),
        rest("POST /api/v1/approvals/<uuid:id>/extension", until="{later}Z", reason="Over the weekend."),
        command("extend {request} --until {later}Z --reason weekend"),
    ),
    "reopen a rejection": (
        page("POST /requests/<request_id>/reopening", reason="The table is empty now."),
        rest("POST /api/v1/approvals/<uuid:id>/reopening", reason="The table is empty now."),
        command("reopen {request} --reason empty"),
    ),
    "cancel a request": (
        page("POST /requests/<request_id>/cancel", reason="No longer needed."),
        rest("POST /api/v1/approvals/<uuid:id>/cancel", reason="No longer needed."),
        command("cancel {request}"),
    ),
    "ask for approval": (
        rest("POST /api/v1/approvals", proposal={"kind": "custom", "title": "Anything", "data": {}}),
        rest(
            "POST /api/v1/hooks/<agent:agent>",
            hook_event_name="PreToolUse",
            tool_name="Read",
            tool_input={"file_path": "README.md"},
        ),
    ),
    "report what was done": (rest("POST /api/v1/approvals/<uuid:id>/receipt", status="not_applied"),),
    "look at a file of the run": (
        rest("GET /api/v1/files/<uuid:id>"),
        rest("GET /api/v1/files/<uuid:id>/content"),
        page("GET /files/<file_id>/content"),
    ),
    "look at an unused file": (
        rest("GET /api/v1/files/<uuid:id>"),
        rest("GET /api/v1/files/<uuid:id>/content"),
        page("GET /files/<file_id>/content"),
    ),
    "list one's own files": (
        rest("GET /api/v1/files"),
        page("GET /profile/files"),
        page("GET /profile/files/export"),
    ),
    "upload a file": (rest("POST /api/v1/files", name="orders.csv", size=3),),
    "change an unused file": (
        rest("PUT /api/v1/files/<uuid:id>/content"),
        rest("POST /api/v1/files/<uuid:id>/complete"),
        rest("DELETE /api/v1/files/<uuid:id>"),
        page("POST /profile/files/<file_id>/delete"),
    ),
    "start a run": (
        page("GET /runs/new"),
        page("POST /runs/new", need="disk full on host app-7"),
        rest("POST /api/v1/route", text="disk full on host app-7"),
        page("GET /runs/new/<workflow>"),
        page("POST /runs/new/<workflow>", **{"input.target": "sample", "title": "By hand"}),
        rest("POST /api/v1/runs", workflow="test_gate", input={"target": "sample"}),
    ),
    "choose a workflow": (
        page("POST /runs/new/need/<need_id>", workflow="test_gate"),
        rest("POST /api/v1/route/<uuid:id>/choice", workflow="test_gate"),
    ),
    "control a run": (
        page("POST /runs/<run_id>/<any(pause, resume, ask, cancel, retry):act>"),
        rest("POST /api/v1/runs/<uuid:id>/pause"),
        rest("POST /api/v1/runs/<uuid:id>/ask"),
        rest("POST /api/v1/runs/<uuid:id>/resume"),
        rest("POST /api/v1/runs/<uuid:id>/retry"),
    ),
    "see what a run holds": (
        rest("GET /api/v1/runs/<uuid:id>/holdings"),
        page("GET /runs/<run_id>/erase"),
    ),
    "delete what a run holds": (
        rest("POST /api/v1/runs/<uuid:id>/erase", confirm="{run}"),
        page("POST /runs/<run_id>/erase", confirm="yes"),
    ),
    "see what comes from a file": (
        rest("GET /api/v1/files/<uuid:id>/holdings"),
        page("GET /files/<file_id>/erase"),
    ),
    "delete a file and its runs": (
        rest("POST /api/v1/files/<uuid:id>/erase", confirm="{file}"),
        page("POST /files/<file_id>/erase", confirm="yes"),
    ),
    "cancel a waiting run": (rest("POST /api/v1/runs/<uuid:id>/cancel"),),
    "read the audit log": (page("GET /audit"), rest("GET /api/v1/audit")),
    "export the audit log": (page("GET /audit/export"),),
    "manage people": (
        page("GET /people"),
        page("GET /people/export"),
        page("POST /people", name="New", email="{new_mail}", roles="viewer"),
        page("GET /people/<person_id>"),
        page("POST /people/<person_id>", name="Somebody", roles="viewer", active="1"),
        page("POST /people/<person_id>/link"),
        page("POST /people/<person_id>/sign-out", tokens="none"),
        page("POST /people/<person_id>/sessions/<sign_in_id>/end"),
        rest("GET /api/v1/people/<uuid:id>/sessions"),
        rest("DELETE /api/v1/people/<uuid:id>/sessions/<uuid:session_id>"),
        rest("POST /api/v1/people/<uuid:id>/sign-out"),
    ),
    "see deliveries": (
        page("GET /deliveries"),
        page("GET /deliveries/export"),
        page("GET /outbox"),
        page("GET /deliveries/<delivery_id>"),
        page("GET /deliveries/<delivery_id>/message"),
        rest("GET /api/v1/deliveries"),
        rest("GET /api/v1/deliveries/<hex:id>"),
    ),
    "send a delivery again": (
        page("POST /deliveries/again"),
        page("POST /deliveries/first-channel", way="mail"),
        page("POST /deliveries/<delivery_id>/again"),
        rest("POST /api/v1/deliveries/again"),
        rest("POST /api/v1/deliveries/<hex:id>/again"),
    ),
    "see destinations": (
        page("GET /destinations"),
        page("GET /destinations/export"),
        page("GET /destinations/new"),
        page("GET /destinations/<destination_id>"),
        rest("GET /api/v1/destinations"),
        rest("GET /api/v1/destinations/<hex:id>"),
    ),
    "manage destinations": (
        page("POST /destinations", channel="slack", name="Channel", address="C024BE91L"),
        page("POST /destinations/<destination_id>", name="Other"),
        page("POST /destinations/<destination_id>/test"),
        page("POST /destinations/<destination_id>/secret"),
        page("POST /destinations/<destination_id>/switch", on="no"),
        page("POST /destinations/<destination_id>/replay", hours="1"),
        page("POST /destinations/<destination_id>/remove"),
        rest("POST /api/v1/destinations/<hex:id>/test"),
        rest("POST /api/v1/destinations/<hex:id>/replay", since="{now}"),
    ),
    "make tokens of agents": (
        page("GET /tokens"),
        page("GET /tokens/export"),
        page("POST /tokens", name="Agent", owner="{asked_mail}", scopes="approvals:request", days="7"),
        page("POST /tokens/<token_id>/revoke"),
    ),
    "make tokens of one's own": (
        page("GET /profile/tokens"),
        page("GET /profile/tokens/export"),
        page("POST /profile/tokens", name="Script", scopes="approvals:read", days="7"),
        page("POST /profile/tokens/<token_id>/revoke"),
    ),
    "see absences": (page("GET /absences"), page("GET /absences/export"), rest("GET /api/v1/absences")),
    "be absent": (
        page("POST /absences", starts_at="2100-01-01T00:00", ends_at="2100-01-02T00:00"),
        rest("POST /api/v1/absences", starts_at="2100-02-01T00:00:00Z", ends_at="2100-02-02T00:00:00Z"),
    ),
    "end an absence of asked": (
        page("POST /absences/<absence_id>/end"),
        rest("POST /api/v1/absences/<uuid:id>/end"),
    ),
    "confirm an absence of asked": (
        page("POST /absences/<absence_id>/confirm"),
        page("POST /absences/<absence_id>/decline"),
        rest("POST /api/v1/absences/<uuid:id>/confirm"),
        rest("POST /api/v1/absences/<uuid:id>/decline"),
    ),
    "confirm a token made for one": (
        page("POST /profile/tokens/<token_id>/confirm"),
        page("POST /profile/tokens/<token_id>/decline"),
    ),
    "see grants": (
        page("GET /grants"),
        page("GET /grants/export"),
        page("GET /grants/<grant_id>"),
        page("GET /grants/<grant_id>/<any(approve, decline, revoke):act>"),
        rest("GET /api/v1/grants"),
        rest("GET /api/v1/grants/<uuid:id>"),
    ),
    "see past approvals": (rest("POST /api/v1/grants/rehearsal"),),
    "propose a grant": (
        page("GET /grants/suggestions/<key>"),
        page("POST /grants/suggestions/<key>"),
        rest("POST /api/v1/grants"),
    ),
    "give a grant": (
        page("POST /grants/<grant_id>/approve"),
        rest("POST /api/v1/grants/<uuid:id>/approve"),
    ),
    "decline a grant": (
        page("POST /grants/<grant_id>/<any(decline, revoke):act>", reason="No."),
        rest("POST /api/v1/grants/<uuid:id>/decline", reason="No."),
    ),
    "revoke a grant": (rest("POST /api/v1/grants/<uuid:id>/revoke", reason="No."),),
    "see lessons": (
        page("GET /lessons"),
        page("GET /lessons/export"),
        page("GET /lessons/<lesson_id>"),
        page("GET /lessons/<lesson_id>/<any(edit, off, on, delete):act>"),
        rest("GET /api/v1/lessons"),
        rest("GET /api/v1/lessons/<uuid:id>"),
    ),
    "recall lessons": (
        rest("POST /api/v1/lessons/recall", workflow="flow", proposed=[{"situation": {"kind": "column"}}]),
    ),
    "change a lesson": (
        page("POST /lessons/<lesson_id>/<any(edit, off, on, delete):act>", version="1"),
        rest("POST /api/v1/lessons/<uuid:id>/edit", after="memory_mb"),
        rest("POST /api/v1/lessons/<uuid:id>/switch", on=False),
        rest("DELETE /api/v1/lessons/<uuid:id>"),
    ),
    "see prepared reasons": (
        page("GET /reasons"),
        page("GET /reasons/export"),
        page("GET /reasons/<reason_id>/<any(change, remove):act>"),
        rest("GET /api/v1/prepared-reasons"),
    ),
    "change a prepared reason": (
        page("POST /reasons", team="dba", use="reject", text="Too broad."),
        page("POST /reasons/<reason_id>/<any(change, remove):act>", use="both", text="Too broad."),
    ),
    "see policies": (
        page("GET /policies"),
        page("GET /policies/export"),
        page("GET /policies/<int:number>"),
        page("GET /policies/test"),
        page("GET /rules"),
        page("GET /rules/<rule_id>"),
        rest("GET /api/v1/policies"),
        rest("GET /api/v1/policies/<int:version>"),
    ),
    "confirm a policy": (
        page("POST /policies/<int:number>/confirm"),
        page("POST /policies/<int:number>/decline", reason="No."),
        rest("POST /api/v1/policies/<int:version>/confirm"),
        rest("POST /api/v1/policies/<int:version>/decline", reason="No."),
    ),
    "test a policy": (
        page("POST /policies/test", text="{policy}", days="30"),
        rest("POST /api/v1/policies/test", text="{policy}"),
    ),
    "see oneself": (page("GET /profile"), page("GET /coding-agents")),
    "keep views of the queue": (
        page("POST /queue/views", name="Pressing", risk="high"),
        page("POST /queue/views/<view_id>/name", name="Pressing"),
        page("POST /queue/views/<view_id>/deletion"),
    ),
    "see samples": (page("GET /samples"), page("GET /samples/export"), rest("GET /api/v1/samples")),
    "review a sample": (
        page("POST /requests/<request_id>/review", opinion="agree"),
        rest("POST /api/v1/samples/<uuid:id>/review", agrees=True),
    ),
    "decide on several together": (
        page("GET /queue/marked"),
        # Of each request the page says whether it was decided; that it is checked like any other is tested elsewhere.
        page("POST /queue/marked", verdict="reject", request="{request}", seen="{request} {digest}", comment="No."),
    ),
    "choose what one is told of": (
        page("GET /profile/notifications"),
        page("POST /profile/notifications", **CHOICES),
        page("POST /profile/notifications/browsers", endpoint="https://192.88.98.1/push", p256dh="BA", auth="AA"),
        page("POST /profile/notifications/browsers/test"),
        page("POST /profile/notifications/browsers/<browser_id>/remove"),
    ),
    "link a Slack user": (
        page("GET /profile/slack"),
        page("POST /profile/slack", code="{slack_code}"),
        page("POST /profile/slack/unlink"),
    ),
    "choose how pages look": (
        page("POST /profile", time_zone="Asia/Tokyo", theme="dark", density="compact"),
        page("POST /profile/tour"),
    ),
    "sign out": (
        page("POST /sign-out"),
        page("POST /profile/sessions/<sign_in_id>/end"),
        page("POST /profile/sign-out"),
    ),
}
"""Ways for each line of the table."""

OPEN = {
    ("GET", "/decide/<token>"),
    ("POST", "/decide/<token>"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/healthz"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/readyz"),
    ("GET", "/service-worker.js"),
    ("GET", "/sign-in"),
    ("POST", "/sign-in"),
    ("GET", "/sign-in/<token>"),
    ("POST", "/sign-in/<token>"),
    ("POST", "/slack/commands"),
    ("POST", "/slack/interactions"),
    ("GET", "/static/<path:filename>"),
    ("GET", "/api/v1/approvals/by-key"),  # finds only what the caller's own key has opened
}
"""For everybody."""
ONLY_BACK = {
    ("GET", "/absences/<absence_id>/<any(end, confirm, decline):act>"),
    ("GET", "/deliveries/again"),
    ("GET", "/deliveries/first-channel"),
    ("GET", "/deliveries/<delivery_id>/again"),
    ("GET", "/destinations/<destination_id>/<any(test, secret, switch, replay, remove):act>"),
    ("GET", "/people/<person_id>/link"),
    ("GET", "/people/<person_id>/sessions/<sign_in_id>/end"),
    ("GET", "/people/<person_id>/sign-out"),
    ("GET", "/policies/<int:number>/<any(confirm, decline):act>"),
    ("GET", "/profile/sessions/<sign_in_id>/end"),
    ("GET", "/profile/tour"),
    ("GET", "/profile/sign-out"),
    ("GET", "/profile/tokens/<token_id>/revoke"),
    ("GET", "/profile/files/<file_id>/delete"),
    ("GET", "/profile/tokens/<token_id>/<any(confirm, decline):act>"),
    ("GET", "/tokens/<token_id>/revoke"),
    ("GET", "/profile/slack/unlink"),
    ("GET", "/queue/views/<view_id>/<any(name, deletion):act>"),
}
"""A form's own address, opened again: it shows the page that the form stands on, and does nothing."""
OPERATORS = {"list", "show"}
"""Commands for those who have the database's address, in nobody's name."""


def expected() -> dict[str, dict[str, str]]:
    """What the table says, by line and person."""
    lines = [line for line in _TABLE.splitlines() if line.strip()]
    heads = lines[0].split()
    assert tuple(heads) == PEOPLE
    table = {}
    for line in lines[1:]:
        words = line.split()
        table[" ".join(words[: -len(heads)])] = dict(zip(heads, words[-len(heads) :], strict=True))
    return table
