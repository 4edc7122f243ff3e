"""Words of headings that announce personal data, in many languages of inventories."""

from __future__ import annotations

import re
from functools import cache

from workflows.asset_discovery.personal.kinds import PersonalKind
from workflows.asset_discovery.personal.words import plain, word_set

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WORD = re.compile(r"[^\W\d_]+")

# A phrase matches words that follow each other; `*x` any word that ends in x, `x*` any that begins with x.
_PHRASES: dict[PersonalKind, str] = {
    PersonalKind.NATIONAL_ID: """
        ssn, social security, sozialversicherung*, rentenversicherung*, sv nummer, steuer id,
        steueridentifikation*, svnr, ahv, personalausweis*, ausweis*, reisepass*, passport*, passeport,
        pasaporte, passaporto, national id, national identity, identity card, id card, nir, insee,
        securite sociale, secu, codice fiscale, dni, nie, nif, bsn, burgerservicenummer, pesel, cpr,
        personnummer, fodselsnummer, henkilotunnus, hetu, oib, cnp, egn, cpf, aadhaar, tckn, rodne cislo,
        driver licen*, driving licen*, fuhrerschein*, nino, national insurance, nhs number, jmbg, emso, ine,
        curp, rut""",
    PersonalKind.PAYMENT: """
        iban, credit card, debit card, card number, card no, pan number, kreditkarte*, kartennummer,
        carte bancaire, carte credit, tarjeta credito, carta credito, bank account, bankverbindung*,
        kontonummer, account number bank, bic, swift, salary, wage, gehalt, lohn brutto, salaire, sueldo,
        stipendio, salaris, pensja, wynagrodzenie""",
    PersonalKind.BIRTH: """
        birth*, born, date of birth, dob, geburt*, naissance, ne le, nacimiento, nascita, nascimento, geboorte*,
        urodzenia, fodselsdato, fodelsedatum, syntymaaika""",
    PersonalKind.SPECIAL: """
        religion*, ethnicity, race, diagnos*, patient name, patient id, patient no, patientenname, disabilit*,
        behinderung*, schwerbehind*, handicap, gesundheit*, krankheit*, health status, blood type, blutgruppe,
        trade union, gewerkschaft*, sexual*""",
    PersonalKind.EMAIL: """
        email*, e mail, mail, mails, *mail, courriel, courrier electronique, correo, posta elettronica,
        correo electronico, epost, e post, sahkoposti, poczta, почта, メール*, 邮箱, 이메일, upn,
        user principal name, eposta, smtp address, 邮件, อีเมล, דואל, correo e""",
    PersonalKind.PHONE: """
        phone*, *phone, telephone*, telefon*, telefoon*, tel, mobile number, mobile phone, mobile no,
        mobilnummer, mobil, handy*, rufnummer*, durchwahl*, extension number, ext, dw, nebenstelle*,
        portable perso, gsm, msisdn, poste tel, telefono, telefone, telemovel, celular, cellulare, cell,
        puhelin*, matkapuhelin, komorka, fax, numer telefonu, mellek, linka, wewnetrzny, alanumero, anknytning,
        lokalnummer, dahili, τηλεφωνο, телефон*, 電話*, 内線, 电话, 手机, 전화*, 연락처, telefonszam,
        telefonnummer, no tel, extn, voip, direct dial, ramal, interno, mobiel, telefoonnummer, telefonas,
        telefons, sdt, dien thoai, โทรศัพท์, טלפון, هاتف, 手机号, 分机""",
    PersonalKind.DEVICE_ID: """
        imei*, imsi, iccid, meid, sim, sim card, sim karte, sim number""",
    PersonalKind.ADDRESS: """
        home address, private address, privatadresse, privatanschrift, wohnort, wohnanschrift,
        adresse personnelle, adresse privee, domicile, domicilio, street address, woonadres, indirizzo casa""",
    PersonalKind.USER_ID: """
        user id, userid, user name, username, user login, login, logon, login name, account name,
        sam account name, samaccountname, benutzername, benutzerkennung, benutzerkonto, kennung, anmeldename,
        identifiant, utilisateur id, matricule agent, personalnummer, personalnr, pers nr, personnel no,
        personnel number, employee id, employee number, employee no, staff id, staff no, badge, ausweisnummer,
        usuario id, uid, last logged on, last logon user, last user, loggedonuser, current user, uzytkownik id,
        key name, ssh key, key pair, keypair, empno, mitarbeiternummer, num empleado, matricola dipendente,
        numero mecanografico, personeelsnummer, anstallningsnummer, 社員番号, 工号, 사번, логин""",
    PersonalKind.NAME: """
        owner, owned by, *owner, user, users, *user, usr, *usr, end user, display name, full name, first name,
        last name, surname, given name, vorname, nachname, familienname, prenom, nom prenom, nom utilisateur,
        nombre, apellido*, cognome, nome cognome, achternaam, voornaam, imie, nazwisko, imie nazwisko,
        assigned to, assignee, assigned user, assigned, contact, contact person, contacts, ansprechpartner*,
        ansprechperson*, kontakt*, kontaktperson*, verantwortlich*, zustandig*, betreuer*, sachbearbeiter*,
        bearbeiter*, inhaber*, besitzer*, nutzer*, benutzer*, anwender*, *nutzer, mitarbeiter*, kollege, admin,
        administrator*, sysadmin, systemverwalter*, custodian, keeper, steward, created by, modified by,
        changed by, updated by, requested by, ordered by, approved by, managed by, used by, responsible*,
        responsable*, resp, person*, people, employee*, staff*, worker, operator name, technician*, technicien,
        tecnico, engineer, manager name, line manager, team lead, lead, supervisor, detenteur, detentrice,
        utilisateur*, utilisatrice, titulaire, affecte a, attribue a, referent*, correspondant, usuario*,
        encargado*, propietario*, titular, asignado a, contacto, utente, utilizzatore, assegnatario,
        assegnato a, proprietario, referente, utilizador, gebruiker*, eigenaar, beheerder*, verantwoordelijk*,
        contactpersoon, toegewezen aan, uzytkownik*, wlasciciel*, opiekun*, odpowiedzialn*, osoba*, bruker*,
        eier*, ansvarlig*, ejer, bruger*, agare, anvandare, ansvarig*, omistaja*, kayttaja*, vastuuhenkilo*,
        uzivatel*, vlastnik*, spravce, felhasznalo*, tulajdonos, felelos*, utilizator*, proprietar*,
        responsabil*, kullanici*, sahibi, sorumlu*, vlasnik*, korisnik*, skrbnik*, uporabnik*, owner name,
        пользователь, владелец, ответственный, фио, 担当者, 担当, 管理者, 利用者, 使用者, 氏名, 名前, 负责人,
        所有者, 用户, 姓名, 管理员, 담당자, 사용자, 성명, مسؤول, المستخدم, χρηστης, υπευθυνος, ιδιοκτητης,
        відповідальний, власник, користувач, captain, pilot, driver, nurse, physician, doctor, teacher, student,
        chauffeur, fahrer*, conducteur, enseignant, lehrer*, lehrkraft, schuler*, arzt, arztin, pfleger*,
        pflegekraft, laborant*, laborleiter*, dienstleiter*, leiter*, leitung, chef, directeur, prof, professor,
        pi, principal investigator, manager, operator, requester, requestor, reporter, approver, holder,
        keyholder, key holder, warden, officer, inspector, skipper, curator, librarian, caretaker, hausmeister*,
        gardien, concierge, poc, spoc, point of contact, in charge, person in charge, recipient,
        ausleiher*, entleiher*, borrower, issued to, checked out to, loaned to, ausgegeben an, prete a,
        bediener*, operateur, analyst, filialleiter*, marktleiter*, kassierer*, cashier, tutor, trainer, coach,
        responsavel*, detentor*, a cargo de, usuari, innehavare, indehaver, haltija, zimmetli*, pengguna,
        penanggung jawab, kasutaja, vastutaja, lietotajs, atbildigais, naudotojas, atsakingas*, odgovorn*,
        zodpovedn*, odpovedn*, pouzivatel*, notandi, отговорник, потребител, одговорно, ответственное,
        сотрудник, אחראי, משתמש, nguoi dung, ผู้ใช้, ผู้รับผิดชอบ, 所属者, 保管人, 责任人, 使用人, 联系人,
        연락 담당""",
}
_NOT_PEOPLE = word_set(
    "id ids group groups gruppe groupe team teams dept department abteilung service managed type agent count state "
    "dns host hostname fqdn server device machine computer equipo serial instance ip mac "
    "status domain ou org organization unit company firma arn number account role tenant vpc"
)
"""With one of these words, a heading of people may be one of something else; the values decide."""


