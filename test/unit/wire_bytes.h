/* What array_send, record_send and hstore_send send, built up by hand. A part begins with a length to be filled in. */
#pragma once
#include "base/bytes.h"
#include "row/type_node.h"

#include <string.h>

struct wire_bytes {
  uint8_t data[4096];
  size_t len;
};

static inline void wire_u32(struct wire_bytes *b, uint32_t v) {
  for (int i = 3; i >= 0; i--) b->data[b->len++] = (uint8_t)(v >> (8 * i));
}

static inline void wire_null(struct wire_bytes *b) { wire_u32(b, UINT32_MAX); }

static inline void wire_text(struct wire_bytes *b, const char *text) {
  wire_u32(b, (uint32_t)strlen(text));
  memcpy(b->data + b->len, text, strlen(text));
  b->len += strlen(text);
}

static inline void wire_int4(struct wire_bytes *b, uint32_t v) {
  wire_u32(b, 4);
  wire_u32(b, v);
}

/* A part of a value: what is written until wire_close is its bytes. */
static inline size_t wire_open(struct wire_bytes *b) {
  wire_u32(b, 0);
  return b->len;
}

static inline void wire_close(struct wire_bytes *b, size_t start) {
  size_t end = b->len;
  b->len = start - 4;
  wire_u32(b, (uint32_t)(end - start));
  b->len = end;
}

/* The head of an array of one dimension; 0 items: of none. */
static inline void wire_array(struct wire_bytes *b, uint32_t item_oid, uint32_t count) {
  wire_u32(b, count > 0);
  wire_u32(b, 0);
  wire_u32(b, item_oid);
  if (!count) return;
  wire_u32(b, count);
  wire_u32(b, 1);
}

static inline struct cell wire_cell(const struct wire_bytes *b) {
  return (struct cell){b->data, (int32_t)b->len};
}

enum {
  OID_INT4 = 23,
  OID_TEXT = 25,
  OID_LANGUAGE = 16401,
  OID_NAME = 16402,
  OID_LANGUAGES = 16403,
  OID_INTS = 1007
};

#define NODE_INT4(...) {.shape = SHAPE_SCALAR, .sent_oid = OID_INT4, .kind = KIND_INT4, .typmod = -1, __VA_ARGS__}
#define NODE_TEXT(...) {.shape = SHAPE_SCALAR, .sent_oid = OID_TEXT, .kind = KIND_TEXT, .typmod = -1, __VA_ARGS__}
