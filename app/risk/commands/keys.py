"""Keys, certificates, and stores of passwords."""

from __future__ import annotations

import re
from dataclasses import replace

from app.risk.commands.options import arguments_of
from app.risk.commands.sending import connect_to
from app.risk.commands.table import Command, program, read_command
from app.risk.effects import Act, act_on, run_unread
from app.risk.places import Place, place_of
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.words import Word
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

SHOWS = declare(
    "keys.shows",
    HIGH,
    "Shows private keys or passwords.",
    "gpg --export-secret-keys",
    "gpg --list-keys",
    language="shell",
)
MAKES = declare(
    "keys.makes",
    LOW,
    "Makes or changes keys and certificates of the working folder.",
    "openssl genrsa -out a.pub 2048",
    "openssl version",
    language="shell",
)
TRUSTS = declare(
    "keys.trusts",
    HIGH,
    "Changes which keys are used or trusted.",
    "ssh-copy-id web1.example.com",
    "ssh-keygen -lf a.pub",
    language="shell",
)
GONE = declare(
    "keys.gone",
    CRITICAL,
    "Deletes private keys or passwords.",
    "gpg --delete-secret-keys ada",
    "gpg --list-secret-keys",
    language="shell",
)

_OPENSSL_VERBS = frozenset(
    [
        "version",
        "help",
        "list",
        "errstr",
        "rand",
        "speed",
        "ciphers",
        "prime",
        "x509",
        "req",
        "crl",
        "verify",
        "asn1parse",
        "dgst",
        "enc",
        "base64",
        "s_client",
        "s_server",
        "rsa",
        "pkey",
        "ec",
        "dsa",
        "pkcs7",
        "pkcs8",
        "pkcs12",
        "genrsa",
        "genpkey",
        "ecparam",
        "dhparam",
        "gendsa",
        "ca",
        "ts",
        "smime",
        "cms",
        "rsautl",
        "pkeyutl",
        "passwd",
        "ocsp",
        "storeutl",
        "sha256",
        "sha1",
        "md5",
        "sha512",
        "s_time",
        "sess_id",
        "fipsinstall",
        "kdf",
        "mac",
        "pkeyparam",
        "dsaparam",
        "info",
        "crl2pkcs7",
        "nseq",
        "aes-256-cbc",
        "-v",
        "--version",
        "--help",
    ]
) | {""}
_OPENSSL = (
    "-in -out -keyout -key -inkey -CA -CAkey -cert -certfile -CAfile -CApath -days -subj -config -extfile "
    "-extensions -name -passin -passout -connect -servername "
    "-port -accept -newkey -pass -k -K -iv -S -md -engine -provider -sign -verify -signature -rand -CAserial "
    "-set_serial -recip -signer -name -inform -outform"
)


@program("openssl", "libressl")
def _openssl(command: Command, reading: Reading) -> None:
    words = command.arguments
    verb = words[0].text if words else ""
    given = arguments_of(words[1:], _OPENSSL, single_dash=True)
    for word in given.values("-out", "-keyout"):
        if place_of(word.text) is Place.SECRET and not word.text.startswith(("/", "~")):
            reading.add(MAKES, f"This writes {word.display}, a key or certificate.", word.line, MEDIUM)
        else:
            act_on(reading, Act.WRITE, word)
    for word in given.values("-engine", "-provider"):
        run_unread(reading, word)
    if verb not in _OPENSSL_VERBS:
        reading.add(MAKES, f"What openssl {verb[:40]} does is not known.", command.line, MEDIUM)
        reading.doubt()
    if verb == "s_client":
        connect_to(
            given.value("-connect") or Word("another machine", command.line),
            reading,
            sends=bool(command.input_from),
            secret=command.input_from == "secret",
        )
    elif verb == "s_server":
        reading.add(TRUSTS, "This waits for connections from elsewhere.", command.line)
    elif verb in ("rsa", "pkey", "ec", "dsa", "pkcs8", "pkcs12") and not given.exactly(
        "-pubout", "-noout", "-pubin", "-check", "-info"
    ):
        for word in given.values("-in", "-inkey"):
            act_on(reading, Act.READ, word)
        if not given.value("-out"):
            reading.add(SHOWS, "This shows a private key.", command.line)
    elif verb in ("enc", "aes-256-cbc", "smime", "cms", "rsautl", "pkeyutl", "dgst", "base64"):
        for word in given.values("-in"):
            act_on(reading, Act.READ, word)
    elif verb == "ca" and given.exactly("-revoke", "-gencrl", "-crl_reason"):
        reading.add(TRUSTS, "This takes a certificate back: what uses it is no longer trusted.", command.line)
    elif verb in ("genrsa", "genpkey", "req", "x509", "ca", "ecparam", "dhparam", "gendsa", "ts") and given.value(
        "-out", "-keyout"
    ):
        reading.add(MAKES, "This makes keys or certificates.", command.line, HIGH if verb == "ca" else None)


