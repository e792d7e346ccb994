/*
 * The columns as trees of groups and leaves: what the file's schema says, and by which definition and repetition
 * levels the parts of a nested value are told apart (Dremel's record shredding; Parquet's LogicalTypes.md, "Lists"
 * and "Maps"). A flat column is a tree of one leaf.
 *
 *   array      optional group x (LIST) { repeated group list { optional … element } }
 *   composite  optional group x { optional … a; optional … b }
 *   interval   optional group x { required int32 months; required int32 days; required int64 micros }
 *   hstore     optional group x (MAP) { repeated group key_value { required key (STRING); optional value (STRING) } }
 *
 * The repeated groups are no nodes of their own.
 */
#pragma once
#include "base/error.h"
#include "row/type_node.h"

struct parquet_schema;
struct type_choices;

struct tree_node {
  const char *name;            /* of its SchemaElement; borrowed */
  enum shape shape;
  const struct type_node *type;   /* of the wire; NULL for flat columns and the parts of a MAP */
  bool is_optional;
  uint8_t definition;          /* the level of a value that is there; of a LIST or MAP without items, too */
  uint8_t item_repetition;     /* LIST, MAP: the level of every item but a value's first */
  int32_t field_id;
  size_t leaf_first, leaf_count;   /* in parquet_schema.leaves */
  struct tree_node *children;  /* LIST: element; STRUCT: the fields; MAP: key and value; INTERVAL: its parts */
  size_t child_count;
};

/*
 * Makes a nested column's node and its leaves, which are s->leaves from s->leaf_count on: there must be room for
 * type_node_count_scalars. field_id: the next that is free below the columns' own.
 */
bool tree_build(struct tree_node *node, struct parquet_schema *s, const char *name, const struct type_node *type,
                bool is_optional, const struct type_choices *choices, int32_t *field_id, struct error *err) MUST_CHECK;
void tree_deinit(struct tree_node *node);
bool tree_has_list(const struct tree_node *node);   /* at or below it */
bool tree_has_infinity(const struct tree_node *node);   /* an interval at or below it may be infinite */

struct thrift_writer;
size_t tree_count_elements(const struct tree_node *node);   /* SchemaElements */
void tree_write(const struct tree_node *node, const struct parquet_schema *s, struct thrift_writer *w);
