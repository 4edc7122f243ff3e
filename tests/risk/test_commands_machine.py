"""What commands that change a machine would do."""

import pytest

from tests.risk.commands import level_of, reading_of, table

CASES = table(
    """
    safe systemctl status nginx
    safe systemctl
    safe service nginx status
    safe shutdown -c
    safe passwd -S ada
    safe crontab -l
    safe atq
    safe iptables -L -n -v
    safe ufw status
    safe nft list ruleset
    safe mount
    safe fdisk -l
    safe parted /dev/sda print
    safe lvs
    safe zfs list
    safe mdadm --detail /dev/md0
    safe sysctl -a
    safe dmesg
    safe getenforce
    safe auditctl -l
    safe journalctl -u api --since '2 hours ago' --no-pager
    safe timedatectl
    safe ip addr show
    safe ip route
    safe ifconfig
    safe nmcli con show
    safe efibootmgr -v
    safe virsh list --all
    safe tmux ls
    safe ip -s link show eth0
    safe resolvectl status
    safe hostnamectl
    medium? systemctl frobnicate nginx
    medium? tmux frobnicate
    medium? hostnamectl frobnicate
    medium? ip addr frobnicate
    medium? bluetoothctl frobnicate
    medium systemctl restart nginx
    medium systemctl daemon-reload
    medium service nginx restart
    medium nginx -s reload
    medium groupadd staff
    medium tmux kill-server
    high systemctl stop auditd
    high systemctl mask auditd
    high systemctl enable --now tool
    high systemctl reboot
    high service nginx stop
    high launchctl load tool.plist
    high reboot
    high shutdown -h now
    high useradd -o -u 0 backup
    high usermod -aG sudo ada
    high samba-tool group addmembers Sales ada
    critical samba-tool group addmembers 'Domain Admins' ada
    critical ipa group-add-member admins --users=ada
    high passwd root
    high userdel -r ada
    high crontab -r
    high? crontab jobs.txt
    high? at now
    high iptables -F
    high ufw disable
    high nft flush ruleset
    high firewall-cmd --add-port=22/tcp
    high mount /dev/sdb1 /mnt
    high sysctl -w kernel.randomize_va_space=0
    high modprobe tool
    high setenforce 0
    high journalctl --vacuum-time=1s
    high timedatectl set-time '2026-01-01'
    high hostname x
    high ip link set eth0 down
    high nmcli con mod x ipv4.dns 1.1.1.1
    high update-grub
    high resolvectl dns eth0 203.0.113.9
    high virsh destroy vm1
    critical mkfs.ext4 /dev/sdb1
    critical sgdisk --zap-all /dev/sdb
    critical parted /dev/sda rm 1
    critical lvremove -f vg/lv
    critical zfs destroy -r tank
    critical zpool create -f tank /dev/sdb
    critical mdadm --zero-superblock /dev/sdb
    critical cryptsetup luksFormat /dev/sdb
    critical virsh undefine vm1
    critical tmux new-session -d 'rm -rf /'
    """
)


@pytest.mark.parametrize(("level", "understood", "command"), CASES)
def test_a_command_that_changes_a_machine_has_its_level(level, understood, command):
    reading = reading_of(command)
    assert (level_of(reading).value, reading.understood) == (level, understood), reading.findings


def test_jobs_from_standard_input_are_read():
    reading = reading_of("crontab -", given="# nightly\n0 3 * * * rm -rf /\n")
    assert [(found.rule, found.line) for found in reading.findings if found.severity.value == "critical"] == [
        ("file.deletes_all", 2)
    ]
    assert level_of(reading_of("at now", given="rm -rf /")).value == "critical"
