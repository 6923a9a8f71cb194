"""What is wrong with an ALTO or hOCR file: the standards' rules as tables, written anew from their descriptions.

Rules kept here
- Each check gives a list of sentences, empty for a valid file; a test shows that planted faults are found.
- ALTO: elements, their order and number, attributes with their types and which of them must be there, as in the 4.4
  schema for everything that this project writes; an element or attribute that is not in the tables is a fault.
  Beyond the schema: every box on its page and in the element around it, references that lead to a tag.
- hOCR 1.2: well-formed XHTML, the two required metas, only announced classes, the grammar of ``title`` properties,
  boxes in boxes.

Source: ALTO 4.4 schema, Library of Congress; "hOCR 1.2", sections 3 to 5; XML Schema 1.0 part 2 (lexical forms).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from manyhands.documents.model import Box

_ALTO = "{http://www.loc.gov/standards/alto/ns-v4#}"
_XSI = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_XHTML = "{http://www.w3.org/1999/xhtml}"

_FORMS = {
    "float": r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-?INF|NaN",
    "share": r"0(\.\d+)?|1(\.0+)?",
    "id": r"[^\W\d][\w.\-]*",
    "ids": r"[^\W\d][\w.\-]*( [^\W\d][\w.\-]*)*",
    "string": r"[\s\S]*",
    "boolean": r"true|false|1|0",
    "direction": r"ltr|rtl|ttb|btt",
}
_PLACE = {"HPOS": "float", "VPOS": "float", "WIDTH": "float", "HEIGHT": "float"}
_BLOCK = {"ID!": "id", "TAGREFS": "ids", "CS": "boolean", "ROTATION": "float", "BASEDIRECTION": "direction", **_PLACE}
# element -> (its children in order, as an expression over "name " words; its attributes, those with ! must be there)
_ELEMENTS: dict[str, tuple[str, dict[str, str]]] = {
    "alto": (r"(Description )?(Styles )?(Tags )?(ReadingOrder )?Layout ", {"SCHEMAVERSION": "string", _XSI: "string"}),
    "Description": (r"MeasurementUnit (sourceImageInformation )?(OCRProcessing )*(Processing )*", {}),
    "MeasurementUnit": ("", {}),
    "sourceImageInformation": (r"(fileName )?(fileIdentifier )*(documentIdentifier )*", {}),
    "fileName": ("", {}),
    "Processing": (
        r"(processingCategory )?(processingDateTime )?(processingAgency )?(processingStepDescription )*"
        r"(processingStepSettings )?(processingSoftware )?",
        {"ID!": "id"},
    ),
    "processingSoftware": (
        r"(softwareCreator )?(softwareName )?(softwareVersion )?(applicationDescription )?",
        {},
    ),
    "softwareName": ("", {}),
    "Tags": (r"((LayoutTag|StructureTag|RoleTag|NamedEntityTag|OtherTag) )*", {}),
    "OtherTag": (r"(XmlData )?", {"ID!": "id", "TYPE": "string", "LABEL!": "string", "DESCRIPTION": "string"}),
    "Layout": (r"(Page )+", {"STYLEREFS": "ids"}),
    "Page": (
        r"(TopMargin )?(LeftMargin )?(RightMargin )?(BottomMargin )?(PrintSpace )?",
        {"ID!": "id", "PHYSICAL_IMG_NR!": "float", "WIDTH": "float", "HEIGHT": "float", "ROTATION": "float"},
    ),
    "PrintSpace": (r"(Shape )?((TextBlock|Illustration|GraphicalElement|ComposedBlock) )*", {"ID": "id", **_PLACE}),
    "TextBlock": (r"(Shape )?(TextLine )*", _BLOCK),
    "TextLine": (r"(Shape )?(String (SP )?)+(HYP )?", {**_BLOCK, "BASELINE": "string"}),
    "String": (
        r"(Shape )?(ALTERNATIVE )*(Glyph )*",
        {"ID": "id", "CONTENT!": "string", "WC": "share", "CS": "boolean", "TAGREFS": "ids", **_PLACE},
    ),
    "SP": ("", {"ID": "id", **_PLACE}),
}
_TEXT_ALLOWED = ("MeasurementUnit", "fileName", "softwareName")


def alto_faults(file: bytes) -> list[str]:
    """What makes the file invalid as ALTO 4.4, empty when nothing does."""
    try:
        root = ET.fromstring(file)  # noqa: S314  # our own file in a test
    except ET.ParseError as error:
        return [f"not well-formed: {error}"]
    if root.tag != f"{_ALTO}alto":
        return [f"the root is {root.tag}"]
    faults = [fault for element in root.iter() for fault in _alto_element(element)]
    ids = [element.get("ID") for element in root.iter() if element.get("ID")]
    faults += [f"two elements have the ID {one}" for one in {i for i in ids if ids.count(i) > 1}]
    tags = {element.get("ID") for element in root.iter(f"{_ALTO}OtherTag")}
    for element in root.iter():
        faults += [f"TAGREFS leads nowhere: {ref}" for ref in element.get("TAGREFS", "").split() if ref not in tags]
    if (unit := root.findtext(f"{_ALTO}Description/{_ALTO}MeasurementUnit")) not in ("pixel", "mm10", "inch1200"):
        faults.append(f"unit of measurement: {unit}")
    if not faults:
        for page in root.iter(f"{_ALTO}Page"):
            faults += _outside(page, Box(0, 0, int(page.get("WIDTH", "0")), int(page.get("HEIGHT", "0"))))
    return faults


def _alto_element(element: ET.Element) -> Iterator[str]:
    name = element.tag.removeprefix(_ALTO)
    if name not in _ELEMENTS:
        yield f"no such element: {name}"
        return
    children, attributes = _ELEMENTS[name]
    found = "".join(child.tag.removeprefix(_ALTO) + " " for child in element)
    if not re.fullmatch(children, found):
        yield f"{name} holds {found or 'nothing'}"
    if name not in _TEXT_ALLOWED and any((text or "").strip() for text in (element.text, *(c.tail for c in element))):
        yield f"{name} holds text"
    forms = {key.rstrip("!"): form for key, form in attributes.items()}
    for key, value in element.attrib.items():
        if key not in forms:
            yield f"{name} has no attribute {key}"
        elif not re.fullmatch(_FORMS[forms[key]], value):
            yield f"{name} {key} is no {forms[key]}: {value!r}"
    for key in attributes:
        if key.endswith("!") and key[:-1] not in element.attrib:
            yield f"{name} lacks {key[:-1]}"


def _outside(element: ET.Element, around: Box) -> Iterator[str]:
    for child in element:
        inner = around
        if child.get("HPOS") is not None:
            x, y, w, h = (int(child.get(key, "-1")) for key in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
            inner = Box(x, y, x + w, y + h)
            if w < 1 or h < 1 or inner.shared(around) != inner:
                yield f"{child.tag.removeprefix(_ALTO)} {child.get('ID')} at {inner} lies outside {around}"
        yield from _outside(child, inner)


_BBOX = re.compile(r"bbox (\d+) (\d+) (\d+) (\d+)")
_PROPERTIES = {
    "bbox": r"bbox \d+ \d+ \d+ \d+",
    "image": r'image "[^"\\;]*"',
    "ppageno": r"ppageno \d+",
    "x_wconf": r"x_wconf (\d{1,2}|100)",
    "textangle": r"textangle -?\d+(\.\d+)?",
}
_WANTED = {"ocr_page": ("bbox",), "ocr_line": ("bbox",), "ocrx_word": ("bbox",)}
_NEEDS_CAPABILITY = {"x_wconf": "ocrp_wconf"}
_INSIDE_OF = {"ocr_page": None, "ocr_line": "ocr_page", "ocrx_word": "ocr_line"}
_HTML = {"html", "head", "title", "meta", "body", "div", "span", "br"}


def hocr_faults(file: bytes) -> list[str]:
    """What makes the file invalid as hOCR 1.2 in XHTML, empty when nothing does."""
    try:
        root = ET.fromstring(file)  # noqa: S314  # our own file in a test
    except ET.ParseError as error:
        return [f"not well-formed: {error}"]
    faults = [f"not a plain XHTML element: {e.tag}" for e in root.iter() if e.tag.removeprefix(_XHTML) not in _HTML]
    metas = {m.get("name"): m.get("content", "") for m in root.iter(f"{_XHTML}meta")}
    faults += [f"meta {name} is missing" for name in ("ocr-system", "ocr-capabilities") if not metas.get(name)]
    able = set(metas.get("ocr-capabilities", "").split())
    if root.find(f"{_XHTML}head/{_XHTML}title") is None:
        faults.append("no title")
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    faults += [f"two elements have the id {one}" for one in {i for i in ids if ids.count(i) > 1}]
    pages = sum(element.get("class") == "ocr_page" for element in root.iter())
    if metas.get("ocr-number-of-pages", str(pages)) != str(pages):
        faults.append("the number of pages is another one")
    return [*faults, *_hocr_element(root, None, None, able)]


def _hocr_element(element: ET.Element, kind: str | None, around: Box | None, able: set[str]) -> Iterator[str]:
    for child in element:
        own, box = child.get("class"), around
        if own is not None:
            yield from _hocr_class(child, own, kind, able)
            if match := _BBOX.search(child.get("title", "")):
                box = Box(*map(int, match.groups()))
                if box.width_px < 1 or box.height_px < 1 or (around is not None and box.shared(around) != box):
                    yield f"{own} {child.get('id')} at {box} lies outside {around}"
        yield from _hocr_element(child, own or kind, box, able)


def _hocr_class(child: ET.Element, own: str, kind: str | None, able: set[str]) -> Iterator[str]:
    if own not in able or own not in _INSIDE_OF:
        yield f"class {own} was not announced"
        return
    if _INSIDE_OF[own] != kind:
        yield f"{own} stands in {kind}"
    if own == "ocrx_word" and not (child.text or "").strip():
        yield "a word without text"
    said = [one.strip() for one in child.get("title", "").split(";")]
    names = [one.split(" ", 1)[0] for one in said]
    for name, one in zip(names, said, strict=True):
        if name not in _PROPERTIES or not re.fullmatch(_PROPERTIES[name], one):
            yield f"{own} has no property like {one!r}"
        if name in _NEEDS_CAPABILITY and _NEEDS_CAPABILITY[name] not in able:
            yield f"{name} was not announced"
    yield from (f"{own} lacks {name}" for name in _WANTED[own] if name not in names)
    yield from (f"{own} says {name} twice" for name in set(names) if names.count(name) > 1)
