"""Programs that publish packages, images, and apps, or take them back."""

from __future__ import annotations

from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

PUBLISHES = declare(
    "release.publishes",
    HIGH,
    "Gives software to everybody who uses it.",
    "twine upload dist/*",
    "twine check dist/*",
    language="shell",
)
WITHDRAWS = declare(
    "release.withdraws",
    HIGH,
    "Takes software away that others use.",
    "crane delete registry.example.com/shop:1.4",
    "crane ls registry.example.com/shop",
    language="shell",
)

known_by_lines("twine", Row(r"^check\b"), Row(r"", PUBLISHES, "publishes a package"))
known_by_lines(
    "crane regctl oras gcrane docker-ls hub-tool manifest-tool ctr-remote stevedore",
    Row(r"\b(?:repo|repository)\b.*\b(?:delete|rm)\b", WITHDRAWS, "deletes a repository with all its images", CRITICAL),
    Row(r"\b(?:delete|rm|remove|prune|gc|purge|untag)\b", WITHDRAWS, "deletes images that others use"),
    Row(
        r"\b(?:ls|list|get|manifest|digest|config|inspect|tags?|catalog|head|validate|version|discover|repo "
        r"ls|blob fetch|"
        r"export|pull|resolve)\b(?!.*\b(?:put|push)\b)"
    ),
    Row(r"", PUBLISHES, "changes images that others use"),
)
known_by_lines(
    "fastlane eas transporter itmstransporter altool notarytool "
    "supply pilot deliver match web-ext vsce ovsx "
    "snapcraft flatpak-builder-lint charmcraft goreleaser release-it semantic-release np changeset lerna-publish",
    Row(r"\bnuke\b", WITHDRAWS, "revokes certificates of the team", CRITICAL),
    Row(r"\b(?:unpublish|revoke|delete|remove|close|expire)\b", WITHDRAWS, "takes software away that others use"),
    Row(
        r"--(?:snapshot|skip-publish|skip=publish|local|check)\b|\b(?:check|info|history|log|list|whoami|lint|status|"
        r"view|diagnostics)\b"
    ),
    Row(r"", PUBLISHES, "builds or publishes software", unread=True),
)
known_by_lines(
    "jenkins-cli jenkins-jobs jfrog jf nexus-cli octo octopus spinnaker spin hal gocd drone circleci travis "
    "buildkite-agent bk woodpecker-cli act_runner tekton harness teamcity semaphore-cli",
    Row(
        r"\b(?:delete\S*|del|destroy|remove|rm|purge|clean|cleanup|disable\S*|clear\S*|quiet-down|safe-shutdown|shutdown|"
        r"restart|safe-restart)\b|\brt (?:del|dl)\b",
        WITHDRAWS,
        "deletes or stops jobs, builds, or packages",
    ),
    Row(
        r"\b(?:list\S*|get\S*|show|status|info|who-am-i|version|validate|search|logs?|console|test|lint|ls|ping|build-info)\b"
    ),
    Row(r"\b(?:groovy|groovysh|local execute|exec|run)\b", PUBLISHES, "runs code on the build server", unread=True),
    Row(r"", PUBLISHES, "starts or changes what the build server runs", unread=True),
)
