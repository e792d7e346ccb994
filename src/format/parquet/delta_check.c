#include "format/parquet/delta_check.h"

#define BLOCK_VALUES_MAX (1u << 20)   /* writers use 128 to 2048 */

/* DELTA_BINARY_PACKED, value by value. */
struct delta {
  const uint8_t *at, *end;
  uint64_t block_values, miniblock_count, miniblock_values;
  uint64_t left;               /* values still to come, of those that the head says */
  uint64_t value;              /* the last one; arithmetic wraps, as the encoding says */
  uint64_t min_delta;
  uint64_t miniblock_left;     /* values in the open miniblock */
  uint64_t miniblocks_left;    /* in the open block, behind the open miniblock */
  const uint8_t *widths;       /* of the open block's miniblocks: the next one's */
  const uint8_t *packed;       /* of the open miniblock */
  unsigned width;
  uint64_t bit;                /* in it: the next value's first */
  bool is_first;
};

static bool read_varint(struct delta *d, uint64_t *v) {
  *v = 0;
  for (unsigned shift = 0; shift < 64 && d->at < d->end; shift += 7) {
    uint8_t byte = *d->at++;
    *v |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

static bool read_zigzag(struct delta *d, uint64_t *v) {
  if (!read_varint(d, v)) return false;
  *v = *v >> 1 ^ -(*v & 1);
  return true;
}

static bool begin(struct delta *d, const uint8_t *bytes, size_t len) {
  *d = (struct delta){.at = bytes, .end = bytes + len, .is_first = true};
  if (!read_varint(d, &d->block_values) || !read_varint(d, &d->miniblock_count) || !read_varint(d, &d->left) ||
      !read_zigzag(d, &d->value))
    return false;
  if (d->block_values == 0 || d->block_values > BLOCK_VALUES_MAX || d->block_values % 128 || d->miniblock_count == 0 ||
      d->block_values % d->miniblock_count)
    return false;
  d->miniblock_values = d->block_values / d->miniblock_count;
  return d->miniblock_values % 32 == 0;
}

static bool open_miniblock(struct delta *d) {
  if (d->miniblocks_left == 0) {
    if (!read_zigzag(d, &d->min_delta) || (uint64_t)(d->end - d->at) < d->miniblock_count) return false;
    d->widths = d->at;
    d->at += d->miniblock_count;
    d->miniblocks_left = d->miniblock_count;
  }
  d->miniblocks_left--;
  d->width = *d->widths++;
  uint64_t bytes = d->width * d->miniblock_values / 8;
  if (d->width > 64 || (uint64_t)(d->end - d->at) < bytes) return false;
  d->packed = d->at;
  d->at += bytes;
  d->bit = 0;
  d->miniblock_left = d->miniblock_values;
  return true;
}

/* `width` bits from bit `d->bit` on, least significant first. All lie in the miniblock. */
static uint64_t unpack(struct delta *d) {
  uint64_t v = 0;
  for (unsigned done = 0; done < d->width;) {
    unsigned offset = (unsigned)(d->bit % 8), take = 8 - offset < d->width - done ? 8 - offset : d->width - done;
    v |= (uint64_t)(d->packed[d->bit / 8] >> offset & ((1u << take) - 1)) << done;
    done += take;
    d->bit += take;
  }
  return v;
}

/* False at the end, or where the bytes are malformed. */
static bool next(struct delta *d, uint64_t *value) {
  if (d->left == 0) return false;
  d->left--;
  if (d->is_first) {
    d->is_first = false;
  } else {
    if (d->miniblock_left == 0 && !open_miniblock(d)) return false;
    d->miniblock_left--;
    d->value += d->min_delta + unpack(d);
  }
  *value = d->value;
  return true;
}

static bool malformed(struct error *err) { return fail(err, ERR_VALUE, "its delta encoded values are malformed"); }

/* Opens a run that must hold `count` values. */
static bool open_run(struct delta *d, const uint8_t *bytes, size_t len, uint64_t count, struct error *err) {
  if (!begin(d, bytes, len)) return malformed(err);
  if (d->left == count) return true;
  return fail(err, ERR_VALUE, "it holds %llu values, where its levels ask for %llu", (unsigned long long)d->left,
              (unsigned long long)count);
}

/* Adds the lengths up; behind the last, `d->at` is the end of the run. */
static bool sum_lengths(struct delta *d, size_t len, uint64_t *sum, struct error *err) {
  *sum = 0;
  for (uint64_t v; d->left;) {
    if (!next(d, &v) || v > len) return malformed(err);
    *sum += v;
  }
  return true;
}

bool delta_check_integers(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) {
  struct delta d;
  if (count == 0 && len == 0) return true;
  if (!open_run(&d, bytes, len, count, err)) return false;
  for (uint64_t v; d.left;)
    if (!next(&d, &v)) return malformed(err);
  return d.at == d.end || fail(err, ERR_VALUE, "%zu bytes follow its values", (size_t)(d.end - d.at));
}

bool delta_check_lengths(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) {
  struct delta d;
  uint64_t sum;
  if (count == 0 && len == 0) return true;
  if (!open_run(&d, bytes, len, count, err) || !sum_lengths(&d, len, &sum, err)) return false;
  if (sum == (uint64_t)(d.end - d.at)) return true;
  return fail(err, ERR_VALUE, "its values take %zu bytes, their lengths say %llu", (size_t)(d.end - d.at),
              (unsigned long long)sum);
}

/* A prefix may be as long as the value before: what that was is known only from both runs side by side. */
bool delta_check_strings(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) {
  struct delta prefixes, suffixes, end;
  uint64_t before = 0;
  if (count == 0 && len == 0) return true;
  if (!open_run(&prefixes, bytes, len, count, err)) return false;
  end = prefixes;
  for (uint64_t v; end.left;)
    if (!next(&end, &v)) return malformed(err);
  size_t rest = (size_t)(end.end - end.at);
  if (!delta_check_lengths(end.at, rest, count, err) || !open_run(&suffixes, end.at, rest, count, err)) return false;
  for (uint64_t prefix, suffix; prefixes.left;) {
    if (!next(&prefixes, &prefix) || !next(&suffixes, &suffix)) return malformed(err);
    if (prefix > before) return fail(err, ERR_VALUE, "a value's prefix is longer than the value before");
    before = prefix + suffix;
  }
  return true;
}
