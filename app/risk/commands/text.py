"""Programs that only read, compute, and print, with their few options that do more."""

from __future__ import annotations

import re

from app.risk.commands.options import Arguments, arguments_of
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_dynamic
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

KILLS = declare("process.kills", RiskLevel.MEDIUM, "Ends processes.", "kill 4711", "kill -0 4711", language="shell")

_OF_FILES = word_set(
    "cat tac head tail nl wc less more most od xxd hexdump hd strings file stat cksum md5sum sha1sum sha224sum "
    "sha256sum sha384sum sha512sum b2sum sum md5 shasum sha1 sha256 crc32 xxhsum b3sum cmp comm diff diff3 colordiff "
    "sdiff wdiff delta difft icdiff cut paste join fold fmt pr expand unexpand column colrm rev tsort look bat batcat "
    "ccat zcat zless zmore bzcat bzless xzcat xzless zstdcat lz4cat gzcat du readelf objdump nm size otool dwarfdump "
    "addr2line c++filt identify mediainfo ffprobe pdfinfo pdffonts csvlook csvstat csvcut csvgrep csvjson csvsort "
    "in2csv xsv qsv hexyl glow mdcat lolcat zipinfo zdiff zcmp bzdiff xzdiff base64 base32 basenc uuencode ssdeep vis "
    "unvis peekfd catdoc antiword docx2txt odt2txt ps2ascii html2text rtf2text diffstat lsdiff filterdiff interdiff "
    "grepdiff sha3sum rhash gtail ghead gcat gwc gcut gdu gstat logtail lnav ccze multitail mandoc col colcrt ul gpgv "
    "cksfv par2verify nroff troff deroff detex jc pygmentize highlight source-highlight tiv chafa imgcat timg viu "
    "xmlindent jsonpp fx jless gron jid hcl2json toml2json yaml2json json2yaml remarshal csvtool tabulate hexdiff "
    "vbindiff ent"
)
_OF_PATTERNS = word_set(
    "grep egrep fgrep zgrep zegrep zfgrep bzgrep xzgrep rgrep ggrep pcregrep pcre2grep agrep ugrep rg ripgrep ag ack "
    "ack-grep sift pt jq jaq gojq xq xpath xidel htmlq pup sgrep tgrep ast-grep sg"
)
_OF_NAMES = word_set(
    "echo printf print true false : test [ [[ seq expr bc dc factor primes numfmt date cal ncal uptime w who whoami "
    "id groups users logname tty uname arch nproc getconf locale lscpu lsmem lsblk lspci lsusb lsmod lsns lshw "
    "dmidecode inxi free vmstat iostat mpstat sar pidstat top htop btop atop glances iotop df ps pgrep pidof pstree "
    "pwdx jobs fg bg wait times type which whatis apropos man info help tldr cheat pwd cd dirs basename dirname "
    "realpath readlink ls dir vdir ll la l exa eza lsd gls printenv-names sleep usleep yes clear reset tput figlet "
    "toilet fortune banner sl cmatrix read readonly local declare typeset export unset set shift getopts "
    "getopt shopt ulimit umask hash return exit break continue let mapfile readarray caller compgen complete bind "
    "pathchk fc-match xdpyinfo xwininfo finger last lastb lastlog lslogins lsipc ipcs lslocks lsfd findmnt "
    "blkid sensors acpi upower rocm-smi vainfo vulkaninfo glxinfo clinfo numastat slabtop pmap ss lsb_release sw_vers "
    "system_profiler ver hostid dnsdomainname nisdomainname ypdomainname zdump uuidgen mcookie pwgen apg title "
    "dircolors vercmp pkg-config pkgconf xdg-user-dir xdg-mime-query ckbcomp lessecho tzselect errno units qalc "
    "gcalctool ascii unicode isatty strftime suspend disown logout zparseopts semver jot gseq gdate gecho gprintf "
    "gbasename gdirname grealpath greadlink gexpr gtest guname gid tabs cpuid perror gettext ngettext envsubst "
    "nl-langinfo systemd-detect-virt systemd-path systemd-escape systemd-analyze systemd-delta "
    "systemd-cgls systemd-cgtop virt-what imvirt turbostat colors ischroot catman python-config python3-config "
    "mysql_config curl-config xml2-config sdl-config freetype-config llvm-config gpg-error-config "
    "ncurses-config php-config krb5-config net-snmp-config wx-config"
)
_VALUED = {
    "grep": "-e -f -m -A -B -C -d -D --regexp --file --max-count --include --exclude --exclude-dir --color --label "
    "--context",
    "rg": "-e -f -m -A -B -C -g -t -T -r -j -M -E --regexp --file --glob --iglob --type --type-not --max-count "
    "--max-depth "
          "--replace --sort --sortr --pre --pre-glob --color --context --ignore-file --encoding --max-filesize "
          "--max-columns "
          "--hostname-bin",
    "ag": "-G -m -A -B -C --ignore --depth --pager", "ack": "-m -A -B -C --type --pager --ignore-dir",
    "head": "-n -c --lines --bytes", "tail": "-n -c -s --lines --bytes --pid --sleep-interval",
    "cut": "-d -f -c -b --delimiter --fields --characters --bytes --output-delimiter", "paste": "-d --delimiters",
    "join": "-t -1 -2 -j -o -a -v -e", "nl": "-b -d -f -h -i -l -n -s -v -w", "fold": "-w", "fmt": "-w", "pr": "-l "
    "-o -w -h",
    "od": "-A -j -N -S -t -w", "xxd": "-c -g -l -o -s", "hexdump": "-e -f -n -s", "strings": "-n -e -t",
    "stat": "-c -f --format --printf -t", "du": "-d --max-depth --exclude -B -t --threshold --time-style -X", "wc": "",
    "diff": "-U -C -I -x -X -F -D -W --label --exclude --from-file --to-file --color", "cmp": "-n -i",
    "column": "-t -s -c -o -N -R",
    "base64": "-w --wrap", "jq": "-f --from-file --indent -L --tab",
    "less": "-p -P -x -o -O -k -t -T -j", "more": "-n", "bat": "-l -r -H --language --style --theme --line-range "
    "--pager --color",
    "objdump": "-j -M", "file": "-m -f -F", "csvcut": "-c -d", "csvgrep": "-c -m -r",
}  # fmt: skip
_ALIKE = {
    "egrep": "grep", "fgrep": "grep", "zgrep": "grep", "ggrep": "grep", "rgrep": "grep", "ripgrep": "rg",
    "pcregrep": "grep",
    "ugrep": "grep", "zegrep": "grep", "zfgrep": "grep", "bzgrep": "grep", "xzgrep": "grep", "colordiff": "diff",
    "batcat": "bat",
    "gtail": "tail", "ghead": "head", "jaq": "jq", "gojq": "jq", "ack-grep": "ack", "sdiff": "diff", "base32": "base64",
}  # fmt: skip
_WRITING = {
    "less": "-o -O --log-file --LOG-FILE", "tree": "-o", "shasum": "", "xxhsum": "", "diff": "", "sdiff": "-o --output",
    "iconv": "-o --output", "pygmentize": "-o", "highlight": "-o", "html2text": "-o", "rg": "", "exiftool": "-o",
}  # fmt: skip
_RUNNING = {
    "rg": "--pre --hostname-bin", "ag": "--pager", "ack": "--pager", "bat": "--pager", "batcat": "--pager",
    "man": "-P --pager -H --html", "ripgrep": "--pre --hostname-bin",
}  # fmt: skip
"""Options that start a program."""


