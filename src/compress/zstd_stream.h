/* One zstd frame (RFC 8878) with a checksum, made by a context with worker threads. One caller at a time. */
#pragma once
#include "base/buffer.h"

#define ZSTD_STREAM_LEVEL_MAX 19

struct zstd_stream;

/* The most that a stream takes, its output's buffer included. */
size_t zstd_stream_memory_bytes(int level, int workers);
/* workers 0: compresses in the caller's thread. */
struct zstd_stream *zstd_stream_new(int level, int workers, struct error *err) MUST_CHECK;
void zstd_stream_free(struct zstd_stream *z);   /* NULL is allowed */
/* Appends what is ready; `end` closes the frame. */
bool zstd_stream_write(struct zstd_stream *z, const uint8_t *bytes, size_t len, bool end, struct buffer *out,
                       struct error *err) MUST_CHECK;
