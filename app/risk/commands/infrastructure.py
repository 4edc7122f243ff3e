"""Tools that make infrastructure from code: terraform, pulumi, ansible, and others."""

from __future__ import annotations

from app.risk.commands.options import arguments_of
from app.risk.commands.secret_stores import SECRET, STORE
from app.risk.commands.subcommands import Given, Program
from app.risk.commands.table import Command, program
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

PLANS = declare(
    "infrastructure.plans",
    LOW,
    "Works out what would change in an infrastructure; plug-ins of the project run.",
    "terraform plan",
    "terraform version",
    language="shell",
    unread=True,
)
APPLIES = declare(
    "infrastructure.applies",
    HIGH,
    "Changes an infrastructure as the project's code says, which has not been read.",
    "terraform apply",
    "terraform plan",
    language="shell",
    unread=True,
)
DESTROYS = declare(
    "infrastructure.destroys",
    CRITICAL,
    "Deletes an infrastructure.",
    "terraform destroy",
    "terraform plan -destroy",
    language="shell",
)
STATE = declare(
    "infrastructure.state",
    HIGH,
    "Changes what a tool knows about an infrastructure, so that later runs delete things or create them again.",
    "terraform state rm aws_instance.a",
    "terraform state list",
    language="shell",
)
INSTALLS = declare(
    "infrastructure.installs",
    MEDIUM,
    "Downloads plug-ins or modules.",
    "terraform init",
    "terraform providers",
    language="shell",
    unread=True,
)
REMOTE = declare(
    "infrastructure.machines",
    HIGH,
    "Runs commands or scripts on many machines.",
    "ansible-playbook site.yml",
    "ansible-playbook --syntax-check site.yml",
    language="shell",
    unread=True,
)
TERRAFORM = Program(
    "terraform",
    "tofu",
    "terragrunt",
    "terraform-bin",
    values="-chdir -var -var-file -target -out -state -state-out -backend-config -parallelism -replace "
    "-lock-timeout -refresh-x "
    "--terragrunt-working-dir --working-dir -plugin-dir -from-module -generate-config-out --terragrunt-config",
    single_dash=True,
    helps="-help --help -h -version --version",
)
TERRAFORM.reads(
    "version, show, output, providers, graph, validate, state list, state show, workspace list, "
    "workspace show, metadata functions, "
    "help, modules, providers schema, fmt -check, state identities, hclfmt --check, render-json, "
    "graph-dependencies, find, list"
)
TERRAFORM.does(
    PLANS,
    "This works out what would change; plug-ins of the project run.",
    "plan, console, test, run-all plan, plan-all, run-all validate, validate-all, run-all output, output-all, run plan",
)
TERRAFORM.does(
    INSTALLS, "This downloads plug-ins and modules.", "init, get, providers lock, providers mirror, run-all init"
)
TERRAFORM.does(
    PLANS,
    "This formats or makes files of the project.",
    "fmt, workspace select, workspace new, hclfmt, scaffold, catalog, render",
)
TERRAFORM.does(
    APPLIES,
    "This changes the infrastructure as the project's code says: machines, data, and permissions may go.",
    "apply, run-all apply, apply-all, stack run apply, run apply, up, stack apply",
)
TERRAFORM.does(
    DESTROYS,
    "This deletes the whole infrastructure of the project.",
    "destroy, run-all destroy, destroy-all, apply -destroy, stack run destroy, run destroy",
)
TERRAFORM.does(
    STATE,
    "This changes what the tool knows of the infrastructure: {what|its state}.",
    "state rm, "
    "state mv, state push, "
    "state replace-provider, import, taint, untaint, force-unlock, refresh, workspace delete, login, "
    "logout, 0.13upgrade",
)
TERRAFORM.does(STATE, "This copies out the whole state, secrets included.", "state pull")
TERRAFORM.option("apply, run-all apply", "-destroy", DESTROYS, "This deletes the whole infrastructure of the project.")
TERRAFORM.option("output, show", "-raw -json", SECRET, "This may show secrets of the infrastructure.", LOW)
TERRAFORM.option("plan", "-generate-config-out", PLANS, "This writes files of the project.")


