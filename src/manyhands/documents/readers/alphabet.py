"""Which characters a reader may answer with, by language.

Rules kept here
- Languages are data: a line per language with the letters it adds to the common signs.
- A reader is never offered a sign outside the alphabets of the job's languages.
"""

from __future__ import annotations

import string

_COMMON = string.digits + string.ascii_letters + string.punctuation + " €£¥§°²³µ½©®™×·•–—‘’“”…±"

_LETTERS = {
    "en": "",
    "de": "ÄÖÜäöüßẞ„",
    "fr": "ÀÂÆÇÈÉÊËÎÏÔŒÙÛÜŸàâæçèéêëîïôœùûüÿ«»",
    "nl": "ÉËÏÓÖÜéëïóöü",
    "it": "ÀÈÉÌÒÓÙàèéìòóù",
    "es": "ÁÉÍÑÓÚÜáéíñóúü¿¡ºª",
    "pt": "ÀÁÂÃÇÉÊÍÓÔÕÚàáâãçéêíóôõúºª",
    "ms": "",
    "sv": "ÅÄÖåäö",
    "da": "ÆØÅæøå",
    "no": "ÆØÅæøå",
    "fi": "ÅÄÖåäö",
    "pl": "ĄĆĘŁŃÓŚŹŻąćęłńóśźż",
    "cs": "ÁČĎÉĚÍŇÓŘŠŤÚŮÝŽáčďéěíňóřšťúůýž",
}

DEFAULT_LANGUAGES = ("en", "de", "fr", "nl")
"""What is read when the requester names no language."""

LANGUAGES = tuple(sorted(_LETTERS))


def alphabet(languages: tuple[str, ...] = DEFAULT_LANGUAGES) -> frozenset[str]:
    """All characters of the given languages; an unknown language adds nothing to the common signs.

    >>> "ß" in alphabet(("de",)), "ß" in alphabet(("en",)), "中" in alphabet()
    (True, False, False)
    """
    return frozenset(_COMMON).union(*(_LETTERS.get(language, "") for language in languages))
