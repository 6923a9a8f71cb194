"""The files a browser gets: our own modules and styles, and components from the lock file, under names that hash them.

Rules kept here
- A name holds the digest of its content, so a browser may keep it for ever and never sees a mixture of two versions.
- Modules name each other through one import map; nothing is bundled, nothing of a third party is committed.
- Our own modules and sheets travel without their comments and indentation, which are for whoever reads them here: a
  tenth of the worker's page (ADR 0172). Lines stay lines, so an error's line is found by its text.
- Everything is compressed once, at start, never per request.
- Pure but for reading files once: `load_assets` is the only edge.

>>> content_name("js/kit.js", b"export const a = 1;")
'js/kit.683314ed2211.js'
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from manyhands.protocol.errors import ManyhandsError

ASSETS_PREFIX: Final = "/assets/"
COMPONENTS_PREFIX: Final = "/components/"

COMPONENT_FILES: Final[Mapping[str, str]] = {
    "preact": "preact/dist/preact.mjs",
    "preact/hooks": "preact/hooks/dist/hooks.mjs",
    "@preact/signals-core": "@preact/signals-core/dist/signals-core.mjs",
    "@preact/signals": "@preact/signals/dist/signals.mjs",
    "htm": "htm/dist/htm.mjs",
    "idb": "idb/build/index.js",
}
"""Import name -> file inside node_modules. What a page does not import is never asked for."""

MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webmanifest": "application/manifest+json",
}

MODULE_PREFIX: Final = "manyhands/"
TEXTS_MODULE: Final = "manyhands/texts.js"
"""An import name that depends on the reader's language: `texts/LANGUAGE.js`, and `texts/LANGUAGE.PART.js` as
`manyhands/texts-PART.js`, for words that only some pages need."""


class ComponentMissing(ManyhandsError):
    """A browser component named by the import map is not in the cache."""

    cure = "Delete the components' cache folder and start again with a network: it is installed from the lock file."

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path = name, path
        super().__init__(f"browser component {name!r} is not at {path}")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it travels. gzipped is None where compressing gains nothing."""

    url: str
    raw: bytes
    gzipped: bytes | None
    media_type: str


@dataclass(frozen=True, eq=False)
class Assets:
    """Every file the site serves, by URL, and how pages name them.

    modules    import name -> URL, for the import map (language texts left out)
    languages  language -> URL of its texts
    parts      language -> import name -> URL, of words that only some pages need
    styles     URL of the style sheet
    sheets     name -> URL of sheets that only some pages need
    """

    by_url: Mapping[str, Asset]
    modules: Mapping[str, str]
    languages: Mapping[str, str]
    parts: Mapping[str, Mapping[str, str]]
    styles: str
    sheets: Mapping[str, str]
    icon: str
    service_worker: bytes

    def import_map(self, language: str) -> str:
        """The import map of a page in this language, as the one inline script of the site. raises KeyError"""
        imports = {**self.modules, TEXTS_MODULE: self.languages[language], **self.parts.get(language, {})}
        return json.dumps({"imports": dict(sorted(imports.items()))}, separators=(",", ":"))


def content_name(name: str, raw: bytes) -> str:
    """name with twelve hex characters of the content's sha-256 before its suffix"""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}.{hashlib.sha256(raw).hexdigest()[:12]}{dot}{suffix}"


def script_hash(text: str) -> str:
    """The source expression by which a Content-Security-Policy allows exactly this inline text."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


def make_asset(prefix: str, name: str, raw: bytes) -> Asset:
    """The file under its hashed URL, compressed when that makes it smaller."""
    packed = gzip.compress(raw, compresslevel=9, mtime=0)
    suffix = "." + name.rpartition(".")[2]
    suffix = ".js" if suffix == ".mjs" else suffix
    shown = name[: -len(".mjs")] + ".js" if name.endswith(".mjs") else name
    return Asset(
        url=prefix + content_name(shown, raw),
        raw=raw,
        gzipped=packed if len(packed) < len(raw) else None,
        media_type=MEDIA_TYPES.get(suffix, "application/octet-stream"),
    )


def without_comments(source: bytes) -> bytes:
    """A module or sheet without lines that are comments and without indentation. What runs is what was written.

    A comment after code, and one that begins after code, stays: whether it is one only a parser knows.

    >>> without_comments(b"// why\\n/* one\\n   two */\\na();  // said here\\n\\n  b(`//c`);\\n")
    b'a();  // said here\\nb(`//c`);\\n'
    """
    kept: list[bytes] = []
    inside = False
    for line in source.splitlines():
        told = line.strip()
        if inside or (told.startswith(b"/*") and (told.find(b"*/") in (-1, len(told) - 2))):
            inside = not told.endswith(b"*/")
        elif told and not told.startswith(b"//"):
            kept.append(told)
    return b"\n".join(kept) + b"\n"


def load_assets(node_modules: Path) -> Assets:
    """Reads our own static folder and the components. raises ComponentMissing naming the file that is not there"""
    by_url: dict[str, Asset] = {}
    modules: dict[str, str] = {}
    languages: dict[str, str] = {}
    named: dict[str, str] = {}
    parts: dict[str, dict[str, str]] = {}

    for name, raw in _own_files(files(__package__) / "static"):
        asset = make_asset(ASSETS_PREFIX, name, without_comments(raw) if name.endswith((".js", ".css")) else raw)
        by_url[asset.url] = asset
        named[name] = asset.url
        if name.startswith("js/texts/"):
            language, dot, part = name.removeprefix("js/texts/").removesuffix(".js").partition(".")
            if dot:
                parts.setdefault(language, {})[f"{MODULE_PREFIX}texts-{part}.js"] = asset.url
            else:
                languages[language] = asset.url
        elif name.startswith("js/"):
            modules[MODULE_PREFIX + name.removeprefix("js/")] = asset.url

    for name, inside in COMPONENT_FILES.items():
        path = node_modules / inside
        if not path.is_file():
            raise ComponentMissing(name, path)
        asset = make_asset(COMPONENTS_PREFIX, name.replace("@", "").replace("/", "-") + ".js", _without_map(path))
        by_url[asset.url] = asset
        modules[name] = asset.url

    return Assets(
        by_url=by_url,
        modules=modules,
        languages=languages,
        parts=parts,
        styles=named["app.css"],
        sheets={name.removesuffix(".css"): url for name, url in named.items() if name.endswith(".css")},
        icon=named["icon.svg"],
        service_worker=by_url[named["sw.js"]].raw,
    )


def _without_map(path: Path) -> bytes:
    """A component without the pointer to its source map, which is not served."""
    lines = path.read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"//# sourceMappingURL="))


def _own_files(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir():
            found += _own_files(entry, f"{prefix}{entry.name}/")
        elif "." + entry.name.rpartition(".")[2] in MEDIA_TYPES:
            found.append((prefix + entry.name, entry.read_bytes()))
    return found
