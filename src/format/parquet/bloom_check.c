#include "format/parquet/bloom_check.h"

#include "format/parquet/spec.h"

#include <stdlib.h>

#define BLOCK_BYTES 32

/* A union of one choice: which one it is. */
static int read_choice(struct thrift_reader *r, const struct thrift_field *field) {
  int choice = 0;
  if (!thrift_is_struct(r, field)) return 0;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    choice = f.id;
    thrift_skip(r, &f);
  }
  return choice;
}

static bool check_header(struct thrift_reader *r, const struct extent *bloom, uint64_t end, uint64_t *len,
                         struct error *err) {
  int64_t bytes = NOT_SAID;
  int algorithm = 0, hash = 0, compression = 0;
  for (struct thrift_field f = thrift_struct_enter(r); thrift_next(r, &f);) {
    switch (f.id) {
      case 1: bytes = thrift_read_int(r, &f); break;
      case 2: algorithm = read_choice(r, &f); break;
      case 3: hash = read_choice(r, &f); break;
      case 4: compression = read_choice(r, &f); break;
      default: thrift_skip(r, &f);
    }
  }
  if (!thrift_reader_check(r, "its Bloom filter's header", err)) return false;
  if (algorithm != 1 || hash != 1 || compression != 1) return true;   /* of a kind that is not known here */
  uint64_t at = thrift_reader_offset(r), header = at - (uint64_t)bloom->offset;
  if (bytes <= 0 || bytes % BLOCK_BYTES || (uint64_t)bytes > end - at)
    return fail(err, ERR_VALUE, "its Bloom filter has %lld bytes, which it cannot have", (long long)bytes);
  if (bloom->len != NOT_SAID && (uint64_t)bloom->len != header + (uint64_t)bytes)
    return fail(err, ERR_VALUE, "its Bloom filter takes %llu bytes, the footer says %lld",
                (unsigned long long)(header + (uint64_t)bytes), (long long)bloom->len);
  *len = header + (uint64_t)bytes;
  return true;
}

bool bloom_check(int fd, uint64_t end, const struct extent *bloom, uint64_t *len, struct error *err) {
  *len = bloom->offset && bloom->len != NOT_SAID ? (uint64_t)bloom->len : 0;
  if (bloom->offset == 0) return true;
  if (bloom->offset < PARQUET_MAGIC_BYTES || (uint64_t)bloom->offset >= end)
    return fail(err, ERR_VALUE, "its Bloom filter would lie outside of the file");
  struct thrift_reader *r = malloc(sizeof *r);
  if (!r) return fail_memory(err, "a Bloom filter");
  thrift_reader_init(r, fd, (uint64_t)bloom->offset, end);
  bool ok = check_header(r, bloom, end, len, err);
  free(r);
  return ok;
}