def _valued(name: str) -> str:
    return _VALUED.get(_ALIKE.get(name, name), "")


def _side_effects(given: Arguments, command: Command, reading: Reading) -> None:
    name = command.name
    for word in given.values(*_WRITING.get(name, "").split()):
        act_on(reading, Act.WRITE, word)
    for word in given.values(*_RUNNING.get(name, "").split()):
        reading.read("shell", f"{word.text} x", word.line, fixed=True)


@program(*sorted(_OF_FILES))
def _show(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, f"{_valued(command.name)} {_WRITING.get(command.name, '')} {_RUNNING.get(command.name, '')}"
    )
    _side_effects(given, command, reading)
    act = Act.LIST if command.name in ("stat", "du", "file", "size") else Act.READ
    if command.name == "xxd" and given.has("-r") and len(given.operands) > 1:
        act_on(reading, Act.WRITE, given.operands[1])
    for word in given.operands:
        act_on(reading, act, word)


@program(*sorted(_OF_PATTERNS))
def _search(command: Command, reading: Reading) -> None:
    name = command.name
    given = arguments_of(command.arguments, f"{_valued(name)} {_RUNNING.get(name, '')}", single_dash=False)
    _side_effects(given, command, reading)
    operands = given.operands
    if name in ("jq", "jaq", "gojq"):
        operands = [word for word in _without_pairs(command.arguments) if not word.text.startswith("-")]
    if not given.values("-e", "--regexp", "-f", "--file", "--from-file"):
        operands = operands[1:]
    if name in ("sg", "ast-grep") and given.has("-U", "--update-all", "-r", "--rewrite"):
        act_on(reading, Act.WRITE, Word("changed.py", command.line, "the files that match"))
    for word in operands:
        act_on(reading, Act.READ, word)


