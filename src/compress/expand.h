/*
 * Reads back what codecs write: decompresses a whole stream from one descriptor into another, in constant
 * memory, and proves that it is whole. gzip: exactly one member, with its CRC and length (zlib checks them);
 * zstd: exactly one frame, with its checksum. By other code than the one that compresses.
 */
#pragma once
#include "base/error.h"

/*
 * codec: "gzip" or "zstd". Blocks. ERR_VALUE: not whole, damaged, or bytes behind the end; ERR_DESTINATION:
 * `to` cannot be written (EPIPE too: the signal is the caller's matter); ERR_USAGE: another codec.
 */
bool expand_stream(const char *codec, int from, int to, struct error *err) MUST_CHECK;
