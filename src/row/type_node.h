/*
 * What lies in the bytes of a KIND_NESTED cell: the type of an array, a composite or an hstore as a tree, down
 * to scalars. Made when the source is described, then read-only.
 *
 * The bytes, big-endian (PostgreSQL's array_send, record_send and contrib's hstore_send):
 *   LIST    int32 dimensions, int32 flags, uint32 type of the items; per dimension int32 size and int32 lower
 *           bound; per item int32 length (-1: NULL) and its own bytes
 *   STRUCT  int32 fields; per field uint32 type, int32 length (-1: NULL) and its own bytes
 *   MAP     int32 pairs; per pair int32 length and text of the key, int32 length (-1: NULL) and text of the value
 *   INTERVAL   int64 microseconds, int32 days, int32 months; an infinite one has the least or greatest of all three
 */
#pragma once
#include "row/schema.h"

#define TYPE_DEPTH_MAX 32      /* lists, structs and maps within each other */
#define TYPE_SCALARS_MAX 4096  /* below one column */

#define INTERVAL_PARTS 3       /* scalars of an INTERVAL */

enum shape { SHAPE_SCALAR, SHAPE_LIST, SHAPE_STRUCT, SHAPE_MAP, SHAPE_INTERVAL };

struct type_node {
  enum shape shape;
  char *name;              /* of a composite's field, as the catalog spells it; NULL elsewhere */
  uint32_t sent_oid;       /* the type that the list or struct around it names on the wire */
  enum kind kind;          /* SCALAR: what its bytes are */
  int32_t typmod;          /* SCALAR: -1 for none */
  int32_t lower_bound;     /* LIST: 1; 0 of int2vector and oidvector */
  bool is_rewritten;       /* LIST: the server makes its items one by one; none come if it has other dimensions */
  bool has_infinity;       /* INTERVAL: of a server that knows infinite ones (PostgreSQL 17) */
  struct type_node *children;   /* LIST: the item; STRUCT: the fields; MAP: none, keys and values are text */
  size_t child_count;
};

void type_node_deinit(struct type_node *node);   /* and all below it */

/* At and below it; a MAP has two, an INTERVAL its parts. */
size_t type_node_count_scalars(const struct type_node *node);
/* The columns of the output, nested ones counted by their scalars: what a format keeps of columns it keeps of each. */
size_t schema_count_scalars(const struct schema *s);
