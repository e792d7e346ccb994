#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

#define CAPACITY_MIN 256
#define HUGE_BYTES ((size_t)16 << 20)   /* from here on capacity grows by an eighth: what is mapped is moved, not copied */

void buffer_init(struct buffer *b, size_t max) { *b = (struct buffer){.max = max}; }

void buffer_deinit(struct buffer *b) {
  free(b->data);
  *b = (struct buffer){.max = b->max};
}

void buffer_swap(struct buffer *a, struct buffer *b) {
  struct buffer swap = *a;
  a->data = b->data, a->len = b->len, a->capacity = b->capacity, a->failed = b->failed;
  b->data = swap.data, b->len = swap.len, b->capacity = swap.capacity, b->failed = swap.failed;
}

void buffer_shrink(struct buffer *b, size_t keep) {
  if (b->len != 0 || b->capacity <= keep) return;
  uint8_t *smaller = realloc(b->data, keep ? keep : 1);
  if (!smaller) return;
  b->data = smaller;
  b->capacity = keep ? keep : 1;
}

bool buffer_check(const struct buffer *b, const char *what, struct error *err) {
  if (!b->failed) return true;
  return fail(err, ERR_MEMORY, "cannot hold %s: more than %zu bytes, or out of memory", what, b->max);
}

/* Room for `need` bytes, and for more of the same, so that many small appends are cheap. */
static size_t grown_capacity(const struct buffer *b, size_t need) {
  size_t capacity = b->capacity < CAPACITY_MIN ? CAPACITY_MIN : b->capacity;
  while (capacity < need && capacity < HUGE_BYTES) capacity *= 2;
  if (capacity < need) capacity = need + need / 8;
  return capacity < b->max ? capacity : b->max;
}

bool buffer_grow(struct buffer *b, size_t more) {
  if (b->failed) return false;
  if (b->capacity - b->len >= more) return true;
  if (more > b->max || b->len > b->max - more) {
    b->failed = true;
    return false;
  }
  size_t capacity = grown_capacity(b, b->len + more);
  uint8_t *data = realloc(b->data, capacity);
  if (!data) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->capacity = capacity;
  return true;
}

void buffer_append_long(struct buffer *b, const uint8_t *bytes, size_t len) {
  while (len > 0) {
    size_t piece = len < BUFFER_PIECE_BYTES ? len : BUFFER_PIECE_BYTES;
    buffer_let_go(b);
    buffer_append(b, bytes, piece);
    bytes += piece;
    len -= piece;
  }
}

void buffer_appendf(struct buffer *b, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  uint8_t *to = len < 0 ? NULL : buffer_reserve(b, (size_t)len + 1);
  if (to) {
    vsnprintf((char *)to, (size_t)len + 1, format, again);
    b->len += (size_t)len;
  }
  va_end(again);
}

char *buffer_take_string(struct buffer *b) {
  buffer_append_byte(b, '\0');
  char *text = b->failed ? NULL : (char *)b->data;
  if (!text) free(b->data);
  *b = (struct buffer){.max = b->max};
  return text;
}
