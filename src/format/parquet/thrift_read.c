#include "format/parquet/thrift_read.h"

#include <errno.h>
#include <unistd.h>

void thrift_reader_init(struct thrift_reader *r, int fd, uint64_t offset, uint64_t end) {
  r->fd = fd;
  r->next = offset;
  r->end = end;
  r->at = r->len = 0;
  r->depth = 0;
  r->failure = NULL;
}

void thrift_reader_fail(struct thrift_reader *r, const char *failure) {
  if (!r->failure) r->failure = failure;
}

bool thrift_reader_check(const struct thrift_reader *r, const char *what, struct error *err) {
  if (!r->failure) return true;
  return fail(err, ERR_VALUE, "%s cannot be read: %s", what, r->failure);
}

static void refill(struct thrift_reader *r) {
  uint64_t left = r->end - r->next;
  size_t want = left < sizeof r->window ? (size_t)left : sizeof r->window;
  r->at = r->len = 0;
  if (r->next >= r->end) {
    thrift_reader_fail(r, "it ends too early");
    return;
  }
  ssize_t n;
  do n = pread(r->fd, r->window, want, (off_t)r->next);
  while (n < 0 && errno == EINTR);
  if (n <= 0) {
    thrift_reader_fail(r, n < 0 ? "the file cannot be read" : "the file is cut");
    return;
  }
  r->len = (size_t)n;
  r->next += (uint64_t)n;
}

static uint8_t next_byte(struct thrift_reader *r) {
  if (r->at == r->len && !r->failure) refill(r);
  return r->failure ? 0 : r->window[r->at++];
}

static uint64_t read_varint(struct thrift_reader *r) {
  uint64_t v = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    uint8_t byte = next_byte(r);
    v |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return v;
  }
  thrift_reader_fail(r, "a number is longer than 64 bits");
  return 0;
}

static int64_t read_zigzag(struct thrift_reader *r) {
  uint64_t v = read_varint(r);
  return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void skip_bytes(struct thrift_reader *r, uint64_t count) {
  uint64_t in_window = r->len - r->at;
  if (count <= in_window) {
    r->at += (size_t)count;
    return;
  }
  count -= in_window;
  r->at = r->len = 0;
  if (count > r->end - r->next) {
    thrift_reader_fail(r, "a text is longer than what is left");
    return;
  }
  r->next += count;
}

struct thrift_field thrift_struct_enter(struct thrift_reader *r) {
  if (r->depth == THRIFT_DEPTH_MAX) thrift_reader_fail(r, "it nests too deep");
  else r->depth++;
  return (struct thrift_field){.id = 0, .type = THRIFT_STOP};
}

bool thrift_next(struct thrift_reader *r, struct thrift_field *f) {
  if (r->failure) return false;
  uint8_t head = next_byte(r);
  f->type = (enum thrift_type)(head & 0x0F);
  if (r->failure) return false;
  if (head == THRIFT_STOP) {
    r->depth--;
    return false;
  }
  int delta = head >> 4;
  int64_t id = delta ? (int64_t)f->id + delta : read_zigzag(r);
  if (id <= 0 || id > INT16_MAX || f->type == THRIFT_STOP || f->type > THRIFT_STRUCT) {
    thrift_reader_fail(r, "a field is malformed");
    return false;
  }
  f->id = (int)id;
  return true;
}

static void read_list_head(struct thrift_reader *r, enum thrift_type *element, uint64_t *count) {
  uint8_t head = next_byte(r);
  *element = (enum thrift_type)(head & 0x0F);
  *count = head >> 4;
  if (*count == 15) *count = read_varint(r);
  /* An element takes a byte at least: a larger count is a lie, and would keep us busy. */
  if (*count > r->end - thrift_reader_offset(r)) thrift_reader_fail(r, "a list is longer than what is left");
  if (r->failure) *count = 0;
}

static void skip_value(struct thrift_reader *r, enum thrift_type type);

static void skip_list(struct thrift_reader *r) {
  enum thrift_type element;
  uint64_t count;
  if (r->depth == THRIFT_DEPTH_MAX) {
    thrift_reader_fail(r, "it nests too deep");
    return;
  }
  r->depth++;
  read_list_head(r, &element, &count);
  /* In a list a bool takes a byte; as a field its value is in the type. */
  bool is_bool = element == THRIFT_TRUE || element == THRIFT_FALSE;
  for (uint64_t i = 0; i < count && !r->failure; i++) {
    if (is_bool) next_byte(r);
    else skip_value(r, element);
  }
  r->depth--;
}

static void skip_value(struct thrift_reader *r, enum thrift_type type) {
  switch (type) {
    case THRIFT_TRUE:
    case THRIFT_FALSE: return;
    case THRIFT_I8: next_byte(r); return;
    case THRIFT_I16:
    case THRIFT_I32:
    case THRIFT_I64: read_varint(r); return;
    case THRIFT_DOUBLE: skip_bytes(r, 8); return;
    case THRIFT_BINARY: skip_bytes(r, read_varint(r)); return;
    case THRIFT_LIST:
    case THRIFT_SET: skip_list(r); return;
    case THRIFT_STRUCT:
      for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) skip_value(r, f.type);
      return;
    case THRIFT_STOP:
    case THRIFT_MAP: break;   /* Parquet has none */
  }
  thrift_reader_fail(r, "a field has an unknown type");
}