def _without_pairs(words: list[Word]) -> list[Word]:
    """Drop ``--arg name value`` and its likes of ``jq``."""
    found: list[Word] = []
    place = 0
    while place < len(words):
        text = words[place].text
        if text in ("--arg", "--argjson", "--slurpfile", "--rawfile"):
            place += 3
        elif text in ("--args", "--jsonargs"):
            break
        else:
            place += 2 if text in ("--indent", "-L", "--from-file", "-f") else 1
            if text not in ("--indent", "-L"):
                found.append(words[min(place - 1, len(words) - 1)])
    return found


@program(*sorted(_OF_NAMES))
def _print(command: Command, reading: Reading) -> None:
    name = command.name
    if name in _RUNNING:
        _side_effects(arguments_of(command.arguments, _RUNNING[name]), command, reading)
    if name == "date":
        given = arguments_of(command.arguments, "-d -s -f -r --date --set --reference --file -I")
        if given.value("-s", "--set") or any(re.fullmatch(r"\d{8,}(?:\.\d+)?", word.text) for word in given.operands):
            reading.add(SETS_CLOCK, "This sets the machine's clock.", command.line)
    elif name in ("ls", "dir", "exa", "eza"):
        for word in arguments_of(command.arguments, "-I -w --ignore --time-style --sort --format").operands:
            act_on(reading, Act.LIST, word)


SETS_CLOCK = declare(
    "system.clock",
    RiskLevel.HIGH,
    "Sets the machine's clock.",
    "date -s '2020-01-01'",
    "date -d '2020-01-01'",
    language="shell",
)


