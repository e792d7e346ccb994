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

/*
 * Values that follow each other in even steps: all of a miniblock of width 0, else one. A few bytes can say millions of
 * them, which must not take as long.
 */
struct run {
  uint64_t count;
  int64_t first, step;
};

static int64_t run_value(const struct run *r, uint64_t index) {
  return (int64_t)((uint64_t)r->first + index * (uint64_t)r->step);
}

/* False at the end, or where the bytes are malformed. */
static bool next_run(struct delta *d, struct run *r) {
  if (d->left == 0) return false;
  *r = (struct run){.count = 1};
  if (d->is_first) {
    d->is_first = false;
  } else {
    if (d->miniblock_left == 0 && !open_miniblock(d)) return false;
    if (d->width == 0) r->count = d->left < d->miniblock_left ? d->left : d->miniblock_left;
    r->step = (int64_t)d->min_delta;
    d->miniblock_left -= r->count;
    d->value += d->min_delta + unpack(d);
  }
  r->first = (int64_t)d->value;
  d->value = (uint64_t)run_value(r, r->count - 1);
  d->left -= r->count;
  return true;
}

/* Adds up what a run holds. False if a value or the sum is none of a length up to `max`. */
static bool sum_run(const struct run *r, uint64_t max, uint64_t *sum) {
  __int128 first = r->first, last = first + (__int128)(r->count - 1) * r->step;   /* without wrapping */
  if (first < 0 || last < 0 || first > (__int128)max || last > (__int128)max) return false;
  __int128 total = (__int128)r->count * (first + last) / 2 + (__int128)*sum;
  *sum = (uint64_t)total;
  return total <= (__int128)max;
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
  for (struct run r; d->left;)
    if (!next_run(d, &r) || !sum_run(&r, len, sum)) return malformed(err);
  return true;
}

/* Passes over all values. */
static bool pass_all(struct delta *d, struct error *err) {
  for (struct run r; d->left;)
    if (!next_run(d, &r)) return malformed(err);
  return true;
}

bool delta_check_integers(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) {
  struct delta d;
  if (count == 0 && len == 0) return true;
  if (!open_run(&d, bytes, len, count, err)) return false;
  if (!pass_all(&d, err)) return false;
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

/*
 * Is each of the first `count` prefixes at most as long as the value before, of which the first one follows `*before`
 * bytes? From value to value the prefix grows by a constant and the suffix is a line: it is enough to look at both ends.
 */
static bool check_prefixes(const struct run *prefix, const struct run *suffix, uint64_t count, int64_t *before) {
  __int128 last = prefix->first + (__int128)(count - 1) * prefix->step;   /* without wrapping */
  if (prefix->first < 0 || last < 0 || prefix->first > *before) return false;
  if (count > 1 && (prefix->step > suffix->first || prefix->step > run_value(suffix, count - 2))) return false;
  *before = (int64_t)last + run_value(suffix, count - 1);
  return true;
}

static void advance(struct run *r, uint64_t count) {
  r->first = run_value(r, count);
  r->count -= count;
}

/* A prefix may be as long as the value before: what that was is known only from both runs side by side. */
static bool check_side_by_side(struct delta *prefixes, struct delta *suffixes, struct error *err) {
  struct run prefix = {0}, suffix = {0};
  int64_t before = 0;
  while (prefix.count || prefixes->left) {
    if (prefix.count == 0 && !next_run(prefixes, &prefix)) return malformed(err);
    if (suffix.count == 0 && !next_run(suffixes, &suffix)) return malformed(err);
    uint64_t count = prefix.count < suffix.count ? prefix.count : suffix.count;
    if (!check_prefixes(&prefix, &suffix, count, &before))
      return fail(err, ERR_VALUE, "a value's prefix is longer than the value before");
    advance(&prefix, count);
    advance(&suffix, count);
  }
  return true;
}

bool delta_check_strings(const uint8_t *bytes, size_t len, uint64_t count, struct error *err) {
  struct delta prefixes, suffixes, end;
  if (count == 0 && len == 0) return true;
  if (!open_run(&prefixes, bytes, len, count, err)) return false;
  end = prefixes;
  if (!pass_all(&end, err)) return false;
  size_t rest = (size_t)(end.end - end.at);
  return delta_check_lengths(end.at, rest, count, err) && open_run(&suffixes, end.at, rest, count, err) &&
         check_side_by_side(&prefixes, &suffixes, err);
}
