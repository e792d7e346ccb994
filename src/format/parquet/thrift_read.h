/*
 * Reads Thrift's compact protocol from a file, through a small window. Made for hostile bytes: nothing is
 * believed, nothing is read beyond the given end, nothing nests deeper than THRIFT_DEPTH_MAX, and memory
 * does not grow.
 *
 * Failure is sticky: after it every read gives 0 and every loop ends. Ask thrift_reader_check.
 */
#pragma once
#include "format/parquet/thrift.h"

#define THRIFT_WINDOW_BYTES 8192

struct thrift_reader {
  int fd;
  uint64_t next;               /* file offset of the window's end */
  uint64_t end;                /* no byte from here on is read */
  size_t at, len;              /* in the window */
  unsigned depth;
  const char *failure;         /* NULL while all is well */
  uint8_t window[THRIFT_WINDOW_BYTES];
};

void thrift_reader_init(struct thrift_reader *r, int fd, uint64_t offset, uint64_t end);
static inline uint64_t thrift_reader_offset(const struct thrift_reader *r) {
  return r->next - (r->len - r->at);
}
/* ERR_VALUE with `what` ("the footer") where reading has failed. */
bool thrift_reader_check(const struct thrift_reader *r, const char *what, struct error *err) MUST_CHECK;
void thrift_reader_fail(struct thrift_reader *r, const char *failure);   /* the first one stays */

struct thrift_field {
  int id;
  enum thrift_type type;       /* THRIFT_TRUE and THRIFT_FALSE are the value of a bool */
};

/*
 * for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) switch (f.id) …
 * Every field's value must be read or skipped. thrift_next ends at the struct's end, or on failure.
 */
struct thrift_field thrift_struct_enter(struct thrift_reader *r);
bool thrift_next(struct thrift_reader *r, struct thrift_field *f);
void thrift_skip(struct thrift_reader *r, const struct thrift_field *f);

/* The value of a field of 32 or 64 bits; any other type is a failure. */
int64_t thrift_read_int(struct thrift_reader *r, const struct thrift_field *f);
uint8_t thrift_read_i8(struct thrift_reader *r, const struct thrift_field *f);
/* Enters a list: how many elements of `element` follow. Another type is a failure, and gives 0. */
uint64_t thrift_read_list(struct thrift_reader *r, const struct thrift_field *f, enum thrift_type element);
/* The value of a bool field. */
bool thrift_read_bool(struct thrift_reader *r, const struct thrift_field *f);
/*
 * The value of a binary field: its length; the first `max` bytes are put into `to`, the rest is passed over.
 * Any other type is a failure, and gives 0.
 */
uint64_t thrift_read_binary(struct thrift_reader *r, const struct thrift_field *f, void *to, size_t max);
/* Elements of a list whose head has been read: as many as that said. */
int64_t thrift_element_read_int(struct thrift_reader *r);
bool thrift_element_read_bool(struct thrift_reader *r);
uint64_t thrift_element_read_binary(struct thrift_reader *r, void *to, size_t max);

/* For a field that should be a struct: false, and a failure, if it is none. */
bool thrift_is_struct(struct thrift_reader *r, const struct thrift_field *f);
