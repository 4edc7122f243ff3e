"""Cmdlets of PowerShell itself and of Windows: what each does."""

from __future__ import annotations

from app.risk.powershell.call import Call, run_blocks
from app.risk.powershell.rules import (
    CERTIFICATES,
    CRITICAL,
    ENDS_PROCESS,
    EVENT_LOGS,
    EXECUTION_POLICY,
    HIGH,
    HISTORY,
    INSTALLS,
    LOCAL,
    LOW,
    MACHINE,
    MEDIUM,
    NETWORK,
    PROTECTION,
    REMOTE_ON,
    RESTARTS,
    RESTARTS_SERVICE,
    RESTORE_POINTS,
    SCHEDULES,
    SECRETS,
    SETTINGS,
    STOPS_SERVICE,
    UNSCHEDULES,
    UNTRUSTED,
    WATCHES,
)
from app.risk.powershell.table import cmdlet, does, reads, target_of
from app.risk.powershell.values import ANY, NOTHING, Value

reads(
    """
    get-process get-service get-date get-location get-history get-help get-member get-module get-host
    get-culture get-uiculture get-psdrive get-psprovider get-pscallstack get-psbreakpoint get-psreadlineoption
    get-psreadlinekeyhandler get-pssession get-pssessionconfiguration get-pshostprocessinfo get-runspace get-job
    receive-job wait-job wait-process wait-event get-event get-eventsubscriber get-error get-executionpolicy
    get-experimentalfeature get-formatdata get-typedata get-tracesource get-verb get-timezone get-uptime
    get-computerinfo get-hotfix get-counter get-eventlog get-winevent get-cimclass
    get-cimassociatedinstance get-cimsession get-controlpanelitem get-computerrestorepoint get-transaction
    get-pfxcertificate get-securerandom get-installedmodule get-installedscript get-package get-packageprovider
    get-packagesource get-psrepository get-psresource get-installedpsresource get-psresourcerepository
    find-module find-script find-package find-command find-psresource find-dscresource find-rolecapability
    test-modulemanifest test-scriptfileinfo test-pssessionconfigurationfile test-filecatalog get-markdownoption
    get-psscriptfileinfo get-scheduledtask get-scheduledtaskinfo get-scheduledjob get-scheduledjoboption
    get-jobtrigger new-scheduledtasktrigger new-scheduledtasksettingsset new-scheduledtaskprincipal
    new-scheduledtask new-jobtrigger new-scheduledjoboption new-timespan new-cimsessionoption
    new-pssessionoption new-pstransportoption get-localuser get-localgroup get-localgroupmember get-disk
    get-partition get-volume get-physicaldisk get-virtualdisk get-storagepool get-storagejob
    get-storagesubsystem get-partitionsupportedsize get-supportedfilesystems get-smbshare get-smbshareaccess
    get-smbsession get-smbopenfile get-smbconnection get-smbmapping get-smbserverconfiguration
    get-smbclientconfiguration get-netadapter get-netadapterstatistics get-netadapterbinding get-netipaddress
    get-netipconfiguration get-netipinterface get-netroute get-netneighbor get-nettcpconnection
    get-netudpendpoint get-netconnectionprofile get-netfirewallrule get-netfirewallprofile
    get-netfirewallportfilter get-netfirewalladdressfilter get-netfirewallapplicationfilter
    get-netfirewallsetting get-nettcpsetting get-netlbfoteam get-netnat get-dnsclient get-dnsclientserveraddress
    get-dnsclientcache get-dnsclientglobalsetting get-mppreference get-mpcomputerstatus get-mpthreat
    get-mpthreatdetection get-mpthreatcatalog get-bitlockervolume get-tpm confirm-securebootuefi
    get-securebootpolicy get-applockerpolicy test-applockerpolicy get-applockerfileinformation
    get-processmitigation get-auditpolicy get-windowsfeature get-windowsoptionalfeature get-windowscapability
    get-windowspackage get-windowsdriver get-windowsedition get-windowsimage get-windowserrorreporting
    get-windowsupdatelog get-wulist get-windowsupdate get-wuhistory get-wulastresults get-wurebootstatus
    get-appxpackage get-appxprovisionedpackage get-appxvolume get-appxpackagemanifest get-appxlog get-pnpdevice
    get-pnpdeviceproperty get-printer get-printerdriver get-printerport get-printjob get-printconfiguration
    get-odbcdsn get-odbcdriver get-dscconfiguration get-dscconfigurationstatus get-dsclocalconfigurationmanager
    get-dscresource test-dscconfiguration get-winsystemlocale get-winuserlanguagelist get-winhomelocation
    get-winculture get-vpnconnection get-startapps get-clusternode get-cluster get-clusterresource
    get-clustergroup get-nfsshare get-iscsitarget get-iscsisession get-mpioavailablehw test-psscriptfileinfo
    show-markdown show-command show-object show-eventlog show-controlpanelitem convertfrom-markdown
    convertfrom-sddlstring format-default get-module set-strictmode set-psdebug start-sleep read-host clear-host
    update-typedata remove-typedata remove-module remove-job remove-event remove-psbreakpoint
    disable-psbreakpoint enable-psbreakpoint unregister-event export-modulemember new-module
    import-localizeddata set-tracesource trace-command import-alias import-markdown enable-runspacedebug
    disable-runspacedebug wait-debugger debug-job exit-pssession remove-pssession disconnect-pssession
    remove-cimsession remove-psdrive save-help update-list tabexpansion2 prompt measure-script
    get-powershellinfo join-string select-objectbyproperty test-manifest should describe context it beforeall
    beforeeach afterall aftereach mock assert-mockcalled inmodulescope new-pesterconfiguration set-itresult
    assert-verifiable add-shouldoperator get-shouldoperator get-scriptanalyzerrule get-psmodulepath
    merge-settings get-gitstatus pause exit update-pscustomobject properties task get-appvclientpackage
    get-appvclientconfiguration get-languagepreference get-systempreferreduilanguage get-installedlanguage
    get-secretinfo get-secretvault test-secretvault get-wingetpackage find-wingetpackage get-wingetsource
    get-wingetversion get-wingetsettings get-netlbfoteammember get-storagereliabilitycounter get-storagetier
    get-storageenclosure get-dedupstatus get-dedupvolume get-fsrmquota import-excel open-excelpackage
    get-excelsheetinfo convertfrom-yaml convertto-yaml node get-netqospolicy get-rdusersession get-rdserver
    get-rdsessioncollection get-rdremoteapp get-wuservicemanager get-wbjob get-wbpolicy get-wbsummary
    get-wbbackupset get-vssshadow get-eventlogsize localizeddata
    """
)
does(ENDS_PROCESS, "This ends {what|processes}.", "stop-process debug-process", MEDIUM, MEDIUM, HIGH)
does(STOPS_SERVICE, "This stops the service {what}.", "stop-service suspend-service", HIGH)
does(STOPS_SERVICE, "This removes the service {what}.", "remove-service", HIGH, every=CRITICAL)
does(
    RESTARTS_SERVICE,
    "This starts or restarts the service {what}.",
    """
    start-service restart-service resume-service
    """,
    MEDIUM,
    HIGH,
)
does(
    RESTARTS,
    "This restarts or turns off {what|the machine}.",
    """
    restart-computer stop-computer rename-computer reset-computermachinepassword
    """,
)
does(LOCAL, "This makes a restore point.", "checkpoint-computer", LOW)
does(RESTORE_POINTS, "This turns restore points off, or goes back to one.", "disable-computerrestore restore-computer")
does(
    LOCAL,
    "This makes {what|something} for the session.",
    """
    new-pssessionconfigurationfile new-psrolecapabilityfile new-modulemanifest update-modulemanifest
    new-scriptfileinfo update-scriptfileinfo export-formatdata enable-computerrestore stop-transcript new-event
    out-printer new-dscchecksum new-filecatalog enable-experimentalfeature disable-experimentalfeature add-history
    export-console new-externalhelp new-markdownhelp update-markdownhelp export-excel update-help set-markdownoption
    new-fixture
    """,
    LOW,
)
does(
    SETTINGS,
    "This stops {what|a job}.",
    """
    stop-job suspend-job resume-job debug-runspace write-eventlog new-winevent set-clipboard
    """,
    MEDIUM,
)
does(HISTORY, "This deletes or stops the log of what has been typed.", "clear-history")
does(WATCHES, "This reads the clipboard, which may hold secrets.", "get-clipboard", MEDIUM)
does(EVENT_LOGS, "This deletes the log {what}.", "clear-eventlog remove-eventlog clear-winevent")
does(EVENT_LOGS, "This changes the log {what}.", "limit-eventlog set-winevent", HIGH)
does(LOCAL, "This makes an event log {what}.", "new-eventlog", MEDIUM)
does(
    SCHEDULES,
    "This makes or changes the scheduled task {what}.",
    """
    register-scheduledtask set-scheduledtask enable-scheduledtask start-scheduledtask enable-scheduledjob
    add-jobtrigger set-jobtrigger enable-jobtrigger
    """,
)
does(
    UNSCHEDULES,
    "This stops or removes the scheduled task {what}.",
    """
    unregister-scheduledtask disable-scheduledtask stop-scheduledtask unregister-scheduledjob disable-scheduledjob
    remove-jobtrigger disable-jobtrigger unregister-scheduledtaskfolder
    """,
    HIGH,
)
reads(
    """
    export-scheduledtask
    """
)
does(
    NETWORK,
    "This changes the network: {what|its settings}.",
    """
    disable-netadapter enable-netadapter restart-netadapter rename-netadapter set-netadapter
    set-netadapteradvancedproperty disable-netadapterbinding enable-netadapterbinding set-netadapterbinding
    new-netipaddress set-netipaddress remove-netipaddress new-netroute set-netroute remove-netroute
    set-netipinterface set-netconnectionprofile set-dnsclientserveraddress set-dnsclient set-dnsclientglobalsetting
    add-dnsclientnrptrule remove-dnsclientnrptrule set-nettcpsetting new-netlbfoteam remove-netlbfoteam new-netnat
    remove-netnat add-netnatstaticmapping set-netneighbor remove-netneighbor new-netneighbor
    reset-netadapteradvancedproperty add-vpnconnection set-vpnconnection remove-vpnconnection add-vpnconnectionroute
    set-netoffloadglobalsetting set-winhttpproxy reset-winhttpproxy new-netqospolicy set-netbindings
    uninstall-netswitch
    """,
)
does(LOCAL, "This empties the cache of names.", "clear-dnsclientcache register-dnsclient", LOW)
does(
    INSTALLS,
    "This installs or removes {what|software or a feature}.",
    """
    install-windowsfeature uninstall-windowsfeature add-windowsfeature remove-windowsfeature
    enable-windowsoptionalfeature disable-windowsoptionalfeature add-windowscapability remove-windowscapability
    add-windowspackage remove-windowspackage add-windowsdriver remove-windowsdriver add-appxpackage
    remove-appxpackage add-appxprovisionedpackage remove-appxprovisionedpackage register-appxpackage
    reset-appxpackage move-appxpackage install-windowsupdate add-wuservicemanager remove-wuservicemanager
    set-wusettings get-wuinstall hide-windowsupdate remove-windowsupdate uninstall-windowsupdate
    install-wingetpackage uninstall-wingetpackage update-wingetpackage repair-wingetpackage repair-windowsimage
    set-windowsedition set-windowsproductkey expand-windowsimage mount-windowsimage save-windowsimage
    dismount-windowsimage new-windowsimage uninstall-package uninstall-msiproduct install-msiproduct
    add-appvclientpackage publish-appvclientpackage remove-appvclientpackage unpublish-appvclientpackage
    disable-pnpdevice enable-pnpdevice uninstall-language install-language add-odbcdsn remove-odbcdsn set-odbcdsn
    disable-odbcperfcounter remove-pnpdevice install-pnpdevice uninstall-application remove-application
    """,
)
does(
    INSTALLS,
    "This removes the module {what}.",
    """
    uninstall-module uninstall-script uninstall-psresource uninstall-packageprovider
    """,
    MEDIUM,
)
does(
    UNTRUSTED,
    "This changes the sources of packages: {what}.",
    """
    register-psrepository set-psrepository register-packagesource set-packagesource register-psresourcerepository
    set-psresourcerepository register-packageprovider add-wingetsource reset-wingetsource remove-wingetsource
    """,
)
does(
    UNTRUSTED,
    "This removes the source of packages {what}.",
    """
    unregister-psrepository unregister-packagesource unregister-psresourcerepository
    """,
    MEDIUM,
)
does(
    UNTRUSTED,
    "This publishes {what} for others.",
    """
    publish-module publish-script publish-psresource publish-package
    """,
    HIGH,
)
does(
    CERTIFICATES,
    "This adds, removes, or exports the certificate {what}.",
    """
    import-certificate import-pfxcertificate export-pfxcertificate remove-certificate
    set-certificateautoenrollmentpolicy add-certificateenrollmentpolicyserver switch-certificate get-certificate
    request-certificate add-cacrldistributionpoint remove-catemplate add-catemplate
    """,
)
does(
    CERTIFICATES,
    "This makes a certificate, or signs a file.",
    """
    new-selfsignedcertificate set-authenticodesignature export-certificate protect-cmsmessage
    """,
    MEDIUM,
)
does(
    SECRETS,
    "This decrypts a message or a secret.",
    """
    unprotect-cmsmessage get-secret get-lapsadpassword get-lapsaadpassword get-admpwdpassword get-storedcredential
    get-vaultsecret get-bitlockerrecoverykey
    """,
)
does(
    SECRETS,
    "This changes the secret {what}.",
    """
    set-secret remove-secret register-secretvault unregister-secretvault set-secretstoreconfiguration
    reset-secretstore unlock-secretstore new-storedcredential remove-storedcredential
    """,
)
does(
    MACHINE,
    "This changes a setting of the machine: {what|for all users}.",
    """
    set-timezone set-date set-winsystemlocale set-winhomelocation set-culture set-winuserlanguagelist
    set-winuilanguageoverride set-systempreferreduilanguage copy-userinternationalsettingstosystem
    set-windowserrorreporting enable-windowserrorreporting set-powerplan enable-mmagent disable-mmagent
    set-displayresolution set-assignedaccess clear-assignedaccess import-startlayout set-defaultappassociations
    set-wsmaninstance new-wsmaninstance remove-wsmaninstance invoke-wsmanaction set-wsmanquickconfig
    enable-wsmancredssp add-wblogicaldisk set-itempermissions register-pssessionconfiguration
    unregister-pssessionconfiguration set-pssessionconfiguration disable-pssessionconfiguration
    enable-pssessionconfiguration add-localprinter reset-windowsupdate invoke-cmclientaction
    """,
    HIGH,
)
does(
    REMOTE_ON,
    "This lets other machines run code on this one, or stops it.",
    """
    enable-psremoting disable-psremoting enable-rdp enable-sshremoting disable-wsmancredssp
    """,
)
does(SETTINGS, "This applies the group policies again.", "invoke-gpupdate", MEDIUM)
does(
    RESTORE_POINTS,
    "This deletes or stops backups: {what}.",
    """
    remove-wbbackupset remove-wbpolicy remove-wbcatalog remove-wbbackuptarget remove-shadowcopy remove-vssshadow
    remove-dpmbackup remove-dpmrecoverypoint remove-vbrbackup remove-vbrrestorepoint
    """,
)
does(
    MACHINE,
    "This starts a backup or brings one back: {what}.",
    """
    start-wbbackup start-wbvolumerecovery start-wbfilerecovery start-wbsystemstaterecovery set-wbpolicy
    """,
    HIGH,
)