void thrift_skip(struct thrift_reader *r, const struct thrift_field *f) { skip_value(r, f->type); }

int64_t thrift_read_int(struct thrift_reader *r, const struct thrift_field *f) {
  if (f->type != THRIFT_I32 && f->type != THRIFT_I64) {
    thrift_reader_fail(r, "a field that must be a number is none");
    return 0;
  }
  int64_t v = read_zigzag(r);
  if (f->type == THRIFT_I32 && (v < INT32_MIN || v > INT32_MAX))
    thrift_reader_fail(r, "a number of 32 bits has more");
  return r->failure ? 0 : v;
}

uint8_t thrift_read_i8(struct thrift_reader *r, const struct thrift_field *f) {
  if (f->type != THRIFT_I8) thrift_reader_fail(r, "a field that must be a byte is none");
  return next_byte(r);
}

bool thrift_read_bool(struct thrift_reader *r, const struct thrift_field *f) {
  if (f->type != THRIFT_TRUE && f->type != THRIFT_FALSE) thrift_reader_fail(r, "a field that must be a bool is none");
  return f->type == THRIFT_TRUE;
}

int64_t thrift_element_read_int(struct thrift_reader *r) { return read_zigzag(r); }

bool thrift_element_read_bool(struct thrift_reader *r) { return next_byte(r) == THRIFT_TRUE; }

uint64_t thrift_element_read_binary(struct thrift_reader *r, void *to, size_t max) {
  uint64_t len = read_varint(r);
  if (len > r->end - thrift_reader_offset(r)) thrift_reader_fail(r, "a text is longer than what is left");
  if (r->failure) return 0;
  size_t kept = len < max ? (size_t)len : max;
  for (size_t i = 0; i < kept; i++) ((uint8_t *)to)[i] = next_byte(r);
  skip_bytes(r, len - kept);
  return r->failure ? 0 : len;
}

uint64_t thrift_read_binary(struct thrift_reader *r, const struct thrift_field *f, void *to, size_t max) {
  if (f->type == THRIFT_BINARY) return thrift_element_read_binary(r, to, max);
  thrift_reader_fail(r, "a field that must be a text is none");
  return 0;
}

uint64_t thrift_read_list(struct thrift_reader *r, const struct thrift_field *f, enum thrift_type element) {
  enum thrift_type found = THRIFT_STOP;
  uint64_t count = 0;
  if (f->type == THRIFT_LIST) read_list_head(r, &found, &count);
  if (f->type == THRIFT_LIST && (found == element || count == 0)) return count;
  thrift_reader_fail(r, "a field that must be a list is none");
  return 0;
}

bool thrift_is_struct(struct thrift_reader *r, const struct thrift_field *f) {
  if (f->type == THRIFT_STRUCT) return true;
  thrift_reader_fail(r, "a field that must be a struct is none");
  return false;
}
