"""When two spellings mean the same: normalisation by field type.

Rules kept here
- The result is a key for comparing, never what is delivered; the raw spelling stays with the answer.
- Values compare by value (amount, number, date), names of things by their signs (code, iban), text by its letters.
- What cannot be understood as its type is compared as text: a strange answer may still be the right one.
- Nothing is guessed: 03/04/2018 equals 3-4-2018, but not 3 April 2018, because nobody said which comes first.

>>> normalise(" RM 1,234.5 ", "amount"), normalise("1.234,50", "amount")
('1234.5', '1234.5')
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import Final, Literal, get_args

from manyhands.quality.errors import UnknownMethod

FieldType = Literal["text", "amount", "date", "number", "code", "iban"]
FIELD_TYPES: Final[tuple[str, ...]] = get_args(FieldType)

_SAME_SIGN: Final = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4\u0060\u02bc", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad\ufe63\uff0d", "-"),
        **dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f", None),
    }
)
_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar janvier enero januari",
            "feb february februar fevrier febrero februari",
            "mar march marz maerz mars marzo maret mac",
            "apr april avril abril",
            "may mai mayo mei",
            "jun june juni juin junio",
            "jul july juli juillet julio julai",
            "aug august aout agosto agustus ogos",
            "sep sept september septembre septiembre",
            "oct october oktober okt octobre octubre",
            "nov november novembre noviembre",
            "dec december dezember dez decembre diciembre desember dis disember",
        ),
        start=1,
    )
    for name in names.split()
}
_DATE_PARTS: Final = re.compile(r"\d+|[a-z]+")
_CLOCK: Final = re.compile(r"\b(\d{1,2})[:.h](\d{2})(?:[:.](\d{2}))?\s*(am|pm|a\.m\.|p\.m\.)?(?=\s|$)")
_DIGITS: Final = re.compile(r"\d(?:[\d.,' ]*\d)?|[.,]\d+")


def tidy(text: str) -> str:
    """The spelling that may be delivered: NFC, no control signs, one blank between words. Letters and signs stay."""
    kept = "".join(sign for sign in unicodedata.normalize("NFC", text) if sign.isspace() or sign.isprintable())
    return " ".join(kept.split())


def same_signs(text: str) -> str:
    """Compatible forms, quotes, dashes and blanks made one (Unicode NFKC, UAX 15); case stays."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_SAME_SIGN)).translate(_SAME_SIGN).split())


def normalise(text: str, field_type: str) -> str:
    """The key under which two answers count as the same.

    field_type  text | amount | date | number | code | iban
    returns     text: one form of quotes, dashes and blanks, case kept;  amount, number: the plain decimal value;
                date: year-month-day where the order is certain;  code, iban: upper case without blanks
    raises      UnknownMethod for another field type

    >>> normalise("12,50", "amount"), normalise("(12.50)", "amount"), normalise("1,234", "number")
    ('12.5', '-12.5', '1234')
    >>> normalise("25/12/18", "date"), normalise("25 Dec 2018", "date"), normalise("3-4-2018", "date")
    ('2018-12-25', '2018-12-25', '03/04/2018')
    """
    plain = same_signs(text)
    match field_type:
        case "text":
            return plain
        case "amount":
            return _value(plain, thousands_after_dot=True) or plain
        case "number":
            return _value(plain, thousands_after_dot=False) or plain
        case "date":
            return _date(plain) or plain
        case "code":
            return _signs(plain, " ")
        case "iban":
            return _signs(plain, " -")
    raise UnknownMethod(field_type, allowed=FIELD_TYPES)


def _signs(plain: str, dropped: str) -> str:
    """Upper case without the dropped signs, composed again: a mark that stood alone may have found its letter."""
    return unicodedata.normalize("NFKC", "".join(sign for sign in plain if sign not in dropped).upper())


def iban_is_valid(key: str) -> bool:
    """True when a normalised IBAN passes its check digits (ISO 13616, mod 97 = 1).

    >>> iban_is_valid("GB82WEST12345698765432"), iban_is_valid("GB82WEST12345698765431")
    (True, False)
    """
    if not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}", key):
        return False
    return int("".join(str(int(sign, 36)) for sign in key[4:] + key[:4])) % 97 == 1


def luhn_is_valid(digits: str) -> bool:
    """True when a string of digits passes the Luhn check (ISO/IEC 7812-1), as card numbers and some codes do.

    >>> luhn_is_valid("79927398713"), luhn_is_valid("79927398710")
    (True, False)
    """
    if not digits.isascii() or not digits.isdigit():
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 * (value > 9) for value in doubled) % 10 == 0


