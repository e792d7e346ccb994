/*
 * Thrift's compact protocol, as much of it as Parquet uses.
 *
 * The writer appends one struct at a time to a buffer. Fields must come in rising id order. Failure is
 * the buffer's: ask buffer_check once at the end.
 */
#pragma once
#include "base/buffer.h"

#define THRIFT_DEPTH_MAX 12   /* structs within structs; Parquet's own need 7 */

enum thrift_type {
  THRIFT_STOP = 0,
  THRIFT_TRUE = 1,
  THRIFT_FALSE = 2,
  THRIFT_I8 = 3,
  THRIFT_I16 = 4,
  THRIFT_I32 = 5,
  THRIFT_I64 = 6,
  THRIFT_DOUBLE = 7,
  THRIFT_BINARY = 8,
  THRIFT_LIST = 9,
  THRIFT_SET = 10,
  THRIFT_MAP = 11,
  THRIFT_STRUCT = 12,
};

struct thrift_writer {
  struct buffer *out;
  unsigned depth;                       /* open structs */
  int last_id[THRIFT_DEPTH_MAX];
};

/* Opens the outermost struct. Close it, like every other, with thrift_struct_end. */
struct thrift_writer thrift_begin(struct buffer *out);
void thrift_struct_begin(struct thrift_writer *w, int id);
void thrift_struct_end(struct thrift_writer *w);

void thrift_bool(struct thrift_writer *w, int id, bool value);
void thrift_i8(struct thrift_writer *w, int id, int8_t value);
void thrift_i32(struct thrift_writer *w, int id, int32_t value);
void thrift_i64(struct thrift_writer *w, int id, int64_t value);
void thrift_binary(struct thrift_writer *w, int id, const void *bytes, size_t len);
void thrift_string(struct thrift_writer *w, int id, const char *text);
void thrift_empty_struct(struct thrift_writer *w, int id);   /* a union's choice that holds nothing */

/* A list's head; exactly `count` elements must follow. For bool elements the type is THRIFT_TRUE. */
void thrift_list(struct thrift_writer *w, int id, enum thrift_type element, size_t count);
void thrift_element_i32(struct buffer *out, int32_t value);
void thrift_element_i64(struct buffer *out, int64_t value);
void thrift_element_bool(struct buffer *out, bool value);
void thrift_element_binary(struct buffer *out, const void *bytes, size_t len);
void thrift_element_struct_begin(struct thrift_writer *w);   /* ends with thrift_struct_end */
/* A list element that is serialised already, with its stop byte; or the value of a struct field. */
void thrift_element_raw(struct thrift_writer *w, const void *bytes, size_t len);
void thrift_struct_raw(struct thrift_writer *w, int id, const void *bytes, size_t len);
