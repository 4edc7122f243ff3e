"""Cmdlets of cloud accounts, of Microsoft 365, and of Amazon's services."""

from __future__ import annotations

import re

from app.risk.powershell.call import Call
from app.risk.powershell.rules import (
    ACCOUNTS,
    CLOUD,
    CLOUD_GONE,
    CLOUD_NEW,
    CRITICAL,
    HIGH,
    LOW,
    MAIL,
    MEDIUM,
    SECRETS,
)
from app.risk.powershell.table import cmdlet, does, reads, target_of
from app.risk.powershell.values import ANY, NOTHING, Value

reads(
    """
    get-azcontext get-azsubscription get-azresource get-azresourcegroup get-azvm get-azstorageaccount get-azwebapp
    get-aztenant get-azlocation get-azlog get-azmetric get-azroleassignment get-azroledefinition get-azaduser
    get-azadgroup get-azkeyvault get-azsqlserver get-azsqldatabase get-azaks get-azaksccluster
    get-aznetworksecuritygroup select-azsubscription set-azcontext get-azureaduser get-azureadgroup
    get-azureadapplication get-azureaddevice get-msoluser get-msolgroup get-msolrole get-mguser get-mggroup
    get-mgdevice get-mgapplication get-mgcontext get-mgorganization get-mgsite get-mgauditlogsignin
    get-mgserviceprincipal get-mgsubscribedsku get-mailbox get-exomailbox get-mailboxstatistics
    get-mailboxpermission get-recipient get-distributiongroup get-distributiongroupmember get-messagetrace
    get-transportrule get-inboxrule get-casmailbox get-mobiledevice get-accepteddomain get-organizationconfig
    get-mailboxdatabase get-queue get-exchangeserver get-receiveconnector get-sendconnector get-mailuser
    get-mailcontact get-unifiedgroup get-unifiedgrouplinks get-calendarprocessing get-migrationbatch get-moverequest
    get-retentionpolicy get-compliancesearch get-spsite get-spoSite get-sposite get-pnpsite get-pnplist
    get-pnplistitem get-pnpweb get-pnptenantsite get-team get-teamuser get-teamchannel get-csonlineuser
    get-awsregion get-awscredential get-ec2instance get-ec2volume get-ec2securitygroup get-s3bucket get-s3object
    get-rdsdbinstance get-iamuser get-iamrole get-cwmetricstatistics get-cfnstack get-lmfunctionlist
    get-stscalleridentity get-intunewin32app get-autopilotdevice set-defaultawsregion disconnect-azaccount
    disconnect-mggraph disconnect-exchangeonline get-powerbiworkspace get-adminpowerapp get-iammfadevice
    get-sqsqueue get-snstopic
    """
)
does(
    CLOUD_NEW,
    "This signs in to a cloud account.",
    """
    connect-azaccount login-azaccount connect-azuread connect-msolservice connect-mggraph connect-exchangeonline
    connect-ippssession connect-pnponline connect-sposervice connect-microsoftteams add-azaccount add-azureaccount
    connect-viserver connect-dbainstance connect-azurermaccount set-awscredential set-awscredentials
    initialize-awsdefaultconfiguration connect-msgraph connect-powerbiserviceaccount
    """,
    MEDIUM,
)
does(
    SECRETS,
    "This reads the secret {what}.",
    """
    get-azkeyvaultsecret get-azkeyvaultkey get-azkeyvaultcertificate get-azstorageaccountkey get-azaccesstoken
    get-secsecretvalue get-ssmparametervalue get-ssmparameter get-azakscredential import-azakscredential
    get-ecrlogincommand get-stssessiontoken get-azwebapppublishingprofile get-azcosmosdbaccountkey
    get-azapplicationinsightsapikey get-ec2passworddata get-msoluserpassword get-pnpaccesstoken get-azrediscachekey
    get-azservicebuskey get-azeventhubkey get-azcontainerregistrycredential
    """,
)
does(
    MAIL,
    "This removes {what|mailboxes, teams, or sites}.",
    """
    remove-mailbox disable-mailbox remove-mailuser remove-mailcontact remove-distributiongroup remove-unifiedgroup
    remove-team remove-sposite remove-pnptenantsite remove-pnplist remove-spsite remove-pnplistitem
    remove-dynamicdistributiongroup remove-pnpsite remove-teamchannel remove-remotemailbox remove-pnpfolder
    remove-pnpfile remove-mobiledevice clear-mobiledevice
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    MAIL,
    "This deletes what is kept in mail or in the organization's records: {what}.",
    """
    remove-mailboxdatabase new-compliancesearchaction remove-retentioncompliancepolicy remove-publicfolder
    search-mailbox remove-compliancecase remove-deletedpublicfolder remove-storemailbox
    """,
    CRITICAL,
)
does(
    MAIL,
    "This changes who may read the mail of {what}, or where it goes.",
    """
    add-mailboxpermission add-recipientpermission add-mailboxfolderpermission new-inboxrule new-transportrule
    set-transportrule remove-transportrule disable-transportrule set-mailbox remove-mailboxpermission
    add-adpermission set-inboxrule new-managementroleassignment add-rolegroupmember new-applicationaccesspolicy
    set-organizationconfig set-adminauditlogconfig set-mailboxauditbypassassociation new-sendconnector
    new-receiveconnector set-receiveconnector remove-inboxrule new-mailboxexportrequest set-casmailbox
    new-journalrule set-hostedcontentfilterpolicy set-antiphishpolicy set-malwarefilterpolicy set-externalinoutlook
    new-moverequest new-migrationbatch set-remotedomain
    """,
    HIGH,
)
does(
    MAIL,
    "This makes or changes {what}.",
    """
    new-mailbox enable-mailbox new-distributiongroup add-distributiongroupmember set-distributiongroup
    new-unifiedgroup set-unifiedgroup add-unifiedgrouplinks set-calendarprocessing new-team add-teamuser set-team
    new-mailcontact set-mailboxautoreplyconfiguration add-pnplistitem set-pnplistitem add-pnpfile new-pnplist
    new-sposite set-sposite set-mailboxregionalconfiguration new-teamchannel remove-distributiongroupmember
    remove-unifiedgrouplinks remove-teamuser
    """,
    MEDIUM,
    HIGH,
)
does(
    ACCOUNTS,
    "This removes the account {what} from the cloud.",
    """
    remove-azureaduser remove-msoluser remove-mguser remove-azaduser remove-azureadgroup remove-mggroup
    remove-azureaddevice remove-mgdevice remove-azureadapplication remove-mgapplication remove-mgserviceprincipal
    remove-azadapplication remove-azadserviceprincipal remove-iamuser remove-msoldevice remove-msolgroup
    remove-azadgroup
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    ACCOUNTS,
    "This gives rights or credentials in the cloud: {what}.",
    """
    new-azroleassignment add-azureaddirectoryrolemember add-msolrolemember new-mgroleassignment new-azureadpolicy
    new-mgserviceprincipalapproleassignment new-azadspcredential new-azadappcredential new-iamaccesskey
    register-iamuserpolicy register-iamrolepolicy add-iamusertogroup write-iamuserpolicy write-iamrolepolicy
    new-azureaduserapproleassignment set-azurekeyvaultaccesspolicy set-azkeyvaultaccesspolicy
    new-azadserviceprincipal new-iamuser new-iamrole new-mguser new-azureaduser new-msoluser new-azaduser
    set-msoluserpassword set-azureaduserpassword new-mgapplication
    add-mgapplicationpassword new-azureadapplicationpasswordcredential new-mgdirectoryrolememberbyref
    new-mgrolemanagementdirectoryroleassignment revoke-azureaduserallrefreshtoken revoke-mgusersigninsession
    set-mguserlicense set-msoluserlicense
    """,
    HIGH,
)
does(
    CLOUD_GONE,
    "This deletes {what|machines with their disks}.",
    """
    remove-ec2instance remove-cfnstack remove-s3bucket request-kmskeydeletion remove-rdsdbinstance remove-rdsdbcluster
    remove-ddbtable remove-ekscluster remove-azresourcegroup remove-azresource remove-azvm remove-azsubscription
    remove-azrecoveryservicesvault remove-azrecoveryservicesbackupitem clear-mgdevicemanagementmanageddevice
    """,
)
does(
    CLOUD,
    "This deletes what a store of a cloud keeps: {what}.",
    "remove-s3object remove-azstorageblob remove-azstoragefile remove-gcsobject remove-aztablerow",
    MEDIUM,
    HIGH,
    CRITICAL,
)
does(CLOUD_NEW, "This tags something in a cloud account.", "new-aztag update-aztag new-ec2tag", LOW)


