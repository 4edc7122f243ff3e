"""Cmdlets for accounts, groups, and the directory."""

from __future__ import annotations

from app.risk.groups import rules_domain, rules_machine
from app.risk.powershell.call import Call
from app.risk.powershell.rules import ACCOUNTS, ADMINISTRATORS, CRITICAL, DIRECTORY, HIGH, MEDIUM, SECRETS
from app.risk.powershell.table import cmdlet, does, reads, target_of
from app.risk.powershell.values import NOTHING, Value

reads(
    """
    get-aduser get-adgroup get-adgroupmember get-adcomputer get-adobject get-addomain get-adforest
    get-addomaincontroller get-adorganizationalunit get-adprincipalgroupmembership get-adaccountauthorizationgroup
    get-adrootdse get-adtrust get-adreplicationsite get-adreplicationsubnet get-adreplicationfailure
    get-adreplicationpartnermetadata get-adreplicationsitelink get-adfinegrainedpasswordpolicy
    get-addefaultdomainpasswordpolicy get-adserviceaccount get-adoptionalfeature get-aduserresultantpasswordpolicy
    get-addcclonesupport get-adresourcepropertylist get-adauthenticationpolicy get-adcentralaccesspolicy
    get-adclaimtype search-adaccount test-adserviceaccount get-gpo get-gporeport get-gpresultantsetofpolicy
    get-gppermission get-gpinheritance get-gpregistryvalue get-gpprefregistryvalue get-gpstartergpo backup-gpo
    get-dnsserverzone get-dnsserverresourcerecord get-dnsserver get-dnsserverforwarder get-dnsserversetting
    get-dnsserverscavenging get-dhcpserverv4scope get-dhcpserverv4lease get-dhcpserverv4reservation
    get-dhcpserverindc get-dhcpserverv4scopestatistics get-dhcpserverv4optionvalue get-adfsproperties
    get-adfsrelyingpartytrust get-quser get-loggedonuser get-psprivilege whoami test-adcredential get-windowsuser
    get-adcshelper
    """
)
does(
    ACCOUNTS,
    "This removes {what|accounts} from the directory.",
    """
    remove-aduser remove-adgroup remove-adcomputer remove-adserviceaccount remove-adobject
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    DIRECTORY,
    "This removes {what} from the directory, with all that is in it.",
    """
    remove-adorganizationalunit remove-addomain uninstall-addsdomaincontroller uninstall-adcscertificationauthority
    remove-adtrust remove-adreplicationsite remove-dhcpserverv4scope remove-dnsserverzone
    """,
    CRITICAL,
)
does(
    ACCOUNTS,
    "This makes the account or group {what}.",
    """
    new-aduser new-adgroup new-adcomputer new-adserviceaccount new-localuser new-localgroup install-adserviceaccount
    new-adobject
    """,
    HIGH,
)
does(
    ACCOUNTS,
    "This removes the account or group {what} from the machine.",
    """
    remove-localuser remove-localgroup
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    ACCOUNTS,
    "This enables, disables, or changes the account {what}.",
    """
    enable-adaccount disable-adaccount set-adaccountpassword set-adaccountcontrol set-adaccountexpiration
    clear-adaccountexpiration reset-adserviceaccountpassword enable-localuser disable-localuser rename-localuser
    set-localuser set-aduserpassword restore-adobject set-adserviceaccount uninstall-adserviceaccount
    add-adcomputerserviceaccount set-adaccountauthenticationpolicysilo
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    ACCOUNTS,
    "This changes {what} in the directory.",
    """
    set-aduser set-adgroup set-adcomputer set-adobject rename-adobject move-adobject set-localgroup unlock-adaccount
    set-adorganizationalunit new-adorganizationalunit
    """,
    MEDIUM,
    HIGH,
    HIGH,
)
does(
    ACCOUNTS,
    "This takes members out of the group {what}.",
    """
    remove-adgroupmember remove-localgroupmember remove-adprincipalgroupmembership
    """,
    HIGH,
)
does(
    DIRECTORY,
    "This changes the directory or its domain: {what}.",
    """
    set-addomain set-adforest set-addomainmode set-adforestmode set-addefaultdomainpasswordpolicy
    set-adfinegrainedpasswordpolicy new-adfinegrainedpasswordpolicy remove-adfinegrainedpasswordpolicy
    enable-adoptionalfeature disable-adoptionalfeature move-addirectoryserver
    move-addirectoryserveroperationmasterrole install-addsdomaincontroller install-addsforest install-addsdomain
    add-addspreadreadonlydomaincontrolleraccount new-adreplicationsite new-adreplicationsitelink
    set-adreplicationsite new-adreplicationsubnet sync-adobject set-adtrust new-adtrust add-computer remove-computer
    set-adfsproperties add-adfsrelyingpartytrust remove-adfsrelyingpartytrust set-adfsrelyingpartytrust
    add-kdsrootkey set-adauthenticationpolicy grant-adauthenticationpolicysiloaccess new-gplink set-gplink
    remove-gplink new-gpo set-gppermission set-gpregistryvalue set-gpprefregistryvalue
    remove-gpregistryvalue import-gpo restore-gpo copy-gpo rename-gpo set-gpinheritance
    install-adcscertificationauthority install-adfsfarm add-dnsserverprimaryzone add-dnsserverresourcerecord
    add-dnsserverresourcerecorda add-dnsserverresourcerecordcname remove-dnsserverresourcerecord
    set-dnsserverresourcerecord set-dnsserverforwarder add-dnsserverforwarder add-dhcpserverv4scope
    add-dhcpserverindc set-dhcpserverv4optionvalue add-dhcpserverv4reservation remove-dhcpserverv4reservation
    remove-dhcpserverv4lease set-dhcpserverv4scope clear-dnsservercache start-dnsserverscavenging
    reset-addefaultpasswordpolicy
    """,
    HIGH,
)
does(
    DIRECTORY,
    "This removes {what}, with the settings of all machines and people that it is for.",
    """
    remove-gpo remove-adobjectpolicy remove-adcentralaccesspolicy disable-csuser remove-csuser remove-csonlinevoiceuser
    """,
    HIGH,
    HIGH,
    CRITICAL,
)
does(
    DIRECTORY,
    "This changes what everybody in the organization may do or share: {what}.",
    """
    set-spotenant set-pnptenant set-pnptenantsite set-csteamsmeetingpolicy set-csteamsmessagingpolicy
    set-cstenantfederationconfiguration set-csexternalaccesspolicy set-sharingpolicy set-organizationrelationship
    set-owamailboxpolicy set-mgpolicyauthorizationpolicy set-msolcompanysettings
    """,
    HIGH,
)
does(
    SECRETS,
    "This reads password hashes or keys out of the directory.",
    """
    get-adreplaccount get-adreplbackupkey get-addbaccount get-adkeycredential get-bootkey get-addbbackupkey
    """,
    CRITICAL,
)


@cmdlet("add-adgroupmember", "add-localgroupmember", "add-adprincipalgroupmembership", "add-domaingroupmember")
def _member(call: Call) -> Value:
    local = call.name == "add-localgroupmember"
    if call.name == "add-adprincipalgroupmembership":
        groups = call.bound("identity", "memberof")[1]
    else:
        groups = call.bound("identity|group|name|sid", "members|member")[0]
    if groups is NOTHING and call.input is not None:
        groups = call.input
    texts = [text for group in groups.each() for text in group.texts]
    shown, _, _, _ = target_of(call)
    named = ", ".join(text for text in texts if "\ufffc" not in text)[:80] or shown or "a group"
    if not local and any(rules_domain(text) for text in texts):
        call.reading.add(ADMINISTRATORS, f"This makes somebody a member of {named}, with power over all.", call.line)
    else:
        powerful = any(rules_machine(text) for text in texts)
        what = "an administrator of the machine" if powerful else f"a member of {named}"
        call.reading.add(ACCOUNTS, f"This makes somebody {what}.", call.line, HIGH)
    if any("\ufffc" in text for text in texts):
        call.reading.doubt()
    return NOTHING