@program("ssh-keygen", "ssh-copy-id", "ssh-add", "ssh-keyscan", "ssh-agent", "puttygen")
def _ssh_keys(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments, "-t -b -f -N -P -C -R -F -O -I -s -z -V -n -D -m -Y -i -p -o -c -E -e -a -r -T -w -M -W"
    )
    name = command.name
    if name == "ssh-agent":
        given = arguments_of(command.arguments, "-a -t -E -O -P", mixed=False)
    if name == "ssh-copy-id":
        reading.add(TRUSTS, "This lets a key sign in to another machine.", command.line)
        for word in given.operands[:1]:
            connect_to(word, reading, sends=True)
    elif name == "ssh-agent":
        if given.operands:
            read_command(replace(command, words=given.operands), reading)
    elif name == "ssh-add":
        if not given.exactly("-l", "-L", "-T"):
            reading.add(TRUSTS, "This changes which keys this session uses.", command.line, MEDIUM)
    elif name == "ssh-keyscan":
        for word in given.operands[:3]:
            connect_to(word, reading)
    elif name == "ssh-keygen" and not given.exactly("-l", "-L", "-F", "-B", "-H", "-Q"):
        if given.has("-R"):
            reading.add(TRUSTS, "This forgets the key by which a machine is known.", command.line, MEDIUM)
        elif given.exactly("-y"):
            for word in given.values("-f"):
                act_on(reading, Act.READ, word)
        elif given.has("-s", "-D"):
            reading.add(TRUSTS, "This signs keys, or loads a library.", command.line)
        else:
            reading.add(MAKES, "This makes or changes a key pair.", command.line, MEDIUM)
            file = given.value("-f")
            if file is not None and not re.search(r"\.ssh/", file.text):
                act_on(reading, Act.CREATE, file.with_text(file.text + ".pub"))


@program(*word_set("gpg gpg2 gpgsm gpg-agent gpgconf gpg-connect-agent minisign signify cosign rage age-keygen"))
def _gpg(command: Command, reading: Reading) -> None:
    given = arguments_of(
        command.arguments,
        "-o --output -r --recipient -u --local-user --homedir --keyserver --passphrase --trust-model -z "
        "--default-key --passphrase-file "
        "--passphrase-fd --status-fd --pinentry-mode --keyring --recv-keys --search-keys --photo-viewer "
        "--compress-algo --cipher-algo",
    )
    for word in given.values("-o", "--output"):
        act_on(reading, Act.WRITE, word)
    if given.has("--delete-secret-keys", "--delete-secret-key", "--delete-secret-and-public-key"):
        reading.add(GONE, "This deletes private keys: what is encrypted with them can no longer be read.", command.line)
    elif given.has("--export-secret-keys", "--export-secret-subkeys", "--export-secret-key", "--export-secret-ssh-key"):
        reading.add(SHOWS, "This shows or copies out private keys.", command.line)
    elif given.has(
        "--import",
        "--delete-keys",
        "--delete-key",
        "--edit-key",
        "--sign-key",
        "--lsign-key",
        "--import-ownertrust",
        "--quick-set-expire",
        "--quick-add-uid",
        "--quick-sign-key",
        "--recv-keys",
        "--recv-key",
        "--search-keys",
        "--refresh-keys",
        "--send-keys",
        "--fetch-keys",
        "--receive-keys",
        "--import-options",
        "--quick-revoke-uid",
        "--gen-revoke",
    ):
        reading.add(
            TRUSTS, "This changes which keys are trusted, or asks or tells others about keys.", command.line, MEDIUM
        )
    elif given.has(
        "--gen-key",
        "--full-generate-key",
        "--full-gen-key",
        "--quick-generate-key",
        "--generate-key",
        "--quick-gen-key",
    ):
        reading.add(MAKES, "This makes a key pair.", command.line, MEDIUM)
    elif given.has("-d", "--decrypt"):
        reading.add(SHOWS, "This decrypts a file.", command.line, MEDIUM)
    elif given.has(
        "-e",
        "--encrypt",
        "-s",
        "--sign",
        "-c",
        "--symmetric",
        "-b",
        "--detach-sign",
        "--clearsign",
        "--clear-sign",
        "--detach-sig",
    ):
        for word in given.operands:
            act_on(reading, Act.READ, word)
        reading.add(MAKES, "This encrypts or signs.", command.line)
    elif not given.exactly(*_GPG_READS):
        reading.add(SHOWS, f"What {command.name} does here is not known; it may decrypt a file.", command.line, MEDIUM)
        reading.doubt()
    if given.has("--photo-viewer"):
        run_unread(reading, "the program that shows pictures of keys", command.line)


