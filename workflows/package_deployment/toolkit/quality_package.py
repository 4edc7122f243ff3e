"""Checks of quality that compare a script with its package."""

from __future__ import annotations

from app.risk.powershell.nodes import Binary, Node
from workflows.package_deployment.analysis import Check, Confidence, Technology
from workflows.package_deployment.toolkit.judged_script import INSTALLERS, REMOVERS, JudgedScript, Judgment
from workflows.package_deployment.toolkit.names import shown
from workflows.package_deployment.toolkit.script import literal_text

_SURE = {Confidence.CERTAIN: 1.0, Confidence.LIKELY: 0.7, Confidence.GUESS: 0.3}


def install(script: JudgedScript) -> Judgment:
    """Whether the script starts an installer."""
    return _does(script, "install", "installs", INSTALLERS - REMOVERS)


def uninstall(script: JudgedScript) -> Judgment:
    """Whether the script removes what it has installed."""
    return _does(script, "uninstall", "uninstalls", INSTALLERS)


def repair(script: JudgedScript) -> Judgment:
    """Whether the script can repair an installation."""
    return _does(script, "repair", "repairs", INSTALLERS - REMOVERS)


def _does(script: JudgedScript, name: str, verb: str, commands: frozenset[str]) -> Judgment:
    part = script.parts.get(name)
    if part is None:
        return Judgment(0, f"There is no part that {verb}.")
    if part.is_empty:
        return Judgment(0, f"The part in line {part.line} is empty.")
    calls = script.named(*commands, part=name)
    if not calls:
        return Judgment(0.5, f"The part in line {part.line} starts no installer.")
    return Judgment(1, f"{calls[0].command.name} {verb} it.")


def product_code(script: JudgedScript) -> Judgment | None:
    """Whether an MSI is uninstalled by its product code, which is exact."""
    analysis = script.analysis
    if analysis is None or analysis.technology is not Technology.MSI or not analysis.product_code:
        return None
    expected = analysis.product_code.strip("{}").lower()
    for bound in script.named(*INSTALLERS, part="uninstall"):
        text = (literal_text(bound.value("ProductCode")) or "").strip("{}").lower()
        if text == expected:
            return Judgment(1, f"The product code {analysis.product_code} is used.")
        if text:
            return Judgment(0, "Another product code than that of the package is used.")
    if script.named("start-adtmsiprocess", part="uninstall"):
        return Judgment(0.7, "The MSI file is used, which has to be there when it is uninstalled.")
    if script.named("uninstall-adtapplication", part="uninstall"):
        return Judgment(0.5, "The name is used, which other products may have, too.")
    return Judgment(0, "The product code is not used.")


def detection(script: JudgedScript) -> Judgment | None:
    """Whether it can be told that the application is installed."""
    if script.has_detection_rule is not None:
        return Judgment(1, "There is a detection rule.") if script.has_detection_rule else Judgment(0, "There is none.")
    analysis = script.analysis
    if analysis is None:
        return None
    if analysis.product_code:
        return Judgment(1, "The product code is known, which Windows Installer can look up.")
    if analysis.product_name and analysis.version:
        return Judgment(0.6, "Name and version are known, but no product code.")
    return Judgment(0, "Neither a product code nor name and version are known.")


def silent_switches(script: JudgedScript) -> Judgment | None:
    """Whether it is certain that the installer asks nothing."""
    analysis = script.analysis
    if analysis is None:
        return None
    if analysis.technology is Technology.MSI:
        return Judgment(1, "Windows Installer runs an MSI silently.")
    switch = analysis.switch("install")
    if switch is None:
        return Judgment(0, "No arguments are known with which the installer asks nothing.")
    share = _SURE[switch.confidence]
    words = f"{shown(switch.arguments) or 'No arguments'}: {switch.confidence.value}. {shown(switch.reason, 300)}"
    known, used = switch.arguments.lower(), [(literal_text(node) or "").lower() for node in _arguments(script)]
    if known and not any(text and (text in known or known in text) for text in used):
        return Judgment(share * 0.5, f"The script does not use them. {words}")
    return Judgment(share, words)


def _arguments(script: JudgedScript) -> list[Node]:
    """Return the values that installers are given as arguments."""
    found: list[Node] = []
    for bound in script.named(*INSTALLERS):
        for name in ("ArgumentList", "AdditionalArgumentList"):
            value = bound.value(name)
            if value is not None:
                found += _items(value)
    return found


def _items(value: Node) -> list[Node]:
    if isinstance(value, Binary) and value.operator == "f":  # a path in a command line, such as that of a log
        return _items(value.left)
    for attribute in ("items", "statements"):
        inner = getattr(value, attribute, None)
        if isinstance(inner, list):
            return [item for one in inner for item in _items(one)]
    return [value]


def signature(script: JudgedScript) -> Judgment | None:
    """Whether it is known who made the package, and that nobody has changed it."""
    analysis = script.analysis
    if analysis is None:
        return None
    found = analysis.signature
    if not found.is_signed:
        if script.named("get-filehash", "get-authenticodesignature"):
            return Judgment(0.5, f"{found.absence} The script checks the file itself.")
        return Judgment(0, found.absence)
    if Check.DIFFERS in (found.digest, found.signature):
        return Judgment(0, "The signature does not fit the file.")
    share, words = 0.0, []
    for check, part, what in (
        (found.digest, 0.35, "the digest"),
        (found.signature, 0.35, "the signature"),
        (found.chain, 0.3, "the chain to a trusted root"),
    ):
        matches = check is Check.MATCHES
        share += part if matches else 0
        differs = "does not hold" if check is Check.DIFFERS else "was not checked"
        words.append(f"{what} {'matches' if matches else differs}")
    signer = f" Signed by {shown(found.signer)}." if found.signer else ""
    listed = ", ".join(words)
    return Judgment(share, f"{listed[:1].upper()}{listed[1:]}.{signer}")
