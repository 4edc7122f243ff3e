"""Requests in plain words: what follows from them, where it comes from, and what is not understood."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workflows.package_analyses import analysis_of
from workflows.package_deployment.analysis import Scope, Technology
from workflows.package_deployment.scripts.instruction_base import Instruction, Mode, Origin
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.instructions import structure
from workflows.package_deployment.scripts.planning import plan
from workflows.package_deployment.scripts.rendering import render


def read(request: str, mode: Mode = Mode.QUICK) -> Instructions:
    return structure(request, analysis_of(), mode)


def wishes(request: str) -> list[dict[str, Any]]:
    """Return what a request asks for, without where it comes from."""
    return [
        item.model_dump(mode="json", exclude={"source"}, exclude_defaults=True) | {"topic": item.topic}
        for item in read(request).items
        if item.source.origin is Origin.REQUEST
    ]


CASES = [
    ("Make sure Chrome and Edge are closed", [
        {"topic": "close_application", "process": "chrome", "description": "Google Chrome"},
        {"topic": "close_application", "process": "msedge", "description": "Microsoft Edge"},
    ]),
    ("Vor der Installation Word beenden", [
        {"topic": "close_application", "process": "winword", "description": "Microsoft Word"}]),
    ("Give the user 10 minutes to save their work", [{"topic": "closing", "countdown": 600}]),
    ("Block Excel during the installation", [
        {"topic": "close_application", "process": "excel", "description": "Microsoft Excel"},
        {"topic": "closing", "blocks_start": True},
    ]),
    ("Allow deferral until 31 December 2026", [{"topic": "deferral", "deadline": "2026-12-31"}]),
    ("Restart the computer after 5 minutes", [{"topic": "restart", "behavior": "force", "countdown": 300}]),
    ("Der Benutzer soll zum Neustart aufgefordert werden", [{"topic": "restart", "behavior": "prompt"}]),
    ("Return code 1 should be treated as success", [{"topic": "exit_codes", "codes": [1], "meaning": "success"}]),
    ("Do not install if a reboot is pending", [{"topic": "requirement", "no_pending_restart": True}]),
    ("It needs at least 4 GB of disk space", [{"topic": "requirement", "free_disk_mb": 4096}]),
    ("Any older version has to be removed first", [{"topic": "earlier_versions", "name": "Example Viewer"}]),
    ("Uninstall Example Reader 3 before installing", [{"topic": "earlier_versions", "name": "Example Reader 3"}]),
    ("Delete the start menu entry", [
        {"topic": "shortcut", "action": "remove", "where": "start_menu", "name": "Example Viewer.lnk"}]),
    ("Set registry key HKCU\\Software\\Example value FirstRun to 0 for all users", [
        {"topic": "registry", "key": "HKCU:\\Software\\Example", "name": "FirstRun", "value": 0, "type": "DWord"}]),
    ("Set DWORD HKLM\\Software\\Example\\Level to 5", [
        {"topic": "registry", "key": "HKLM:\\Software\\Example", "name": "Level", "value": 5, "type": "DWord"}]),
    ("Close Firefox and notepad.exe first", [
        {"topic": "close_application", "process": "firefox", "description": "Mozilla Firefox"},
        {"topic": "close_application", "process": "notepad"},
    ]),
    ("Excel should be closed before the installation", [
        {"topic": "close_application", "process": "excel", "description": "Microsoft Excel"}]),
    ("Close the app", [{"topic": "close_application", "process": "viewer"}]),
    ("Bitte Outlook und Word schließen", [
        {"topic": "close_application", "process": "outlook", "description": "Microsoft Outlook"},
        {"topic": "close_application", "process": "winword", "description": "Microsoft Word"},
    ]),
    ("Close apps silently", None),
    ("Close Word after a 5 minute countdown", [
        {"topic": "closing", "countdown": 300},
        {"topic": "close_application", "process": "winword", "description": "Microsoft Word"},
    ]),
    ("Block the apps from starting during the installation", [{"topic": "closing", "blocks_start": True}]),
    ("Ask users to save their work", [{"topic": "closing", "prompt_to_save": True}]),
    ("Allow up to 5 deferrals", [{"topic": "deferral", "times": 5}]),
    ("Let users postpone the installation three times", [{"topic": "deferral", "times": 3}]),
    ("Users can defer for 7 days", [{"topic": "deferral", "days": 7}]),
    ("Deferral deadline is December 24, 2026", [{"topic": "deferral", "deadline": "2026-12-24"}]),
    ("Dreimal verschieben erlauben, Frist bis 24.12.2026", [
        {"topic": "deferral", "times": 3}, {"topic": "deferral", "deadline": "2026-12-24"}]),
    ("No deferrals", [{"topic": "deferral"}]),
    ("No progress bar", [{"topic": "window", "which": "progress", "shown": False}]),
    ("Show a message 'All done' at the end", [{"topic": "window", "which": "completion", "text": "All done"}]),
    ("Without any user interaction", [{"topic": "interaction", "mode": "Silent"}]),
    ("Do not restart the computer", [{"topic": "restart", "behavior": "suppress"}]),
    ("Neustart unterdrücken", [{"topic": "restart", "behavior": "suppress"}]),
    ("Prompt the user to restart", [{"topic": "restart", "behavior": "prompt"}]),
    ("Force a reboot after 15 minutes", [{"topic": "restart", "behavior": "force", "countdown": 900}]),
    ("Neustart erzwingen", [{"topic": "restart", "behavior": "force"}]),
    ("Use install arguments: /S /D=C:\\App", [{"topic": "arguments", "arguments": "/S /D=C:\\App"}]),
    ("Uninstall arguments: /S", [{"topic": "arguments", "purpose": "uninstall", "arguments": "/S"}]),
    ("Install with ALLUSERS=1 and INSTALLDIR=\"C:\\Apps\\My Viewer\"", [
        {"topic": "property", "name": "ALLUSERS", "value": "1"},
        {"topic": "property", "name": "INSTALLDIR", "value": "C:\\Apps\\My Viewer"},
    ]),
    ("Set the property DESKTOPLINK to 0", [{"topic": "property", "name": "DESKTOPLINK", "value": "0"}]),
    ("Apply the transform corporate.mst", [{"topic": "transform", "file": "corporate.mst"}]),
    ("Install the patch fix-1.msp", [{"topic": "patch", "file": "fix-1.msp"}]),
    ("Requires at least 1.5 GB of free disk space", [{"topic": "requirement", "free_disk_mb": 1536}]),
    ("Mindestens 500 MB freier Speicherplatz", [{"topic": "requirement", "free_disk_mb": 500}]),
    ("Only for Windows 11 23H2 or later", [
        {"topic": "requirement", "windows_build": 22631, "windows_name": "Windows 11 23H2"}]),
    ("Requires .NET Framework 4.7.2", [
        {"topic": "requirement", "dotnet_release": 461808, "dotnet_name": "4.7.2"}]),
    ("64-bit only", [{"topic": "requirement", "architecture": "x64"}]),
    ("Check that no reboot is pending", [{"topic": "requirement", "no_pending_restart": True}]),
    ("Remove the desktop shortcut", [{"topic": "shortcut", "action": "remove", "name": "Example Viewer.lnk"}]),
    ("Desktopverknüpfung entfernen", [{"topic": "shortcut", "action": "remove", "name": "Example Viewer.lnk"}]),
    ("Keep the start menu shortcut", [
        {"topic": "shortcut", "action": "keep", "where": "start_menu", "name": "Example Viewer.lnk"}]),
    ("Set HKLM\\SOFTWARE\\Example\\AutoUpdate to 0 (DWORD)", [
        {"topic": "registry", "key": "HKLM:\\SOFTWARE\\Example", "name": "AutoUpdate", "value": 0, "type": "DWord"}]),
    ("Set the registry value Server in HKCU\\Software\\Example to 'srv01'", [
        {"topic": "registry", "key": "HKCU:\\Software\\Example", "name": "Server", "value": "srv01"}]),
    ("Remove the registry value Updater from HKLM\\SOFTWARE\\Example", [
        {"topic": "registry", "action": "remove", "key": "HKLM:\\SOFTWARE\\Example", "name": "Updater"}]),
    ("Copy settings.ini to C:\\ProgramData\\Example", [
        {"topic": "copy_file", "file": "settings.ini", "to": {"folder": "$envProgramData", "path": "Example"}}]),
    ("Kopiere user.ini nach %AppData%\\Example", [
        {"topic": "copy_file", "file": "user.ini", "every_user": "AppData",
         "to": {"folder": "$envPublic", "path": "Example"}}]),
    ("Run setup-user.cmd once for each user", [{"topic": "user_setup", "file": "setup-user.cmd"}]),
    ("Uninstall older versions first", [{"topic": "earlier_versions", "name": "Example Viewer"}]),
    ("Alte Versionen deinstallieren", [{"topic": "earlier_versions", "name": "Example Viewer"}]),
    ("Remove previous versions of Other Tool", [{"topic": "earlier_versions", "name": "Other Tool"}]),
    ("Write logs to C:\\Logs\\Apps", [{"topic": "log_folder", "path": "C:\\Logs\\Apps"}]),
    ("Detect by product code", [{"topic": "detection", "by": "product_code"}]),
    ("Detection: registry key HKLM\\SOFTWARE\\Example, value Version, version 4.2", [
        {"topic": "detection", "by": "registry", "path": "HKLM\\SOFTWARE\\Example",
         "name": "Version", "version": "4.2"}]),
    ("Install for all users", [{"topic": "scope", "scope": "per_machine"}]),
    ("Treat exit codes 5 and 7 as success", [{"topic": "exit_codes", "codes": [5, 7], "meaning": "success"}]),
]  # fmt: skip


@pytest.mark.parametrize(("request_text", "expected"), [case for case in CASES if case[1] is not None])
def test_a_request_is_understood(request_text: str, expected: list[dict[str, Any]]) -> None:
    assert wishes(request_text) == expected
    assert read(request_text).not_understood == []


@pytest.mark.parametrize(
    ("request_text", "left"),
    [
        ("Close Acme Word first", ["Close Acme Word"]),
        ("Start Example Viewer at the end", ["Start Example Viewer"]),
        ("Translate the manual into Klingon", ["Translate the manual into Klingon"]),
        ("Close foobar and suppress the restart", ["Close foobar"]),
        ("Suppress the restart, then paint it blue", ["paint it blue"]),
        ("Set HKLM\\SOFTWARE\\X\\Y to 99999999999 (DWORD)", ["HKLM\\SOFTWARE\\X\\Y to 99999999999 (DWORD"]),
        ("Deadline is 2026-02-31", ["Deadline is 2026-02-31"]),
        ("Copy ..\\evil.dll to C:\\Windows\\System32", ["Copy ..\\evil.dll to C:\\Windows\\System32"]),
    ],
)
def test_what_is_not_understood_is_listed_by_its_words(request_text: str, left: list[str]) -> None:
    assert read(request_text).not_understood == left


def test_every_instruction_says_where_it_comes_from() -> None:
    found = structure("Close Word.", analysis_of(), Mode.COMPREHENSIVE, ["No progress bar"], ["Force a restart."])
    sources = {(item.topic, item.source.origin.value): item.source.words for item in found.items}
    assert sources["close_application", "request"] == "Close Word"
    assert sources["window", "preference"] == "No progress bar"
    assert sources["restart", "suggestion"] == "Force a restart"
    assert sources["deferral", "mode"] == "comprehensive"
    assert sources["installation", "analysis"] in {
        "the installer is an MSI",
        f"the product code is {analysis_of().product_code}",
    }
    assert all(item.source.words and item.sentence for item in found.items)


def test_what_people_say_counts_more_than_the_mode() -> None:
    found = structure("Allow 5 deferrals. Close Excel. No progress.", analysis_of(), Mode.COMPREHENSIVE)
    assert [item.times for item in found.items if item.topic == "deferral"] == [5]
    assert [item.process for item in found.items if item.topic == "close_application"] == ["excel"]
    assert [item.shown for item in found.items if item.topic == "window" and item.which == "progress"] == [False]


@pytest.mark.parametrize(
    "request_text",
    [
        "The license key is ABCD1-EFGH2-IJKL3-MNOP4.",
        "Install with PIDKEY=ABCD1-EFGH2-IJKL3-MNOP4 please",
        "Install with /S /SERIAL=ABCD1-EFGH2-IJKL3",
        "Use the password Hunter2!x",
        "Lizenzschlüssel: ABCD1-EFGH2-IJKL3-MNOP4",
        "Set ADMIN_PASSWORD='Hunter2!x'",
    ],
)
def test_secrets_are_kept_out(request_text: str) -> None:
    found = read(request_text)
    assert any(item.topic == "secret" for item in found.items)
    assert any("is not in the script" in note for note in found.notes)
    assert "ABCD1" not in found.model_dump_json() and "Hunter2" not in found.model_dump_json()


def test_a_preference_names_the_author_and_the_title() -> None:
    found = structure("", analysis_of(), preferences=["author: Packaging team", "title: Viewer 4", "date: 30.11.2026"])
    assert (found.author, found.title, found.date) == ("Packaging team", "Viewer 4", "2026-11-30")
    assert found.not_understood == []
    assert structure("", analysis_of(), preferences=["date: 31.02.2026"]).not_understood == ["date: 31.02.2026"]


def test_what_does_not_fit_the_package_is_noted() -> None:
    assert any("MSI" in note for note in structure("Set ALLUSERS=1", analysis_of(Technology.NSIS)).notes)
    assert any("per machine" in note for note in structure("Install per user", analysis_of(scope=Scope.MACHINE)).notes)


@settings(max_examples=150, deadline=None)
@given(
    text=st.one_of(
        st.text(max_size=300), st.lists(st.sampled_from([case[0] for case in CASES]), max_size=6).map(". ".join)
    )
)
def test_any_text_is_read(text: str) -> None:
    found = structure(text, analysis_of(), Mode.COMPREHENSIVE)
    render(plan(analysis_of(), found))
    assert Instructions.model_validate_json(found.model_dump_json()) == found
    assert all(isinstance(item, Instruction) for item in found.items)


@pytest.mark.parametrize(
    "text",
    [
        "close " * 4_000,
        "set " * 5_000,
        "C:\\a " * 4_000,
        "HKLM\\" * 4_000,
        "a, " * 6_000,
        '"' * 19_000,
        "allow " * 3_000,
    ],
)
def test_a_long_request_takes_a_moment_only(text: str) -> None:
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 10


NOT_WANTED = [
    ("Do not close Chrome.", "Google Chrome"),
    ("Never close Outlook", "Microsoft Outlook"),
    ("Don't remove earlier versions", "earlier versions"),
    ("Please do not copy settings.xml to C:\\Temp", "settings.xml"),
    ("Don't set HKLM\\Software\\Example\\Telemetry to 0", "Telemetry"),
    ("Please don't remove the desktop shortcut", "shortcut"),
]


@pytest.mark.parametrize(("request_text", "what"), NOT_WANTED, ids=[text for text, _ in NOT_WANTED])
def test_what_is_not_wanted_is_never_done(request_text: str, what: str) -> None:
    found = structure(request_text, analysis_of(), Mode.COMPREHENSIVE)
    [left] = [item for item in found.items if item.source.origin is Origin.REQUEST]
    assert left.topic == "leave" and what in left.sentence and not found.not_understood
    opposite = [item for item in found.items if item is not left and item.about == left.about]
    assert not opposite and not any(item.topic == left.about[0] == "earlier_versions" for item in found.items)


def test_a_word_that_turns_another_wish_round_leaves_it_to_people() -> None:
    for words in ("Do not require 4 GB of disk space", "Bitte Word nicht schließen", "Schließe Word nicht"):
        found = read(words)
        assert not [item for item in found.items if item.source.origin is Origin.REQUEST], words
        assert found.not_understood, words


def test_a_negation_of_something_else_turns_nothing_round() -> None:
    assert [item["topic"] for item in wishes("Do not forget to close Chrome")] == ["close_application"]
    assert [item["topic"] for item in wishes("Never close Outlook; just close Teams")] == ["leave", "close_application"]


def test_a_program_in_brackets_is_the_one_that_a_name_means() -> None:
    assert [item["process"] for item in wishes("close Chrome and the viewer (viewer.exe) first")] == [
        "chrome",
        "viewer",
    ]


@pytest.mark.parametrize("text", ["Show no windows", "Don't show any dialogs", "Zeige keine Fenster", "no windows"])
def test_no_windows_are_wished_with_or_without_a_verb(text: str) -> None:
    found = structure(text, analysis_of())
    assert not found.not_understood
    assert [item["mode"] for item in wishes(text)] == ["Silent"]


@pytest.mark.parametrize("text", ["Show no progress bar", "No progress bar", "Zeige keinen Fortschritt"])
def test_no_progress_is_wished_with_or_without_a_verb(text: str) -> None:
    assert not structure(text, analysis_of()).not_understood
    assert [(item["which"], item["shown"]) for item in wishes(text)] == [("progress", False)]


LATER = [
    ("Remove the desktop shortcut", "Keep the desktop shortcut", "Remove-ADTFile"),
    ("Remove the desktop shortcut", "Please don't remove the desktop shortcut", "Remove-ADTFile"),
    ("Close Chrome first", "Do not close Chrome", "'chrome'"),
    ("Set HKLM\\Software\\Example\\Telemetry to 0", "Set HKLM\\Software\\Example\\Telemetry to 1", "-Value 0"),
    ("Let users defer 3 times", "No deferral after all", "-AllowDefer"),
    ("Let users defer 3 times", "Users must not be able to defer it", "-AllowDefer"),
    ("Let users defer 3 times", "Please don't let users defer", "-AllowDefer"),
    ("Let users defer 3 times", "Let users defer 5 times", "-DeferTimes 3"),
    ("Let users defer for 4 days", "Let users defer for 2 days", "-DeferDays 4"),
    ("Uninstall earlier versions", "Do not remove earlier versions", "-ADTApplication -Name"),
]


@pytest.mark.parametrize(("first", "comment", "gone"), LATER, ids=[comment for _, comment, _ in LATER])
def test_a_comment_overrules_what_was_asked_before(first: str, comment: str, gone: str) -> None:
    def script(*comments: str) -> str:
        analysis = analysis_of()
        return render(plan(analysis, structure(first, analysis, Mode.QUICK, suggestions=comments)))

    before, _, _ = script().partition("function Uninstall-")
    after, _, _ = script(comment).partition("function Uninstall-")
    assert gone in before and gone not in after


def test_a_comment_about_deferrals_keeps_other_limits() -> None:
    analysis = analysis_of()
    comments = ("At most 5 deferrals.", "No deferral after all.", "Let users defer 2 times.")

    def script(count: int) -> str:
        wanted = structure("Let users defer 3 times, until 2030-05-01.", analysis, suggestions=comments[:count])
        return render(plan(analysis, wanted))

    assert "-DeferTimes 5 " in script(1) and "-DeferDeadline" in script(1)
    assert "-AllowDefer" not in script(2)
    assert "-DeferTimes 2 " in script(3) and "-DeferDeadline" not in script(3)


@pytest.mark.parametrize(
    "request_text",
    [
        "Do not install on Windows 11",
        "Install on everything except Windows 11",
        "Nicht unter Windows 11 installieren",
        "It is not necessary to close Word",
        "If Word is running, close it",
        "No longer close Teams",
        "Remove the check for .NET 4.8",
        "Skip the Windows 11 check",
        "No 4 GB check",
        "Windows 11 is not required",
        "Windows 10 wird nicht unterstützt",
        "The property ALLUSERS=1 must not be used",
        "Remove ALLUSERS=1",
        "The restart prompt is not wanted",
        "Do not use the argument /forcerestart",
    ],
)
def test_words_turned_round_from_afar_are_listed_and_not_done(request_text: str) -> None:
    read_request = read(request_text)

    assert wishes(request_text) == []
    assert read_request.not_understood


@pytest.mark.parametrize(
    ("request_text", "topic"),
    [
        ("Do not forget to close Word", "close_application"),
        ("Do not install with less than 4 GB of space", "requirement"),
        ("If the application is running, close it", "close_application"),
        ("Not only close Word, set ALLUSERS=1", "close_application"),
    ],
)
def test_negations_of_something_else_turn_nothing_round(request_text: str, topic: str) -> None:
    assert topic in [wish["topic"] for wish in wishes(request_text)]


@pytest.mark.parametrize("secret", ["the password Hunter2!9", "PIDKEY=HUNTER29", "license key HUNT1-HUNT2-HUNT3-HUNT4"])
@pytest.mark.parametrize("before", ["Do not use ", "Never use ", "Users do not have ", "Ohne "])
def test_secrets_that_are_not_to_be_used_are_not_kept_either(before: str, secret: str) -> None:
    found = read(before + secret)

    assert [item.topic for item in found.items if item.source.origin is Origin.REQUEST] == ["secret"]
    assert "hunt" not in found.model_dump_json().lower()


def test_a_deferral_that_is_taken_back_in_the_same_text_is_not_allowed() -> None:
    assert wishes("Allow 3 deferrals. No deferral.") == wishes("No deferral.")
    assert {"topic": "deferral", "times": 3} in wishes("No deferral. Allow 3 deferrals.")


def test_a_registry_key_ends_before_the_next_one() -> None:
    (wish,) = wishes(r"Delete HKLM\Software\Example but keep HKLM\Software\Example\License")

    assert "License" not in str(wish)


def test_arguments_end_before_those_that_are_not_wanted() -> None:
    found = read("Install arguments: /S but not /NORESTART")

    assert wishes("Install arguments: /S but not /NORESTART") == [{"topic": "arguments", "arguments": "/S"}]
    assert found.not_understood == ["not /NORESTART"]


@pytest.mark.parametrize(
    "request_text",
    [
        "Do not allow users to defer more than 3 times",
        "Users must not be able to defer the installation after Friday",
        "No deferral if the update is urgent",
        "Nicht verschieben wenn es dringend ist",
    ],
)
def test_a_limit_or_condition_of_deferrals_does_not_refuse_them_all(request_text: str) -> None:
    assert {"topic": "deferral"} not in wishes(request_text)
    assert read(request_text).not_understood


def test_installing_with_arguments_ends_before_those_that_are_not_wanted() -> None:
    assert wishes("Install it with /S but not /NORESTART") == [{"topic": "arguments", "arguments": "/S"}]
