"""Where a path points: how bad it is to read, write, or delete there. For POSIX and Windows; no disk is looked at."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache

from app.risk.words import UNKNOWN


class Place(Enum):
    """A kind of place in a file system."""

    EVERYTHING = "everything on the disk"
    HOME = "a person's whole home folder"
    HOMES = "the home folders of all people"
    DEVICE = "a disk"
    NOTHING = "nothing that is kept"
    KERNEL = "the running kernel's settings"
    ACCESS = "who may sign in and who is an administrator"
    SECRET = "secrets"  # noqa: S105 - words
    SCHEDULE = "what runs by the clock"
    STARTUP = "what runs at every start or sign-in"
    HOOK = "what version control runs by itself"
    PIPELINE = "what the build server runs"
    AGENT = "settings of coding agents, which decide what an agent may do"
    BOOT = "what the machine starts from"
    SYSTEM = "the operating system"
    PROGRAMS = "installed programs"
    DATA = "a database's or a container's own files"
    BACKUP = "backups"
    LOG = "logs"
    HISTORY = "the history of version control"
    BUILD = "what the project's tools run or load"
    CODE = "code"
    GENERATED = "files that the project's tools make again"
    TEMPORARY = "temporary files"
    WORKING = "the working folder"
    WORKING_ALL = "the whole working folder"
    OUTSIDE = "files outside the working folder"
    SHARE = "another machine's files"
    UNKNOWN = "a place that is known only when it runs"


class _Rows:
    r"""Builds the table from words: each word is a regular expression without spaces (``\s`` stands for one)."""

    def __init__(self) -> None:
        self.rows: list[tuple[Place, re.Pattern[str]]] = []

    def exactly(self, place: Place, words: str) -> None:
        """Add paths."""
        self._add(place, f"(?:{'|'.join(words.split())})")

    def inside(self, place: Place, words: str) -> None:
        """Add folders from the root, with everything in them."""
        self._add(place, f"(?:{'|'.join(words.split())})(?:/.*)?")

    def named(self, place: Place, words: str) -> None:
        """Add names of files in any folder."""
        self._add(place, f"(?:.*/)?(?:{'|'.join(words.split())})")

    def folders(self, place: Place, words: str) -> None:
        """Add names of folders in any folder, with everything in them."""
        self._add(place, f"(?:.*/)?(?:{'|'.join(words.split())})(?:/.*)?")

    def ending(self, place: Place, words: str) -> None:
        """Add the ends of files' names."""
        self._add(place, rf"(?:.*/)?[^/]*\.(?:{'|'.join(words.split())})")

    def _add(self, place: Place, pattern: str) -> None:
        self.rows.append((place, re.compile(pattern, re.IGNORECASE | re.DOTALL)))


def _table() -> list[tuple[Place, re.Pattern[str]]]:
    """Return the places in order: the first that matches counts."""
    table = _Rows()
    _whole(table)
    _trusted(table)
    _by_itself(table)
    _machine(table)
    _project(table)
    return table.rows


def _whole(table: _Rows) -> None:
    table.exactly(Place.NOTHING, r"/dev/(?:null|stdout|stderr|stdin|tty|fd/\d+|full|zero|u?random) nul con \$null")
    table.exactly(Place.EVERYTHING, r"/ /(?:\*+/)*\*+ /\.\* /\{.*\} [a-z]: [a-z]:/(?:\*+/)*\*+(?:\.\*)?")
    table.exactly(Place.HOMES, r"(?:/home|/users|[a-z]:/users)(?:/\*+)*")
    table.exactly(Place.HOMES, r"//[^/.?][^/]*/(?:homes?|users?|profiles?|userdata|redirected?folders?)\$?(?:/\*+)*")
    home = r"(?:~[^/]*|/root|/var/root|/home/[^/]+|/users/[^/]+|[a-z]:/users/[^/]+)"
    table.exactly(Place.HOME, rf"{home}(?:(?:/\*+)*|/\.\*|/\.\[.*)")
    table.exactly(Place.DEVICE, r"/dev/(?:sd|hd|vd|xvd|nvme|mmcblk|r?disk|mapper/|md|dm-|loop|nbd|mem|kmem|port).*")
    table.exactly(Place.DEVICE, r"//[.?]/(?:physicaldrive|[a-z]:|globalroot).*")
    table.exactly(Place.BOOT, r"/sys/firmware/efi(?:/.*)?")
    table.exactly(Place.KERNEL, r"/proc/sys/.* /proc/sysrq.* /sys/.* /dev/kmsg")


