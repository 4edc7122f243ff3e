"""An analysis as Markdown, for reviewers and for the run's page. Everything in it comes from strangers."""

from __future__ import annotations

from assent.markdown import code, escaped, table
from workflows.package_deployment.analysis import Check, PackageAnalysis, Signature

_CHECKS = {
    Check.MATCHES: "yes", Check.DIFFERS: "**no**", Check.NOT_CHECKED: "not checked", Check.ABSENT: "there is none",
}  # fmt: skip
_MOST = 40
"""Rows of a list; the artifact in JSON has all of them."""


def analysis_markdown(analysis: PackageAnalysis) -> str:
    """Return what is known about the package, in tables."""
    parts = [
        ["## Package", "", *table(["fact", "value"], _facts(analysis))],
        _switches(analysis),
        ["## Signature", "", *_signature(analysis.signature)],
        _recommendations(analysis),
        _msi(analysis),
        _bundle(analysis),
        _files(analysis),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _facts(analysis: PackageAnalysis) -> list[tuple[str, str]]:
    technology = f"{analysis.technology.in_words} {analysis.technology_version}".strip()
    administrator = {True: "yes", False: "no", None: ""}[analysis.requires_administrator]
    facts = {
        "File": code(analysis.file_name),
        "Size": f"{analysis.size_bytes:,} bytes",
        "SHA-256": code(analysis.sha256),
        "Technology": f"{escaped(technology)} ({analysis.confidence.value})",
        "Product": escaped(analysis.product_name),
        "Version": escaped(analysis.version),
        "Manufacturer": escaped(analysis.manufacturer),
        "Language": escaped(analysis.language),
        "Architecture": analysis.architecture.value,
        "Scope": analysis.scope.value.replace("_", " "),
        "Product code": code(analysis.product_code),
        "Upgrade code": code(analysis.upgrade_code),
        "Needs an administrator": administrator,
        "Installed size": f"{analysis.installed_bytes:,} bytes" if analysis.installed_bytes is not None else "",
    }
    if duration := analysis.duration:
        facts["Duration"] = f"{duration.seconds_low} to {duration.seconds_high} s: {escaped(duration.reason)}"
    return [(name, value) for name, value in facts.items() if value]


def _switches(analysis: PackageAnalysis) -> list[str]:
    if not analysis.switches:
        return ["## Switches", "", "No switches are known."]
    rows = [
        (escaped(switch.purpose.replace("_", " ")), code(switch.arguments) or "none", switch.confidence.value,
         escaped(switch.reason))
        for switch in analysis.switches[:_MOST]
    ]  # fmt: skip
    return ["## Switches", "", *table(["purpose", "arguments", "how sure", "why"], rows)]


def _signature(signature: Signature) -> list[str]:
    if signature.absence:
        return [signature.absence, *(f"- {escaped(note)}" for note in signature.notes[:_MOST])]
    facts = {
        "The file is the one that was signed": _CHECKS[signature.digest],
        "The signer's key made the signature": _CHECKS[signature.signature],
        "The chain leads to a root of the operator's": _CHECKS[signature.chain],
        "Signer": escaped(signature.signer),
        "Issuer": escaped(signature.issuer),
        "Thumbprint": code(signature.thumbprint),
        "Valid": f"{escaped(signature.valid_from)} to {escaped(signature.valid_until)}",
        "Time stamp": escaped(signature.time_stamp) or "none",
        "The time stamp belongs to the signature": _CHECKS[signature.time_stamp_check],
        "The chain of the time stamp leads to a root of the operator's": _CHECKS[signature.time_stamp_chain],
        "Revocation": _CHECKS[signature.revocation],
        "Further signatures of the same file": str(len(signature.nested) or ""),
    }
    lines = table(["check", "result"], [(name, value) for name, value in facts.items() if value])
    return lines + (["", *(f"- {escaped(note)}" for note in signature.notes[:_MOST])] if signature.notes else [])


def _recommendations(analysis: PackageAnalysis) -> list[str]:
    said = [f"- {escaped(words, 1_000)}" for words in analysis.recommendations[:_MOST]]
    noted = [f"- {escaped(words, 1_000)}" for words in analysis.notes[:_MOST]]
    return [
        *(["## Recommendations", "", *said] if said else []),
        *([""] if said and noted else []),
        *(["## What could not be read", "", *noted] if noted else []),
    ]


def _msi(analysis: PackageAnalysis) -> list[str]:
    if (msi := analysis.msi) is None:
        return []
    lines = ["## Windows Installer", ""]
    facts = {
        "Package code": code(msi.package_code), "Template": escaped(msi.template), "Restarts": escaped(msi.restarts),
        "Features": escaped(", ".join(feature.name for feature in msi.features[:_MOST])),
    }  # fmt: skip
    lines += table(["fact", "value"], [(name, value) for name, value in facts.items() if value])
    for condition in msi.conditions[:_MOST]:
        lines += ["", f"Condition {code(condition.condition)}: {escaped(condition.message)}"]
    if msi.services:
        rows = [(code(service.name), escaped(service.display_name), escaped(service.start), escaped(service.account))
                for service in msi.services[:_MOST]]  # fmt: skip
        lines += ["", "### Services", "", *table(["name", "shown as", "start", "account"], rows)]
    if msi.custom_actions:
        actions = [
            (code(action.name), escaped(action.kind), "yes" if action.is_elevated else "no", code(action.target, 120))
            for action in msi.custom_actions[:_MOST]
        ]
        lines += ["", "### Custom actions", "", *table(["name", "what", "as the system", "target"], actions)]
    return lines


def _bundle(analysis: PackageAnalysis) -> list[str]:
    if (bundle := analysis.bundle) is None:
        return []
    rows = [
        (code(package.id), escaped(package.kind), escaped(package.name), escaped(package.version),
         code(package.install_arguments))
        for package in bundle.packages[:_MOST]
    ]  # fmt: skip
    return ["## Packages inside", "", *table(["id", "kind", "name", "version", "arguments"], rows)]


def _files(analysis: PackageAnalysis) -> list[str]:
    if not analysis.files:
        return []
    total = analysis.files_total if analysis.files_total is not None else len(analysis.files)
    rows = [(code(file.path, 200), f"{file.size:,}" if file.size is not None else "", escaped(file.version))
            for file in analysis.files[:_MOST]]  # fmt: skip
    more = [f"and {total - len(rows):,} more."] if total > len(rows) else []
    listed = table(["path", "bytes", "version"], rows)
    return [f"## Files inside ({total:,})", "", *listed, *(["", *more] if more else [])]
