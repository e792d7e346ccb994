/*
 * XML: <records><record>…</record>…</records>, an element per column, named as SQL/XML escapes names. A
 * scalar has the text that xmlforest gives, with these differences: bytea is base64 without line breaks,
 * infinite floats are INF and -INF. NULL is <x xsi:nil="true"/>.
 *
 * JSON nests: an object's keys become elements, an array's items <item>, JSON null xsi:nil, strings their
 * text, numbers and booleans theirs. An empty object or array is an empty element.
 *
 * Special are infinite dates and timestamps, characters that XML 1.0 cannot hold, and text that is not UTF-8:
 *   null      xsi:nil (of the column; inside JSON of the element, unless the text is not UTF-8)
 *   string    infinity, -infinity; U+FFFD for each such character or byte
 *   replace   the type's greatest or least date; U+FFFD as above
 * So are halves of surrogate pairs, which json can hold as escapes: U+FFFD, except under error.
 *
 * With values=attributes a row is <record a="1" b="x"/>, and JSON, arrays and composites are JSON text. null says what
 * becomes of NULL, and of JSON's nulls within nested elements: with absent an array's null item stays as <item/>, so that
 * the others keep their places. indent puts rows and columns on lines of their own; nested JSON stays on its column's.
 * bytea=hex is xsd:hexBinary: capital digits and no \x.
 */
#pragma once
#include "format/format.h"

extern const struct format format_xml;
