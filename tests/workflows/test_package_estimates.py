"""Installed size, duration, and recommendations."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.package_deployment.analysis import (
    BundledPackage,
    BundleFacts,
    Check,
    Confidence,
    ContainedFile,
    CustomAction,
    MsiFacts,
    PackageAnalysis,
    Scope,
    Service,
    Signature,
    Switch,
    Technology,
)
from workflows.package_deployment.installers.estimates import add_estimates

INSTALL = Switch(purpose="install", arguments="/qn", confidence=Confidence.CERTAIN, reason="It is an MSI.")
CODE = "{0F3A1C52-7B1E-4C0B-9A55-0D6C7E9B1A01}"


def estimated(**facts: Any) -> PackageAnalysis:
    given: dict[str, Any] = {
        "file_name": "a.msi", "size_bytes": 10_000_000, "sha256": "0" * 64, "technology": Technology.MSI,
        "product_code": CODE, "upgrade_code": CODE, "scope": Scope.MACHINE, "switches": [INSTALL], "msi": MsiFacts(),
    }  # fmt: skip
    analysis = PackageAnalysis(**(given | facts))
    add_estimates(analysis)
    return analysis


def files(*sizes: int | None) -> list[ContainedFile]:
    return [ContainedFile(path=f"f{number}", size=size) for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("facts", "size"),
    [
        ({"files": files(10, 20), "files_total": 2}, 30),
        ({"files": files(10, None)}, None),
        ({"files": files(10, 20), "files_total": 3}, None),
        ({"files": []}, None),
        ({"files": files(10), "installed_bytes": 99}, 99),
    ],
)
def test_the_installed_size_is_known_only_if_all_files_are(facts: dict[str, Any], size: int | None):
    assert estimated(**facts).installed_bytes == size


def test_the_duration_grows_with_what_there_is_to_do():
    def seconds(**facts: Any) -> tuple[int, int]:
        duration = estimated(**facts).duration
        assert duration and duration.seconds_low <= duration.seconds_high
        return duration.seconds_low, duration.seconds_high

    small = seconds(installed_bytes=1_000_000)
    assert small == (2, 10)
    more = {"large": {"installed_bytes": 3_000_000_000}, "many": {"installed_bytes": 1_000_000, "files_total": 20_000}}
    assert seconds(**more["large"])[0] > 15 and seconds(**more["many"])[0] > 15
    msi = MsiFacts(custom_actions=[CustomAction(name="a", type=1, kind="")] * 10, services=[Service(name="s")] * 2)
    assert seconds(installed_bytes=1_000_000, msi=msi)[1] > small[1] + 40
    bundle = BundleFacts(packages=[BundledPackage(id="a", kind="msi")] * 2)
    assert seconds(installed_bytes=1_000_000, bundle=bundle)[1] > small[1] + 100


def test_the_duration_says_what_it_is_from():
    duration = estimated(installed_bytes=25_000_000, files_total=1, msi=MsiFacts(services=[Service(name="s")])).duration
    assert duration and duration.reason == "Estimated from 25 MB to install, 1 file, and 1 service."
    guess = estimated(technology=Technology.NSIS, msi=None).duration
    assert guess and "because its content is not known" in guess.reason
    assert estimated(technology=Technology.UNKNOWN, msi=None).duration is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"signature": Signature(digest=Check.ABSENT)}, "Compare the SHA-256 with the manufacturer's"),
        ({"signature": Signature(is_signed=True, digest=Check.DIFFERS)}, "it was changed after it was signed"),
        ({"signature": Signature(is_signed=True, signature=Check.DIFFERS)}, "was not made with the key"),
        ({"signature": Signature(is_signed=True, chain=Check.DIFFERS)}, "does not lead to a root"),
        ({"scope": Scope.USER}, "Install it in the user's session"),
        ({"scope": Scope.EITHER}, "State for whom it is installed"),
        ({"product_code": ""}, "without a product code, it cannot be uninstalled"),
        ({"upgrade_code": ""}, "no upgrade code to find them by"),
        ({"size_bytes": 200 << 20}, "Raise the time limits of the deployment: the package has 210 MB."),
        ({"msi": MsiFacts(restarts="It restarts.")}, "Plan for a restart of the computer: it restarts."),
        ({"msi": MsiFacts(services=[Service(name=str(number)) for number in range(7)])}, "0, 1, 2, 3, 4, and 2 more"),
        ({"msi": MsiFacts(external_files=["a.cab"])}, "Deliver the files beside the MSI that it needs: a.cab."),
        ({"msi": MsiFacts(inner_installers=["a.msi"])}, "Check what the installers inside do: a.msi."),
        ({"technology": Technology.UNKNOWN}, "its technology is not known"),
        ({"switches": []}, "no arguments are known"),
        ({"switches": [INSTALL.model_copy(update={"confidence": Confidence.LIKELY})]}, "usual, but not certain"),
        ({"technology": Technology.MSI_TRANSFORM}, "TRANSFORMS="),
    ],
)
def test_recommendations(facts: dict[str, Any], words: str):
    assert sum(words in text for text in estimated(**facts).recommendations) == 1


def test_nothing_is_recommended_where_nothing_is_odd():
    signature = Signature(is_signed=True, digest=Check.MATCHES, signature=Check.MATCHES, chain=Check.NOT_CHECKED)
    assert estimated(signature=signature).recommendations == []
