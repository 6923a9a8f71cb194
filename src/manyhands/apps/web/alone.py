"""The stand-alone page: one file that checks receipts against any chain's node, without this site.

Rules kept here
- Everything is in the one file: it can be saved, read, compared by its hash, and opened from a disk years later.
- It may ask any node its reader names, so it must hold nothing worth taking: served from here it is sandboxed into an
  origin of its own, without cookies, storage or the site's API. The site's own pages keep `connect-src 'self'`.
- The script runs by its hash; there is no other, nothing is evaluated, nothing becomes markup.

>>> page = alone_page()
>>> page.document.startswith(b"<!doctype html>"), "sandbox allow-scripts" in page.policy
(True, True)
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from .assets import script_hash

MODULES: Final = ("js/keccak.js", "js/proof.js", "alone/chain.js", "alone/words.js", "alone/page.js")
"""In the order in which they need each other."""
_IMPORT: Final = re.compile(r'^import (\{[^}]+\}) from "manyhands/([a-z]+\.js)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)

CONNECT: Final = "connect-src https: http://127.0.0.1:* http://localhost:*"
"""Nodes: any under TLS, and those on the reader's own machine."""


@dataclass(frozen=True, slots=True)
class AlonePage:
    """The file, and the policy it is served with. What of the policy a file may say of itself stands in it too."""

    document: bytes
    policy: str


@cache
def alone_page() -> AlonePage:
    """The page, made from the same modules that the site uses."""
    static = files(__package__) / "static"
    script = "const modules = {};\n" + "".join(
        _wrapped(name.rpartition("/")[2], (static / name).read_text(encoding="utf-8")) for name in MODULES
    )
    styles = (static / "alone/page.css").read_text(encoding="utf-8")
    own = f"default-src 'none'; script-src {script_hash(script)}; style-src {script_hash(styles)}; {CONNECT}"
    own += "; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    document = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{own}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="referrer" content="no-referrer">'
        f"<title>Manyhands</title><style>{styles}</style></head><body>"
        '<header><h1 data-say="title"></h1>'
        '<label><span data-say="language"></span><select id="language"></select></label>'
        '</header><main><p data-say="lead"></p><form id="form">'
        '<label for="url" data-say="url"></label>'
        '<input id="url" type="url" inputmode="url" autocomplete="off" spellcheck="false" required'
        ' placeholder="http://127.0.0.1:8545" aria-describedby="hint">'
        '<p class="hint" id="hint" data-say="url_hint"></p>'
        '<label for="file" data-say="file"></label><input id="file" type="file" accept=".json,application/json">'
        '<label for="paste" data-say="paste"></label><textarea id="paste" rows="4" spellcheck="false"></textarea>'
        '<button data-say="check"></button></form>'
        '<p id="told" role="status"></p><p id="rests"></p><ul id="found"></ul></main>'
        f'<script type="module">{script}</script></body></html>\n'
    ).encode()
    return AlonePage(document, f"{own}; frame-ancestors 'none'; sandbox allow-scripts allow-forms allow-downloads")


def _wrapped(name: str, source: str) -> str:
    """One module in a scope of its own, so that files need not know each other's names."""
    if "</script" in source:
        raise ValueError(f"{name} would end the script that it stands in")
    exported = _EXPORT.findall(source)
    body = _EXPORT.sub("", _IMPORT.sub(r'const \1 = modules["\2"];', source))
    return f'modules["{name}"] = (() => {{\n{body}\nreturn {{ {", ".join(exported)} }};\n}})();\n'
