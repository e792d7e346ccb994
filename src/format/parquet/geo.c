#include "format/parquet/geo.h"

#include "row/json.h"
#include "row/value_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JSON_BYTES_MAX (16u << 20)
#define SRID_WGS84 4326   /* longitude before latitude, as PostGIS has it: of a column without `crs` */
#define POINTS (1u | 1u << (GEOMETRY_TYPE_COUNT / 2))

bool geo_init(struct geo *g, const struct parquet_schema *schema, struct error *err) {
  size_t count = 0;
  for (size_t i = 0; i < schema->leaf_count; i++) count += schema->leaves[i].geometry != NULL;
  *g = (struct geo){0};
  if (!count) return true;
  g->columns = calloc(count, sizeof *g->columns);
  if (!g->columns) return fail_memory(err, "the Parquet schema");
  for (size_t i = 0; i < schema->leaf_count; i++)
    if (schema->leaves[i].geometry) g->columns[g->column_count++].leaf = i;
  return true;
}

void geo_deinit(struct geo *g) {
  free(g->columns);
  *g = (struct geo){0};
}

bool geo_add(struct geo *g, const struct parquet_schema *schema, const struct row_group_meta *meta,
             struct error *err) {
  for (size_t i = 0; i < g->column_count; i++) {
    struct geo_column *c = &g->columns[i];
    const struct geometry_facts *facts = &meta->chunks[c->leaf].geometry;
    if (!geometry_facts_add(&c->facts, facts))
      return geometry_fail_mixed(schema->leaves[c->leaf].name, c->facts.srid, facts->srid, err);
  }
  return true;
}

static void append_types(const struct geometry_facts *f, struct buffer *out) {
  static const char *const names[] = {"Point",           "LineString",   "Polygon",           "MultiPoint",
                                      "MultiLineString", "MultiPolygon", "GeometryCollection"};
  const char *comma = "";
  buffer_append_string(out, "\"geometry_types\":[");
  for (unsigned i = 0; i < GEOMETRY_TYPE_COUNT; i++) {
    if (!(f->types >> i & 1)) continue;
    buffer_appendf(out, "%s\"%s%s\"", comma, names[i % 7], i < 7 ? "" : " Z");
    comma = ",";
  }
  buffer_append_byte(out, ']');
}

static int32_t srid_of(const struct geometry_type *type, const struct geometry_facts *f) {
  return f->has_values ? f->srid : type->srid;
}

/* Without a `crs` a column is in WGS 84; null: its system is not known, for the server has no PROJJSON to give. */
static void append_crs(const struct geometry_type *type, const struct geometry_facts *f, struct buffer *out) {
  if (srid_of(type, f) != SRID_WGS84) buffer_append_string(out, ",\"crs\":null");
}

static bool is_finite(const struct geometry_facts *f, int dimension) {
  return f->min[dimension] <= f->max[dimension] && isfinite(f->min[dimension]) && isfinite(f->max[dimension]);
}

static void append_corner(const double *corner, bool has_z, struct buffer *out) {
  uint8_t text[VALUE_TEXT_MAX];
  for (int d = 0; d < (has_z ? 3 : 2); d++) {
    if (d) buffer_append_byte(out, ',');
    buffer_append(out, text, (size_t)(float8_text(text, corner[d]) - text));
  }
}

/*
 * Of edges along the earth's surface the ends bound nothing: between two places at 60° north one passes further
 * north. So geographies have a box where they are points.
 */
static void append_bbox(const struct geometry_type *type, const struct geometry_facts *f, struct buffer *out) {
  bool has_z = is_finite(f, 2);
  if (!f->has_values || !is_finite(f, 0) || !is_finite(f, 1) || (!has_z && f->min[2] <= f->max[2])) return;
  if (type->is_geography && f->types & ~POINTS) return;
  buffer_append_string(out, ",\"bbox\":[");
  append_corner(f->min, has_z, out);
  buffer_append_byte(out, ',');
  append_corner(f->max, has_z, out);
  buffer_append_byte(out, ']');
}

static void append_column(const struct geo_column *c, const struct leaf *leaf, struct buffer *out) {
  json_append_string(out, leaf->name, strlen(leaf->name));
  buffer_append_string(out, ":{\"encoding\":\"WKB\",");
  append_types(&c->facts, out);
  append_crs(leaf->geometry, &c->facts, out);
  if (leaf->geometry->is_geography) buffer_append_string(out, ",\"edges\":\"spherical\"");
  append_bbox(leaf->geometry, &c->facts, out);
  buffer_append_byte(out, '}');
}

char *geo_json(const struct geo *g, const struct parquet_schema *schema) {
  struct buffer out;
  buffer_init(&out, JSON_BYTES_MAX);
  if (g->column_count) {
    const char *primary = schema->leaves[g->columns[0].leaf].name;
    buffer_append_string(&out, "{\"version\":\"1.1.0\",\"primary_column\":");
    json_append_string(&out, primary, strlen(primary));
    buffer_append_string(&out, ",\"columns\":{");
  }
  for (size_t i = 0; i < g->column_count; i++) {
    if (i) buffer_append_byte(&out, ',');
    append_column(&g->columns[i], &schema->leaves[g->columns[i].leaf], &out);
  }
  if (g->column_count) buffer_append_string(&out, "}}");
  return buffer_take_string(&out);
}

char *geo_srids(const struct geo *g, const struct parquet_schema *schema) {
  struct buffer out;
  buffer_init(&out, JSON_BYTES_MAX);
  for (size_t i = 0; i < g->column_count; i++) {
    const struct geo_column *c = &g->columns[i];
    const struct leaf *leaf = &schema->leaves[c->leaf];
    int32_t srid = srid_of(leaf->geometry, &c->facts);
    if (srid == 0) continue;
    buffer_append_byte(&out, out.len ? ',' : '{');
    json_append_string(&out, leaf->name, strlen(leaf->name));
    buffer_appendf(&out, ":%d", srid);
  }
  if (out.len) buffer_append_byte(&out, '}');
  return buffer_take_string(&out);
}