@program(
    *word_set(
        "sort gsort uniq shuf tr iconv yq mlr csvsql dos2unix unix2dos exiftool pdftotext xsltproc xmlstarlet jo "
        "dasel tomlq pandoc groff asciidoctor dot gnuplot qpdf pdfunite convert magick mogrify ffmpeg sox optipng "
        "pngquant jpegoptim cwebp rsvg-convert inkscape wkhtmltopdf libreoffice soffice ps2pdf gs crudini augtool "
        "hex2bin msgfmt xgettext msgmerge plantuml mmdc d2 perltidy recode"
    )
)
def _convert(command: Command, reading: Reading) -> None:
    name = command.name
    given = (
        arguments_of(
            command.arguments,
            "-o --output -k -t -S -T --files0-from --compress-program -i --input -f --from --to -n -e -c -d --out",
            single_dash=name in ("ffmpeg", "convert", "magick", "mogrify"),
        )
        if name not in ("uniq", "tr", "yq", "shuf", "pandoc", "dos2unix", "unix2dos", "mlr")
        else arguments_of(
            command.arguments,
            {
                "uniq": "-f -s -w",
                "shuf": "-i -n -o --output",
                "pandoc": "-o --output -f -t -H -B -A -V -M -F -L --filter --lua-filter --pdf-engine",
            }.get(name, "-o --output"),
        )
    )
    operands = given.operands
    if code := given.value("--compress-program"):
        read_command(Command([code]), reading)
    for word in given.values("-F", "--filter", "-L", "--lua-filter", "--pdf-engine") if name == "pandoc" else ():
        read_command(Command([word]), reading)
    for word in given.values("-o", "--output", "--out") if name not in ("tr", "uniq", "dot") else given.values("-o"):
        act_on(reading, Act.WRITE, word)
    writes: list[Word] = []
    if name == "tr":
        operands = []
    elif name == "uniq":
        operands, writes = operands[:1], operands[1:2]
    elif name in ("yq", "dasel", "tomlq", "mlr", "xmlstarlet"):
        in_place = given.has("-i", "--inplace", "--in-place", "-L", "-I")
        files = operands[1:]
        operands, writes = (files, files if in_place else [])
    elif name in (
        "dos2unix",
        "unix2dos",
        "mogrify",
        "exiftool",
        "optipng",
        "jpegoptim",
        "pngquant",
        "crudini",
        "augtool",
    ):
        writes = [word for word in operands if "=" not in word.text]
        if name == "mogrify":
            writes = [word for word in writes if re.search(r"[./*?]", word.text) and not word.text.endswith("%")]
        operands = []
        if name == "exiftool" and not any("=" in word.text for word in command.arguments):
            writes, operands = [], writes
    elif name in ("convert", "magick", "ffmpeg", "pdfunite", "qpdf", "ps2pdf", "wkhtmltopdf", "sox", "pdftotext"):
        operands, writes = operands[:-1], operands[-1:] if len(operands) > 1 or name == "ffmpeg" else []
    elif name in ("libreoffice", "soffice", "gnuplot", "inkscape", "gs"):
        reading.doubt()
    for word in operands:
        if name != "csvsql":
            act_on(reading, Act.READ, word)
    converts = name in ("convert", "magick", "ffmpeg", "pdfunite", "qpdf", "ps2pdf", "wkhtmltopdf", "sox", "pdftotext")
    for word in writes:
        if word.text != "-":
            same = any(word.text == source.text for source in operands)
            act_on(reading, Act.WRITE if converts and not same else Act.OVERWRITE, word)


_SED_RUNS = re.compile(r"(?:^|[;\n{}]|\d|/|\$|!)\s*e(?:\s+([^\n]*))?(?:$|[;\n])")
_SED_SUBSTITUTES = re.compile(r"s([^\w\s\\])((?:\\.|(?!\1).)*)\1((?:\\.|(?!\1).)*)\1([gpiImM0-9ew]*)", re.DOTALL)
_SED_WRITES = re.compile(r"(?:^|[;\n{}]|\d|/|\$|!)\s*[wW]\s+([^\s;}]+)")


@program("sed", "gsed", "ssed", "sd", "ed", "ex")
def _sed(command: Command, reading: Reading) -> None:
    if command.name in ("ed", "ex"):
        _line_editor(command, reading)
        return
    if command.name == "sd":
        for word in [one for one in command.arguments if not one.text.startswith("-")][2:]:
            act_on(reading, Act.OVERWRITE, word)
        return
    given = arguments_of(command.arguments, "-e -f -l --expression --file --line-length")
    codes = given.values("-e", "--expression")
    operands = given.operands
    if not codes and not given.values("-f", "--file"):
        codes, operands = operands[:1], operands[1:]
    for path in given.values("-f", "--file"):
        from app.risk.commands.interpreters import run_file

        run_file("sed", path, reading)
    for code in codes:
        _sed_code(code, reading)
    in_place = given.has("-i", "--in-place") or any(option == "-i" for option, _ in given.options)
    if in_place and operands and not operands[0].text:  # macOS: sed -i '' …
        operands = operands[1:]
    for word in operands:
        act_on(reading, Act.OVERWRITE if in_place else Act.READ, word)


