/*
 * Smallest and largest values: of the open page while values arrive (struct range), then as Parquet stores
 * them (struct bound), in a page index and merged over a chunk.
 *
 * Texts longer than BOUND_BYTES_MAX are cut: a minimum to a prefix, a maximum to a prefix whose last
 * character is raised, so that both still bound every value; `exact` is then false. Numbers are never cut.
 */
#pragma once
#include "base/bytes.h"
#include "format/parquet/schema.h"

#define BOUND_BYTES_MAX 64

/* A value in a buffer that may move while values arrive: its place, and its first bytes to compare fast. */
struct range_bytes {
  uint64_t prefix;             /* the first 8 bytes, big-endian, zeros behind a shorter value */
  size_t at;                   /* in the buffer */
  uint32_t len;
};

/* Of the values since range_reset. The member in use follows from the leaf's order. */
struct range {
  union {
    struct { int64_t min, max; } number;               /* BOOL, SIGNED, UNSIGNED */
    struct { double min, max; } real;                  /* FLOAT: without NaN */
    struct { __int128 min, max; } decimal;             /* DECIMAL */
    struct { struct range_bytes min, max; } bytes;     /* BYTES */
  };
  uint64_t nan_count;
  bool is_empty;               /* BYTES only: no value yet */
};

struct bound {
  uint8_t bytes[BOUND_BYTES_MAX];   /* PLAIN, without a length */
  uint8_t len;
  bool exact;
};

void range_reset(struct range *r, enum order order);

static inline void range_add_number(struct range *r, int64_t v) {
  if (v < r->number.min) r->number.min = v;
  if (v > r->number.max) r->number.max = v;
}

static inline void range_add_real(struct range *r, double v) {
  if (v != v) r->nan_count++;
  if (v < r->real.min) r->real.min = v;
  if (v > r->real.max) r->real.max = v;
}

static inline void range_add_decimal(struct range *r, __int128 v) {
  if (v < r->decimal.min) r->decimal.min = v;
  if (v > r->decimal.max) r->decimal.max = v;
}

/* The value of `len` bytes at base + at. base is where all values since the reset are. */
void range_add_bytes(struct range *r, const uint8_t *base, size_t at, uint32_t len);

/* A value of fixed width, from its PLAIN bytes. */
void range_add_bound(struct range *r, const struct bound *value, const struct leaf *leaf);

/*
 * The bounds of a range that holds at least one value. False where it has none: a NaN among the values,
 * or a text that cannot be raised.
 */
bool range_bounds(const struct range *r, const struct leaf *leaf, const uint8_t *base, struct bound *min,
                  struct bound *max);

/* Below, at or above 0 as a < b, a = b or a > b in the leaf's order. */
int bound_compare(const struct bound *a, const struct bound *b, const struct leaf *leaf);

void bound_cut_min(struct bound *b, const uint8_t *bytes, size_t len, bool is_text);
/* False where no text of that length lies above. */
bool bound_cut_max(struct bound *b, const uint8_t *bytes, size_t len, bool is_text);