@TERRAFORM.reader("validate, graph, show, providers schema, state show")
def _plugins(given: Given, reading: Reading) -> None:
    reading.doubt()  # plug-ins of the project run


@TERRAFORM.reader("plan")
def _plan_file(given: Given, reading: Reading) -> None:
    if (out := given.value("-out")) is not None:
        reading.touch(paths=[out.text])


PULUMI = Program(
    "pulumi",
    "cdk",
    "cdktf",
    "sst",
    "wing",
    "crossplane-cli",
    "nitric",
    values="-s --stack -C --cwd "
    "-c --config -t --target --app -a --profile --context "
    "--region --require-approval --outputs-file -m --message",
    dry_run="--dry-run",
    helps="--help -h --version",
)
PULUMI.reads(
    "version, whoami, about, stack ls, stack history, stack output, stack graph, config get, list, ls, "
    "doctor, metadata, logs, "
    "plugin ls, schema, env ls, org get-default, notices, docs, context, policy ls, stack tag ls"
)
PULUMI.does(
    PLANS,
    "This works out what would change; the project's code runs.",
    "preview, pre, diff, synth, synthesize, console, stack, convert, dev, output, get",
)
PULUMI.does(
    APPLIES,
    "This changes the infrastructure as the project's code says.",
    "up, update, deploy, watch, bootstrap, apply, cancel, import, refresh, rollback, migrate, gc, install, state move",
)
PULUMI.does(DESTROYS, "This deletes the whole infrastructure of the project.", "destroy, down, remove, dn")
PULUMI.does(
    STATE,
    "This changes what the tool knows of the infrastructure: {what}.",
    "state delete, state "
    "unprotect, state rename, stack rm, "
    "stack import, stack rename, stack init, stack select, stack export, config set, config rm, config "
    "set-all, config, login, logout, new, "
    "init, plugin install, plugin rm, policy enable, policy disable, stack change-secrets-provider, state "
    "edit, secret",
)
PULUMI.option(
    "stack export, stack output, config, config get",
    "--show-secrets --secret",
    SECRET,
    "This shows secrets of the infrastructure.",
)
PULUMI.option("refresh", "--preview-only", PLANS, "This only looks.", LOW)


@program(
    *word_set(
        "ansible ansible-playbook ansible-pull ansible-console salt salt-call salt-ssh salt-run puppet chef-client "
        "chef-solo knife bolt cf-agent pyinfra pssh parallel-ssh clush dsh pdsh mussh cap capistrano mina kamal "
        "rundeck cloud-init nixos-rebuild nixops colmena deploy-rs mgmt itamae mitogen"
    )
)
def _machines(command: Command, reading: Reading) -> None:
    values = (
        "-i --inventory -l --limit -e --extra-vars -u --user -m --module-name -a --args -t --tags --skip-tags -f "
        "--forks -c --connection --private-key "
        "--vault-password-file --vault-id -M -T --become-user -o --ssh-common-args --start-at-task -H --hosts -w "
        "-g -h --host --targets -n"
    )
    given = arguments_of(command.arguments, values)
    texts = [word.text for word in given.operands]
    if given.exactly("--version", "--help", "--syntax-check", "--list-hosts", "--list-tasks", "--list-tags") or (
        texts[:1] and texts[0] in ("status", "version", "list", "show")
    ):
        reading.doubt()
        return
    if command.name == "ansible":
        _ansible(given.value("-m", "--module-name"), given.value("-a", "--args"), command, reading)
        return
    if given.harmless("--check", "-C", "--noop", "--why-run", "-W", "--dry-run", "dry-build", "build", "dry-activate"):
        reading.add(PLANS, "This works out what would change on the machines.", command.line, MEDIUM)
        return
    shown = ", ".join(word.display for word in given.operands[:3])
    reading.add(
        REMOTE,
        f"This changes machines by what has not been read: {command.name} {shown}.".replace(" .", "."),
        command.line,
    )
    if command.name in ("pssh", "parallel-ssh", "clush", "dsh", "pdsh", "mussh", "salt", "salt-call", "salt-ssh"):
        inner = [text for text in texts if text not in ("cmd.run", "*")]
        first = len(reading.findings)
        if inner and texts[0] != "state.apply":
            reading.read(
                "shell",
                inner[-1] if len(inner) == 1 or " " in inner[-1] else " ".join(inner[1:] or inner),
                command.line,
                fixed=True,
                within="On other machines: ",
            )
        _note_everywhere(command, reading, first)


