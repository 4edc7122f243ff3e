"""Environment variables that make other programs run or load code."""

from __future__ import annotations

import re

from app.risk.reading import Reading
from app.risk.rules import word_set
from app.risk.shell.rules import ENVIRONMENT, SEARCH_PATH, TRACELESS
from app.risk.words import UNKNOWN, Word
from assent.contracts import RiskLevel

_LOADS = word_set(
    "LD_PRELOAD LD_AUDIT LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES DYLD_LIBRARY_PATH BASH_ENV ENV PROMPT_COMMAND "
    "PERL5OPT PERL5DB PYTHONSTARTUP PYTHONHOME RUBYOPT JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS GCONV_PATH "
    "GIT_SSH_COMMAND GIT_SSH GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF GIT_EXEC_PATH GIT_TEMPLATE_DIR GIT_CONFIG "
    "GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM LESSOPEN LESSCLOSE RUSTC_WRAPPER RUSTC SHELLOPTS BASHOPTS ZDOTDIR FPATH "
    "SSH_ASKPASS SUDO_ASKPASS GIT_ASKPASS npm_config_script_shell npm_config_globalconfig NPM_CONFIG_USERCONFIG "
    "OPENSSL_CONF OPENSSL_ENGINES KUBECONFIG_EXEC PYTHONINSPECT PHPRC PHP_INI_SCAN_DIR LUA_INIT GUILE_LOAD_PATH "
    "VIMINIT EXINIT GTK_MODULES QT_PLUGIN_PATH TERMINFO MANOPT CMAKE_TOOLCHAIN_FILE NODE_REPL_EXTERNAL_MODULE"
)
_COMMANDS = word_set("PROMPT_COMMAND GIT_SSH_COMMAND GIT_PROXY_COMMAND GIT_EXTERNAL_DIFF LESSOPEN LESSCLOSE")
_PROGRAMS = word_set(
    "PAGER EDITOR VISUAL BROWSER GIT_PAGER GIT_EDITOR GIT_SEQUENCE_EDITOR MANPAGER SYSTEMD_EDITOR KUBE_EDITOR "
    "SYSTEMD_PAGER PSQL_PAGER PSQL_EDITOR DIFFPROG MERGE FCEDIT HGEDITOR SVN_EDITOR AWS_PAGER SUDO_EDITOR BAT_PAGER "
    "DELTA_PAGER GH_PAGER GH_EDITOR GH_BROWSER"
)
_FOLDERS = word_set("PYTHONPATH NODE_PATH PERL5LIB RUBYLIB CLASSPATH GOPATH GEM_PATH GEM_HOME MODULEPATH")
_HARMLESS = word_set(
    "cat less more true false : vi vim nano emacs most bat code nvim ed head tail delta echo env "
    "/bin/true /bin/cat /usr/bin/less /usr/bin/vim /usr/bin/nano /bin/false /usr/bin/true"
)
_NODE_LOADS = re.compile(r"--(?:require|import|loader|inspect|experimental-loader)|-r")
_SYSTEM = re.compile(r"/(?:usr|bin|sbin|opt|snap)(?:/.*)?|/nix/.*|")
_SECRET = re.compile(
    r"(?:^|_)(?:SECRETS?|TOKENS?|PASSWORD|PASSWD|PASSPHRASE|APIKEY|API_KEY|ACCESS_KEY|PRIVATE_KEY|"
    r"CREDENTIALS?|PGPASSWORD|MYSQL_PWD|SECRET_KEY|AUTH)(?:$|_)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Return True if a variable's name says that it holds a password or a key."""
    return bool(_SECRET.search(name)) and not re.search(r"(?:^|_)(?:FILE|PATH|URL|NAME|LENGTH|COUNT|TTL|SOCK)$", name)


def set_variable(reading: Reading, name: str, value: Word, *, exported: bool = True) -> None:
    """Note that an environment variable gets a value.

    Args:
        exported: Programs that are started see it. Some variables count in the shell itself, too.
    """
    if exported:
        reading.touch(environment=[name])
    if name in ("HISTSIZE", "HISTFILESIZE", "HISTFILE") and value.text in ("0", "", "/dev/null"):
        reading.add(TRACELESS, "This turns off the shell's history.", value.line)
    if name == "PATH":
        _search_path(reading, value)
    elif name in ("PROMPT_COMMAND", "BASH_ENV") or (exported and name in _LOADS):
        if value.text.strip():
            reading.add(ENVIRONMENT, f"{name} makes programs run or load {value.display}.", value.line)
            if name in _COMMANDS:
                reading.read("shell", value.text.lstrip("|"), value.line, fixed=True)
    elif exported and name in _PROGRAMS:
        _program(reading, name, value)
    elif exported and name == "NODE_OPTIONS" and _NODE_LOADS.search(value.text):
        reading.add(ENVIRONMENT, "NODE_OPTIONS makes Node.js load code.", value.line)
    elif exported and re.match(r"GIT_CONFIG_(?:KEY|VALUE|COUNT|PARAMETERS)", name):
        reading.add(ENVIRONMENT, f"{name} sets Git's configuration, which can run programs.", value.line)
    elif exported and name in _FOLDERS:
        reading.doubt()


def _program(reading: Reading, name: str, value: Word) -> None:
    program = value.text.strip().split(" ")[0]
    if value.known and (program in _HARMLESS or not program) and not re.search(r"[;&|`$<>]", value.text):
        return
    reading.add(ENVIRONMENT, f"{name} makes programs run {value.display}.", value.line)
    reading.read("shell", value.text, value.line, fixed=True)


def _search_path(reading: Reading, value: Word) -> None:
    text = value.text
    worst: RiskLevel | None = None
    for number, folder in enumerate(text.split(":")):
        if (_SYSTEM.fullmatch(folder) and folder) or (not folder and number):
            continue
        if folder in ("", ".") or folder.startswith(("./", "../", "/tmp", "/var/tmp", "/dev/shm")):  # noqa: S108
            worst = RiskLevel.HIGH
        elif worst is None and folder not in (UNKNOWN, f"{UNKNOWN}…"):
            worst = RiskLevel.MEDIUM
        elif folder.startswith(UNKNOWN):
            reading.doubt()
    if worst is not None:
        words = f"Programs are looked for in {value.display} from here on, so that other ones may run."
        reading.add(SEARCH_PATH, words, value.line, worst)
