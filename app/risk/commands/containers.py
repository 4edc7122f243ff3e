"""Containers: docker, podman, and their like."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.sending import sends_file
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

STARTS = declare(
    "container.starts",
    MEDIUM,
    "Starts containers from images that have not been read.",
    "docker run --rm alpine ls",
    "docker ps -a",
    language="shell",
    unread=True,
)
ESCAPES = declare(
    "container.escapes",
    HIGH,
    "Starts a container that can reach the machine: its files, processes, or devices.",
    "docker run --privileged alpine",
    "docker run alpine",
    language="shell",
    unread=True,
)
INSIDE = declare(
    "container.inside",
    LOW,
    "Runs a command in a running container.",
    "docker exec api ls",
    "docker logs api",
    language="shell",
)
STOPS = declare(
    "container.stops", MEDIUM, "Stops or restarts containers.", "docker restart api", "docker ps", language="shell"
)
REMOVES = declare(
    "container.removes",
    MEDIUM,
    "Removes containers, images, or networks.",
    "docker rm api",
    "docker inspect api",
    language="shell",
)
DATA = declare(
    "container.deletes_data",
    HIGH,
    "Deletes volumes, or everything that is not in use.",
    "docker volume rm pgdata",
    "docker volume ls",
    language="shell",
)
BUILDS = declare(
    "container.builds",
    MEDIUM,
    "Builds an image; the steps have not been read.",
    "docker build -t shop .",
    "docker images",
    language="shell",
    unread=True,
)
LOCAL = declare(
    "container.local",
    LOW,
    "Changes names or copies of images and containers.",
    "docker tag a b",
    "docker images",
    language="shell",
)
FETCHES = declare(
    "container.fetches", MEDIUM, "Fetches an image.", "docker pull alpine", "docker images", language="shell"
)
PUBLISHES = declare(
    "container.publishes", HIGH, "Publishes an image.", "docker push shop/api", "docker images", language="shell"
)
SERVES = declare(
    "container.services",
    HIGH,
    "Changes the services that run, or the cluster.",
    "docker stack deploy -c x.yml shop",
    "docker stack ls",
    language="shell",
)

_VALUES = (
    "-H --host --context --config -l --log-level -v --volume --mount --name -e --env --env-file -p --publish -w "
    "--workdir -u --user "
    "--entrypoint --network --net --pid --ipc --userns --uts --cap-add --cap-drop --security-opt --device "
    "--restart --label -m --memory "
    "--cpus -h --hostname --add-host --platform --pull --volumes-from --gpus --tmpfs --ulimit --log-driver "
    "--log-opt --health-cmd "
    "--filter --format -f --file -t --tag --build-arg --target --cache-from --cache-to -o --output --since --until "
    "--tail -n --last "
    "--project-name --profile --project-directory --scale --timeout -s --signal --cgroupns --runtime "
    "--shm-size --link --expose "
    "--cidfile --dns --secret --ssh --builder --progress --detach-keys --change --message --author --type --index "
    "--wait-timeout"
)
DOCKER = Program(
    "docker",
    "podman",
    "nerdctl",
    "buildah",
    "crictl",
    "ctr",
    "skopeo",
    "lima",
    "colima",
    "orb",
    values=_VALUES,
    dry_run="--dry-run",
    helps="--help --version",
    objects=True,
)


def _all(names: str) -> str:
    """Return subcommands with their long forms: ``rm`` is also ``container rm``."""
    return ", ".join(f"{name.strip()}, container {name.strip()}" for name in names.split(","))


def _compose(names: str) -> str:
    """Return subcommands of compose."""
    return ", ".join(f"compose {name.strip()}" for name in names.split(","))


DOCKER.reads(
    _all("ps, ls, list, logs, inspect, top, stats, port, diff, wait")
    + ", images, version, info, history, events, search, "
    "image ls, image list, image inspect, image history, volume ls, volume list, volume inspect, network ls, "
    "network list, "
    "network inspect, system df, system info, system events, context ls, context show, context inspect, buildx ls, "
    "buildx inspect, "
    "buildx du, buildx version, buildx imagetools inspect, buildx bake --print, builder du, manifest inspect, node "
    "ls, node inspect, "
    "node ps, service ls, service inspect, service logs, service ps, stack ls, stack ps, stack services, stack "
    "config, secret ls, "
    "secret inspect, config ls, config inspect, plugin ls, plugin inspect, trust inspect, scout, scout cves, scout "
    "quickview, pods, "
    "pod ps, pod ls, pod inspect, machine ls, machine list, machine inspect, healthcheck run, imagetools inspect, "
    "images list, "
    "containers, list-tags, status, compose version, help, sbom, system connection list, "
    + _compose("ps, logs, config, ls, images, top, port, events, convert, stats, volumes")
)
DOCKER.does(
    STARTS,
    "This starts containers: {what|those of the project}.",
    _all("run, create, start") + ", pod create, pod start, play kube, "
    "kube play, machine start, " + _compose("up, start, create, run, watch") + ", pod run",
)
DOCKER.does(
    STOPS,
    "This stops or restarts {what|the project's containers}.",
    _all("stop, restart, pause, unpause, kill, rename, update, attach")
    + ", pod stop, machine stop, "
    + _compose("stop, restart, pause, unpause, kill, scale")
    + "",
)
DOCKER.does(
    REMOVES,
    "This removes {what|what is not in use}.",
    _all("rm, prune") + ", rmi, image rm, image prune, image remove, network rm, "
    "network prune, network disconnect, builder prune, buildx prune, buildx rm, system prune, context rm, pod rm, "
    "manifest rm, "
    "delete, images rm, " + _compose("rm, down") + ", plugin disable, plugin rm",
)
DOCKER.does(
    DATA,
    "This deletes the volumes {what|that are not in use}, with their data.",
    "volume rm, volume remove, volume prune",
)
DOCKER.does(
    DATA,
    "This deletes everything that the program keeps: {what|all of it}.",
    "system reset, machine rm, machine reset",
    CRITICAL,
)
DOCKER.does(
    BUILDS,
    "This builds an image; the steps have not been read.",
    "build, image build, buildx build, buildx bake, builder build, bud, "
    "build-using-dockerfile, " + _compose("build") + ", bake",
)
DOCKER.does(
    LOCAL,
    "This changes names or copies of images and containers: {what}.",
    "tag, image tag, commit, container commit, save, image save, "
    "export, container export, volume create, network create, network connect, context create, context use, "
    "context update, "
    "buildx create, buildx use, manifest create, manifest annotate, images tag, init, umount, unmount",
)
DOCKER.does(
    FETCHES,
    "This fetches {what|the project's images}.",
    "pull, image pull, load, image load, import, image import, images pull, copy, " + _compose("pull") + ", sync",
)
DOCKER.does(
    PUBLISHES,
    "This publishes {what|the project's images}.",
    "push, image push, manifest push, images push, trust sign, buildx imagetools create, " + _compose("push, publish"),
)
DOCKER.does(
    SERVES,
    "This changes which machine or registry is used.",
    "login, logout, trust key generate, context create, context use, context update",
    MEDIUM,
)
DOCKER.does(
    SERVES,
    "This changes the services that run, or the cluster: {what}.",
    "swarm init, swarm join, swarm leave, swarm update, swarm unlock, "
    "swarm ca, node rm, node update, node promote, node demote, service create, service rm, service remove, "
    "service update, "
    "service scale, service rollback, stack deploy, stack up, stack rm, stack down, secret create, secret rm, "
    "config create, "
    "config rm, plugin install, plugin enable, plugin set, plugin upgrade, checkpoint create, machine ssh, machine "
    "init, machine set, "
    "swarm join-token, swarm unlock-key, generate, system migrate, system service, system renumber, unshare",
)
DOCKER.option(
    "build, buildx build, buildx bake, image build", "--push", PUBLISHES, "This publishes the image that it builds."
)
DOCKER.option(
    "compose down, compose rm, rm, container rm",
    "-v --volumes",
    DATA,
    "This deletes the volumes, with their data.",
)
DOCKER.option("system prune", "--volumes", DATA, "This deletes all volumes that are not in use, with their data.")
DOCKER.option(
    "system prune, image prune", "-a --all", DATA, "This deletes all images and containers that are not in use."
)
DOCKER.option("compose down", "--rmi", REMOVES, "This removes images, too.")
_STARTING = (
    "run, create, container run, container create, exec, container exec, compose run, compose exec, "
    "machine ssh, unshare, pod exec"
)
DOCKER.starts(_STARTING)
DOCKER.takes(
    "compose down, rm, container rm, compose rm, system prune, volume prune", "-t --timeout --filter -f --file -p"
)
DOCKER.takes("rm, container rm, rmi, image rm, volume rm, logs, compose rm", "--filter")
DOCKER.takes(
    "run, create, container run, container create, compose run",
    "-v --volume --mount --name -e --env --env-file -p --publish -w --workdir -u --user --entrypoint --network "
    "--net --pid "
    "--ipc --userns --uts --cgroupns --cap-add --cap-drop --security-opt --device --restart --label -l -m --memory "
    "--cpus "
    "-h --hostname --add-host --platform --pull --volumes-from --gpus --tmpfs --ulimit --log-driver --log-opt "
    "--health-cmd "
    "--runtime --shm-size --link --expose --cidfile --dns --detach-keys --stop-signal --stop-timeout "
    "--device-cgroup-rule "
    "--group-add --ip --kernel-memory --label-file --mac-address --network-alias --oom-score-adj --pids-limit "
    "--storage-opt --sysctl --volume-driver --blkio-weight -c --cpu-shares --cpuset-cpus --annotation --index",
)
DOCKER.takes("exec, container exec, compose exec", "-e --env --env-file -u --user -w --workdir --detach-keys --index")
DOCKER.takes("push, pull", "--platform")


@program("docker-compose", "podman-compose")
def _compose_alone(command: Command, reading: Reading) -> None:
    first = command.words[0]
    read_command(
        replace(command, words=[first.with_text("docker"), first.with_text("compose"), *command.arguments]), reading
    )


@DOCKER.always
def _other_machine(given: Given, reading: Reading) -> None:
    for option, value in given.leading:
        if option in ("-H", "--host") and value is not None:
            reading.touch(hosts=[re.sub(r"^\w+://(?:[^@]*@)?|[:/].*$", "", value.text)])
            if not value.text.startswith("unix:"):
                given.note(reading, SERVES, "This acts on the containers of another machine.")


@DOCKER.reader("exec, container exec, compose exec, pod exec")
def _exec(given: Given, reading: Reading) -> None:
    container, *words = given.operands or [Word("a container", given.line)]
    reading.add(INSIDE, f"This runs a command in {container.display}.", given.line, SAFE if words else LOW)
    reading.touch(objects=[container.text] if container.known else [])
    if given.has("--privileged"):
        reading.add(ESCAPES, "The command may do anything that the machine's administrator may do.", given.line)
    if words:
        read_command(replace(given.command, words=words, here="container"), reading)
    else:
        reading.doubt()


@DOCKER.reader("volume rm, volume remove, rm, container rm, stop, kill, rmi, image rm, container stop")
def _several(given: Given, reading: Reading) -> None:
    """What is removed is known only then, as in ``docker volume rm $(docker volume ls -q)``: it may be all."""
    if not any(word.several and not word.known for word in given.operands):
        return
    if "volume" in given.name:
        given.note(
            reading, DATA, "This deletes all volumes that the command in it names: it may be every one.", CRITICAL
        )
    else:
        given.note(
            reading, REMOVES, "This stops or removes whatever the command in it names: it may be everything.", HIGH
        )


@DOCKER.reader("rm, container rm")
def _forced(given: Given, reading: Reading) -> None:
    if len(given.operands) > 5:
        given.note(reading, REMOVES, "This removes many containers.", HIGH)


@DOCKER.reader("save, image save, export, container export")
def _saves(given: Given, reading: Reading) -> None:
    if (output := given.value("-o", "--output")) is not None:
        act_on(reading, Act.WRITE, output)


@DOCKER.reader("load, image load, import, compose up, stack deploy, play kube, kube play")
def _from_file(given: Given, reading: Reading) -> None:
    for value in given.arguments.values("-i", "--input", "-c", "--compose-file"):
        run_unread(reading, value)


@DOCKER.reader("cp, container cp, compose cp")
def _copies(given: Given, reading: Reading) -> None:
    if len(given.operands) < 2:
        return
    source, target = given.operands[0], given.operands[1]
    if re.match(r"[^/.~][^/]*:", target.text):
        sends_file(source, given.command, reading)
        reading.add(INSIDE, f"This copies {source.display} into the container {target.display}.", given.line, MEDIUM)
    else:
        act_on(reading, Act.WRITE, target)


_BUILD_SECRETS = word_set("--secret --ssh")


@DOCKER.reader("build, image build, buildx build")
def _build(given: Given, reading: Reading) -> None:
    for word in given.operands:
        if "://" in word.text or word.text.startswith("git@"):
            reading.add(BUILDS, f"This builds what it downloads from {word.display}.", word.line, HIGH)
    if given.has("--allow") or (given.value("--network") or Word("")).text == "host":
        given.note(reading, BUILDS, "The build shares the machine's network or rights.")


@DOCKER.reader("")
def _alone(given: Given, reading: Reading) -> None:
    if given.operands:
        given.note(reading, STARTS, f"What {given.command.name} {given.operands[0].display} does is not known.")
