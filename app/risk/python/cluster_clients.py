"""Clients of clusters and containers: Kubernetes and Docker. What they do is read as their programs' commands are."""

from __future__ import annotations

import re

from app.risk.commands import clusters
from app.risk.commands.table import Command, read_command
from app.risk.python import processes
from app.risk.python.clients import DATA, Use, library
from app.risk.python.values import ANY, Value, rendered, text_of
from app.risk.rules import word_set
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

_KUBE_READS = word_set(
    "keys values items append extend index count sort find list read get watch stream load log logs select sanitize "
    "call is can new"
)
_SCOPES = word_set("namespaced cluster collection status scale for all namespaces validating mutating preload content")
_RIGHTS = re.compile(r"role|secret|service_?account|webhook|certificate|token|subject_access|admission|network_?polic")
_KUBE_FILTERS = ("label_selector", "field_selector")
_STARTS = re.compile(r"connect_(?:get|post)_namespaced_pod_(?:exec|attach)")


@library("kubernetes", "kubernetes_asyncio", "lightkube", "pykube", "openshift", "kr8s")
def call_kubernetes(use: Use) -> Value | None:
    """Judge a call of a client for Kubernetes."""
    made, method = use.made, use.method
    if method[:1].isupper():
        return _object(use)
    if "config" in use.path or method in ("Configuration", "new_client_from_config"):
        return Value(kind=DATA)
    if method == "stream" or _STARTS.search(method):
        _exec(use)
        return Value(kind=DATA)
    if method.startswith("create_from_"):
        made.reading.add(clusters.APPLIES, "This changes the cluster by a file that has not been read.", made.line)
        return Value(kind=DATA)
    verb = use.verb
    if verb in _KUBE_READS:
        return _kube_reads(use)
    if use.dry or verb not in ("delete", "create", "patch", "replace", "apply", "evict", "server", "scale", "edit"):
        if not use.dry and verb in ("update", "remove", "exec", "drain", "cordon", "uncordon"):
            made.reading.add(clusters.CHANGES, f"This calls {use.shown}, which changes the cluster.", made.line, HIGH)
        return use.result()
    if verb == "delete":
        _kube_deletes(use)
    elif method.endswith("_eviction"):
        made.reading.add(clusters.DOWN, "This moves a pod away from its node.", made.line)
    elif "token_request" in method:
        made.reading.add(clusters.SECRET, "This makes a token for an account of the cluster.", made.line)
        return Value(kind=DATA, marks=frozenset({"secret"}))
    else:
        _kube_changes(use)
    return use.result()


def _object(use: Use) -> Value:
    """Return an object of the cluster as a dictionary with the names that manifests use."""
    fields: list[tuple[str, Value]] = []
    if use.method.startswith(("V1", "V2")) and use.made.keywords:
        fields = [(_camel(name), value) for name, value in use.made.keywords.items()]
        kind = re.sub(r"^V\d(?:(?:alpha|beta)\d)?", "", use.method)
        if not any(name == "kind" for name, _ in fields) and re.search(r"spec|rules|roleRef|data", str(dict(fields))):
            fields.append(("kind", Value(kind)))
        return Value(kind=f"{use.path[0]}.object", fields=tuple(fields))
    return use.result()


