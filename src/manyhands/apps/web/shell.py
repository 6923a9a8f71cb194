"""The one HTML document that every page starts from.

Rules kept here
- It is the same for everybody but for language and page name: no name, no amount, nothing to steal stands in it.
- The import map is its only inline script, allowed by hash; modules are named ahead so that they load in one round.

>>> choose_language("", "pt-BR,es;q=0.8,en;q=0.5", ("en", "es"))
'es'
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from manyhands.protocol.money import MHT, Currency

from .assets import Assets, script_hash
from .security import content_policy

DEFAULT_LANGUAGE: Final = "en"
RIGHT_TO_LEFT: Final = frozenset({"ar", "fa", "he", "ur"})

COMMON_MODULES: Final = (
    "manyhands/main.js", "manyhands/kit.js", "manyhands/api.js", "manyhands/outbox.js", "manyhands/frame.js",
    "preact", "preact/hooks", "@preact/signals-core", "@preact/signals", "htm", "idb",
)  # fmt: skip

PAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "home": ("manyhands/pages/home.js", "manyhands/guide.js"),
    "sign-in": ("manyhands/pages/sign-in.js", "manyhands/ways.js"),
    "account": ("manyhands/pages/account.js", "manyhands/ways.js"),
    "work": (
        "manyhands/pages/work.js", "manyhands/bundle.js", "manyhands/meter.js", "manyhands/guide.js",
        "manyhands/tools/transcription.js",
    ),
    "earnings": ("manyhands/pages/earnings.js", "manyhands/say.js", "manyhands/more.js", "manyhands/rows.js"),
    "jury": ("manyhands/pages/jury.js", "manyhands/more.js"),
    "standing": ("manyhands/pages/standing.js", "manyhands/say.js", "manyhands/more.js", "manyhands/rows.js"),
    "jobs": ("manyhands/pages/jobs.js",),
    "job": ("manyhands/pages/job.js", "manyhands/say.js", "manyhands/lines.js", "manyhands/told.js"),
    "record": ("manyhands/pages/record.js", "manyhands/say.js", "manyhands/more.js", "manyhands/rows.js"),
    "practice": ("manyhands/pages/practice.js", "manyhands/more.js", "manyhands/tools/transcription.js"),
    "limits": ("manyhands/pages/limits.js", "manyhands/more.js"),
    "pool": ("manyhands/pages/pool.js", "manyhands/more.js", "manyhands/rows.js"),
    "pools": ("manyhands/pages/pools.js", "manyhands/more.js"),
    "proof": ("manyhands/pages/proof.js", "manyhands/proof.js", "manyhands/keccak.js"),
    "desk": ("manyhands/pages/desk.js", "manyhands/desk/words.js", "manyhands/desk/nav.js", "manyhands/rows.js"),
    "purse": (
        "manyhands/pages/purse.js", "manyhands/say.js", "manyhands/desk/words.js", "manyhands/desk/nav.js",
        "manyhands/rows.js",
    ),
    "hooks": ("manyhands/pages/hooks.js", "manyhands/desk/words.js", "manyhands/desk/nav.js", "manyhands/rows.js"),
    "draft": (
        "manyhands/pages/draft.js", "manyhands/say.js", "manyhands/desk/words.js", "manyhands/desk/upload.js",
        "manyhands/desk/draw.js", "manyhands/desk/quote.js", "manyhands/lines.js", "manyhands/desk/who.js",
    ),
    "watch": (
        "manyhands/pages/watch.js", "manyhands/say.js", "manyhands/desk/words.js", "manyhands/desk/chart.js",
        "manyhands/desk/quote.js", "manyhands/desk/results.js", "manyhands/lines.js", "manyhands/rows.js",
        "manyhands/told.js",
    ),
    "operator": (
        "manyhands/pages/operator.js", "manyhands/say.js", "manyhands/desk/words.js", "manyhands/desk/quote.js",
        "manyhands/lines.js", "manyhands/rows.js",
    ),
    "not-found": ("manyhands/pages/not-found.js",),
}  # fmt: skip
"""Page name -> modules that only it needs."""

OF_WORKERS: Final = ("earnings", "standing", "jury", "record", "limits", "practice", "pool", "pools")
"""Pages with the words and the style sheet of `more`."""

SHEETS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("desk", "draft", "watch", "purse", "hooks", "operator"), ("desk", "rows")),
    **dict.fromkeys(OF_WORKERS, ("more", "rows")),
}
"""Page name -> style sheets that it needs beside the common one."""

NEVER_PRINTED: Final = ("work",)
"""Pages without the sheet for paper: a task is done, not kept, and its page is the one whose bytes are counted."""

SITE_WORDS = "manyhands/texts-site.js"
SAID_WORDS = "manyhands/texts-said.js"

_OWN_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys((page for page in PAGES if page != "work"), (SITE_WORDS,)),
    **dict.fromkeys(("desk", "draft", "watch", "purse", "hooks", "operator"), (SITE_WORDS, "manyhands/texts-desk.js")),
    **dict.fromkeys(OF_WORKERS, (SITE_WORDS, "manyhands/texts-more.js")),
}

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    page: (*words, SAID_WORDS) if "manyhands/say.js" in PAGES[page] else words for page, words in _OWN_WORDS.items()
}
"""Page name -> words that it needs beside the common ones."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A page's document, its policy and its entity tag."""

    document: bytes
    policy: str
    etag: str


