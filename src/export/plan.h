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

/* What the discovery of paths has looked at. */
enum seen {
  SEEN_SAMPLE,         /* not every row: a flattened column gets a rest column */
  SEEN_ALL,            /* the very rows that are exported */
  SEEN_OTHER_RUN,      /* every row, of the same statement run before: what is new in a row must not be lost */
};

/* A cell that holds what no output column of a wire column shows; an error where it is not NULL. */
struct plan_guard { size_t cell, wire; };

struct plan {
  const struct export_request *request;
  struct source *source;
  struct plan_item *items;
  size_t item_count;
  size_t *wire_sources;       /* per wire column: which of source->columns */
  struct schema schema;       /* wire part made by plan_make, output part by plan_columns */
  char *select_list, *where, *order_by;
  char *discover_list;        /* the select list of the flattened columns alone; NULL where there are none */
  bool *is_discovered;        /* per wire column: it is among them */
  struct key_wish order_key;  /* the first of order_by */
  struct format_order *output_order;   /* order_by up to the first column that is not in the output; by plan_columns */
  size_t output_order_count;
  struct scan scan;
  bool has_zone;              /* the format shows timestamps with time zone by another clock than UTC's */
  bool flattens;              /* an item is flattened: its paths must be discovered before plan_columns */
  struct plan_guard *guards;
  size_t guard_count;         /* <= item_count */
};

/*
 * The connection is in a transaction that reads (session.h). Describes the source, resolves and quotes names,
 * EXPLAINs. split_bytes: wished heap bytes per split, for the lanes that may read side by side.
 */
bool plan_make(struct plan *plan, const struct export_request *request, struct pg *pg, uint64_t split_bytes,
               int lanes, struct error *err) MUST_CHECK;
void plan_deinit(struct plan *plan);

/*
 * Each connection that reads for the plan needs the session's time zone that it was made with, and plan_make leaves: the
 * server's own texts (arrays, ranges, to_json) then show it, too. Filters and bounds of splits do not depend on it.
 */
bool plan_set_zone(const struct plan *plan, struct pg *pg, struct error *err) MUST_CHECK;

/*
 * Makes the columns of the output. collectors: per wire column the paths found, NULL where no item flattens
 * it; NULL as a whole where plan->flattens is false, or paths are still to be found: each column that is to be flattened
 * then stands for them (awaits_paths), to be checked and forgotten again.
 */
bool plan_columns(struct plan *plan, struct path_collector *const *collectors, enum seen seen,
                  struct error *err) MUST_CHECK;
void plan_forget_columns(struct plan *plan);   /* also of half-made ones */

/* Does a row hold nothing but what the output columns show? ERR_VALUE that names the column else. */
bool plan_check_row(const struct plan *plan, const struct cell *cells, struct error *err) MUST_CHECK;
