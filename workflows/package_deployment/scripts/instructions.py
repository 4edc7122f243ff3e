"""The first stage: a request in plain words, and what follows from the package, as typed instructions.

Nothing of a request is dropped in silence: words from which nothing follows are listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from workflows.package_deployment.analysis import PackageAnalysis, Scope, Technology
from workflows.package_deployment.scripts import installer_patterns as installing
from workflows.package_deployment.scripts import request_patterns as asking
from workflows.package_deployment.scripts import setting_patterns as setting
from workflows.package_deployment.scripts.instruction_base import Instruction, Mode, Origin
from workflows.package_deployment.scripts.instruction_kinds import (
    EarlierVersions,
    InstallerArguments,
    Leave,
    LogFolder,
    MsiProperty,
    ScopeWish,
    Secret,
    Shortcut,
    Transform,
)
from workflows.package_deployment.scripts.instruction_model import Instructions
from workflows.package_deployment.scripts.instructions_for_users import (
    CloseApplication,
    Deferral,
    Interaction,
    Restart,
    Window,
)
from workflows.package_deployment.scripts.literals import cleaned
from workflows.package_deployment.scripts.package_facts import from_package
from workflows.package_deployment.scripts.planning import product_code, switch_for
from workflows.package_deployment.scripts.request_text import Request, read_request
from workflows.package_deployment.scripts.request_words import DATE, iso_date

LONGEST_REQUEST = 20_000
"""Characters of a request that are read."""
_PREFERENCE = re.compile(r"\s*(author|title|date|autor|titel|datum)\s*[:=]\s*(.+)", re.IGNORECASE | re.DOTALL)
_PATTERNS = [
    *installing.SECRETS,
    *setting.DETECTION,
    *asking.CLOSING,
    *asking.DEFERRAL,
    *installing.REQUIREMENTS,
    *asking.RESTARTS,
    *asking.WINDOWS,
    *installing.INSTALLER,
    *setting.SETTINGS,
    *installing.SCOPE,
    *installing.PROPERTIES,
]
"""In the order in which words are taken: first what is certain by its form, and secrets before everything."""


def structure(
    request: str,
    analysis: PackageAnalysis,
    mode: Mode = Mode.STANDARD,
    preferences: Sequence[str] = (),
    suggestions: Sequence[str] = (),
) -> Instructions:
    """Return the instructions of a request.

    Args:
        request: In plain words, English or German.
        preferences: What a team always wants, such as ``author: Packaging team``, or in plain words.
        suggestions: Further requests, such as the comments of reviewers. They count more than the request.
    """
    found = Instructions(mode=mode)
    wishes: list[Instruction] = []
    for text, origin in _texts(request, preferences, suggestions, found):
        if len(text) > LONGEST_REQUEST:
            found.notes.append(f"Only the first {LONGEST_REQUEST} characters of a request are read.")
        part = Request(text[:LONGEST_REQUEST], origin, analysis, mode)
        read_request(part, _PATTERNS)
        part.found = _last_word(part.found)
        kept = [wish for wish in wishes if not any(later.overrules(wish) for later in part.found)]
        wishes = [*kept, *part.found]
        found.not_understood += part.not_understood
    items = [*_without_overruled(list(from_package(analysis, mode)), wishes), *wishes]
    found.items = Instructions.model_validate({"items": items[:300]}).items
    found.not_understood = list(dict.fromkeys(found.not_understood))[:200]
    found.notes += _notes(found, analysis)
    return found


def _last_word(found: list[Instruction]) -> list[Instruction]:
    """Return what one text says, without deferrals that it takes back later."""
    refused = [place for place, item in enumerate(found) if isinstance(item, Deferral) and not item.is_allowed]
    last = refused[-1] if refused else 0
    return [item for place, item in enumerate(found) if not (isinstance(item, Deferral) and place < last)]


def _texts(
    request: str, preferences: Sequence[str], suggestions: Sequence[str], into: Instructions
) -> list[tuple[str, Origin]]:
    """Return the texts to read, those that count more later."""
    texts = []
    for preference in preferences:
        if known := _PREFERENCE.fullmatch(preference):
            kind, text = known[1].lower()[0], cleaned(known[2])
            if kind == "a":
                into.author = text
            elif kind == "t":
                into.title = text
            elif day := _date(text):
                into.date = day
            else:
                into.not_understood.append(preference)
        else:
            texts.append((preference, Origin.PREFERENCE))
    return [*texts, (request, Origin.REQUEST), *((text, Origin.SUGGESTION) for text in suggestions)]


def _date(text: str) -> str:
    try:
        return iso_date(text) if re.fullmatch(DATE, text, re.IGNORECASE) else ""
    except ValueError:
        return ""


def _without_overruled(usual: list[Instruction], wishes: list[Instruction]) -> list[Instruction]:
    """Return what follows from the package and the mode, without what people have said otherwise."""
    kinds = {type(wish) for wish in wishes}
    decided = {wish.about for wish in wishes if wish.about}
    keeps_earlier = any(isinstance(wish, Leave) and wish.of[0] == "earlier_versions" for wish in wishes)
    windows = {wish.which for wish in wishes if isinstance(wish, Window)}
    is_silent = any(isinstance(wish, Interaction) and wish.mode == "Silent" for wish in wishes)
    return [
        item
        for item in usual
        if not (
            item.about in decided
            or (isinstance(item, (Deferral, Restart, EarlierVersions)) and type(item) in kinds)
            or (isinstance(item, EarlierVersions) and keeps_earlier)
            or (isinstance(item, CloseApplication) and CloseApplication in kinds)
            or (isinstance(item, Window) and item.which in windows)
            or (is_silent and isinstance(item, (Window, Deferral)))
        )
    ]


def _notes(found: Instructions, analysis: PackageAnalysis) -> list[str]:
    """Return what people should know: what is left to them, and what does not fit together."""
    is_msi = analysis.technology is Technology.MSI
    notes = []
    for secret in found.of(Secret):
        goes_to = f" (property {secret.goes_to})" if secret.goes_to else ""
        notes.append(
            f"The {secret.kind}{goes_to} is not in the script. Set it with a transform, or in the management system."
        )
    if not is_msi and (found.has(MsiProperty, Transform)):
        notes.append("Properties and transforms are for an MSI; this installer is none. Name them in its arguments.")
    if not is_msi and not switch_for(analysis, "install"):
        given = [item for item in found.of(InstallerArguments) if item.purpose == "install"]
        if not given:
            notes.append(
                "No arguments for a silent installation are known. Name them in the request, as in: "
                "install arguments: /silent"
            )
    known = (analysis.product_name, analysis.uninstall_entry, product_code(analysis))
    if not any(map(cleaned, known)) and analysis.technology is not Technology.WIX_BURN:
        notes.append(
            "The name of the product is not known, so the rule for its detection is a guess. Name another one, as in: "
            r"detect by the file C:\Program Files\Example\example.exe"
        )
    for wish in found.of(ScopeWish):
        if analysis.scope in {Scope.MACHINE, Scope.USER} and wish.scope != analysis.scope:
            scope = analysis.scope.value.replace("_", " ")
            notes.append(f"The package is {scope}; the wish ({wish.source.words}) cannot change that.")
    notes += [
        f"The shortcut {item.name} is kept: nothing removes it." for item in found.of(Shortcut) if item.action == "keep"
    ]
    notes += [
        f"Logs: set Toolkit.LogPath and MSI.LogPath to {item.path} in Config\\config.psd1."
        for item in found.of(LogFolder)
    ]
    return notes