def _camel(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    special = {"ip": "IP", "pid": "PID", "ipc": "IPC", "fs": "FS"}
    return first + "".join(special.get(word, word.capitalize()) for word in rest)


def _kube_reads(use: Use) -> Value:
    made = use.made
    named = "-".join(text_of(value) for value in made.keywords.values() if value.known and value.text)
    if "secret" in use.words or re.search(r"\bSecrets?\b", named):
        made.reading.add(clusters.SECRET, f"This calls {use.shown}, which reads secrets of the cluster.", made.line)
        return Value(kind=use.result().kind, marks=frozenset({"secret", "listed"}))
    chosen = any(name in made.keywords for name in _KUBE_FILTERS)
    kind = made.keywords.get("kind", ANY)
    part = f"{use.result().kind}.{kind.text}" if kind.known and kind.text else use.result().kind
    return Value(kind=part, marks=frozenset({"listed"}) if use.verb == "list" and not chosen else frozenset())


def _kube_kind(use: Use) -> str:
    words = [word for word in use.words[1:] if word not in _SCOPES]
    if "custom" in words:
        plural = use.made.keywords.get("plural", use.made.argument(3 if "namespaced" in use.words else 2))
        return plural.text if plural.known and plural.text else "customresources"
    if words:
        return "".join(words)
    return next((part.lower() for part in reversed(use.path) if part[:1].isupper()), "object")


def _kube_deletes(use: Use) -> None:
    made = use.made
    kind, collection = _kube_kind(use), "collection" in use.words
    chosen = any(name in made.keywords for name in _KUBE_FILTERS)
    if (collection and not chosen) or (use.everything and made.many):
        made.reading.add(clusters.DELETES_ALL, f"This deletes all of a kind from the cluster: {kind}.", made.line)
        return
    name, space = made.argument(0, "name"), made.argument(1, "namespace")
    words = ["kubectl", "delete", kind, name.text if name.known and name.text else "some"]
    if space.known and space.text:
        words += ["-n", space.text]
    read_command(Command([Word(word, made.line) for word in words]), made.reading)
    if collection or made.many:
        made.reading.add(clusters.DELETES, f"This deletes many of a kind from the cluster: {kind}.", made.line)


def _kube_changes(use: Use) -> None:
    made = use.made
    body = made.keywords.get("body", next((value for value in made.arguments if value.fields is not None), ANY))
    kind, shown = _kube_kind(use), use.shown
    text = rendered(body).replace(UNKNOWN, "assent-unknown")
    if body.fields is None:
        rule = clusters.ACCESS if _RIGHTS.search(kind) else clusters.APPLIES
        level = MEDIUM if use.verb == "create" and rule is clusters.APPLIES else None
        made.reading.add(rule, f"This calls {shown} with what is known only when it runs.", made.line, level)
        return
    if use.verb == "create":
        whole = text if '"apiVersion"' in text else f'{{"apiVersion": "v1", {text[1:]}'
        if not any(name == "kind" for name, _ in body.fields):
            whole = f'{{"kind": "{_KINDS.get(kind, kind.capitalize())}", {whole[1:]}'
        made.reading.read("yaml", whole, made.line, fixed=True, within="In the object: ")
    if re.search(r'"replicas": 0\b', text):
        made.reading.add(clusters.DOWN, "This takes a workload out of service: nothing of it runs any more.", made.line)
    elif re.search(r"cluster-?admin|system:masters|\"resources\": \[\"\*\"\].*\"verbs\": \[\"\*\"\]", text):
        made.reading.add(clusters.ADMIN, f"This calls {shown}, which gives all rights in the cluster.", made.line)
    elif _RIGHTS.search(kind):
        made.reading.add(clusters.ACCESS, f"This calls {shown}, which changes rights or secrets.", made.line)
    else:
        space = text_of(made.keywords.get("namespace", made.argument(1)))
        live = re.search(r"\bprod|production|\blive\b", space.replace("_", "-"))
        few = {name for name, _ in body.fields} <= {"metadata", "kind", "apiVersion"}
        level = HIGH if (live and not few) or (made.many and use.everything and not few) else MEDIUM
        made.reading.add(clusters.CHANGES, f"This calls {shown}, which changes the cluster.", made.line, level)


_KINDS = {
    "clusterrolebinding": "ClusterRoleBinding", "rolebinding": "RoleBinding", "clusterrole": "ClusterRole",
    "configmap": "ConfigMap", "daemonset": "DaemonSet", "statefulset": "StatefulSet", "cronjob": "CronJob",
    "serviceaccount": "ServiceAccount", "networkpolicy": "NetworkPolicy", "replicaset": "ReplicaSet",
}  # fmt: skip


def _exec(use: Use) -> None:
    made = use.made
    made.reading.add(clusters.INSIDE, "This runs a command in a pod.", made.line)
    given = made.keywords.get("command", ANY)
    if given.items is not None:
        processes.run_words(made, given.items)
    elif given.text is not None:
        processes.read_shell(made, given)
    else:
        made.reading.doubt()


_COLLECTIONS = {
    "containers": "container", "images": "image", "volumes": "volume", "networks": "network", "services": "service",
    "secrets": "secret", "configs": "config", "nodes": "node", "plugins": "plugin", "swarm": "swarm",
    "container": "container", "image": "image", "volume": "volume", "network": "network", "builder": "builder",
    "compose": "compose", "system": "system",
}  # fmt: skip
_DOCKER_READS = word_set(
    "get list df info ping version events logs stats top diff attrs inspect search history from_env ports reload "
    "status id name short_id image tags wait attach exists ps port"
)
_FLAGS = {
    "privileged": "--privileged", "network_mode": "--network", "pid_mode": "--pid", "ipc_mode": "--ipc",
    "userns_mode": "--userns", "user": "--user", "remove": "--rm", "detach": "-d", "entrypoint": "--entrypoint",
}  # fmt: skip


@library("docker", "podman", "python_on_whales", "aiodocker")
def call_docker(use: Use) -> Value | None:
    """Judge a call of a client for Docker as the command of the same name."""
    made, method = use.made, use.method
    if method[:1].isupper() or method in _DOCKER_READS:
        listed = method == "list" and not use.filters
        return Value(kind=use.result().kind, marks=made.base.marks | ({"listed"} if listed else frozenset()))
    thing = next((_COLLECTIONS[part] for part in reversed(use.path) if part in _COLLECTIONS), "")
    if not thing:
        thing = next((_COLLECTIONS[word] for word in use.words[1:] if word in _COLLECTIONS), "container")
    verb = use.verb
    if verb in ("run", "create") and thing == "container":
        _docker_run(use)
    elif verb == "exec":
        given = made.argument(0, "cmd")
        parts = given.items if given.items is not None else (Value("sh"), Value("-c"), given)
        _docker(use, ["exec", "container"], parts)
    elif verb in ("remove", "stop", "kill", "restart", "start", "pause", "unpause", "rename", "update"):
        _docker_removes(use, thing, verb)
    elif verb == "prune":
        options = ["-a"] if "dangling" in use.given and "false" in use.given else []
        _docker(use, [thing, "prune", "-f", *options])
    elif verb == "build":
        _docker(use, ["build", text_of(made.argument(0, "path"))])
    elif verb in ("pull", "push", "login", "save", "load", "tag", "export"):
        if verb in ("save", "export"):
            return Value(kind=DATA)
        _docker(use, [verb, text_of(made.argument(0, "repository", "name"))])
    elif verb in ("put", "commit", "leave", "init", "scale", "create", "join", "connect", "disconnect"):
        _docker(use, [thing, {"put": "cp"}.get(verb, verb)], made.arguments[:1])
    elif verb == "close":
        return Value(kind=DATA)
    else:
        return None
    return use.result()


def _docker(use: Use, words: list[str], more: object = ()) -> None:
    made = use.made
    values = [value for value in more if isinstance(value, Value)] if isinstance(more, (list, tuple)) else []
    line = [Word(word, made.line) for word in ["docker", *words]]
    read_command(Command([*line, *(value.word(made.line, made.shown) for value in values)]), made.reading)


def _docker_removes(use: Use, thing: str, verb: str) -> None:
    made = use.made
    name = made.argument(0, "name", "container", "image", "volume_id", "id")
    words = ["rm"] if verb == "remove" else [verb]
    if verb == "remove" and "force true" in use.given.replace("builtins.", ""):
        words.append("-f")
    _docker(use, [thing, *words, name.text if name.known and name.text else f"some-{thing}"])
    if made.many and verb in ("remove", "stop", "kill"):
        lost = verb == "remove" and thing == "volume"
        level = CRITICAL if lost and use.everything else HIGH
        made.reading.add(
            processes.ENDS_PROCESS, f"This calls {use.shown} for every {thing} that is listed.", made.line, level
        )


def _docker_run(use: Use) -> None:
    made = use.made
    words = ["run"]
    for name, flag in _FLAGS.items():
        value = made.keywords.get(name, ANY)
        if value.name == "builtins.True":
            words.append(flag)
        elif value.text:
            words += [flag, value.text]
    for capability in made.keywords.get("cap_add", ANY).items or ():
        words += ["--cap-add", text_of(capability)]
    volumes = made.keywords.get("volumes", made.keywords.get("binds", ANY))
    for host, inner in volumes.fields or ():
        place = dict(inner.fields or ()).get("bind", Value("/mnt"))
        words += ["-v", f"{host}:{text_of(place)}"]
    for item in volumes.items or ():
        if isinstance(item.text, str):
            words += ["-v", item.text]
    image, command = made.argument(0, "image"), made.argument(1, "command")
    words.append(text_of(image))
    parts = command.items or ((Value("sh"), Value("-c"), command) if command.text else ())
    _docker(use, words, list(parts))


@library("testcontainers")
def call_test_containers(use: Use) -> Value | None:
    """Judge containers for tests, which are removed after them."""
    return use.result()