def choose_language(chosen: str, accepted: str, known: Sequence[str]) -> str:
    """The language of a page: what the reader chose, else the first accepted one that is known, else English.

    chosen    content of the language cookie, "" for none
    accepted  the Accept-Language header
    """
    if chosen in known:
        return chosen
    weighted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted.split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), place, tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(weighted) if tag in known), DEFAULT_LANGUAGE)


@lru_cache(maxsize=64)
def shell(assets: Assets, page: str, language: str, currencies: tuple[Currency, ...] = (MHT,)) -> Shell:
    """The document of one page in one language. raises KeyError for a page or language that does not exist

    currencies  what jobs are paid in here, the first first: pages write amounts by it
    """
    money = " ".join(f"{one.code}/{one.exponent}/{one.shown}" for one in currencies)
    import_map = assets.import_map(language)
    words = assets.parts.get(language, {})
    preloads = [assets.languages[language], *(words[name] for name in WORDS.get(page, ()) if name in words)] + [
        assets.modules[name] for name in (*COMMON_MODULES, *PAGES[page]) if name in assets.modules
    ]
    direction = "rtl" if language in RIGHT_TO_LEFT else "ltr"
    links = "".join(f'<link rel="modulepreload" href="{url}">' for url in preloads)
    languages = " ".join(sorted(assets.languages))
    sheets = "".join(f'<link rel="stylesheet" href="{assets.sheets[name]}">' for name in SHEETS.get(page, ()))
    if page not in NEVER_PRINTED:
        sheets += f'<link rel="stylesheet" media="print" href="{assets.sheets["print"]}">'
    document = (
        f'<!doctype html><html lang="{language}" dir="{direction}" data-page="{page}" data-languages="{languages}" '
        f'data-currencies="{html.escape(money)}">'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">'
        '<meta name="color-scheme" content="light dark">'
        "<title>Manyhands</title>"
        f'<link rel="icon" href="{assets.icon}" type="image/svg+xml">'
        f'<link rel="stylesheet" href="{assets.styles}">'
        f"{sheets}"
        f'<script type="importmap">{import_map}</script>'
        f"{links}"
        f'<script type="module" src="{html.escape(assets.modules["manyhands/main.js"])}"></script>'
        '</head><body><div id="app"></div>'
        "<noscript><p>This page works with JavaScript. The record of jobs is also at <a href='/api/jobs'>/api/jobs</a>"
        " as plain data.</p></noscript></body></html>"
    ).encode()
    policy = content_policy(import_map_hash=script_hash(import_map))
    return Shell(document=document, policy=policy, etag=f'"{hashlib.sha256(document).hexdigest()[:16]}"')