def _trusted(table: _Rows) -> None:
    table.exactly(Place.ACCESS, r".*/\.ssh/authorized_keys2? /etc/hosts\.(?:allow|deny)")
    table.inside(
        Place.ACCESS,
        r"/etc/(?:sudoers|passwd|shadow|gshadow|group|pam|ssh/sshd_config|security|polkit)[^/]* "
        r".*/windows/system32/config/(?:sam|security|system)",
    )
    table.named(
        Place.SECRET,
        r"id_(?:rsa|dsa|ecdsa|ed25519)[^/]* \.env(?!\.(?:example|sample|template|dist)$)(?:\.[^/]+)? \.netrc _netrc "
        r"\.pgpass \.my\.cnf \.npmrc \.pypirc \.git-credentials \.htpasswd \.vault-token \.vault_pass kubeconfig "
        r"credentials(?:\.(?:json|ya?ml|db))? secrets?\.(?:json|ya?ml|env|toml|ini) login\sdata cookies(?:\.sqlite)? "
        r"key[34]\.db logins\.json tokens?\.json ntds\.dit ssh_host_\w+_key",
    )
    table.named(
        Place.SECRET,
        r"(?:[^/]*[-_.\s])?(?:passwords?|passwd|credentials?|api[-_]?keys?|private[-_]?keys?|recovery[-_]?codes|secrets)"
        r"(?:[-_.][^/]*)?\.(?:csv|tsv|txt|xlsx?|ods|zip|7z|gpg|sqlite|1pux|1pif)",
    )
    table.ending(Place.SECRET, "pem key p12 pfx jks keystore kdbx ppk")
    table.folders(
        Place.SECRET,
        r"\.ssh(?!/(?:config$|known_hosts)) \.gnupg \.aws \.azure \.config/gcloud \.kube \.docker/config\.json "
        r"\.config/gh \.password-store microsoft/(?:credentials|protect|vault)",
    )
    table.inside(
        Place.SECRET,
        r"/etc/(?:letsencrypt|openvpn|wireguard|pki/(?:tls/)?private|ipsec\.secrets|krb5\.keytab"
        r"|postfix/sasl_passwd)[^/]* "
        r"/etc/ssl/private (?:/var)?/run/secrets /etc/kubernetes/(?:admin\.conf|pki) /proc/[^/]+/environ "
        r"/etc/networkmanager/system-connections /etc/wpa_supplicant(?:/[^/]*\.conf)? /etc/netplan "
        r"/etc/ppp/chap-secrets /etc/ipsec\.secrets /etc/samba/private /var/lib/krb5kdc",
    )


