"""Flattening as docs/flattening.md describes it, by Python's own JSON reader: the judge of decant's."""

import json
import re
from decimal import Decimal

DEPTH_MAX = 64
PLAIN = re.compile(r"0|-?[1-9][0-9]*")
SPACE = " \t\r\n"
decoder = json.JSONDecoder()


def skip_space(text, at):
    while at < len(text) and text[at] in SPACE:
        at += 1
    return at


def members(text):
    """The members of an object as (key, text of the value), duplicates and all."""
    at = skip_space(text, 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, skip_space(text, at))
        at = skip_space(text, at)
        assert text[at] == ":"
        begin = skip_space(text, at + 1)
        _, end = decoder.raw_decode(text, begin)
        yield key, text[begin:end]
        at = skip_space(text, end)
        at += text[at] == ","


def is_object(text):
    return text[0] == "{" and text[1:-1].strip(SPACE) != ""


def is_half(character):
    return "\ud800" <= character <= "\udfff"


def is_nameless(key):
    return "\0" in key or any(map(is_half, key))


def values(text, path=()):
    """Every value that a path can name, as (path, text); also those that a later duplicate replaces."""
    text = text.strip(SPACE)
    if not is_object(text):
        yield path, text
    elif len(path) < DEPTH_MAX:
        for key, value in members(text):
            if not is_nameless(key):
                yield from values(value, (*path, key))


def leaves(text, path=()):
    """What the paths hold: the last of duplicate keys counts, with everything under it."""
    text = text.strip(SPACE)
    if not is_object(text):
        return {path: text}
    found = {}
    if len(path) < DEPTH_MAX:
        for key, value in dict(members(text)).items():
            if not is_nameless(key):
                found |= leaves(value, (*path, key))
    return found


def rest(text, known, path=()):
    """What is left when the known paths are taken out: a value of json.loads, or ... where nothing is."""
    text = text.strip(SPACE)
    if not is_object(text):
        return ... if path in known else json.loads(text)
    left = {}
    below = [other for other in known if other[: len(path)] == path]
    if not below:
        return json.loads(text)
    for key, value in dict(members(text)).items():
        more = json.loads(value) if is_nameless(key) else rest(value, known, (*path, key))
        if more is not ...:
            left[key] = more
    return left or ...


def unescape(text):
    return "".join("\ufffd" if is_half(c) else c for c in json.loads(text))


def csv_cell(text):
    if text[0] == '"':
        return unescape(text)
    return "{}" if text[0] == "{" else text


def spelling(path):
    return ".".join(path)


def in_order(paths):
    return sorted(paths, key=lambda path: (spelling(path).encode(), len(path)))


def says_double(text):
    value = float(text)
    return abs(value) != float("inf") and Decimal(repr(value)) == Decimal(text)


def whole_digits(number):
    return max(0, number.adjusted() + 1) if number else 0


def number_type(texts, json_numbers):
    if all(PLAIN.fullmatch(text) and -(2**63) <= int(text) < 2**63 for text in texts):
        return "int64"
    numbers = [Decimal(text) for text in texts]
    scale = max(0, -min(number.as_tuple().exponent for number in numbers))
    precision = max(1, max(map(whole_digits, numbers)) + scale)
    is_double, is_decimal = all(map(says_double, texts)), precision <= 38
    if is_double and (json_numbers == "double" or not is_decimal):
        return "double"
    return f"decimal128({precision}, {scale})" if is_decimal else "json"


def path_type(texts, json_numbers="double"):
    """Of the Parquet column that holds these values, as pyarrow spells it; json_numbers: the option's value."""
    texts = [text for text in texts if text != "null"]
    starts = {text[0] for text in texts}
    if starts and starts <= {"t", "f"}:
        return "bool"
    if starts and starts <= set("-0123456789"):
        return number_type(texts, json_numbers)
    return "string" if starts == {'"'} else "json"


def without_half_pairs(text):
    """What --special replace makes of JSON text in Parquet: U+FFFD for each escape of half a surrogate pair."""
    half = r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
    pair = r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    return re.sub(rf"{pair}|{half}|\\.", lambda m: "\ufffd" if len(m[0]) == 6 else m[0], text)


def parquet_value(text, type_name):
    if text is None or (text == "null" and type_name != "json"):
        return None
    if type_name == "bool":
        return text == "true"
    if type_name == "int64":
        return int(text)
    if type_name == "double":
        return float(text)
    if type_name.startswith("decimal"):
        return Decimal(text)
    if type_name == "string":
        return unescape(text)
    return "{}" if text[0] == "{" else without_half_pairs(text)
