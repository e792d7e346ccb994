#include "format/parquet/dictionary.h"

#include "format/parquet/little_endian.h"

#include <math.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS_MIN 256u
#define INDEX_BITS 24
#define INDEX_MASK ((1u << INDEX_BITS) - 1)
#define BODY_MIN 1024u

/* Chosen once a process by its address space layout: crafted data cannot know which values collide. */
static inline uint64_t hash_seed(void) { return (uint64_t)(uintptr_t)&hash_seed >> 4; }

void dictionary_init(struct dictionary *d, struct dictionary_budget *budget, uint32_t width) {
  *d = (struct dictionary){.budget = budget, .width = width};
  buffer_init(&d->body, DICTIONARY_BYTES_MAX);
}

void dictionary_deinit(struct dictionary *d) {
  if (d->budget) d->budget->used_bytes -= d->charged_bytes;
  free(d->slots);
  free(d->offsets);
  buffer_deinit(&d->body);
  dictionary_init(d, d->budget, d->width);
}

void dictionary_clear(struct dictionary *d) {
  if (d->slots) memset(d->slots, 0, d->slot_count * sizeof *d->slots);
  buffer_reset(&d->body);
  d->count = 0;
}

static bool charge(struct dictionary *d, size_t bytes) {
  if (bytes > d->budget->max_bytes - d->budget->used_bytes) return false;
  d->budget->used_bytes += bytes;
  d->charged_bytes += bytes;
  return true;
}

const uint8_t *dictionary_value(const struct dictionary *d, uint32_t index, uint32_t *len) {
  if (d->width) {
    *len = d->width;
    return d->body.data + (size_t)index * d->width;
  }
  const uint8_t *at = d->body.data + d->offsets[index];
  *len = load_le32(at);
  return at + 4;
}

static inline uint32_t hash_bytes(const void *bytes, size_t len) {
  return (uint32_t)(XXH3_64bits_withSeed(bytes, len, hash_seed()) >> 32);
}

static void place(struct dictionary *d, uint32_t hash, uint32_t index) {
  uint32_t mask = d->slot_count - 1, at = hash & mask;
  while (d->slots[at]) at = (at + 1) & mask;
  d->slots[at] = hash >> INDEX_BITS << INDEX_BITS | (index + 1);
}

static bool grow_slots(struct dictionary *d) {
  uint32_t slot_count = d->slot_count ? d->slot_count * 2 : SLOTS_MIN;
  size_t more = (size_t)(slot_count - d->slot_count) * sizeof *d->slots;
  if (!charge(d, more)) return false;
  uint32_t *slots = calloc(slot_count, sizeof *slots);
  if (!slots) return false;
  free(d->slots);
  d->slots = slots;
  d->slot_count = slot_count;
  for (uint32_t i = 0; i < d->count; i++) {
    uint32_t len;
    const uint8_t *value = dictionary_value(d, i, &len);
    place(d, hash_bytes(value, len), i);
  }
  return true;
}

static bool grow_offsets(struct dictionary *d) {
  uint32_t capacity = d->offset_capacity ? d->offset_capacity * 2 : SLOTS_MIN / 2;
  if (!charge(d, (size_t)(capacity - d->offset_capacity) * sizeof *d->offsets)) return false;
  uint32_t *offsets = realloc(d->offsets, (size_t)capacity * sizeof *offsets);
  if (!offsets) return false;
  d->offsets = offsets;
  d->offset_capacity = capacity;
  return true;
}

/* Room in body, in doublings that the budget sees before the buffer makes them. */
static bool grow_body(struct dictionary *d, size_t more) {
  if (d->body.capacity - d->body.len >= more) return true;
  if (d->body.len + more > DICTIONARY_BYTES_MAX) return false;
  size_t capacity = d->body.capacity ? d->body.capacity : BODY_MIN;
  while (capacity < d->body.len + more) capacity *= 2;
  if (capacity > DICTIONARY_BYTES_MAX) capacity = DICTIONARY_BYTES_MAX;
  if (!charge(d, capacity - d->body.capacity)) return false;
  return buffer_reserve(&d->body, capacity - d->body.len) != NULL;
}

/* At five eighths full, probing a free slot takes two to three steps. */
static inline bool is_crowded(const struct dictionary *d) { return d->count >= d->slot_count / 8 * 5; }