def _by_itself(table: _Rows) -> None:
    table.inside(
        Place.SCHEDULE,
        r"/etc/(?:cron|anacrontab)[^/]* /var/spool/(?:cron|at) .*/windows/system32/tasks .*/systemd/[^/]*\.timer",
    )
    table.named(
        Place.STARTUP,
        r"\.(?:bashrc|bash_profile|bash_login|bash_logout|bash_aliases|profile|zshrc|zprofile|zshenv|zlogin|kshrc) "
        r"\.(?:t?cshrc|xinitrc|xsession|xprofile|inputrc|vimrc|gdbinit|pam_environment) [^/]*profile\.ps1 "
        r"(?:site|user)customize\.py site-packages/[^/]*\.pth",
    )
    table.folders(
        Place.STARTUP,
        r"\.config/(?:fish|autostart|systemd) library/launch(?:agents|daemons) start\smenu/programs/startup",
    )
    table.inside(
        Place.STARTUP,
        r"/etc/(?:profile|bash\.bashrc|bashrc|zsh|environment|rc|init|systemd|xdg/autostart)[^/]* "
        r"/etc/ld\.so\.(?:conf|preload)[^/]* "
        r"(?:/usr)?/lib/systemd hk(?:lm|cu):?/software/microsoft/windows/currentversion/run[^/]*",
    )
    table.folders(Place.HOOK, r"\.git/(?:hooks|config|info/attributes) \.husky \.config/git")
    table.named(
        Place.HOOK,
        r"\.gitconfig \.gitattributes \.gitmodules \.pre-commit-config\.ya?ml lefthook\.ya?ml \.lintstagedrc[^/]* "
        r"\.envrc",
    )
    table.folders(Place.PIPELINE, r"\.github/(?:workflows|actions|codeowners|dependabot\.ya?ml) \.circleci \.buildkite")
    table.named(
        Place.PIPELINE,
        r"\.gitlab-ci\.ya?ml jenkinsfile[^/]* azure-pipelines[^/]*\.ya?ml bitbucket-pipelines\.ya?ml \.travis\.ya?ml "
        r"\.drone\.ya?ml codeowners",
    )
    table.folders(
        Place.AGENT,
        r"\.(?:claude|codex|cursor|gemini|windsurf|continue|aider|cline|roo|amazonq|copilot)[^/]* "
        r"\.vscode/(?:settings|tasks|launch)\.json",
    )
    table.named(
        Place.AGENT,
        r"\.?mcp\.json (?:claude|agents|gemini|claude\.local)\.md \.windsurfrules copilot-instructions\.md "
        r"claude_desktop_config\.json",
    )


def _machine(table: _Rows) -> None:
    table.inside(
        Place.BOOT,
        r"/boot /efi /etc/(?:fstab|crypttab|default/grub|grub|initramfs-tools|modules|modprobe\.d)[^/]* "
        r"[a-z]:/(?:boot|bootmgr|efi|recovery)",
    )
    table.inside(
        Place.DATA,
        r"/var/lib/(?:postgresql|mysql|mariadb|mongodb?|redis|docker|containerd|kubelet|etcd|elasticsearch|kafka) "
        r"/var/lib/(?:cassandra|rabbitmq|influxdb|grafana|prometheus|libvirt|vault|consul|ldap|rancher|ceph|minio) "
        r"/var/lib/(?:clickhouse(?:-server)?|neo4j|samba|couchdb|nats|zookeeper|gitea|gitlab|jenkins"
        r"|opensearch|qdrant) "
        r"/var/(?:spool/mail|mail|vmail|opt/gitlab)",
    )
    table.exactly(Place.DATA, r"/var/lib /data /pgdata /(?:srv|mnt)/data")
    table.folders(Place.DATA, "pgdata pg_wal")
    table.folders(Place.BACKUP, "backups? snapshots?")
    table.ending(Place.BACKUP, "bak dump vhdx? vmdk qcow2")
    table.inside(Place.LOG, r"/var/log /run/log .*/windows/system32/winevt")
    table.named(Place.LOG, r"\.(?:bash|zsh|python|psql|mysql)_history consolehost_history\.txt")
    table.exactly(
        Place.TEMPORARY,
        r"/(?:private/)?(?:var/)?tmp/.+ /dev/shm/.+ [a-z]:/(?:windows/)?te?mp/.+ .*/appdata/local/temp/.+ tmp/.+",
    )
    table.inside(
        Place.SYSTEM,
        r"/(?:etc|usr|bin|sbin|lib|lib32|lib64|libx32|var|proc|sys|dev|run|system|library|private) "
        r"[a-z]:/win(?:dows|nt) hklm:?",
    )
    table.inside(Place.PROGRAMS, r"/opt /snap /applications [a-z]:/program\sfiles(?:\s\(x86\))? [a-z]:/programdata")
    table.exactly(Place.PROGRAMS, r"/srv /var/www")


