"""PowerShell's own aliases."""

from __future__ import annotations

from app.risk.rules import word_set

_LISTS = {
    "add-content": "ac", "clear-content": "clc", "clear-history": "clhy", "clear-item": "cli",
    "clear-itemproperty": "clp", "clear-variable": "clv", "compare-object": "compare diff", "copy-item": "copy cp cpi",
    "copy-itemproperty": "cpp", "convert-path": "cvpa", "export-alias": "epal", "export-csv": "epcsv",
    "format-custom": "fc", "format-list": "fl", "format-table": "ft", "format-wide": "fw",
    "foreach-object": "foreach %", "get-alias": "gal", "get-content": "gc cat type", "get-childitem": "gci dir ls",
    "get-command": "gcm", "get-clipboard": "gcb", "get-history": "ghy h history", "get-item": "gi",
    "get-itemproperty": "gp", "get-itempropertyvalue": "gpv", "get-job": "gjb", "get-location": "gl pwd",
    "get-member": "gm", "get-module": "gmo", "get-process": "gps ps", "get-psdrive": "gdr", "get-service": "gsv",
    "get-unique": "gu", "get-variable": "gv", "get-wmiobject": "gwmi", "get-ciminstance": "gcim",
    "get-cimclass": "gcls", "get-cimassociatedinstance": "gcai", "get-computerinfo": "gin", "get-timezone": "gtz",
    "group-object": "group", "import-alias": "ipal", "import-csv": "ipcsv", "import-module": "ipmo",
    "invoke-command": "icm", "invoke-expression": "iex", "invoke-history": "ihy r", "invoke-item": "ii",
    "invoke-restmethod": "irm", "invoke-webrequest": "iwr curl wget", "invoke-wmimethod": "iwmi",
    "invoke-cimmethod": "icim", "measure-object": "measure", "move-item": "mi move mv", "move-itemproperty": "mp",
    "new-alias": "nal", "new-item": "ni", "new-module": "nmo", "new-psdrive": "ndr mount", "new-variable": "nv",
    "new-ciminstance": "ncim", "new-cimsession": "ncms", "new-pssession": "nsn",
    "new-pssessionconfigurationfile": "npssc", "out-gridview": "ogv", "out-host": "oh", "out-printer": "lp",
    "pop-location": "popd", "push-location": "pushd", "read-host": "", "receive-job": "rcjb",
    "receive-pssession": "rcsn", "register-cimindicationevent": "rcie", "remove-ciminstance": "rcim",
    "remove-cimsession": "rcms", "remove-item": "del erase rd ri rm rmdir", "remove-itemproperty": "rp",
    "remove-job": "rjb", "remove-module": "rmo", "remove-psdrive": "rdr", "remove-pssession": "rsn",
    "remove-variable": "rv", "remove-wmiobject": "rwmi", "rename-item": "ren rni", "rename-itemproperty": "rnp",
    "resolve-path": "rvpa", "resume-job": "rujb", "select-object": "select", "select-string": "sls",
    "set-alias": "sal", "set-ciminstance": "scim", "set-clipboard": "scb", "set-content": "sc", "set-item": "si",
    "set-itemproperty": "sp", "set-location": "cd chdir sl", "set-psbreakpoint": "sbp", "set-timezone": "stz",
    "set-variable": "set sv", "set-wmiinstance": "swmi", "show-command": "shcm", "sort-object": "sort",
    "start-job": "sajb", "start-process": "saps start", "start-service": "sasv", "start-sleep": "sleep",
    "stop-job": "spjb", "stop-process": "kill spps", "stop-service": "spsv", "suspend-job": "sujb",
    "tee-object": "tee", "trace-command": "trcm", "wait-job": "wjb", "where-object": "where ?",
    "write-output": "echo write", "clear-host": "clear cls", "enter-pssession": "etsn", "exit-pssession": "exsn",
    "export-pssession": "epsn", "import-pssession": "ipsn", "disconnect-pssession": "dnsn",
    "connect-pssession": "cnsn", "get-pssession": "gsn", "get-pssnapin": "gsnp", "get-pscallstack": "gcs",
    "get-psbreakpoint": "gbp", "get-help": "man help", "mkdir": "md", "compress-archive": "",
    "expand-archive": "", "powershell_ise": "ise",
}  # fmt: skip
ALIASES = {alias: name for name, aliases in _LISTS.items() for alias in aliases.split()}
PROGRAMS_TOO = word_set(
    """
    cat clear cp curl diff echo kill ls man mount mv ps pwd rm rmdir sc set sleep sort start tee type wget where
    h r mkdir compare
    """
)
"""Aliases that are also the names of programs, which run where PowerShell has no such alias."""
