"""Cmdlets for disks, encryption, protection, the firewall, shares, and printers."""

from __future__ import annotations

from app.risk.powershell.rules import (
    DISK_GONE,
    DISKS,
    ENCRYPTION,
    FIREWALL,
    HIGH,
    LOCAL,
    MEDIUM,
    PROTECTION,
    SETTINGS,
    SHARES,
)
from app.risk.powershell.table import does

does(
    DISK_GONE,
    "This erases {what|a disk}.",
    """
    clear-disk format-volume remove-partition remove-virtualdisk remove-storagepool remove-physicaldisk
    reset-physicaldisk initialize-volume remove-storagetier remove-volume clear-tpm delete-virtualdisk
    clear-storagebuscache remove-iscsivirtualdisk
    """,
)
does(
    DISKS,
    "This changes {what|a disk}.",
    """
    initialize-disk set-disk new-partition set-partition resize-partition new-volume set-volume resize-virtualdisk
    resize-volume repair-volume set-physicaldisk new-virtualdisk new-storagepool add-physicaldisk set-virtualdisk
    update-disk add-partitionaccesspath remove-partitionaccesspath set-storagepool enable-dedupvolume
    disable-dedupvolume mount-volume dismount-volume set-iscsivirtualdisk convert-disk
    """,
)
does(
    LOCAL,
    "This mounts or unmounts {what|an image}.",
    """
    mount-diskimage dismount-diskimage optimize-volume update-storageprovidercache update-hoststoragecache
    defrag-volume
    """,
    MEDIUM,
)
does(
    ENCRYPTION,
    "This changes the encryption of {what|a disk}.",
    """
    disable-bitlocker suspend-bitlocker enable-bitlocker resume-bitlocker lock-bitlocker unlock-bitlocker
    add-bitlockerkeyprotector remove-bitlockerkeyprotector backup-bitlockerkeyprotector enable-bitlockerautounlock
    disable-bitlockerautounlock clear-bitlockerautounlock backuptoaad-bitlockerkeyprotector initialize-tpm
    disable-tpmautoprovisioning set-tpmownerauth unblock-tpm
    """,
)
does(
    PROTECTION,
    "This weakens or changes the protection of the machine: {what|its settings}.",
    """
    add-mppreference remove-mppreference remove-mpthreat disable-wintrustpolicy set-processmitigation
    set-applockerpolicy set-cipolicysetting set-ruleoption remove-cipolicyrule set-authenticodepolicy
    set-securebootuefi disable-windowserrorreporting uninstall-defender disable-netsecurity set-cioptions
    disable-tlsciphersuite enable-tlsciphersuite disable-tlssessionticketkey set-auditrule remove-auditrule
    clear-auditpolicy set-auditpolicy set-smbserverconfiguration set-smbclientconfiguration disable-uac set-uac
    disable-aadl set-lapsadpasswordexpirationtime
    """,
)
does(
    LOCAL,
    "This scans for viruses, or updates what the scanner knows.",
    """
    start-mpscan update-mpsignature start-mpwdoscan
    """,
    MEDIUM,
)
does(
    FIREWALL,
    "This changes the firewall: {what|a rule}.",
    """
    new-netfirewallrule set-netfirewallrule remove-netfirewallrule disable-netfirewallrule enable-netfirewallrule
    set-netfirewallprofile set-netfirewallsetting copy-netfirewallrule rename-netfirewallrule
    set-netfirewallportfilter set-netfirewalladdressfilter set-netfirewallapplicationfilter new-netipsecrule
    set-netipsecrule remove-netipsecrule disable-netipsecrule sync-netipsecrule
    """,
)
does(
    SHARES,
    "This shares {what|a folder}, or changes who may use it.",
    """
    new-smbshare set-smbshare remove-smbshare grant-smbshareaccess revoke-smbshareaccess block-smbshareaccess
    unblock-smbshareaccess close-smbsession close-smbopenfile new-nfsshare remove-nfsshare set-nfsshare
    grant-nfssharepermission set-fsrmquota new-fileshare remove-fileshare set-smbpathacl new-dfsnroot
    remove-dfsnroot remove-dfsnfolder set-dfsnfolder
    """,
)
does(
    SETTINGS,
    "This connects or disconnects the drive {what}.",
    """
    new-smbmapping remove-smbmapping new-smbglobalmapping
    """,
    MEDIUM,
)
does(
    SETTINGS,
    "This changes printers: {what}.",
    """
    add-printer set-printer add-printerport add-printerdriver rename-printer restart-printjob suspend-printjob
    resume-printjob remove-printjob set-printconfiguration
    """,
    MEDIUM,
)
does(SETTINGS, "This removes printers: {what}.", "remove-printer remove-printerdriver remove-printerport", HIGH)