_CODE_ENDINGS = (
    "pyi? pyx ipynb [cm]?js tsx? jsx sh bash zsh fish ps1 psm1 psd1 bat cmd vbs rb p[lm] php go rs java kts? scala "
    "c h cc cpp hpp cs fs swift lua r jl exs? erl hs clj sql vue svelte exe dll so dylib jar war msi deb rpm apk "
    "app com scr reg desktop service jsp aspx? cgi groovy gradle nix el vim awk"
)


def _project(table: _Rows) -> None:
    table.folders(Place.HISTORY, r"\.(?:git|hg|svn|jj)")
    table.folders(
        Place.GENERATED,
        r"node_modules __pycache__ \.(?:pytest|mypy|ruff|parcel-)_?cache \.tox \.nox \.?venv dist build target out "
        r"coverage htmlcov \.next \.nuxt \.turbo \.cache \.gradle \.eggs [^/]+\.egg-info \.coverage "
        r"bin/(?:debug|release) obj",
    )
    table.ending(Place.GENERATED, "pyc pyo o class")
    table.named(
        Place.BUILD,
        r"package\.json (?:gnu)?makefile cmakelists\.txt setup\.(?:py|cfg) pyproject\.toml conftest\.py tox\.ini "
        r"pytest\.ini noxfile\.py tasks\.py rakefile gemfile justfile taskfile\.ya?ml dockerfile[^/]* "
        r"(?:docker-)?compose[^/]*\.ya?ml build\.(?:gradle|xml|sbt|rs|zig)(?:\.kts)? pom\.xml cargo\.toml go\.mod "
        r"requirements[^/]*\.(?:txt|in) pipfile(?:\.lock)? (?:poetry|uv|yarn)\.lock package-lock\.json "
        r"pnpm-lock\.yaml (?:gulp|grunt)file\.[^/]+ [^/]+\.config\.(?:[cm]?js|ts) \.babelrc \.eslintrc[^/]* "
        r"vagrantfile procfile chart\.yaml",
    )
    table.ending(Place.BUILD, "tf tfvars mk csproj vcxproj sln")
    table.ending(
        Place.CODE,
        _CODE_ENDINGS,
    )
    # A folder in a home folder, or one of those in which projects usually are.
    table.exactly(
        Place.WORKING,
        r"(?:~|/home/[^/]+|/users/[^/]+|[a-z]:/users/[^/]+)/[^/.][^/]*/.+ "
        r"/(?:srv|workspaces?|app|repos?|code|src|work|builds?|project)/[^/.][^/]*/.+ "
        r"/(?:workspace|app|repo|code|project)/[^/.*]+(?:\.[^/*]+)?",
    )
    table.folders(Place.CODE, r"\.local/bin bin sbin")
    table.exactly(Place.SHARE, r"//[^/.?][^/]*(?:/.*)?")
    table.exactly(Place.WORKING_ALL, r"\.(?:/\*+)? \*+(?:/\*+)? \./?\.\* \*\.\*")


_ROWS = _table()
"""Paths have forward slashes, no doubled ones, and no trailing one."""


def plain_path(path: str) -> str:
    """Return a path with forward slashes, and without doubled and trailing ones, ``.`` and ``..`` where possible."""
    windows = bool(re.match(r"[A-Za-z]:|\\\\|\.{0,2}\\|[^/]*\\", path))
    text = path.strip().strip("\"'")
    if windows:
        text = text.replace("\\", "/")
    share = text.startswith("//") and windows
    if text.startswith(("//./", "//?/")):
        return text.rstrip("/")
    text = re.sub(r"/{2,}", "/", text)
    parts: list[str] = []
    for part in text.split("/"):
        if part == "." and parts:
            continue
        if part == ".." and parts and parts[-1] not in ("..", "", ".", "~") and UNKNOWN not in parts[-1]:
            parts.pop()
            continue
        if part == ".." and parts == [""]:
            continue
        parts.append(part)
    text = "/".join(parts) or "/" * text.startswith("/")
    if len(text) > 1:
        text = text.rstrip("/") or "/"
    text = re.sub(r"^\./(?=.)", "", text)
    return f"/{text}" if share else text


