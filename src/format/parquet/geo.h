/*
 * GeoParquet 1.1.0: what the file's key value "geo" says of the columns of geometries, so that readers see a map.
 * It is made of what the values were, and written with the footer.
 */
#pragma once
#include "format/parquet/footer.h"

struct geo_column {
  size_t leaf;
  struct geometry_facts facts;   /* of the row groups that have been joined */
};

/* The writer's. */
struct geo {
  struct geo_column *columns;
  size_t column_count;           /* 0: no geometries, no key */
};

bool geo_init(struct geo *g, const struct parquet_schema *schema, struct error *err) MUST_CHECK;
void geo_deinit(struct geo *g);

/* A row group's. ERR_VALUE names a column whose values have other SRIDs than those before. */
bool geo_add(struct geo *g, const struct parquet_schema *schema, const struct row_group_meta *meta,
             struct error *err) MUST_CHECK;

/* The key's value; "" where there are no geometries. NULL if out of memory. */
char *geo_json(const struct geo *g, const struct parquet_schema *schema);
/* {"column": SRID}, which WKB does not have; "" where no column's values have one. NULL if out of memory. */
char *geo_srids(const struct geo *g, const struct parquet_schema *schema);
