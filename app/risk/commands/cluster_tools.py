"""Tools around Kubernetes: helm, and tools that make, deploy to, and look into clusters."""

from __future__ import annotations

import re

from app.risk.commands.clusters import (
    APPLIES,
    CHANGES,
    DELETES,
    DELETES_ALL,
    in_production,
)
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program
from app.risk.effects import run_unread
from app.risk.reading import Reading
from app.risk.rules import RiskRule, word_set
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

HELM = Program(
    "helm",
    "helm3",
    values="-n --namespace --kube-context --kubeconfig -f --values --set --set-string --set-file --set-json "
    "--version --repo "
    "--timeout --post-renderer --description -o --output --filter --max --revision --username --password --ca-file "
    "--registry-config",
    dry_run="--dry-run",
    helps="--help -h",
    objects=True,
)
HELM.reads(
    "list, ls, history, hist, status, get, get values, get manifest, get notes, get hooks, get all, get metadata, "
    "show, show values, show chart, "
    "show readme, show all, inspect, search, search repo, search hub, repo list, env, version, template, lint, "
    "dependency list, dep list, "
    "verify, plugin list, diff, diff upgrade, completion, help"
)
HELM.does(APPLIES, "This installs or changes the release {what} by a chart that has not been read.", "install, upgrade")
HELM.does(DELETES, "This removes the release {what} from the cluster.", "uninstall, delete, del, un")
HELM.does(APPLIES, "This sets the release {what} back.", "rollback")
HELM.does(
    CHANGES,
    "This changes what helm keeps: {what}.",
    "repo update, repo index, repo remove, repo add, pull, fetch, package, create, "
    "dependency update, dependency build, dep update, dep build, test, registry login, registry logout",
    LOW,
)
HELM.does(
    APPLIES,
    "This publishes a chart, or adds code to helm: {what}.",
    "push, plugin install, plugin update, plugin uninstall, cm-push",
)
HELM.option("template, install, upgrade", "--post-renderer", APPLIES, "This runs a program on the way.")
HELM.option("upgrade, rollback", "--force", DELETES, "This deletes what it cannot change, and creates it again.")


@HELM.reader("uninstall, delete, del, un")
def _uninstalls(given: Given, reading: Reading) -> None:
    if in_production(given):
        given.note(reading, DELETES_ALL, "This removes the release {what} from production.")
    elif any(word.several and not word.known for word in given.operands):
        given.note(reading, DELETES_ALL, "This removes whatever the command in it names: it may be every release.")


_READ_VERBS = re.compile(
    r"(?:get|list|ls|status|version|describe|info|show|diff|history|logs?|check\w*|pre|top|help|tree|stats|analyze"
    r"|validate|lint|build|render|"
    r"verify\w*|completion|proxy-status|proxy-config|config|profile|docker-env|ip|service|context|inspect|events"
    r"|search|whoami|images?|current|-h|--help|--version)"
)


@program(
    *word_set(
        "k9s minikube kind k3d k3s microk8s kubeadm argocd argo flux istioctl linkerd velero kubectx kubens skaffold "
        "tilt stern kubeseal kustomize helmfile cilium calicoctl rancher talosctl kops clusterctl tkn kn operator-sdk "
        "kubebuilder crossplane garden devspace okteto telepresence werf"
    )
)
def _others(command: Command, reading: Reading) -> None:
    words = [word for word in command.arguments if not word.text.startswith("-")]
    texts = [word.text for word in words]
    text = " ".join(texts[:4])
    options = {word.text for word in command.arguments if word.text.startswith("-")}
    rule, level = _other(command.name, texts, text, options)
    if command.name in ("k9s", "skaffold", "tilt"):
        run_unread(
            reading,
            f"{command.name}, with which anything can be done in the cluster"
            if command.name == "k9s"
            else command.words[0],
        )
    elif rule is None:
        reading.doubt()
    else:
        reading.add(rule, f"This changes a cluster: {command.name} {text}."[:160], command.line, level)
        if not all(word.known for word in words):
            reading.doubt()


@program("k3s-uninstall.sh", "k3s-agent-uninstall.sh", "rke2-uninstall.sh", "k3s-killall.sh", "rke2-killall.sh", "k0s")
def _uninstalls_cluster(command: Command, reading: Reading) -> None:
    line = " ".join(word.text for word in command.arguments)
    if command.name == "k0s" and not re.search(r"\b(?:reset|stop|delete)\b", line):
        if not re.match(r"(?:status|version|sysinfo|help|config|kubeconfig|etcd member-list)\b", line):
            reading.add(APPLIES, "This starts or changes a cluster.", command.line)
    elif command.name.endswith("killall.sh"):
        reading.add(DELETES, "This stops all containers of the cluster on this machine.", command.line)
    else:
        reading.add(DELETES_ALL, "This removes the cluster from this machine with all data in it.", command.line)


_WHOLE = word_set("kubeadm kops clusterctl talosctl argocd velero rancher")
"""Tools that delete clusters, applications, or backups with everything in them."""


def _other(name: str, texts: list[str], text: str, options: set[str]) -> tuple[RiskRule | None, RiskLevel | None]:
    if not texts or (name in ("stern", "kubens", "kubectx") and len(texts) <= 1):
        return (CHANGES, LOW) if texts and name != "stern" else (None, None)
    local = name in ("minikube", "kind", "k3d", "microk8s", "tilt", "okteto", "devspace")
    if re.search(r"\b(?:delete|destroy|reset|remove|uninstall|purge|down|prune|rm)\b", text):
        if local:
            return DELETES, HIGH if "--all" in options else MEDIUM
        if name in ("velero", "argocd") and texts[0] in ("schedule", "proj", "account", "repo", "repocreds", "cert"):
            return DELETES, None
        whole = name in _WHOLE or (text.startswith("uninstall") and (name == "flux" or "--purge" in options))
        return (DELETES_ALL, None) if whole else (DELETES, None)
    if any(_READ_VERBS.fullmatch(part) for part in texts[:3]) or name in ("kustomize", "kubeseal"):
        return None, None
    return (CHANGES, MEDIUM) if local else (APPLIES, None)