EVERYWHERE = declare(
    "infrastructure.everywhere",
    CRITICAL,
    "Deletes something, or stops machines, on all machines at once.",
    "ansible all -m shell -a 'shutdown -h now'",
    "ansible all -m shell -a uptime",
    language="shell",
)
_FATAL = frozenset(("file.deletes_many", "machine.power", "machine.firewall", "disk.changes", "packages.uninstalls"))


def _note_everywhere(command: Command, reading: Reading, first: int) -> None:
    """Note that what is bad on one machine is done on all of them."""
    if any(found.rule in _FATAL and found.severity is HIGH for found in reading.findings[first:]):
        reading.add(EVERYWHERE, f"This does it on all machines that {command.name} is given.", command.line)


def _ansible(module: Word | None, args: Word | None, command: Command, reading: Reading) -> None:
    name = (module.text if module else "command").rpartition(".")[2]
    if name in (
        "ping",
        "setup",
        "debug",
        "stat",
        "getent",
        "slurp",
        "find",
        "gather_facts",
        "package_facts",
        "service_facts",
        "assert",
    ):
        reading.add(PLANS, "This looks at other machines.", command.line, LOW)
        return
    reading.add(REMOTE, f"This runs the module {name} on other machines.", command.line)
    first = len(reading.findings)
    if name in ("command", "shell", "raw", "script") and args is not None:
        reading.read("shell", args.text, args.line, fixed=True, within="On other machines: ")
    if any(word.text in ("all", "*") for word in command.arguments):
        _note_everywhere(command, reading, first)


@program(
    "ansible-vault", "ansible-galaxy", "ansible-inventory", "ansible-doc", "ansible-config", "ansible-test", "molecule"
)
def _ansible_tools(command: Command, reading: Reading) -> None:
    words = [word.text for word in command.arguments if not word.text.startswith("-")]
    verb = words[0] if words else ""
    if command.name == "ansible-vault" and verb in ("view", "decrypt", "edit"):
        reading.add(SECRET, "This reads secrets of the project.", command.line)
    elif command.name == "ansible-galaxy" and "install" in words:
        reading.add(INSTALLS, "This downloads code of others.", command.line)
    elif command.name in ("ansible-vault", "ansible-galaxy", "molecule", "ansible-test") and "list" not in words:
        reading.add(PLANS, "This changes files of the project, or runs its tests.", command.line)
    else:
        reading.doubt()


PACKER = Program(
    "packer", values="-var -var-file -only -except", single_dash=True, helps="-help --help -h -version --version"
)
PACKER.reads("version, inspect, validate, fmt -check, plugins installed")
PACKER.does(
    INSTALLS,
    "This downloads plug-ins, or changes files of the project.",
    "init, plugins install, fmt, fix, plugins remove, hcl2_upgrade",
)
PACKER.does(APPLIES, "This builds images of machines, in an account where needed.", "build, console")
VAGRANT = Program("vagrant", helps="--help -h --version -v")
VAGRANT.reads(
    "status, global-status, version, ssh-config, port, box list, plugin list, snapshot list, validate, box "
    "outdated, help"
)
VAGRANT.does(
    APPLIES,
    "This starts or changes virtual machines of the project.",
    "up, provision, reload, resume, snapshot restore, snapshot pop, rsync, push",
    MEDIUM,
)
VAGRANT.does(
    DESTROYS, "This deletes virtual machines of the project.", "destroy, box remove, snapshot delete, box prune", HIGH
)
VAGRANT.does(
    INSTALLS,
    "This downloads images or plug-ins.",
    "box add, box update, plugin install, plugin update, init, package, box repackage",
)
VAGRANT.does(
    APPLIES, "This stops virtual machines of the project.", "halt, suspend, snapshot save, snapshot push", MEDIUM
)
VAGRANT.starts("ssh")


