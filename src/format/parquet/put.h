/* How a value of fixed width enters the open page: inlined into each kind's function, once per width. */
#pragma once
#include "format/parquet/chunk.h"
#include "format/parquet/little_endian.h"

/* Room for one more entry: a full page is closed first. */
static inline bool put_room(struct chunk *c, struct error *err) {
  if (__builtin_expect(c->entry_count < c->entry_count_max, 1)) return true;
  return chunk_make_room(c, err);
}

static inline void put_entry(struct chunk *c) {
  c->entry_count++;
  c->value_count++;
  if (c->leaf->definition_max) levels_add(&c->definition, c->leaf->definition_max);
}

static inline void put_index(struct chunk *c, uint32_t index) {
  buffer_append(&c->values, &index, sizeof index);
  c->last_index = index;
  put_entry(c);
}

static inline bool put_in_dictionary(struct chunk *c, uint64_t bits, unsigned width) {
  if (!c->has_last || bits != c->last_bits) {
    uint32_t index = width == 4 ? dictionary_find4(&c->dictionary, to_le32((uint32_t)bits))
                                : dictionary_find8(&c->dictionary, to_le64(bits));
    if (index == DICTIONARY_FULL) return false;
    c->has_last = true;
    c->last_bits = bits;
    c->last_index = index;
  }
  put_index(c, c->last_index);
  return true;
}

/* A value of 4 or 8 bytes. The caller then adds it to c->range: only now is it sure in which page it is. */
static inline __attribute__((always_inline)) bool put_fixed(struct chunk *c, uint64_t bits, unsigned width,
                                                            struct error *err) {
  if (!put_room(c, err)) return false;
  if (c->mode != CHUNK_PLAIN) {
    if (put_in_dictionary(c, bits, width)) return true;
    if (!chunk_leave_dictionary(c, err) || !put_room(c, err)) return false;
  }
  bits = width == 4 ? to_le32((uint32_t)bits) : to_le64(bits);
  buffer_append(&c->values, &bits, width);
  put_entry(c);
  return true;
}
