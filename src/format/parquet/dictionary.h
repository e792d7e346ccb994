/*
 * A column chunk's dictionary: distinct values in the order of their first appearance, kept as the PLAIN
 * body of the dictionary page (each BYTE_ARRAY behind its 4-byte length), and a hash table over them.
 *
 * All dictionaries of an encoder share a budget, so that one large dictionary may take what small ones
 * leave. A dictionary that is full says so and changes nothing.
 */
#pragma once
#include "base/buffer.h"

#define DICTIONARY_FULL UINT32_MAX
#define DICTIONARY_ENTRIES_MAX ((1u << 24) - 1)   /* a slot has 24 bits for the index */
#define DICTIONARY_BYTES_MAX (64u << 20)          /* of the page: readers hold it whole */

struct dictionary_budget {
  size_t used_bytes, max_bytes;
};

struct dictionary {
  struct dictionary_budget *budget;
  struct buffer body;
  uint32_t width;          /* bytes of a value; 0: BYTE_ARRAY */
  uint32_t count;
  uint32_t *slots;         /* tag << 24 | index + 1; 0 is free */
  uint32_t slot_count;     /* power of two, 0 before the first value */
  uint32_t *offsets;       /* BYTE_ARRAY: where in body each value's length stands */
  uint32_t offset_capacity;
  size_t charged_bytes;    /* of the budget */
};

void dictionary_init(struct dictionary *d, struct dictionary_budget *budget, uint32_t width);
void dictionary_deinit(struct dictionary *d);   /* gives memory and budget back; may be used again at once */
void dictionary_clear(struct dictionary *d);    /* keeps the memory */

/* The value's index, added if new. DICTIONARY_FULL: no room for a new value. */
/* For widths 4 and 8, the value in the page's byte order; for any width; for BYTE_ARRAY. */
uint32_t dictionary_find4(struct dictionary *d, uint32_t value);
uint32_t dictionary_find8(struct dictionary *d, uint64_t value);
uint32_t dictionary_find_bytes(struct dictionary *d, const void *bytes, uint32_t len);

struct dictionary_key { const uint8_t *bytes; uint32_t len; };
#define DICTIONARY_KEYS_MAX 32
/*
 * The indices of up to DICTIONARY_KEYS_MAX values, as dictionary_find_bytes gives them: of a large dictionary in a fraction of
 * the time, since its memory is waited for once for all. How many there are: fewer than `count` where it is full.
 */
size_t dictionary_find_many(struct dictionary *d, const struct dictionary_key *keys, size_t count, uint32_t *indices);

/* The value's bytes, without a length. Valid until the next value is added. */
const uint8_t *dictionary_value(const struct dictionary *d, uint32_t index, uint32_t *len);

/*
 * How many distinct values `total` values will have, if `sampled` of them had `distinct`: as if drawn from
 * a set of fixed size at random. Between distinct and total.
 */
double dictionary_estimate_distinct(uint64_t sampled, uint64_t distinct, uint64_t total);