@cmdlet("update-mguser", "set-azureaduser", "set-msoluser")
def _account(call: Call) -> Value:
    shown, known, many, _ = target_of(call)
    access = any(re.search(r"enabled|block|password|strong|principalname|immutable", name) for name in call.named)
    level = HIGH if access or many or call.uncertain or "bodyparameter" in call.named else MEDIUM
    call.reading.add(ACCOUNTS, f"This changes the account {shown or 'it is given'} in the cloud.", call.line, level)
    if not known:
        call.reading.doubt()
    return NOTHING


@cmdlet("disable-azrecoveryservicesbackupprotection", "disable-azdataprotectionbackupinstance")
def _backup_off(call: Call) -> Value:
    removes = call.find("removerecoverypoints") is not None
    call.reading.add(CLOUD_GONE, "This stops a backup.", call.line, CRITICAL if removes else HIGH)
    return NOTHING


_DELETES = re.compile(r"/(?:wipe|retire|delete|purge|cleanWindowsDevice|permanentDelete)/?(?:$|\?)", re.IGNORECASE)


@cmdlet("invoke-mggraphrequest", "invoke-msgraphrequest", "invoke-azrestmethod", "invoke-azresourceaction")
def _api(call: Call) -> Value:
    method, where = call.value("method", "httpmethod"), call.value("uri", "path") or ANY
    verb = method.text.upper() if method is not None and method.known else "GET" if method is None else ""
    if verb == "GET" and call.name != "invoke-azresourceaction":
        return Value(origin=call.origins(), many=True, every=where.every)
    lost = verb == "DELETE" or any(_DELETES.search(text) for text in where.texts)
    level = CRITICAL if lost and target_of(call)[3] else HIGH
    call.reading.add(CLOUD, f"This calls the cloud's API itself{' and deletes something' * lost}.", call.line, level)
    return Value(origin=call.origins())
