#include "format/parquet/thrift.h"

#include <assert.h>

#define VARINT_BYTES_MAX 10

static void put_varint(struct buffer *out, uint64_t v) {
  uint8_t *at = buffer_reserve(out, VARINT_BYTES_MAX);
  if (!at) return;
  size_t n = 0;
  for (; v >= 0x80; v >>= 7) at[n++] = (uint8_t)(v | 0x80);
  at[n++] = (uint8_t)v;
  out->len += n;
}

static void put_zigzag(struct buffer *out, int64_t v) {
  put_varint(out, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

static void put_field(struct thrift_writer *w, int id, enum thrift_type type) {
  assert(w->depth > 0);
  int *last = &w->last_id[w->depth - 1];
  int delta = id - *last;
  assert(delta > 0);
  if (delta <= 15) {
    buffer_append_byte(w->out, (uint8_t)(delta << 4 | (int)type));
  } else {
    buffer_append_byte(w->out, (uint8_t)type);
    put_zigzag(w->out, id);
  }
  *last = id;
}

static void open_struct(struct thrift_writer *w) {
  assert(w->depth < THRIFT_DEPTH_MAX);
  w->last_id[w->depth++] = 0;
}

struct thrift_writer thrift_begin(struct buffer *out) {
  struct thrift_writer w = {.out = out};
  open_struct(&w);
  return w;
}

void thrift_struct_begin(struct thrift_writer *w, int id) {
  put_field(w, id, THRIFT_STRUCT);
  open_struct(w);
}

void thrift_struct_end(struct thrift_writer *w) {
  assert(w->depth > 0);
  buffer_append_byte(w->out, THRIFT_STOP);
  w->depth--;
}

void thrift_bool(struct thrift_writer *w, int id, bool value) {
  put_field(w, id, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_i8(struct thrift_writer *w, int id, int8_t value) {
  put_field(w, id, THRIFT_I8);
  buffer_append_byte(w->out, (uint8_t)value);
}

void thrift_i32(struct thrift_writer *w, int id, int32_t value) {
  put_field(w, id, THRIFT_I32);
  put_zigzag(w->out, value);
}

void thrift_i64(struct thrift_writer *w, int id, int64_t value) {
  put_field(w, id, THRIFT_I64);
  put_zigzag(w->out, value);
}

void thrift_binary(struct thrift_writer *w, int id, const void *bytes, size_t len) {
  put_field(w, id, THRIFT_BINARY);
  thrift_element_binary(w->out, bytes, len);
}

void thrift_string(struct thrift_writer *w, int id, const char *text) {
  thrift_binary(w, id, text, strlen(text));
}

void thrift_empty_struct(struct thrift_writer *w, int id) {
  thrift_struct_begin(w, id);
  thrift_struct_end(w);
}

void thrift_list(struct thrift_writer *w, int id, enum thrift_type element, size_t count) {
  put_field(w, id, THRIFT_LIST);
  if (count < 15) {
    buffer_append_byte(w->out, (uint8_t)(count << 4 | element));
  } else {
    buffer_append_byte(w->out, (uint8_t)(0xF0 | element));
    put_varint(w->out, count);
  }
}

void thrift_element_i32(struct buffer *out, int32_t value) { put_zigzag(out, value); }
void thrift_element_i64(struct buffer *out, int64_t value) { put_zigzag(out, value); }
void thrift_element_bool(struct buffer *out, bool value) {
  buffer_append_byte(out, value ? THRIFT_TRUE : THRIFT_FALSE);
}

void thrift_element_binary(struct buffer *out, const void *bytes, size_t len) {
  put_varint(out, len);
  buffer_append(out, bytes, len);
}

void thrift_element_struct_begin(struct thrift_writer *w) { open_struct(w); }

void thrift_element_raw(struct thrift_writer *w, const void *bytes, size_t len) {
  buffer_append(w->out, bytes, len);
}

void thrift_struct_raw(struct thrift_writer *w, int id, const void *bytes, size_t len) {
  put_field(w, id, THRIFT_STRUCT);
  buffer_append(w->out, bytes, len);
}
