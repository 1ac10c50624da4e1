"""Words of columns' names, in the languages that tables come in, and plain words of a language."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


IDENTIFIER_WORDS = _words(
    """
    id ids uid uuid guid key pk fk identifier ident identificador identifiant kennung nummer
    numero número numéro nr no num number ref reference referenz referencia account acct konto
    kontonummer cuenta compte customer kunde kundennummer cliente client member mitglied user
    usuario patient paciente person employee mitarbeiter empleado passport reisepass pasaporte
    iban ssn nif nie dni curp rfc cpf cnpj nino pesel bsn personnummer steuernummer vat ustid tin
    card karte tarjeta carte plate kennzeichen matricula license licence vin imei imsi iccid serial
    seriennummer order bestellung bestellnummer pedido commande invoice rechnung rechnungsnummer
    factura facture ticket transaction tx txn trx booking tracking shipment session token hash
    gtin ean isbn mrn policy claim contract vertrag
    编号 号码 身份证 订单号 番号 注文番号 номер ид
    """
)
"""A column so named identifies something if its values differ enough."""

IDENTIFIER_ENDS = ("nr", "nummer", "nummern", "kennung", "番号", "号码")
"""Compounds that end so do as well: ``Kundennr``, ``Auftragsnummer``."""

STRONG_WORDS = _words(
    """
    id ids uid uuid guid pk fk identifier iban ssn customer kunde cliente account konto cuenta
    member user usuario patient paciente passport
    """
)
"""Of those, the ones after which even small numbers without gaps are identifiers."""

INDEX_NAME = re.compile(r"(column_|unnamed: |level_)\d+|index|row_?(names?|num|number|id|no)|rn")
"""How a column is called that holds the numbers of rows, in R, pandas and SQL."""

COUNT_WORDS = _words("of per count anzahl cantidad total amount qty quantity rank")
"""With one of these, a number is a count."""

PLACE_WORDS = _words(
    """
    zip zipcode postcode postal postleitzahl plz city town ort stadt ciudad ville citta cidade
    country land pais pays nation state province provinz region kanton county
    市 国 省 城市 国家 город страна
    """
)
"""Columns so named hold places, which many share outside the table."""

CATEGORY_WORDS = _words(
    """
    code status type typ tipo category kategorie categoria class klasse group gruppe grade level
    gender sex currency sku article artikel articulo product produkt producto bic swift language
    lang airport carrier title job
    """
)
"""Columns so named hold categories, unless each value has a row of its own."""

PHONE_WORDS = _words(
    """
    phone tel telefon telephone telefono teléfono téléphone telefone mobile mobil handy movil
    móvil cell fax whatsapp msisdn 电话 手机 電話 телефон
    """
)
NAME_WORDS = _words(
    """
    name names nombre nom nome naam navn namn imię imie nazwisko surname lastname firstname
    forename vorname nachname familienname apellido apellidos prenom prénom cognome sobrenome
    fullname username middlename 姓名 名字 氏名 名前 имя фамилия фио
    """
)
PERSON_WORDS = _words(
    """
    customer kunde cliente client person patient employee contact user member owner author
    passenger guest student first last full given family middle holder doctor driver agent seller
    buyer recipient sender teacher
    """
)
ADDRESS_WORDS = _words(
    """
    address addr street strasse straße anschrift adresse direccion dirección calle rue via
    indirizzo endereco endereço 地址 住所 адрес улица
    """
)
COMPANY_WORDS = _words(
    """
    company firma employer arbeitgeber empresa entreprise societe société azienda vendor supplier
    lieferant merchant organisation organization 公司 会社 компания
    """
)

FAMILY_WORDS = _words(
    """
    last surname family lastname familyname nachname familienname apellido apellidos cognome
    sobrenome nazwisko фамилия 姓
    """
)
"""Columns of names of which these are family names."""

LOGIN_WORDS = _words("user username login handle nick nickname benutzername usuario utilisateur")
"""Names in columns so named are made of those of persons."""

THING_WORDS = _words(
    """
    product file host domain street city event brand item country department team project school
    course app device page site server table column class category plan store shop hotel bank model
    ship campaign station airport feature variable
    """
)
"""Names of these are no persons' names."""

PLAIN_WORDS = tuple(
    sorted(
        _words(
            """
            about after again along another because before between both could every first from have
            here into just like little long made make many more most much never only other over
            place right same some such than that then there these thing this through time under
            very water well were what when
            """
        )
    )
)
"""Fill a text whose own common words are few."""

UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]"
)
"""Signs of writing without spaces: Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