static uint32_t add(struct dictionary *d, uint32_t hash, const void *bytes, uint32_t len) {
  size_t prefix = d->width ? 0 : 4;
  if (d->count >= DICTIONARY_ENTRIES_MAX || !grow_body(d, prefix + len)) return DICTIONARY_FULL;
  if (prefix && d->count == d->offset_capacity && !grow_offsets(d)) return DICTIONARY_FULL;
  if (is_crowded(d) && !grow_slots(d)) return DICTIONARY_FULL;
  if (prefix) {
    d->offsets[d->count] = (uint32_t)d->body.len;
    store_le32(d->body.data + d->body.len, len);
  }
  memcpy(d->body.data + d->body.len + prefix, bytes, len);
  d->body.len += prefix + len;
  place(d, hash, d->count);
  return d->count++;
}

/* One search for all widths: inlined with a constant width, the comparison becomes one instruction. */
static inline __attribute__((always_inline)) uint32_t find(struct dictionary *d, uint32_t hash, const void *bytes,
                                                           uint32_t len, uint32_t width) {
  if (!d->slot_count) return add(d, hash, bytes, len);
  uint32_t mask = d->slot_count - 1;
  for (uint32_t at = hash & mask; d->slots[at]; at = (at + 1) & mask) {
    uint32_t slot = d->slots[at];
    if (slot >> INDEX_BITS != hash >> INDEX_BITS) continue;
    uint32_t index = (slot & INDEX_MASK) - 1;
    if (width) {
      if (memcmp(d->body.data + (size_t)index * width, bytes, width) == 0) return index;
    } else {
      const uint8_t *entry = d->body.data + d->offsets[index];
      if (load_le32(entry) == len && memcmp(entry + 4, bytes, len) == 0) return index;
    }
  }
  return add(d, hash, bytes, len);
}

uint32_t dictionary_find4(struct dictionary *d, uint32_t value) {
  return find(d, hash_bytes(&value, 4), &value, 4, 4);
}

uint32_t dictionary_find8(struct dictionary *d, uint64_t value) {
  return find(d, hash_bytes(&value, 8), &value, 8, 8);
}

uint32_t dictionary_find_bytes(struct dictionary *d, const void *bytes, uint32_t len) {
  return find(d, hash_bytes(bytes, len), bytes, len, d->width);
}

/* A value lies behind two or three places that depend on each other: each step asks for all values' next one. */
static void prefetch(const struct dictionary *d, const uint32_t *hashes, size_t count) {
  uint32_t mask = d->slot_count - 1, indices[DICTIONARY_KEYS_MAX];
  for (size_t i = 0; i < count; i++) __builtin_prefetch(&d->slots[hashes[i] & mask]);
  for (size_t i = 0; i < count; i++) {
    uint32_t slot = d->slots[hashes[i] & mask];
    indices[i] = slot ? (slot & INDEX_MASK) - 1 : 0;
    if (!d->width) __builtin_prefetch(&d->offsets[indices[i]]);
  }
  for (size_t i = 0; i < count; i++)
    __builtin_prefetch(d->body.data + (d->width ? (size_t)indices[i] * d->width : d->offsets[indices[i]]));
}

size_t dictionary_find_many(struct dictionary *d, const struct dictionary_key *keys, size_t count, uint32_t *indices) {
  uint32_t hashes[DICTIONARY_KEYS_MAX];
  for (size_t i = 0; i < count; i++) hashes[i] = hash_bytes(keys[i].bytes, keys[i].len);
  if (d->count) prefetch(d, hashes, count);
  for (size_t i = 0; i < count; i++) {
    indices[i] = find(d, hashes[i], keys[i].bytes, keys[i].len, d->width);
    if (indices[i] == DICTIONARY_FULL) return i;
  }
  return count;
}

/* Draws from a set of D hit D * (1 - exp(-n / D)) of it; solved for D by halving, since it rises with D. */
double dictionary_estimate_distinct(uint64_t sampled, uint64_t distinct, uint64_t total) {
  double n = (double)sampled, hit = (double)distinct, all = (double)total;
  if (sampled == 0 || distinct >= sampled) return all;
  double low = hit, high = n * n;   /* at n^2 less than one value in two samples comes twice */
  for (int i = 0; i < 60; i++) {
    double middle = (low + high) / 2;
    if (middle * -expm1(-n / middle) < hit) low = middle;
    else high = middle;
  }
  double expected = low * -expm1(-all / low);
  return expected > all ? all : expected < hit ? hit : expected;
}
