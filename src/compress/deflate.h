/*
 * Raw deflate (RFC 1951) in byte-aligned pieces that concatenate to one stream: each piece depends on
 * nothing before it. ISA-L: several hundred MB/s a core at level 1, which keeps up with the server.
 * A context belongs to one thread.
 */
#pragma once
#include "base/buffer.h"

#define DEFLATE_LEVEL_MIN 1
#define DEFLATE_LEVEL_MAX 3

struct deflate;

size_t deflate_memory_bytes(int level);   /* of one context */
struct deflate *deflate_new(int level, struct error *err) MUST_CHECK;
void deflate_free(struct deflate *d);   /* NULL is allowed */
/* Appends one piece: blocks without the final bit, then an empty stored block that aligns to a byte. */
bool deflate_piece(struct deflate *d, const uint8_t *bytes, size_t len, struct buffer *out,
                   struct error *err) MUST_CHECK;

/* A piece of stored blocks, for a few bytes. */
void deflate_stored_piece(const uint8_t *bytes, size_t len, struct buffer *out);
/* The final block: an empty one with the final bit set. */
void deflate_finish(struct buffer *out);
