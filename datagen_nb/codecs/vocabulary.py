"""Words that codecs know: currencies, units, words for a missing value, words within dates."""

from __future__ import annotations

_CURRENCIES = """
AED ARS AUD BGN BHD BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW
KWD KZT MAD MXN MYR NGN NOK NZD PEN PHP PKR PLN QAR RMB RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD
UYU VND XAF XOF ZAR US$ A$ C$ CA$ AU$ NZ$ HK$ NT$ S$ R$ MX$ RS RS. FR FR. SFR SFR. KR KR. KČ ZŁ FT
LEI ЛВ ЛВ. РУБ РУБ. Р. ГРН RP RM NT TL EURO EUROS DOLLAR DOLLARS 元 円 万元 원 R
"""
CURRENCIES = frozenset(_CURRENCIES.split())
"""Codes and short names, in upper case."""

CURRENCY_SIGNS = "$€£¥￥＄￡￦₩₹₽₺₴₦₫₱₪฿₡₲₵₸₼₾¢﷼"

_UNITS = """
% ‰ pp bp bps ° °c °f °k k kg g mg µg μg ug lb lbs oz t st c f km m cm mm µm nm mi mile miles ft in
inch yd l ml cl dl gal kwh wh mwh gwh kw w mw gw hp bhp ps cv v kv mv a ma ah mah hz khz mhz ghz b
kb mb gb tb pb kib mib gib tib bit kbps mbps gbps s sec secs second seconds ms us µs ns min mins
minute minutes h hr hrs hour hours d day days wk week weeks mo month months y yr yrs year years bar
mbar psi pa hpa kpa mpa cal kcal j kj mj mph kmh km/h m/s kn kt kts bpm rpm dpi px pt pts pcs pc stk
stück x m² m2 m³ m3 sqm sqft ft² ha ac acres mg/dl g/dl mmol/l mmhg ppm ppb mpg kmpl cc n lm lx db
dbm bn mio mrd tsd /5 /10 /100
"""
UNITS = frozenset(_UNITS.split())
"""In lower case."""

SCALES = {"k": 3, "m": 6, "b": 9, "bn": 9}
"""Powers of ten that are written after a number."""

_MISSING = """
na|n/a|n.a.|n.a|nan|null|none|nil|#n/a|#na|nat|unknown|missing|n/d|nd|n.d.|k.a.|k. a.|tbd|tba
not available|not applicable|not known|keine angabe|unbekannt|inconnu|s/d|s.d.|b.d.|нет данных
#ref!|#value!|#div/0!|#num!|#null!|#name?|(null)|<na>|<null>|\\n
0000-00-00|00.00.0000|00/00/0000|0000-00-00 00:00:00
"""
MISSING = frozenset(_MISSING.strip().replace("\n", "|").split("|"))
"""Texts that usually stand for a missing value, in lower case."""

_WITHIN_DATES = """
t de del of at um uhr à a le the on den di do kl kl. г г. год w week kw cw q h
年 月 日 時 分 秒 년 월 일 시 분 초
"""
WITHIN_DATES = frozenset(_WITHIN_DATES.split())
"""Words between the parts of dates, in lower case."""