@VAGRANT.reader("ssh")
def _vagrant_ssh(given: Given, reading: Reading) -> None:
    given.note(reading, REMOTE, "This acts on a virtual machine.", MEDIUM)
    for value in given.arguments.values("-c", "--command"):
        reading.read("shell", value.text, value.line, fixed=True)


CONSUL = Program(
    "consul",
    "nomad",
    "boundary",
    "waypoint",
    values="-address -token -namespace -datacenter -region -http-addr -prefix -format -t -filter",
    single_dash=True,
    helps="-help --help -h -version --version",
)
CONSUL.reads(
    "members, info, kv get, kv export, catalog nodes, catalog services, catalog datacenters, version, "
    "operator raft list-peers, status, job status, "
    "node status, alloc status, alloc logs, logs, server members, validate, acl token list, acl policy "
    "list, acl policy read, config read, "
    "config list, rtt, monitor, watch, intention list, intention check, intention get, deployment list, "
    "deployment status, eval list, "
    "eval status, var list, namespace list, namespace status, job inspect, job history, job validate, job "
    "allocs, job deployments, fmt, "
    "alloc fs, node pool list, operator scheduler get-config, quota list, volume status, plugin status, "
    "agent-info, recommendation list"
)
CONSUL.does(PLANS, "This works out what would change.", "job plan, plan")
CONSUL.does(
    APPLIES,
    "This changes the services or settings of the cluster: {what}.",
    "kv put, kv import, kv "
    "delete, config write, config delete, services register, "
    "services deregister, join, leave, force-leave, reload, maint, intention create, intention delete, job "
    "run, run, job stop, stop, job dispatch, "
    "job revert, job scale, job restart, job promote, job eval, job periodic force, node drain, node "
    "eligibility, alloc stop, alloc restart, alloc signal, "
    "deployment promote, deployment fail, deployment pause, var put, var purge, namespace apply, namespace "
    "delete, scaling, volume create, "
    "volume register, agent, server, dev, connect, event, lock, peering, login, logout, tls, keyring, up, "
    "deploy, build, release, start",
)
CONSUL.does(
    STORE,
    "This changes who may use the cluster.",
    "acl token create, acl token delete, acl token update, "
    "acl policy create, acl policy delete, "
    "acl policy update, acl policy apply, acl bootstrap, acl role create, acl auth-method create, acl "
    "set-agent-token",
)
CONSUL.does(
    SECRET,
    "This reads secrets.",
    "var get, acl token read, acl token self, connect ca get-config, operator root keyring list",
)
CONSUL.does(
    DESTROYS,
    "This deletes data or members of the cluster: {what}.",
    "operator raft remove-peer, snapshot "
    "restore, operator snapshot restore, system gc, "
    "volume delete, volume deregister, operator autopilot, destroy, quota delete, node purge",
)
CONSUL.does(
    PLANS,
    "This makes a copy of the cluster's state.",
    "snapshot save, operator snapshot save, snapshot inspect, operator debug, debug",
)
CONSUL.option("kv delete, job stop, stop", "-recurse -purge", DESTROYS, "This deletes for good: {what}.")
CONSUL.starts("exec, alloc exec")


@CONSUL.reader("exec, alloc exec")
def _cluster_exec(given: Given, reading: Reading) -> None:
    given.note(reading, REMOTE, "This runs a command on machines of the cluster.")
    words = given.operands if given.name == "exec" else given.operands[1:]
    reading.read("shell", " ".join(word.text for word in words), given.line, fixed=True)
