"""Tools that start containers: their arguments as the words of the program that does the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from app.risk.rules import word_set
from app.risk.tools.call import Setting, ToolCall

_STARTS = word_set("run create start launch")
_CONTAINERS = word_set("container containers docker podman nerdctl")
_VOLUMES = word_set("volumes volume binds bind mounts mount")
_OPTIONS = {
    "networkmode": "--network", "network": "--network", "pidmode": "--pid", "pid": "--pid", "ipcmode": "--ipc",
    "ipc": "--ipc", "usernsmode": "--userns", "userns": "--userns", "capadd": "--cap-add", "devices": "--device",
    "device": "--device", "securityopt": "--security-opt", "cgroupparent": "--cgroup-parent",
}  # fmt: skip
"""Arguments, without case and separators, and the options of the program that mean the same."""
_MOST = 50


def container_words(call: ToolCall) -> list[str]:
    """Return what starts the container that a call starts, as words of a command; none if it starts none."""
    image = call.text("image", "imagename", "containerimage")
    if not image or not set(call.words) & _STARTS or not set(call.all_words) & _CONTAINERS:
        return []
    options = [word for setting in call.settings[:_MOST] for word in _option(setting)]
    program = "podman" if "podman" in call.all_words else "docker"
    return [program, "run", *options, *_sources(call.args), image, *_command(call)]


def _option(setting: Setting) -> Iterator[str]:
    if setting.plain == "privileged" and setting.value is True:
        yield "--privileged"
    option = _OPTIONS.get(setting.plain)
    if option and setting.text:
        yield f"{option}={setting.text}"
    if setting.words & _VOLUMES and ":" in setting.text:
        yield from ("-v", setting.text)


def _sources(value: Any, depth: int = 0) -> Iterator[str]:
    """Yield the options for folders of the machine that objects among the arguments name."""
    if isinstance(value, Mapping) and depth < 4:
        target = value.get("target") or value.get("destination") or value.get("bind") or value.get("containerPath")
        source = value.get("source") or value.get("hostPath") or value.get("host")
        if isinstance(source, str) and isinstance(target, str):
            yield from ("-v", f"{source}:{target}")
        for name, inner in list(value.items())[:_MOST]:
            if str(name).startswith(("/", "~")) and isinstance(inner, (Mapping, str)):
                place = inner if isinstance(inner, str) else str(inner.get("bind") or "/mnt")
                yield from ("-v", f"{name}:{place}")
            else:
                yield from _sources(inner, depth + 1)
    elif isinstance(value, list) and depth < 4:
        for inner in value[:_MOST]:
            yield from _sources(inner, depth + 1)


def _command(call: ToolCall) -> list[str]:
    value = call.value("command", "cmd", "args", "arguments", "entrypoint")
    if isinstance(value, list):
        return [str(word) for word in value][:_MOST]
    return value.split()[:_MOST] if isinstance(value, str) else []
