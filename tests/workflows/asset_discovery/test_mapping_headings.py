"""What headings mean, in several languages, dialects, and abbreviations, without any values."""

from __future__ import annotations

import pytest

from workflows.asset_discovery.mapping.meanings import said_by

_HEADINGS = {
    "name": "Hostname|VM Name|Nom de machine|Nombre del equipo|Имя компьютера|コンピュータ名|主机名|LPARNAME|שם המחשב",
    "fqdn": "FQDN|dns_name|Fully Qualified Domain Name|Полное доменное имя|完全修飾ドメイン名",
    "ip_address": "IPv4 Address|Mgmt IP|IP-osoite|Dirección IP|IPアドレス|IPADDRPR",
    "mac_address": "Physical Address|Adresse MAC|MAC-адрес|物理地址|wlan_mac",
    "serial_number": "S/N|Serijski broj|Số sê-ri|N° série|Matricola|Sarjanumero|Заводской номер|製造番号|SERNO",
    "asset_type": "Device Type|Geräteart|Type de matériel|Rodzaj|Laitetyyppi|Тип устройства|设备类型|DEVCLASS",
    "manufacturer": "Vendor|Marque|Casa costruttrice|Výrobce|Gyártó|Производитель|メーカー|MFRCOD",
    "model": "Model Number|Modèle|Malli|型番|InstanceType|hardwareProfile.vmSize",
    "os": "Operating System|Betriebssystem|İşletim Sistemi|Операционная система|操作系统|OS Name",
    "os_version": "OS Version|BS-Stand|Verze OS|Версия ОС|OSバージョン|OPSYSLVL",
    "cpu_count": "# CPU|Anzahl Kerne|Nb de cœurs|Liczba rdzeni|Ytimiä|Количество ядер|コア数|numVCPUs",
    "memory_mb": "RAM (GB)|Arbeitsspeicher|Mémoire vive (Go)|Pamięć RAM|ОЗУ|内存(GB)|memorysize_mb",
    "disk_gb": "Provisioned MB|Festplatten|Disque dur|Dysk twardy|Kiintolevy|Объем диска|硬盘容量",
    "environment": "Umgebung|Entorno|Środowisko|Ympäristö|Среда|環境|tags.env",
    "location": "Standort / Raum|Ubicación|Umístění|Sijainti|Telephely|Местоположение|設置場所|availabilityZone",
    "owner": "Betreuer|Détenteur|Encargado|Vastuuhenkilö|Ответственный|担当者|负责人|RESPUSER",
    "application": "Fachverfahren|Logiciel métier|Aplicativo|Usługa|Приложение|業務システム|u_bus_svc",
    "criticality": "Schutzbedarf|Criticité|Krytyczność|Důležitost|Критичность|重要度|CRITCLSS",
    "status": "Powerstate|Zustand|État|Situación|Tila|Состояние|状态|STATCODE",
    "purchased_on": "PO date|Kaufdatum|Date d'achat|Fecha de compra|Hankintapäivä|Дата покупки|購入日|PURCDATE",
    "support_ends_on": "Warranty end|Wartung bis|Fin de garantie|Gwarancja do|Гарантия до|保証期限|u_eosl",
    "depends_on": "Upstream CI|Dépend de|Zależy od|Riippuvuudet|Зависит от|依存先|PREDSYST",
    "cost_center": "KSt.|Imputation|Centro di costo|MPK|Kustannuspaikka|МВЗ|成本中心|CHRGACCT",
    "virtual_host": "ESXi Host|läuft auf|Hébergé sur|Běží na|Гипервизор|宿主机|OS-EXT-SRV-ATTR:hypervisor_hostname",
    "cluster": "Cluster name|Grappe|Klaster|Кластер|集群|SYSPLEXN",
    "ignore": "Napomena|Ghi chú|Durchwahl|Free storage|Last check-in|CPU Model|Gateway|Invoice No|"
    "Inv.-Nr.|Remarques|資産番号|Дата поверки|Warranty Start",
}


@pytest.mark.parametrize("field", _HEADINGS)
def test_headings_speak_most_for_their_field(field: str):
    wrong = {}
    for heading in _HEADINGS[field].split("|"):
        fields = said_by(heading).fields
        best = max(fields, key=lambda item: fields[item], default=None)
        if best is None or best.value != field:
            wrong[heading] = {item.value: round(strength, 1) for item, strength in fields.items()}
    assert not wrong


@pytest.mark.parametrize("heading", ["Xyzzy", "", "#", "…", "Ω", "a" * 5_000, "\x00", "((("])
def test_headings_that_say_nothing_do_no_harm(heading: str):
    assert all(strength < 4 for strength in said_by(heading).fields.values())


def test_the_outer_parts_of_a_path_count_less_than_the_last():
    assert max(said_by("manufacturer.name").fields.items(), key=lambda pair: pair[1])[0] == "manufacturer"
    assert max(said_by("flavor.vcpus").fields.items(), key=lambda pair: pair[1])[0] == "cpu_count"


@pytest.mark.parametrize(
    ("heading", "unit"), [("Disque (To)", "TB"), ("memtotal_mb", "MB"), ("SizeInMiB", "MiB"), ("RAM", "")]
)
def test_units_are_found(heading: str, unit: str):
    assert said_by(heading).unit == unit


def test_compounds_are_known_by_their_last_part():
    fields = said_by("Hauptfachverfahren").fields
    assert max(fields, key=lambda item: fields[item]).value == "application"
    assert fields == {} or max(fields.values()) < 6
