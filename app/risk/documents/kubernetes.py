"""Objects of Kubernetes: rights, what a container may do to its machine, and the commands that it runs."""

from __future__ import annotations

from typing import Any

from app.risk.commands.table import Command, read_command
from app.risk.documents.secret_settings import is_secret_setting
from app.risk.documents.tree import Lined, listed, mapping, mappings_in
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

_LANGUAGE = "yaml"
_POD = "apiVersion: v1\nkind: Pod\nspec: {{containers: [{{name: a, image: 'a:1'{0}}}]{1}}}"
APPLIES = declare(
    "manifest.applies", RiskLevel.MEDIUM, "Creates or changes objects of a cluster.",
    "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}", "# kind: ConfigMap", language=_LANGUAGE, unread=True,
)  # fmt: skip
PRIVILEGED = declare(
    "manifest.privileged", RiskLevel.CRITICAL, "A container gets its machine into its hands.",
    _POD.format(", securityContext: {privileged: true}", ""), _POD.format("", ""), language=_LANGUAGE,
)  # fmt: skip
HOST = declare(
    "manifest.host", RiskLevel.HIGH, "A pod sees its machine: processes, network, or files.",
    _POD.format("", ", hostNetwork: true"), _POD.format("", ""), language=_LANGUAGE,
)  # fmt: skip
ROOT = declare(
    "manifest.root", RiskLevel.HIGH, "A container runs as root on purpose, or may gain rights.",
    _POD.format(", securityContext: {runAsUser: 0}", ""), _POD.format("", ""), language=_LANGUAGE,
)  # fmt: skip
ALL_RIGHTS = declare(
    "manifest.all_rights", RiskLevel.CRITICAL, "Gives all rights in the cluster to somebody.",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nroleRef: {name: cluster-admin}",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nroleRef: {name: view}", language=_LANGUAGE,
)  # fmt: skip
RIGHTS = declare(
    "manifest.rights", RiskLevel.HIGH, "Changes who may do what in the cluster.",
    "apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nroleRef: {name: view}",
    "apiVersion: v1\nkind: ConfigMap", language=_LANGUAGE,
)  # fmt: skip
EXPOSES = declare(
    "manifest.exposes", RiskLevel.HIGH, "Opens a service to the network outside the cluster.",
    "apiVersion: v1\nkind: Service\nspec: {type: LoadBalancer}",
    "apiVersion: v1\nkind: Service\nspec: {type: ClusterIP}",
    language=_LANGUAGE,
)  # fmt: skip
SECRET = declare(
    "manifest.secret", RiskLevel.HIGH, "Creates or changes a secret, with its value in the text.",
    "apiVersion: v1\nkind: Secret\nstringData: {a: b}", "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}",
    language=_LANGUAGE,
)  # fmt: skip
ADMISSION = declare(
    "manifest.admission", RiskLevel.HIGH, "Changes what the cluster lets in, or how it works as a whole.",
    "apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration",
    "apiVersion: v1\nkind: ConfigMap",
    language=_LANGUAGE,
)  # fmt: skip
DOWN = declare(
    "manifest.down", RiskLevel.HIGH, "Scales a workload to nothing.",
    "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 0}",
    "apiVersion: apps/v1\nkind: Deployment\nspec: {replicas: 2}",
    language=_LANGUAGE,
)  # fmt: skip
PLAIN_SECRET = declare(
    "manifest.plain_secret", RiskLevel.HIGH, "A password or key is in the text, as an environment variable.",
    _POD.format(", env: [{name: DB_PASSWORD, value: s3cure}]", ""), _POD.format(", env: [{name: MODE, value: a}]", ""),
    language=_LANGUAGE,
)  # fmt: skip
UNPROTECTED = declare(
    "manifest.unprotected", RiskLevel.HIGH, "Turns a protection of pods, namespaces, or stored data off.",
    _POD.format(", securityContext: {seccompProfile: {type: Unconfined}}", ""),
    _POD.format(", securityContext: {seccompProfile: {type: RuntimeDefault}}", ""), language=_LANGUAGE,
)  # fmt: skip
DATA_GOES = declare(
    "manifest.deletes_data", RiskLevel.HIGH, "Stored data is deleted with the object that stands for it.",
    "apiVersion: v1\nkind: PersistentVolume\nspec: {persistentVolumeReclaimPolicy: Delete}",
    "apiVersion: v1\nkind: ConfigMap\ndata: {deletionPolicy: Delete}", language=_LANGUAGE,
)  # fmt: skip
_CLUSTER = (
    "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "CustomResourceDefinition", "APIService",
    "PodSecurityPolicy", "StorageClass", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
    "RuntimeClass", "CSIDriver", "CertificateSigningRequest", "ClusterIssuer", "ClusterPolicy",
    "PriorityClass", "NetworkPolicy", "ResourceQuota", "Node", "PersistentVolume",
)  # fmt: skip
CAPABILITIES = word_set(
    "ALL SYS_ADMIN SYS_PTRACE SYS_MODULE NET_ADMIN NET_RAW DAC_READ_SEARCH DAC_OVERRIDE SYS_RAWIO SYS_BOOT SYS_TIME BPF"
    " PERFMON SETUID SETGID SYS_CHROOT MKNOD AUDIT_CONTROL"
)
WHOLE_MACHINE = word_set(
    "/ /etc /root /home /boot /usr /usr/bin /bin /lib /proc /sys /dev /var /var/run /run /var/lib /var/lib/docker"
    " /var/run/docker.sock /run/docker.sock /run/containerd /run/containerd/containerd.sock /var/run/crio/crio.sock"
    " /var/lib/kubelet /etc/kubernetes /var/lib/etcd /etc/cron.d /root/.ssh /run/crio/crio.sock"
)


