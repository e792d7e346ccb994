/*
 * The plan: the request checked against the catalog. Names are resolved, the SQL of every split is laid
 * down, the columns of the output are known. A bad request fails here, before a byte is written.
 */
#pragma once
#include "export/request.h"
#include "row/flatten.h"
#include "source/scan.h"

/* One column as asked for; a JSON column that is flattened becomes several columns of the output. */
struct plan_item {
  size_t wire;
  char *target;
  bool is_path;
  struct json_path path;      /* where is_path */
  bool flatten;
};

struct plan {
  const struct export_request *request;
  struct source *source;
  struct plan_item *items;
  size_t item_count;
  size_t *wire_sources;       /* per wire column: which of source->columns */
  struct schema schema;       /* wire part made by plan_make, output part by plan_columns */
  char *select_list, *where, *order_by;
  struct scan scan;
  bool flattens;              /* an item is flattened: its paths must be discovered before plan_columns */
};

/*
 * The connection is in a transaction that reads (session.h). Describes the source, resolves and quotes names,
 * EXPLAINs. split_bytes: wished heap bytes per split, for the lanes that may read side by side.
 */
bool plan_make(struct plan *plan, const struct export_request *request, struct pg *pg, uint64_t split_bytes,
               int lanes, struct error *err) MUST_CHECK;
void plan_deinit(struct plan *plan);

/*
 * Makes the columns of the output. collectors: per wire column the paths found, NULL where no item flattens
 * it; NULL as a whole where plan->flattens is false. sampled: not every row was looked at, so a flattened
 * column gets a rest column.
 */
bool plan_columns(struct plan *plan, struct path_collector *const *collectors, bool sampled,
                  struct error *err) MUST_CHECK;
