"""What a file ought to hold, in forms that can be compared."""

import json
import re
import zlib

import zstandard
from lxml import etree

NIL = ("nil",)
XSI_NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


# --- compression ----------------------------------------------------------------------------------
def gunzip(data):
    """One member and nothing behind it: members that are joined could be cut between without notice."""
    stream = zlib.decompressobj(wbits=31)
    plain = stream.decompress(data) + stream.flush()
    assert stream.eof, "the gzip stream is cut"
    assert stream.unused_data == b"", "there is more than one gzip member"
    return plain


def unzstd(data):
    """One frame and nothing behind it."""
    stream = zstandard.ZstdDecompressor(max_window_size=2**27).decompressobj()
    plain = stream.decompress(data)
    assert stream.eof, "the zstd frame is cut"
    assert stream.unused_data == b"", "there is more than one zstd frame"
    return plain


UNPACK = {"none": lambda data: data, "gzip": gunzip, "zstd": unzstd}


# --- JSON -----------------------------------------------------------------------------------------
class Number(str):
    """A JSON number as it is written: 1.50 is not 1.5."""


def parse_json(text):
    """Objects as lists of pairs (order and duplicates count), numbers as written."""
    return json.loads(
        text,
        parse_int=Number,
        parse_float=Number,
        parse_constant=reject_constant,
        object_pairs_hook=lambda pairs: ("object", pairs),
    )


def reject_constant(name):
    raise ValueError(f"{name} is not JSON")


def array_items(data):
    """The text of every item of a JSON array, as it stands; white space between them is the writer's own."""
    text = data.decode("utf-8")
    decoder = json.JSONDecoder(parse_constant=reject_constant)
    at = skip_space(text, 0)
    assert text[at] == "[", text[:50]
    at = skip_space(text, at + 1)
    items = []
    if text[at] == "]":
        at += 1
    else:
        while True:
            _, end = decoder.raw_decode(text, at)
            items.append(text[at:end])
            at = skip_space(text, end)
            assert text[at] in ",]", text[at : at + 50]
            at = skip_space(text, at + 1)
            if text[end:at].strip() == "]":
                break
    assert text[at:].strip() == "", "something stands behind the array"
    return items


def skip_space(text, at):
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


# --- XML ------------------------------------------------------------------------------------------
NAME_START = (
    "A-Za-z_\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
IS_XML_NAME = re.compile(f"[{NAME_START}][-.0-9\u00b7\u0300-\u036f\u203f-\u2040{NAME_START}]*")


def unescape_xml_name(name):
    """The identifier that an XML name stands for (SQL/XML, ISO 9075-14): _x0020_ is a space."""
    if name == "_x_":
        return ""
    return re.sub(r"_x([0-9A-F]{4,8})_", lambda found: chr(int(found.group(1), 16)), name)


def parse_xml(data):
    parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
    return etree.fromstring(data, parser)


def element_value(element):
    """NIL, a text, or a list of (identifier, value)."""
    if element.get(XSI_NIL) in ("true", "1"):
        assert len(element) == 0 and not element.text
        return NIL
    if len(element) == 0:
        return element.text or ""
    assert not (element.text or "").strip() and not any((child.tail or "").strip() for child in element)
    return [(unescape_xml_name(child.tag), element_value(child)) for child in element]


def xml_rows(data, root="records", row="record"):
    """Every row as a list of (XML name, value)."""
    top = parse_xml(data)
    assert top.tag == root
    assert all(child.tag == row for child in top)
    return [[(cell.tag, element_value(cell)) for cell in record] for record in top]


def xml_of_json(text):
    """decant's mapping of JSON: nested elements, items of an array as <item>. None: SQL NULL."""
    if text is None:
        return NIL
    return nest(parse_json(text))


def nest(value):
    if value is None:
        return NIL
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return [(key, nest(item)) for key, item in value[1]] or ""
    if isinstance(value, list):
        return [("item", nest(item)) for item in value] or ""
    return str(value)
