/*
 * CSV: with default options byte for byte what COPY … TO STDOUT (FORMAT csv, HEADER) writes. A value is
 * quoted if it holds the delimiter, a quote, CR or LF, if it equals the text for NULL, or if it is a lone \.
 * in a table of one column. Nothing is special: text passes through as it comes.
 *
 * With delimiter, quote, escape, null, header and force-quote (all, or columns) it is what COPY writes with the options of
 * these names. The rest COPY does not know: newline, bom, force-quote=non-numeric, timestamps, bytea, and excel, which
 * begins with a BOM and puts ' before, and quotes around, each name and text that begins with = + - @ TAB CR or LF,
 * unless it is a number as JSON writes it.
 */
#pragma once
#include "format/format.h"

extern const struct format format_csv;
