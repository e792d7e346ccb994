/*
 * What a flatten_set is made of. Private to src/row: others use row/flatten.h.
 */
#pragma once
#include "row/flatten.h"
#include "row/trie.h"

#define PICK_NONE 0u

/* One cell that a path fills. */
struct pick {
  size_t wire;          /* the column */
  uint32_t node;
  uint32_t next;        /* the next pick of the same node, or PICK_NONE */
  bool whole;           /* takes an object, too */
  uint8_t precision, scale;   /* FLATTEN_NUMERIC */
  enum flatten_form form;
};

/* One wire column. */
struct flatten_root {
  size_t wire;
  uint32_t node;        /* of the top */
  uint32_t rest;        /* the pick of what is left, or PICK_NONE */
  size_t path_count;
};

struct flatten_set {
  struct trie trie;             /* a node's mark is its first pick */
  struct pick *picks;           /* [0] is PICK_NONE; pick i fills cell wire_count + i - 1 */
  uint32_t pick_count;          /* with [0] */
  uint32_t pick_capacity;
  struct flatten_root *roots;
  size_t root_count;
};
