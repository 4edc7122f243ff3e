"""Cmdlets for servers: WMI, web sites, databases, virtual machines, clusters."""

from __future__ import annotations

import re

from app.risk.powershell.call import Call
from app.risk.powershell.dotnet_methods import wmi_method
from app.risk.powershell.rules import (
    CRITICAL,
    DATABASES,
    HIGH,
    MACHINES,
    MANAGEMENT,
    MEDIUM,
    REMOTE,
    RESTORE_POINTS,
    SCHEDULES,
    WEB_SERVER,
)
from app.risk.powershell.table import cmdlet, does, reads
from app.risk.powershell.values import ANY, NOTHING, Value
from app.risk.words import UNKNOWN

reads(
    """
    get-vm get-vmhost get-vmswitch get-vmsnapshot get-vmcheckpoint get-vmharddiskdrive get-vmnetworkadapter get-vhd
    get-vmprocessor get-vmmemory get-vmreplication get-vmdvddrive get-vmfirmware get-vmintegrationservice measure-vm
    test-vhd get-vmsecurity get-vmgroup get-website get-webapplication get-webbinding get-webapppoolstate
    get-webconfiguration get-webconfigurationproperty get-webvirtualdirectory get-iissite get-iisapppool
    get-iissitebinding get-iisconfigsection get-iisserverlog get-webfilepath get-webglobalmodule get-websitestate
    get-webitem get-sqlinstance get-sqldatabase get-sqlagentjob get-sqlagent get-sqlerrorlog get-sqllogin
    get-sqlbackuphistory get-dbadatabase get-dbaagentjob get-dbadbbackuphistory get-dbadiskspace get-dbaerrorlog
    get-dbalogin get-dbaprocess get-dbawaitstatistic get-dbalastbackup test-dbalastbackup test-dbaconnection
    find-dbainstance get-vmguest get-datastore get-cluster get-vmhostservice get-vicredential get-folder
    get-datacenter get-resourcepool get-template get-snapshot get-harddisk get-networkadapter get-virtualportgroup
    get-task get-stat get-view get-clustersharedvolume get-clusternetwork get-clusterquorum get-clusterlog
    test-cluster get-clusterstoragespacesdirect get-container get-containerimage get-dockercontainer get-cmdevice
    get-cmuser get-cmapplication get-cmcollection get-cmdeployment get-cmsite get-wsusserver get-wsuscomputer
    get-wsusupdate get-dfsnfolder get-dfsnroot get-dfsrbacklog get-rdsession get-msmqqueue get-hnsnetwork
    """
)
does(
    MACHINES,
    "This stops, or turns off without saving, the virtual machine {what}.",
    """
    stop-vm suspend-vm reset-vm restart-vm save-vm stop-vmguest restart-vmguest suspend-vmguest stop-vmhost
    restart-vmhost set-vmhost move-vm set-vm rename-vm set-vmmemory set-vmprocessor set-vmfirmware
    add-vmharddiskdrive set-vmharddiskdrive resize-vhd convert-vhd merge-vhd optimize-vhd set-vhd mount-vhd
    dismount-vhd new-vmswitch set-vmswitch remove-vmswitch connect-vmnetworkadapter disconnect-vmnetworkadapter
    set-vmnetworkadapter add-vmnetworkadapter remove-vmnetworkadapter enable-vmreplication stop-vmreplication
    set-vmreplication start-vmfailover import-vm move-vmstorage set-vmsecurity new-datastore set-vmhostservice
    stop-vmhostservice set-cluster move-cluster copy-vmguestfile copy-vmfile
    """,
    HIGH,
)
does(
    MACHINES,
    "This starts or makes the virtual machine {what}.",
    """
    start-vm resume-vm new-vm new-vhd checkpoint-vm new-snapshot export-vm enable-vmresourcemetering add-vmdvddrive
    set-vmdvddrive start-vmhostservice
    """,
    MEDIUM,
    HIGH,
)
does(
    MACHINES,
    "This removes {what|virtual machines}.",
    """
    remove-vm remove-vmharddiskdrive remove-vmreplication remove-harddisk remove-template remove-vmhost
    remove-resourcepool remove-inventory
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    MACHINES,
    "This deletes {what} for good.",
    """
    remove-datastore remove-datacenter remove-cluster remove-vdisk clear-clusterdiskreservation
    remove-clustersharedvolume disable-clusterstoragespacesdirect
    """,
    CRITICAL,
)
does(
    RESTORE_POINTS,
    "This deletes or restores the snapshot {what}.",
    """
    remove-vmsnapshot remove-vmcheckpoint restore-vmsnapshot restore-vmcheckpoint remove-snapshot
    remove-vmsavedstate
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    MACHINES,
    "This removes {what} from the cluster.",
    "remove-clustergroup remove-clusterresource",
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    MACHINES,
    "This changes the cluster: {what}.",
    """
    new-cluster add-clusternode remove-clusternode stop-cluster stop-clusternode suspend-clusternode
    stop-clustergroup stop-clusterresource move-clustergroup
    set-clusterquorum start-cluster add-clusterdisk enable-clusterstoragespacesdirect update-clusterfunctionallevel
    """,
    HIGH,
)
does(
    WEB_SERVER,
    "This stops or removes the web site {what}.",
    """
    stop-website stop-webapppool
    remove-webbinding stop-iissite remove-webconfigurationproperty clear-webconfiguration
    remove-iissitebinding disable-webglobalmodule stop-webitem restore-webconfiguration remove-webhandler
    disable-webrequesttracing stop-iisapppool
    """,
    HIGH,
)
does(
    WEB_SERVER,
    "This removes the web site {what}.",
    "remove-website remove-webapppool remove-webapplication remove-webvirtualdirectory remove-iissite",
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    WEB_SERVER,
    "This starts, makes, or changes the web site {what}.",
    """
    start-website new-website restart-webapppool restart-webitem start-webapppool new-webapppool new-webapplication
    new-webbinding new-webvirtualdirectory set-webconfiguration set-webconfigurationproperty add-webconfiguration
    add-webconfigurationproperty set-webbinding start-iissite new-iissite new-iissitebinding set-website
    enable-webglobalmodule start-webitem backup-webconfiguration add-webconfigurationlock new-webhandler
    set-iisconfigattributevalue
    """,
    MEDIUM,
    HIGH,
)
does(
    DATABASES,
    "This changes a database or its server: {what}.",
    """
    backup-sqldatabase add-sqllogin new-dbalogin set-dbalogin set-dbadbrecoverymodel set-sqlcredential
    new-sqlcredential enable-sqlalwayson disable-sqlalwayson new-sqlavailabilitygroup switch-sqlavailabilitygroup
    join-sqlavailabilitygroup stop-sqlinstance set-dbaspconfigure invoke-dbadbshrink copy-dbadatabase copy-dbalogin
    stop-dbaservice restart-dbaservice stop-dbaprocess set-sqlauthenticationmode start-dbaagentjob stop-dbaagentjob
    set-dbadbstate set-dbadbowner reset-dbaadmin invoke-dbadbdatamasking dismount-dbadatabase mount-dbadatabase
    new-dbadatabase rename-dbadatabase repair-dbadborphanuser remove-dbadbbackuprestorehistory
    """,
    HIGH,
)
does(DATABASES, "This makes a backup of {what}.", "backup-dbadatabase", MEDIUM)
does(
    DATABASES,
    "This deletes or overwrites {what|a database}.",
    """
    remove-dbadatabase restore-sqldatabase restore-dbadatabase remove-dbadatabasesafely remove-sqldatabase
    remove-sqlavailabilitygroup remove-sqlavailabilitydatabase remove-dbabackup remove-dbadbtable remove-dbadbdata
    """,
    CRITICAL,
)
does(
    DATABASES,
    "This removes {what} from a database's server.",
    """
    remove-sqllogin remove-dbalogin remove-sqlcredential remove-dbaagentjob remove-dbadbuser remove-dbalinkedserver
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    REMOTE,
    "This runs code in the virtual machine {what}.",
    """
    invoke-vmscript invoke-azvmruncommand send-ssmcommand invoke-cmscript invoke-sshcommand new-sshsession
    invoke-azurermvmruncommand set-azvmextension set-azvmcustomscriptextension
    """,
    HIGH,
)
does(
    MACHINES,
    "This deploys to machines: {what}.",
    """
    new-cmapplicationdeployment start-cmapplicationdeployment new-cmpackagedeployment new-cmtasksequencedeployment
    remove-cmdevice remove-cmapplication remove-cmcollection approve-wsusupdate deny-wsusupdate
    invoke-wsusservercleanup approve-cmscript
    """,
    HIGH,
)


def _wmi_class(call: Call) -> str:
    value = call.value("classname", "class", "path")
    if value is None and call.positional:
        value = call.positional[0][0]
    name = value.text.lower() if value is not None and value.known else ""
    piped = call.input.text.lower() if call.input is not None and UNKNOWN not in call.input.text else ""
    query = call.value("query")
    return " ".join((name, piped, query.text.lower() if query is not None else ""))


@cmdlet("get-ciminstance", "get-wmiobject")
def _objects(call: Call) -> Value:
    value = call.value("classname", "class") or next((value for value, _, _ in call.positional), NOTHING)
    query = call.value("query")
    name = value.text.lower() if value.known else ""
    if query is not None and (named := re.search(r"(?i)\bfrom\s+(\w+)\s*(where)?", query.text)):
        name, filtered = named[1].lower(), bool(named[2])
    else:
        filtered = call.value("filter") is not None
    return Value(value.texts, kind=f"wmi:{name}", origin=call.origins(), many=True, every=not filtered)


@cmdlet("remove-ciminstance", "remove-wmiobject")
def _remove(call: Call) -> Value:
    name = _wmi_class(call)
    if "shadow" in name:
        call.reading.add(RESTORE_POINTS, "This deletes restore points.", call.line)
    elif re.search(r"__eventfilter|eventconsumer|filtertoconsumer", name):
        call.reading.add(MANAGEMENT, "This removes something that runs by an event.", call.line)
    elif "userprofile" in f"{name} {call.input.kind if call.input is not None else ''}":
        call.reading.add(MANAGEMENT, "This deletes profiles of users with all their files.", call.line, CRITICAL)
    else:
        call.reading.add(MANAGEMENT, f"This deletes {name.strip() or 'objects'} of the machine.", call.line)
    return NOTHING


@cmdlet("set-ciminstance", "set-wmiinstance", "new-ciminstance")
def _set(call: Call) -> Value:
    if re.search(r"__eventfilter|eventconsumer|filtertoconsumer", _wmi_class(call)):
        call.reading.add(SCHEDULES, "This makes something that runs by itself when an event occurs.", call.line)
    else:
        call.reading.add(MANAGEMENT, f"This changes {_wmi_class(call).strip() or 'the machine'}.", call.line)
    return ANY


@cmdlet("invoke-cimmethod", "invoke-wmimethod")
def _method(call: Call) -> Value:
    method = call.value("methodname", "name")
    arguments = call.value("arguments", "argumentlist")
    if method is None and len(call.positional) > 1:
        method = call.positional[1][0]
    if arguments is None and len(call.positional) > 2:
        arguments = call.positional[2][0]
    held = list(arguments.table.values()) if arguments is not None and arguments.table is not None else []
    if arguments is not None and arguments.table is not None and "commandline" in arguments.table:
        held = [arguments.table["commandline"]]
    elif arguments is not None and arguments.table is None:
        held = list(arguments.each())
    name = method.text.lower() if method is not None and method.known else ""
    where = call.value("computername", "cimsession")
    if where is not None:
        call.reading.add(REMOTE, "This calls a method on another machine.", call.line)
    wmi_method(f"wmi:{_wmi_class(call)}", name or "unknown", held, call.line, call.script)
    return ANY
