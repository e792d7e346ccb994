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

/*
 * The same into a pipe, in a thread of its own; `read` reads its other end, in the caller's thread, to the end or
 * until it gives up. Fails with the reason that came first: what read says of a text that is cut because the
 * stream is damaged is less than what the stream's own end says.
 */
bool expand_through(const char *codec, int from, bool (*read)(void *context, int fd, struct error *err),
                    void *context, struct error *err) MUST_CHECK;