_SHORT, _FEW = 3, 3
"""A word of so few letters says something only in a heading of so few words."""
_USERS = re.compile(
    r"user$|usr$|nutzer$|utilisateur|usuario|utente|utilizador|gebruiker|bruker|bruger|anvandare|kayttaja|uzivatel"
)


def words_of(heading: str) -> tuple[str, ...]:
    """The words of a heading, without accents and capitals: `u_assignedTo.name` → u, assigned, to, name."""
    return _words(heading)


@cache
def _words(heading: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(plain(_CAMEL.sub(" ", heading))))


@cache
def _phrases() -> tuple[tuple[PersonalKind, tuple[str, ...]], ...]:
    return tuple(
        (kind, tuple(plain(phrase).split())) for kind, phrases in _PHRASES.items() for phrase in phrases.split(",")
    )


def announced(heading: str) -> tuple[PersonalKind, str] | None:
    """Return the kind that a heading announces, and the words by which it does; None if it announces none."""
    words = words_of(heading)
    best: tuple[PersonalKind, str] | None = None
    for kind, phrase in _phrases():
        length = len(phrase)
        if length == 1 and len(phrase[0]) <= _SHORT and len(words) > _FEW:
            continue
        for start in range(len(words) - length + 1):
            if all(_matches(word, part) for word, part in zip(words[start : start + length], phrase, strict=True)):
                if best is None:
                    best = kind, " ".join(words[start : start + length])
                break
        if best is not None:
            break
    return best


def is_doubtful(heading: str) -> bool:
    """True if a heading of people may mean groups, accounts of a cloud, or the like instead."""
    return not _NOT_PEOPLE.isdisjoint(words_of(heading))


def names_users(heading: str) -> bool:
    """True if a heading is one of users, so that its values may be any kind of user name."""
    return any(_USERS.search(word) for word in words_of(heading))


def _matches(word: str, part: str) -> bool:
    if part.startswith("*"):
        return word.endswith(part[1:]) and len(word) > 4
    if part.endswith("*"):
        return word.startswith(part[:-1])
    return word == part
