/*
 * Picked values of paths that have a type: from JSON text to what the wire would have sent for a column of that
 * type. Private to src/row: the flattener's last step.
 */
#pragma once
#include "row/flatten_set.h"
#include "row/scratch.h"

struct typed_pick;

struct typed {
  const struct flatten_set *set;   /* borrowed, as is the schema: both for messages */
  const struct schema *schema;
  struct typed_pick *picks;        /* those of the set that have a type */
  size_t count;
};

bool typed_init(struct typed *t, const struct flatten_set *set, const struct schema *schema,
                struct error *err) MUST_CHECK;
void typed_deinit(struct typed *t);
/*
 * Replaces the cells of picks with a type; picked[i] is the cell of pick i. They then point into t, the row or the
 * scratch memory. ERR_VALUE, naming column, path and value, where a value is not of the type.
 */
bool typed_run(struct typed *t, struct cell *picked, struct scratch *scratch, struct error *err) MUST_CHECK;
