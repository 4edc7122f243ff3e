"""Kubernetes: kubectl, helm, and their like."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.sending import is_secret
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import read_command
from app.risk.effects import Act, act_on, connect
from app.risk.languages import language_named
from app.risk.reading import Reading
from app.risk.rules import declare
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

SECRET = declare(
    "kubernetes.secret",
    HIGH,
    "Reads secrets of a cluster.",
    "kubectl get secret db -o yaml",
    "kubectl get secrets",
    language="shell",
)
DELETES = declare(
    "kubernetes.deletes",
    HIGH,
    "Deletes something from a cluster.",
    "kubectl delete deployment shop",
    "kubectl get deployment shop",
    language="shell",
)
DELETES_ALL = declare(
    "kubernetes.deletes_all",
    CRITICAL,
    "Deletes a namespace, data, definitions, or everything of a kind from a cluster.",
    "kubectl delete namespace shop",
    "kubectl delete pod shop-1",
    language="shell",
)
APPLIES = declare(
    "kubernetes.applies",
    HIGH,
    "Changes a cluster by a file that has not been read.",
    "kubectl apply -f shop.yaml",
    "kubectl diff -f shop.yaml",
    language="shell",
    unread=True,
)
CHANGES = declare(
    "kubernetes.changes",
    MEDIUM,
    "Changes something in a cluster.",
    "kubectl scale deployment shop --replicas=3",
    "kubectl get pods",
    language="shell",
)
DOWN = declare(
    "kubernetes.takes_down",
    HIGH,
    "Takes something in a cluster out of service.",
    "kubectl scale deployment shop --replicas=0",
    "kubectl scale deployment shop --replicas=3",
    language="shell",
)
ACCESS = declare(
    "kubernetes.access",
    HIGH,
    "Changes who may do what in a cluster, or how it is reached.",
    "kubectl create rolebinding a --role=b --user=c",
    "kubectl auth can-i list pods",
    language="shell",
)
ADMIN = declare(
    "kubernetes.admin",
    CRITICAL,
    "Makes somebody an administrator of a cluster.",
    "kubectl create clusterrolebinding a --clusterrole=cluster-admin --user=c",
    "kubectl get clusterrolebindings",
    language="shell",
)
INSIDE = declare(
    "kubernetes.inside",
    LOW,
    "Runs a command in a pod, or reaches into it.",
    "kubectl exec api-1 -- ls",
    "kubectl logs api-1",
    language="shell",
)

KUBECTL = Program(
    "kubectl",
    "oc",
    "k",
    "kubecolor",
    "microk8s.kubectl",
    values="-n --namespace --context --cluster --user --kubeconfig -s --server -o --output -l --selector -f "
    "--filename -k --kustomize "
    "--token --as --as-group -c --container --field-selector --sort-by --template --type --patch --patch-file "
    "--replicas --image --timeout "
    "--grace-period --since --tail --overrides --from-literal --from-file --from-env-file --subresource -v --v "
    "--request-timeout "
    "--certificate-authority --port --target-port --clusterrole --role --serviceaccount --group --verb --resource "
    "--resource-name "
    "--field-manager --to-revision --max --min --current-replicas --cpu-percent --raw --address --env --labels "
    "--duration --schedule "
    "--username --password --client-key --client-certificate --profile --chunk-size --cache-dir -L --label-columns",
    dry_run="--dry-run",
    helps="--help -h",
    objects=True,
)
KUBECTL.reads(
    "get, describe, logs, top, top pod, top pods, top node, top nodes, explain, diff, version, api-resources, "
    "api-versions, cluster-info, "
    "cluster-info dump, auth can-i, auth whoami, config view, config get-contexts, config current-context, config "
    "get-clusters, "
    "config get-users, rollout status, rollout history, wait, events, completion, plugin, plugin list, kustomize, "
    "options, help, status, "
    "whoami, projects, project, adm top, convert"
)
KUBECTL.does(
    CHANGES,
    "This changes {what|the cluster}.",
    "scale, autoscale, set, set image, set env, set resources, set selector, set subject, "
    "rollout restart, rollout pause, rollout resume, label, annotate, cordon, uncordon, expose, run, create, "
    "new-app, new-project, "
    "start-build, rollout latest, tag, import-image, rollout cancel, rollout retry, create configmap, create "
    "secret, create deployment, "
    "create service, create namespace, create ns, create job, create cronjob, create quota, create ingress, config "
    "set, config use-context, "
    "config use, config rename-context, config unset, config delete-context, config delete-cluster, config "
    "delete-user, "
    "config set-context, port-forward, create serviceaccount, create sa, create pdb, create priorityclass, login, "
    "logout",
)
KUBECTL.does(
    APPLIES,
    "This changes {what|the cluster} in an editor or by a patch.",
    "edit, patch, replace, rollout undo, rollback, set serviceaccount, "
    "apply edit-last-applied, set volume, set probe, set data",
)
KUBECTL.does(
    DOWN,
    "This moves everything away from {what|a node}, or keeps it away.",
    "drain, taint, adm drain, adm cordon, adm taint",
)
KUBECTL.does(
    ACCESS,
    "This changes who may do what in the cluster, or how it is reached: {what}.",
    "auth reconcile, certificate approve, "
    "certificate deny, create rolebinding, create clusterrolebinding, create role, create clusterrole, create "
    "token, config set-credentials, "
    "config set-cluster, proxy, attach, debug, policy, policy add-role-to-user, adm policy, adm policy "
    "add-scc-to-user, "
    "adm policy add-cluster-role-to-user, adm, sa, serviceaccounts, rsh, impersonate, alpha",
)
KUBECTL.reader("apply, create, replace, apply view-last-applied, apply set-last-applied")(
    lambda given, reading: _files(given, reading)
)
KUBECTL.starts("exec, rsh, debug")
KUBECTL.takes(
    "logs",
    "-n --namespace --context --kubeconfig -c --container --since --tail --since-time -l --selector --max-log-requests",
)
KUBECTL.takes("exec", "-n --namespace --context --kubeconfig --cluster --user -c --container -s --server --token")
KUBECTL.takes("patch", "-n --namespace --context --kubeconfig -p --patch --type --patch-file -o --subresource")
_SECRETS = re.compile(r"(?:^|[,/])(?:secrets?|sealedsecrets?|externalsecrets?)(?:$|[,./])", re.IGNORECASE)


@KUBECTL.always
def _where(given: Given, reading: Reading) -> None:
    if given.value("--kubeconfig"):
        reading.doubt()  # it may name programs that give out credentials
    for name in ("-s", "--server"):
        if (value := given.value(name)) is not None:
            connect(reading, value)


def in_production(given: Given) -> bool:
    """Return True if a namespace, a context, or a cluster is named like production."""
    named = given.arguments.values(
        "-n", "--namespace", "--context", "--cluster", "--kube-context", "--kubeconfig", "-p", "--profile"
    )
    return any(re.search(r"\bprod|production|\blive\b", word.text.replace("_", "-"), re.IGNORECASE) for word in named)


@KUBECTL.reader("get, describe, config view, cluster-info dump")
def _reads(given: Given, reading: Reading) -> None:
    output = (given.value("-o", "--output") or Word("")).text
    raw = given.value("--raw")
    shows = output.startswith(("yaml", "json", "go-template", "template", "custom-columns", "jsonpath")) or given.value(
        "--template"
    )
    named = any(_SECRETS.search(text) for text in given.texts)
    if given.name == "get" and ((named and shows) or (raw is not None and "secret" in raw.text)):
        given.note(reading, SECRET, "This reads secrets of the cluster: {what}.")
    elif given.name == "config view" and given.has("--raw"):
        given.note(reading, SECRET, "This reads the keys with which clusters are reached.")
    elif given.name == "cluster-info dump":
        given.note(reading, SECRET, "This copies out the state of the cluster.", LOW)
    elif given.arguments.unknown or not all(word.known for word in given.operands):
        reading.doubt()


_CRITICAL_KINDS = re.compile(
    r"(?:ns|namespaces?|pvc?s?|persistentvolume(?:claim)?s?|crds?|customresourcedefinitions?(?:\.[\w.]+)?|all"
    r"|nodes?|no|clusters?(?:\.[\w.]+)?"
    r"|projects?|volumesnapshots?|storageclass(?:es)?|sc|etcdclusters?|postgresqls?|mysqls?|mongodbs?|kafkas?"
    r"|elasticsearch(?:es)?)",
    re.IGNORECASE,
)
_SMALL_KINDS = re.compile(
    r"(?:po|pods?|jobs?(?:\.batch)?|ev|events?|rs|replicasets?|leases?|endpoints?|ep)", re.IGNORECASE
)


@KUBECTL.reader("delete")
def _deletes(given: Given, reading: Reading) -> None:
    kinds, whole = _kinds(given), given.exactly("--all")
    everywhere = given.exactly("-A", "--all-namespaces")
    if given.value("-f", "--filename", "-k", "--kustomize"):
        _files(given, reading, deletes=True)
        return
    if any(_CRITICAL_KINDS.fullmatch(kind) for kind in kinds):
        given.note(reading, DELETES_ALL, "This deletes {what}, with everything in it. It cannot be undone.")
    elif whole and (everywhere or in_production(given) or not all(_SMALL_KINDS.fullmatch(kind) for kind in kinds)):
        given.note(reading, DELETES_ALL, "This deletes all of a kind: {what}.")
    elif kinds and all(_SMALL_KINDS.fullmatch(kind) for kind in kinds) and not whole:
        forced = given.exactly("--force") and (given.value("--grace-period") or Word("")).text == "0"
        level = HIGH if in_production(given) or everywhere or forced else MEDIUM
        given.note(reading, DELETES, "This deletes {what}; what controls it may make it again.", level)
    else:
        given.note(reading, DELETES, "This deletes {what|something} from the cluster.")
    if not all(word.known for word in given.operands):
        reading.doubt()
    reading.touch(objects=[word.text for word in given.operands if word.known])


def _kinds(given: Given) -> list[str]:
    texts = given.texts
    if any("/" in text for text in texts):
        return [text.split("/")[0] for text in texts if "/" in text]
    return texts[0].split(",") if texts else []


def _files(given: Given, reading: Reading, *, deletes: bool = False) -> None:
    words = given.arguments.values("-f", "--filename", "-k", "--kustomize")
    for word in words:
        if "://" in word.text:
            connect(reading, word)
            reading.add(APPLIES, f"This changes the cluster by what it downloads from {word.display}.", word.line)
        elif (
            word.text == "-"
            and given.command.input is not None
            and given.command.input.known
            and language_named("kubernetes")
        ):
            reading.read("kubernetes", given.command.input.text, given.command.input.line)
        elif deletes:
            reading.add(DELETES, f"This deletes all that {word.display} names.", word.line)
            reading.doubt()
        else:
            reading.add(APPLIES, f"This changes the cluster by {word.display}, which has not been read.", word.line)
    if given.name == "replace" and given.has("--force"):
        given.note(reading, DELETES, "This deletes what is there before it creates it again.")


@KUBECTL.reader(
    "scale, set image, set env, rollout restart, label, annotate, create, set, run, expose, autoscale, cordon, "
    "create namespace, "
    "create deployment, create configmap, create secret, port-forward, set resources"
)
def _raised(given: Given, reading: Reading) -> None:
    replicas = given.value("--replicas")
    if replicas is not None and (replicas.text == "0" or not replicas.known):
        given.note(reading, DOWN, "This takes {what} out of service: nothing of it runs any more.")
    elif in_production(given) and not _restarts_one(given):
        given.note(reading, CHANGES, "This changes {what|something} in production.", HIGH)
    if given.name in ("label", "annotate") and any(_GUARDS.match(text) for text in given.texts):
        given.note(reading, ACCESS, "This changes what protects {what}.")
    if given.exactly("--all"):
        given.note(reading, CHANGES, "This changes all of a kind.", HIGH)
    if given.name == "expose" and (given.value("--type") or Word("")).text in ("LoadBalancer", "NodePort"):
        given.note(reading, ACCESS, "This makes {what} reachable from outside.")
    if given.name == "run":
        reading.doubt()  # the image has not been read
    if given.name == "run" and (given.value("--overrides") or given.has("--privileged")):
        given.note(reading, ACCESS, "This starts a pod with settings of its own, which may give it the node.")


_GUARDS = re.compile(
    r"(?:pod-security\.kubernetes\.io/(?:enforce|audit|warn)[\w-]*(?:=privileged|-$)|istio-injection|[\w.-]*linkerd\.io/inject"
    r"|policies\.kyverno\.io/|[\w.-]*(?:admission|gatekeeper|falco|opa)[\w./-]*(?:=ignore|=disabled|-$)"
    r"|nginx\.ingress\.kubernetes\.io/(?:whitelist|denylist|auth|server-snippet|configuration-snippet)"
    r"|eks\.amazonaws\.com/role-arn|iam\.gke\.io/)",
    re.IGNORECASE,
)
"""Labels and annotations that keep out, or let in."""


def _restarts_one(given: Given) -> bool:
    """Return True for a named workload whose pods are replaced one after the other, so that it stays in service."""
    named = (len(given.operands) == 1 and "/" in given.texts[0]) or len(given.operands) == 2
    return given.name == "rollout restart" and named and all(word.known for word in given.operands)


@KUBECTL.reader(
    "create clusterrolebinding, create rolebinding, adm policy add-cluster-role-to-user, policy add-role-to-user, "
    "adm policy"
)
def _binds(given: Given, reading: Reading) -> None:
    texts = [*given.texts, *(word.text for word in given.arguments.values("--clusterrole", "--role"))]
    if any(text in ("cluster-admin", "admin", "system:masters", "privileged") for text in texts):
        given.note(reading, ADMIN, "This makes somebody an administrator: {what}.")


@KUBECTL.reader("exec, rsh")
def _exec(given: Given, reading: Reading) -> None:
    words = given.operands
    pod, rest = (words[0], words[1:]) if words else (Word("a pod", given.line), [])
    given_command = given.command.arguments
    cut = next((place for place, word in enumerate(given_command) if word.text == "--"), None)
    inner = given_command[cut + 1 :] if cut is not None else rest
    inner = [word for word in inner if word.text != "--"] if cut is None else inner
    level = SAFE if inner else HIGH if in_production(given) else LOW
    reading.add(INSIDE, f"This runs a command in {pod.display}.", given.line, level)
    reading.touch(objects=[pod.text] if pod.known else [])
    if inner:
        read_command(replace(given.command, words=inner, here="container"), reading)
    else:
        reading.doubt()


@KUBECTL.reader("cp")
def _copies(given: Given, reading: Reading) -> None:
    if len(given.operands) < 2:
        return
    source, target = given.operands[0], given.operands[1]
    if re.match(r"[^/.~][^/:]*(?:/[^/:]+)?:", target.text):
        act_on(reading, Act.READ, source)
        reading.add(INSIDE, f"This copies {source.display} into {target.display}.", given.line, MEDIUM)
    else:
        if is_secret(source.with_text(source.text.partition(":")[2])):
            given.note(reading, SECRET, "This copies secrets out of a pod.")
        act_on(reading, Act.WRITE, target)