def path_from(folder: str, path: str) -> str:
    """Return a path that is meant from a folder as seen from the working folder; from an empty folder, it is as is."""
    if not folder or path.startswith(("/", "~", "\\", UNKNOWN)) or path[1:2] == ":":
        return path
    return plain_path(f"{folder}/{path}")


@lru_cache(maxsize=2048)
def place_of(path: str) -> Place:
    """Return where a path points. Its unknown parts are `UNKNOWN`, the home folder ``~``, the working folder ``.``."""
    text = plain_path(path[:1000])
    if not text:
        return Place.UNKNOWN
    if text.startswith("@"):
        text = text[1:]
    for place, pattern in _ROWS:
        if pattern.fullmatch(text):
            return Place.UNKNOWN if place is Place.GENERATED and text.startswith(UNKNOWN) else place
    if text.startswith(UNKNOWN):
        return Place.UNKNOWN
    if text.startswith(("/", "~", "..")) or re.match(r"[A-Za-z]:", text):
        return Place.OUTSIDE
    return Place.WORKING


_SERVED = re.compile(
    r"(?:/var/www|/srv/(?:www|http)|/usr/share/nginx/html|/usr/local/(?:www|apache2?/htdocs)|/var/lib/nginx/html)(?:/.*)?"
    r"|(?:.*/)?(?:public_html|htdocs|wwwroot)(?:/.*)?|(?:[^/]+/){0,2}public/.*",
    re.IGNORECASE,
)


def is_served(path: str) -> bool:
    """Return True if a web server usually gives what is at a path to everybody."""
    return bool(_SERVED.fullmatch(plain_path(path[:1000])))


_TRIAL = re.compile(
    r"(?<![a-z])(?:staging|stage|stg|dev|devel|development|test|testing|qa|uat|sandbox|preview|preprod|nonprod|int|demo)\d*(?![a-z])",
    re.IGNORECASE,
)
_LIVE = re.compile(r"(?<![a-z])(?:prod|production|prd|live|main)\d*(?![a-z])", re.IGNORECASE)


def is_trial(text: str) -> bool:
    """Return True if a name is that of an environment for tests, such as a host ``stg-app-02``."""
    return bool(_TRIAL.search(text[:1000])) and not _LIVE.search(text[:1000])


_WITH_SECRETS = frozenset({Place.SECRET, Place.ACCESS, Place.HOME, Place.HOMES, Place.EVERYTHING})
_FOLDERS_WITH_SECRETS = frozenset({"/etc", "/var", "/private/etc", "/var/lib", "/run", "~/.config"})


def keeps_secrets(path: str) -> bool:
    """Return True if passwords or keys are at a path, alone or among other things."""
    return place_of(path) in _WITH_SECRETS or plain_path(path[:1000]) in _FOLDERS_WITH_SECRETS


_LOADED = re.compile(
    r".*\.(?:jsonc?|json5|ya?ml|toml|ini|cfg|conf|properties|css|scss|less|html?|xml|svg|graphql|proto|j2|tmpl|hbs|ejs|po)"
)
_CODE = re.compile(rf"(?:.*/)?[^/]*\.(?:{'|'.join(_CODE_ENDINGS.split())})")


def is_loaded(path: str) -> bool:
    """Return True if a program may load or run a file of this name later, wherever it is."""
    text = plain_path(path[:1000]).lower()
    return bool(_LOADED.fullmatch(text) or _CODE.fullmatch(text))


def is_pattern(path: str) -> bool:
    """Return True if a path names any number of files by a pattern."""
    return bool(re.search(r"[*?]|\[[^\]]{1,80}\]|\{[^}]{0,80},[^}]{0,80}\}", path[:2_000]))