def _value(plain: str, *, thousands_after_dot: bool) -> str | None:
    """The decimal value of an amount or number, None when the text is not one value with at most a unit beside it."""
    found = _DIGITS.findall(plain)
    if len(found) != 1:
        return None
    before, after = plain.split(found[0], 1)
    if not _is_unit(before) or not _is_unit(after):
        return None
    negative = "-" in before or "-" in after or ("(" in before and ")" in after)
    digits = found[0]
    if re.search(r"[ '](?!\d{3}(?:\D|$))", digits):
        return None
    digits = re.sub(r"[ ']", "", digits)
    comma, dot = digits.rfind(","), digits.rfind(".")
    if comma >= 0 and dot >= 0:
        point = max(comma, dot)
        whole, part = re.sub(r"[.,]", "", digits[:point]), digits[point + 1 :]
    elif comma < 0 and dot < 0:
        whole, part = digits, ""
    else:
        sign = "," if comma >= 0 else "."
        head, *tail = digits.split(sign)
        grouped = all(len(group) == 3 for group in tail) and 1 <= len(head) <= 3 and head != "0"
        if len(tail) > 1:
            if not grouped:
                return None
            whole, part = "".join([head, *tail]), ""
        elif grouped and (sign == "," or thousands_after_dot):
            whole, part = head + tail[0], ""
        else:
            whole, part = head, tail[0]
    value = Decimal(f"{'-' if negative else ''}{whole or '0'}.{part or '0'}")
    if value == 0:
        return "0"
    shown = format(value, "f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _is_unit(text: str) -> bool:
    """True for what may stand beside a value: a sign, brackets, a currency or a unit of at most four letters."""
    left = re.sub(r"[-+()\s:=*]", "", text)
    return len(left) <= 4 and all(unicodedata.category(sign) in {"Sc", "Lu", "Ll"} or sign in ".%$/" for sign in left)


def _date(plain: str) -> str | None:
    """year-month-day, or first/second/year where day and month cannot be told apart; a clock time follows."""
    lowered = "".join(
        sign for sign in unicodedata.normalize("NFKD", plain.casefold()) if not unicodedata.combining(sign)
    )
    lowered = re.sub(r"(\d)t(?=\d)", r"\1 ", lowered)
    clock, left = "", lowered
    if hit := _CLOCK.search(lowered):
        hour = int(hit[1]) % 12 + 12 if (hit[4] or "").startswith("p") else int(hit[1])
        hour = 0 if (hit[4] or "").startswith("a") and hour == 12 else hour
        # 25.12.18 is a date and no time of day: a clock with dots needs a date before it
        if ":" in hit[0] or len(_DATE_PARTS.findall(lowered[: hit.start()])) >= 3:
            clock = f" {hour:02d}:{hit[2]}" + (f":{hit[3]}" if hit[3] else "")
            left = lowered[: hit.start()] + " " + lowered[hit.end() :]
    parts = [part for part in _DATE_PARTS.findall(left) if part not in {"th", "st", "nd", "rd", "de"}]
    weekdays = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    parts = [part for part in parts if not (part.isalpha() and part.startswith(weekdays) and part not in _MONTHS)]
    if len(parts) == 1 and re.fullmatch(r"(19|20)\d{6}", parts[0]):
        parts = [parts[0][:4], parts[0][4:6], parts[0][6:]]
    if len(parts) != 3:
        return None
    named = [place for place, part in enumerate(parts) if part.isalpha()]
    if len(named) > 1 or any(parts[place] not in _MONTHS for place in named):
        return None
    if named:
        month = _MONTHS[parts[named[0]]]
        first, second = (part for place, part in enumerate(parts) if place != named[0])
        year, day = (first, second) if len(first) == 4 else (second, first)
        return _written(_year(year), month, int(day), clock)
    if len(parts[0]) == 4:
        return _written(int(parts[0]), int(parts[1]), int(parts[2]), clock)
    one, two, year_value = int(parts[0]), int(parts[1]), _year(parts[2])
    if one > 12 >= two:
        return _written(year_value, two, one, clock)
    if two > 12 >= one:
        return _written(year_value, one, two, clock)
    if year_value is None or not (1 <= one <= 12 and 1 <= two <= 12):
        return None
    return f"{one:02d}/{two:02d}/{year_value}{clock}"


def _year(digits: str) -> int | None:
    """Four digits as they are, two digits as 1970..2069, else None."""
    if len(digits) == 4:
        return int(digits)
    if len(digits) == 2:
        return int(digits) + (1900 if int(digits) >= 70 else 2000)
    return None


def _written(year: int | None, month: int, day: int, clock: str) -> str | None:
    if year is None or not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return f"{year:04d}-{month:02d}-{day:02d}{clock}"