_GPG_READS = (
    "--list-keys", "-k", "--list-public-keys", "--list-secret-keys", "-K", "--list-sigs", "--check-sigs", "--verify",
    "--fingerprint", "--export", "--show-keys", "--list-packets", "--print-md", "--version", "--help", "--list-config",
    "--list-options", "--list-dirs", "--list-components", "--dump-options", "--gen-random", "--dearmor", "--enarmor",
    "--export-ownertrust", "verify", "version", "--check-options", "--list-trustdb",
)  # fmt: skip
_STORES = {
    # name: (words that show secrets, words that delete, words that only list)
    "pass": ("show|otp|grep|-c|--clip|[^ ]*/", "rm|remove|delete", "ls|list|find|search|version|help|git log"),
    "gopass": ("show|cat|grep|otp|[^ ]*/", "rm|delete|remove", "ls|list|find|version|help|audit"),
    "op": ("read|item get|run|inject|document get|signin|connect token", "delete|item delete|vault delete|user "
    "delete", "item list|vault list|whoami|account list|user list|--version|list"),
    "bw": ("get|export|unlock|login|list items", "delete", "status|sync|--version|list folders|generate"),
    "lpass": ("show|export", "rm", "ls|status"),
    "keepassxc-cli": ("show|export|clip|attachment-export|open", "rm|rmdir", "ls|search|generate|estimate|db-info"),
    "security": ("find-generic-password|find-internet-password|dump-keychain|export|find-identity|unlock-keychain"
    "|dump-trust-settings",
                 "delete-keychain|delete-generic-password|delete-internet-password|delete-identity"
                 "|delete-certificate", "list-keychains|find-certificate|show-keychain-info|default-keychain"
                 "|verify-cert|cms|error|help"),
    "secret-tool": ("lookup|search", "clear", ""),
    "kwallet-query": ("-r|--read", "", "-l|--list"),
    "keyctl": ("read|print|pipe", "unlink|revoke|clear|purge", "show|list|describe|search"),
    "keyring": ("get", "del", "--list-backends|--version"),
    "cmdkey": ("", "/delete", "/list"),
    "keytool": ("-exportcert|-export", "-delete", "-list|-printcert|-showinfo"),
    "vaultwarden": ("", "", ""),
    "conjur": ("variable get|variable value", "variable unset|policy replace", "whoami|list|version"),
    "akeyless": ("get-secret-value|get-dynamic", "delete", "list-items|describe"),
    "gnome-keyring": ("export", "", "version"),
    "certbot": ("", "delete|revoke|unregister", "certificates|show_account|--version|plugins"),
    "acme.sh": ("", "--remove|--revoke|--deactivate", "--list|--info|--version"),
    "lego": ("", "revoke", "list|--version"),
    "step": ("crypto key format|crypto jwe decrypt", "ca revoke", "certificate inspect|certificate "
    "verify|version|certificate fingerprint|path"),
    "mkcert": ("", "-uninstall", "-CAROOT|-version"),
    "certutil": ("-d .* -K", "-D|-delstore|-delkey", "-L|-dump|-verify|-hashfile|-store|-V"),
    "pk12util": ("-o", "", "-l"),
    "tpm2": ("unseal|rsadecrypt", "clear|evictcontrol", "getcap|pcrread|getrandom"),
    "ykman": ("otp|oath accounts code", "reset|piv reset|oath reset|delete", "info|list|--version"),
    "htdigest": ("", "", ""), "mimipenguin": (".*", "", ""), "lazagne": (".*", "", ""), "truffleHog": ("", "", ""),
    "trufflehog": ("", "", ".*"),
}  # fmt: skip


@program(*(name for name in _STORES if name != "certutil"))
def _store(command: Command, reading: Reading) -> None:
    shows, deletes, lists = _STORES[command.name]
    texts = [word.text for word in command.arguments]
    line = " ".join(texts)
    if texts in (["--version"], ["--help"], ["-h"], ["help"], ["version"]):
        return
    if deletes and re.match(rf"(?:-\S+ )*(?:{deletes})\b", line):
        certificate = command.name in ("certbot", "acme.sh", "lego", "mkcert", "step")
        reading.add(
            GONE,
            f"This deletes keys or passwords: {command.name} {line}."[:120],
            command.line,
            HIGH if certificate else None,
        )
    elif (lists and re.match(rf"(?:-\S+ )*(?:{lists})(?: |$)", line)) or not texts:
        return
    elif shows and re.match(rf"(?:-\S+ )*(?:{shows})", line):
        reading.add(SHOWS, f"This shows passwords or keys: {command.name} {line}."[:120], command.line)
    else:
        level = MEDIUM if command.name in ("certbot", "acme.sh", "lego", "mkcert", "step") else None
        reading.add(
            TRUSTS, f"This changes passwords, keys, or certificates: {command.name} {line}."[:120], command.line, level
        )
