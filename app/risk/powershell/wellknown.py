"""Names that are known beyond the cmdlets' tables: modules that may be loaded, and tools that are made for attacks."""

from __future__ import annotations

from app.risk.rules import word_set

MODULES = word_set(
    """
    activedirectory addsdeployment adfs appx appvclient applocker archive assignedaccess azuread azureadpreview
    msonline bitlocker bitstransfer bestpractices booteventcollector branchcache ciapolicy cimcmdlets
    clusterawareupdating configci defender defenderperformance dfsn dfsr dhcpserver dism dnsclient dnsserver
    eventtracingmanagement exchangeonlinemanagement failoverclusters fileserverresourcemanager grouppolicy
    hgsclient hyper-v iisadministration international iscsi ise kds laps microsoftteams mmagent msmq netadapter
    netconnection neteventpacketcapture netlbfo netnat netqos netsecurity netswitchteam nettcpip
    networkcontroller networkconnectivitystatus networktransition nfs packagemanagement partnercenter pki
    pnpdevice posh-git powershellget printmanagement processmitigations psdesiredstateconfiguration
    psdiagnostics psreadline psscheduledjob psscriptanalyzer psworkflow remotedesktop remoteaccess
    scheduledtasks secureboot servermanager servermigration smbshare smbwitness sqlps sqlserver dbatools
    startlayout storage storagereplica tls troubleshootingpack trustedplatformmodule updateservices vpnclient
    wdac webadministration whea windowsupdate windowssearch windowsserverbackup windowsdeveloperlicense
    windowserrorreporting winhttpproxy pester threadjob microsoft.graph az azurerm awspowershell
    awspowershell.netcore vmware.powercli vmware.vimautomation.core psappdeploytoolkit
    psappdeploytoolkit.extensions configurationmanager pswindowsupdate importexcel powershell-yaml platyps
    plaster psake invokebuild burnttoast carbon nuget pnp.powershell sharepointpnppowershellonline
    microsoft.online.sharepoint.powershell teams psini ntfssecurity credentialmanager microsoft.winget.client
    microsoft.winget.configuration microsoft.winget.dsc psframework terminal-icons oh-my-posh z posh-ssh mdbc
    powerline microsoft.powershell.secretmanagement microsoft.powershell.secretstore psresourceget
    intunewin32app microsoft.graph.intune windowsautopilotintune evergreen psadt
    """
)
"""Modules of Windows, of Microsoft, and the usual ones of the gallery, which do nothing when they are loaded."""
ATTACKS = word_set(
    """
    invoke-mimikatz invoke-mimidogz invoke-kerberoast invoke-bloodhound invoke-shellcode invoke-dllinjection
    invoke-reflectivepeinjection invoke-psinject invoke-wmicommand invoke-tokenmanipulation
    invoke-credentialinjection invoke-ninjacopy invoke-portscan invoke-powershelltcp invoke-powershelltcponeline
    invoke-powershelludp invoke-powershellicmp invoke-psexec invoke-smbexec invoke-wmiexec invoke-thehash
    invoke-inveigh invoke-smbscanner invoke-userhunter invoke-sharefinder invoke-allchecks invoke-privesc
    invoke-privesccheck invoke-winenum invoke-dcsync invoke-dcom invoke-eternalblue invoke-obfuscation
    invoke-powerdump invoke-backdoorlnk invoke-persistence invoke-runas invoke-servicabuse invoke-serviceabuse
    invoke-vnc invoke-rubeus invoke-seatbelt invoke-sharphound invoke-internalmonologue invoke-phant0m
    invoke-passwordspray invoke-domainpasswordspray invoke-spraycharles invoke-conptyshell invoke-petitpotam
    invoke-nightmare invoke-printnightmare invoke-evasion invoke-amsibypass disable-amsi bypass-amsi
    invoke-safetykatz invoke-lazagne invoke-bypassuac invoke-eventvwrbypass invoke-sdcltbypass invoke-fodhelper
    get-gpppassword get-keystrokes get-timedscreenshot get-vaultcredential get-microphoneaudio get-usbkeystrokes
    get-passhashes get-lsasecret get-system out-minidump out-encodedcommand out-word out-excel out-hta out-chm
    out-shortcut out-java add-persistence add-exfiltration add-scrnsavebackdoor add-regbackdoor set-remotewmi
    set-remotepsremoting set-dcpermissions new-userpersistenceoption new-elevatedpersistenceoption install-ssp
    install-servicebinary write-hijackdll write-serviceebinary powercat powercat.ps1 start-captureserver
    start-webserverbackdoor exploit-jboss enable-duplicatetoken copy-vss download-execute-ps dns_txt_pwnage
    fireBuster firelistener http-backdoor execute-ontime gupt-backdoor do-exfiltration parse_keys mimikatz
    rubeus seatbelt sharphound safetykatz nanodump lazagne
    """.lower()
)
"""From public collections such as PowerSploit, Nishang, and Empire."""
