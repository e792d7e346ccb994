/*
 * A growable run of bytes with a required maximum and a sticky failure.
 *
 * Appending never returns an error: the first append that finds no memory, or would pass the maximum,
 * marks the buffer as failed, and every later append does nothing. Whoever takes the bytes asks once
 * with buffer_check. Hot loops call buffer_reserve once and then write through the pointer.
 *
 * Not thread-safe: one owner at a time.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>
#include <string.h>

struct buffer {
  uint8_t *data;     /* NULL while capacity is 0 */
  size_t len;        /* <= capacity */
  size_t capacity;   /* <= max */
  size_t max;        /* bytes; never grown beyond */
  bool failed;       /* sticky until buffer_reset */
  const struct buffer_drain *drain;   /* NULL: none; borrowed */
};

/*
 * Takes what a buffer holds, so that one huge value need not lie in it as a whole. take empties the buffer; false: it
 * cannot (it keeps the reason), and the buffer has failed.
 */
struct buffer_drain {
  bool (*take)(void *context, struct buffer *b);
  void *context;
  size_t full_bytes;   /* it is asked for no less than so much */
};

void buffer_init(struct buffer *b, size_t max);
void buffer_deinit(struct buffer *b);            /* frees, forgets the drain; the struct may be init'ed again */
static inline void buffer_reset(struct buffer *b) { b->len = 0; b->failed = false; }   /* keeps the memory */
void buffer_swap(struct buffer *a, struct buffer *b);   /* what they hold; maximum and drain stay */
void buffer_shrink(struct buffer *b, size_t keep); /* an empty buffer gives memory above `keep` bytes back */

/* ERR_MEMORY, naming `what`, if an append has failed. */
bool buffer_check(const struct buffer *b, const char *what, struct error *err) MUST_CHECK;

bool buffer_grow(struct buffer *b, size_t more);   /* slow path of buffer_reserve */

/*
 * Room for `more` bytes, at least one: the place to write them, or NULL (the buffer is then failed). Add to len
 * afterwards.
 */
static inline uint8_t *buffer_reserve(struct buffer *b, size_t more) {
  if (__builtin_expect(b->failed || b->capacity - b->len < more, 0) && !buffer_grow(b, more)) return NULL;
  return b->data + b->len;
}

static inline void buffer_append(struct buffer *b, const void *bytes, size_t len) {
  if (len == 0) return;   /* bytes may be NULL then, and an empty buffer has no place to write to */
  uint8_t *to = buffer_reserve(b, len);
  if (!to) return;
  memcpy(to, bytes, len);
  b->len += len;
}

static inline void buffer_append_byte(struct buffer *b, uint8_t byte) {
  uint8_t *to = buffer_reserve(b, 1);
  if (!to) return;
  *to = byte;
  b->len++;
}

#define BUFFER_PIECE_BYTES ((size_t)64 << 10)   /* in which long values are written where the buffer may be drained */

/* Between two pieces of a long value: whoever calls it needs nothing any more of what the buffer holds. */
static inline void buffer_let_go(struct buffer *b) {
  if (!b->drain || b->failed || b->len < b->drain->full_bytes) return;
  if (!b->drain->take(b->drain->context, b)) b->failed = true;
}
/* Appends a long value in pieces, and lets go of what was there before each. */
void buffer_append_long(struct buffer *b, const uint8_t *bytes, size_t len);

static inline void buffer_append_string(struct buffer *b, const char *text) {
  buffer_append(b, text, strlen(text));
}

void buffer_appendf(struct buffer *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* A string of the caller's (free), zero-terminated; NULL if the buffer failed. Leaves the buffer empty. */
char *buffer_take_string(struct buffer *b);
