/*
 * CSV: with default options byte for byte what COPY … TO STDOUT (FORMAT csv, HEADER) writes. A value is
 * quoted if it holds the delimiter, a quote, CR or LF, if it equals the text for NULL, or if it is a lone \.
 * in a table of one column. Nothing is special: text passes through as it comes.
 */
#pragma once
#include "format/format.h"

extern const struct format format_csv;