def read_object(document: Lined, reading: Reading) -> None:
    """Read an object of Kubernetes, or a list of them."""
    kind, metadata = str(document["kind"]), mapping(document.get("metadata"))
    if kind.endswith("List") and isinstance(document.get("items"), list):
        for item in document["items"]:
            if isinstance(item, Lined) and "kind" in item:
                read_object(item, reading)
        return
    name = str(metadata.get("name", ""))
    reading.touch(objects=[f"{kind}/{name}"])
    reading.add(APPLIES, f"This creates or changes {kind} {name}".rstrip() + " in the cluster.", document.at("kind"))
    if kind in ("ClusterRoleBinding", "RoleBinding", "ClusterRole", "Role", "ServiceAccount"):
        _read_rights(document, kind, reading)
    elif kind == "Secret":
        reading.add(SECRET, "This sets a secret whose value is in the text.", document.at("kind"))
    elif kind in _CLUSTER:
        reading.add(ADMISSION, f"A {kind} changes how the cluster works.", document.at("kind"))
    spec = mapping(document.get("spec"))
    if kind == "Service" and str(spec.get("type")) in ("LoadBalancer", "NodePort"):
        reading.add(EXPOSES, "This opens a service to the network outside the cluster.", spec.at("type"))
    if kind == "Ingress":
        reading.add(
            EXPOSES, "This opens a service to the network outside the cluster.", document.at("kind"), RiskLevel.MEDIUM
        )
    if str(spec.get("replicas", "")) == "0":
        reading.add(DOWN, "This scales the workload to nothing.", spec.at("replicas"))
    _read_protection(document, metadata, reading)
    for part in mappings_in(spec):
        _read_part(part, reading)


def _read_rights(document: Lined, kind: str, reading: Reading) -> None:
    role = str(mapping(document.get("roleRef")).get("name", ""))
    rules = [mapping(rule) for rule in listed(document.get("rules"))]
    everything = any(map(_is_everything, rules))
    if role in ("cluster-admin", "admin", "system:masters") and kind.endswith("Binding"):
        level = None if role == "cluster-admin" else RiskLevel.HIGH
        reading.add(ALL_RIGHTS, f"This gives the rights of {role} to others.", document.at("roleRef"), level)
    elif everything:
        reading.add(ALL_RIGHTS, "This role may do everything to everything.", document.at("rules"))
    elif kind != "ServiceAccount":
        reading.add(RIGHTS, "This changes who may do what in the cluster.", document.at("kind"))


def _is_everything(rule: Lined) -> bool:
    """Whether a rule of a role is as good as all rights: everything, or the right to give oneself rights."""
    verbs, resources = set(listed(rule.get("verbs"))), set(listed(rule.get("resources")))
    return bool(
        ("*" in verbs and "*" in resources)
        or (verbs & {"escalate", "bind", "*"} and resources & {"clusterroles", "clusterrolebindings", "roles", "*"})
        or ("impersonate" in verbs and resources & {"users", "groups", "*"})
    )


