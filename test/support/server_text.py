"""Values taken out of the text that the server's output functions make of them: arrays, rows, days, moments."""

import re

DAY_US = 86_400_000_000
BOUNDS = re.compile(r"((?:\[-?\d+:-?\d+\])+)=")
MOMENT = re.compile(r"(\d+)-(\d\d)-(\d\d)(?: (\d\d):(\d\d):(\d\d)(?:\.(\d+))?)?(?:\+00)?( BC)?")
PAIR = re.compile(r'"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)(?:, )?', re.DOTALL)


def unescape(text):
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def array_parts(text, delimiter=","):
    """The lower bounds, one a dimension, and the texts of the items in order, None for NULL."""
    found = BOUNDS.match(text)
    body = text[found.end() :] if found else text
    if body == "{}":
        return [], []
    dimensions = len(body) - len(body.lstrip("{"))
    lower = [int(n) for n in re.findall(r"\[(-?\d+):", found[1])] if found else [1] * dimensions
    word = re.compile(r'"((?:[^"\\]|\\.)*)"|[^{}"' + re.escape(delimiter) + "]+", re.DOTALL)
    items, at = [], 0
    while at < len(body):
        if body[at] in "{}" or body[at] == delimiter:
            at += 1
            continue
        item = word.match(body, at)
        is_null = item[0] == "NULL"
        items.append(None if is_null else unescape(item[0] if item[1] is None else item[1]))
        at = item.end()
    return lower, items


def row_fields(text):
    """The texts of a composite's fields, None for NULL."""
    fields, at = [], 1
    while at < len(text):
        if text[at] in ",)":
            fields.append(None)
        elif text[at] == '"':
            field = re.compile(r'"((?:[^"\\]|\\.|"")*)"', re.DOTALL).match(text, at)
            fields.append(re.sub(r'\\(.)|"(")', lambda m: m[1] or m[2], field[1], flags=re.DOTALL))
            at = field.end()
        else:
            field = re.compile(r"[^,()]+").match(text, at)
            fields.append(field[0])
            at = field.end()
        assert text[at] in ",)", text
        at += 1
    return fields


def hstore_pairs(text):
    pairs = [(unescape(m[1]), None if m[2] is None else unescape(m[2])) for m in PAIR.finditer(text)]
    assert "".join(m[0] for m in PAIR.finditer(text)) == text, text
    return pairs


def days_since_1970(year, month, day):
    """Howard Hinnant's days_from_civil: Python's own calendar ends at the years 1 and 9999."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468


def day_number(text):
    found = MOMENT.fullmatch(text)
    year = int(found[1])
    return days_since_1970(1 - year if found[8] else year, int(found[2]), int(found[3]))


def time_us(text):
    hours, minutes, seconds = text.split(":")
    whole, _, part = seconds.partition(".")
    return (int(hours) * 3600 + int(minutes) * 60 + int(whole)) * 1_000_000 + int(part.ljust(6, "0") or 0)


def moment_number(text):
    """Microseconds since 1970 of a timestamp, or of a timestamptz that is shown in UTC."""
    found = MOMENT.fullmatch(text)
    clock = f"{found[4]}:{found[5]}:{found[6]}.{found[7] or 0}"
    return day_number(text) * DAY_US + time_us(clock)


INTERVAL = re.compile(
    r"(?:(-?\d+) years? ?)?(?:([-+]?\d+) mons? ?)?(?:([-+]?\d+) days? ?)?"
    r"(?:([-+]?)(\d+):(\d\d):(\d\d)(?:\.(\d+))?)?"
)


def interval_parts(text):
    """Months, days and microseconds."""
    years, months, days, sign, hours, minutes, seconds, fraction = INTERVAL.fullmatch(text).groups("0")
    micros = ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1_000_000 + int(fraction.ljust(6, "0"))
    return [int(years) * 12 + int(months), int(days), -micros if sign == "-" else micros]