@cmdlet("set-service")
def _set_service(call: Call) -> Value:
    shown, known, _, _ = target_of(call)
    status, start = call.value("status"), call.value("startuptype", "starttype")
    words = f"This changes the service {shown or 'it is given'}."
    if status is not None and status.text.lower() == "running" and start is None:
        call.reading.add(RESTARTS_SERVICE, words, call.line)
    else:
        call.reading.add(STOPS_SERVICE, words, call.line)
    if not known:
        call.reading.doubt()
    return NOTHING


@cmdlet("set-psreadlineoption", "update-formatdata")
def _option(call: Call) -> Value:
    style = call.value("historysavestyle")
    if style is not None and style.text.lower() != "saveincrementally":
        call.reading.add(HISTORY, "This stops the log of what has been typed.", call.line)
    run_blocks(call)
    if call.name == "update-formatdata" and (call.positional or call.named):
        call.reading.doubt()
    return NOTHING


@cmdlet("set-executionpolicy")
def _policy(call: Call) -> Value:
    policy, scope = call.bound("executionpolicy", "scope")
    name, where = policy.text.lower(), scope.text.lower()
    level = HIGH
    if (
        where == "process"
        or name in ("restricted", "allsigned")
        or (name in ("remotesigned", "default") and where == "currentuser")
    ):
        level = MEDIUM
    named = policy.text if policy.known and policy.text else "what is known only then"
    words = f"This sets which scripts may run to {named}."
    call.reading.add(EXECUTION_POLICY, words, call.line, level)
    return NOTHING


@cmdlet("set-mppreference")
def _defender(call: Call) -> Value:
    weak = [name for name, (value, _, _) in call.named.items()
            if name.startswith(("disable", "exclusion", "submitsamples", "mapsreporting", "puaprotection", "enable"))
            or value is None or not value.known]  # fmt: skip
    strengthens = weak and all(
        name.startswith("disable")
        and call.named[name][0] is not None
        and call.named[name][0].text.lower() in ("false", "0")  # type: ignore[union-attr]
        for name in weak
    )
    words = "This changes what the virus scanner looks for."
    call.reading.add(PROTECTION, words, call.line, MEDIUM if strengthens else HIGH)
    return ANY