def _read_protection(document: Lined, metadata: Lined, reading: Reading) -> None:
    """Read what an object says about its own protection, and about the data that it stands for."""
    for key, value in mapping(metadata.get("labels")).items():
        if key.startswith("pod-security.kubernetes.io/enforce") and value == "privileged":
            reading.add(UNPROTECTED, "Pods of this namespace may do anything to their machines.", metadata.at("labels"))
    for key in mapping(metadata.get("annotations")):
        if "unconfined" in str(metadata["annotations"][key]) and "kubernetes.io" in key:
            reading.add(UNPROTECTED, "A protection of the container is turned off.", metadata.at("annotations"))
    for part in (document, mapping(document.get("spec"))):
        for key in ("deletionPolicy", "reclaimPolicy", "persistentVolumeReclaimPolicy"):
            if part.get(key) == "Delete":
                reading.add(DATA_GOES, "What is stored is deleted together with this object.", part.at(key))


def _read_part(part: Lined, reading: Reading) -> None:
    """Read a pod's or a container's settings, wherever they are nested."""
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if str(part.get(name)).lower() == "true":
            reading.add(HOST, f"With {name}, the pod sees its machine.", part.at(name))
    if str(part.get("hostPort", "0")) != "0":
        reading.add(HOST, "The container takes a port of its machine.", part.at("hostPort"))
    path = mapping(part.get("hostPath")).get("path")
    if path is not None:
        whole = (str(path).rstrip("/") or "/") in WHOLE_MACHINE
        words = f"The pod gets the machine's {path}."
        reading.add(PRIVILEGED if whole else HOST, words, part.at("hostPath"))
    context = mapping(part.get("securityContext"))
    if str(context.get("privileged")).lower() == "true":
        reading.add(PRIVILEGED, "A privileged container has its machine in its hands.", context.at("privileged"))
    if str(context.get("runAsUser", "")) == "0" or str(context.get("allowPrivilegeEscalation")).lower() == "true":
        reading.add(ROOT, "This container runs as root, or may gain rights.", part.at("securityContext"))
    added = {str(name).removeprefix("CAP_") for name in listed(mapping(context.get("capabilities")).get("add"))}
    if added & CAPABILITIES:
        reading.add(
            PRIVILEGED,
            f"The container gets {', '.join(sorted(added & CAPABILITIES))}.",
            part.at("securityContext"),
            RiskLevel.HIGH,
        )
    if any(mapping(context.get(key)).get("type") == "Unconfined" for key in ("seccompProfile", "appArmorProfile")):
        words = "The machine no longer limits what the container asks of it."
        reading.add(UNPROTECTED, words, part.at("securityContext"))
    for variable in listed(part.get("env")):
        name, value = str(mapping(variable).get("name", "")), mapping(variable).get("value")
        if value is not None and is_secret_setting(name, str(value)):
            reading.add(PLAIN_SECRET, f"The value of {name[:60]} is in the text for everybody.", variable.at("value"))
    if "image" in part:
        _read_command(part, reading)


def _read_command(part: Lined, reading: Reading) -> None:
    words = [*_texts(part.get("command")), *_texts(part.get("args"))]
    image = str(part.get("image")).partition("@")[0].rpartition("/")[2].partition(":")[0]
    if words and not part.get("command") and image in _IMAGES_OF_PROGRAMS:
        words = [Word(_IMAGES_OF_PROGRAMS[image], words[0].line), *words]
    if words and words[0].text.rpartition("/")[2] in _RUN:
        read_command(Command(words, here="container"), reading)


_RUN = word_set(
    "sh bash ash dash zsh python python3 perl ruby node curl wget kubectl helm psql mysql mongosh redis-cli aws gsutil"
    " gcloud az rm rclone restic nsenter chroot nc ncat socat find velero terraform mc mount dd"
)
_IMAGES_OF_PROGRAMS = {
    "kubectl": "kubectl", "curl": "curl", "aws-cli": "aws", "rclone": "rclone", "restic": "restic", "helm": "helm",
    "mc": "mc", "terraform": "terraform",
}  # fmt: skip
"""Images whose entry point is a program: their arguments are that program's."""


def _texts(value: Any) -> list[Word]:
    return [Word(str(entry), getattr(entry, "line", 1)) for entry in listed(value)]