def _sed_code(code: Word, reading: Reading) -> None:
    if code.known or code.when_empty.strip():
        text = code.text
    else:
        run_dynamic(reading, code)
        return
    for match in _SED_SUBSTITUTES.finditer(text):
        if "e" in match.group(4):
            run_dynamic(reading, code)
        if "w" in match.group(4):
            target = re.match(r"\s*(\S+)", text[match.end() :])
            if target and target.group(1) not in ("/dev/stdout", "/dev/stderr"):
                act_on(reading, Act.WRITE, Word(target.group(1), code.line))
    rest = _SED_SUBSTITUTES.sub("", text)
    for match in _SED_WRITES.finditer(rest):
        act_on(reading, Act.WRITE, Word(match.group(1), code.line))
    for match in _SED_RUNS.finditer(rest):
        if match.group(1):
            reading.read("shell", match.group(1), code.line, fixed=True)
        elif re.search(r"(?:^|[;\n{}]|\d)\s*e\s*(?:$|[;\n])", match.group()):
            run_dynamic(reading, code)


def _line_editor(command: Command, reading: Reading) -> None:
    given = arguments_of(command.arguments, "-p -c -S")
    for word in given.operands:
        act_on(reading, Act.WRITE, word)
    text = command.input.text if command.input else " ".join(word.text for word in given.values("-c"))
    for match in re.finditer(r"(?:^|\n)[\d,$%]*!([^\n]+)", text):
        reading.read("shell", match.group(1), command.line, fixed=True)


@program("kill", "pkill", "killall", "skill", "xkill", "killall5", "fkill")
def _kill(command: Command, reading: Reading) -> None:
    texts = [word.text for word in command.arguments]
    if any(text in ("-l", "-L", "-0", "--list", "-V", "--version") for text in texts[:1]) or texts[:2] == ["-s", "0"]:
        return
    operands = [text for text in texts if not re.match(r"-(?:[A-Z]+|\d{1,2}|s|n|f|9)$|-SIG", text)]
    every = command.name == "killall5" or (
        command.name == "kill" and any(text in ("-1", "1") for text in texts[1:] + operands)
    )
    user = any(text in ("-u", "-U", "--user", "--euid", "--uid") for text in texts)
    system = any(text in _SYSTEM_PROGRAMS for text in texts)
    broad = command.name in ("pkill", "killall") and any(text in (".", ".*", "") for text in operands)
    level = RiskLevel.HIGH if user or system or broad else RiskLevel.MEDIUM
    level = RiskLevel.HIGH if every else level
    level = RiskLevel.CRITICAL if command.name == "killall5" or "-1" in texts[1:] else level
    what = "all processes" if every or user or broad else "processes"
    reading.add(KILLS, f"This ends {what}; what they have not saved is lost.", command.line, level)


_SYSTEM_PROGRAMS = word_set(
    "postgres postgresql mysqld mysql mariadbd mongod redis-server nginx apache2 httpd sshd systemd init dockerd "
    "containerd "
    "kubelet haproxy java cron crond rsyslogd auditd falco clamd etcd rabbitmq-server beam.smp php-fpm envoy"
)


@program("printenv")
def _printenv(command: Command, reading: Reading) -> None:
    from app.risk.commands.wrappers import ENVIRONMENT_READ
    from app.risk.shell.environment import is_secret

    names = [word.text for word in command.arguments if not word.text.startswith("-")]
    reading.touch(environment=names)
    if not names or any(is_secret(name) for name in names):
        reading.add(ENVIRONMENT_READ, "This prints environment variables, which may hold passwords.", command.line)


@program("history", "fc", "trap", "alias", "unalias", "enable", "eval", "source", ".")
def _builtin(command: Command, reading: Reading) -> None:
    """Built-in commands outside a shell's code; inside, the reader of shell code knows them."""
    if command.name in ("eval", "source", ".", "trap"):
        for word in command.arguments:
            reading.read("shell", word.text, word.line, fixed=True)
