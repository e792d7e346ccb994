#include "format/parquet/geometry.h"

#include "base/bytes.h"
#include "format/parquet/little_endian.h"

#include <math.h>
#include <string.h>

#define HAS_Z 0x80000000u
#define HAS_M 0x40000000u
#define HAS_SRID 0x20000000u
#define ISO_Z 1000u
#define DEPTH_MAX 256      /* collections within each other; PostGIS reads 200 */

enum wkb_type {
  WKB_POINT = 1,
  WKB_LINESTRING,
  WKB_POLYGON,
  WKB_MULTIPOINT,
  WKB_MULTILINESTRING,
  WKB_MULTIPOLYGON,
  WKB_GEOMETRYCOLLECTION,
  WKB_TRIANGLE = 17,       /* the last that PostGIS knows */
};

/* The way through a value's bytes. */
struct walk {
  const uint8_t *at, *end;
  uint8_t *to;
  bool drops_m;
  enum geometry_result result;
  struct geometry_facts *facts;
};

/* What one geometry's head says, be it a value or a part of one. */
struct head {
  bool is_little;
  uint32_t type;
  bool has_z, has_m;
  int32_t srid;
};

static bool stop(struct walk *w, enum geometry_result result) {
  w->result = result;
  return false;
}

static uint32_t load_u32(const uint8_t *at, bool is_little) {
  return is_little ? load_le32(at) : load_be32(at);
}

static double load_double(const uint8_t *at, bool is_little) {
  uint64_t bits = is_little ? load_le64(at) : load_be64(at);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static bool take_u32(struct walk *w, bool is_little, uint32_t *v) {
  if (w->end - w->at < 4) return stop(w, GEOMETRY_MALFORMED);
  *v = load_u32(w->at, is_little);
  w->at += 4;
  return true;
}

/* A count stays as it is, in the bytes' own order. */
static bool copy_count(struct walk *w, const struct head *h, uint32_t *count) {
  if (!take_u32(w, h->is_little, count)) return false;
  memcpy(w->to, w->at - 4, 4);
  w->to += 4;
  return true;
}

static bool copy_head(struct walk *w, struct head *h) {
  uint32_t code, srid = 0;
  if (w->end - w->at < 1 || *w->at > 1) return stop(w, GEOMETRY_MALFORMED);
  *h = (struct head){.is_little = *w->at == 1};
  *w->to++ = *w->at++;
  if (!take_u32(w, h->is_little, &code)) return false;
  if (code & HAS_SRID && !take_u32(w, h->is_little, &srid)) return false;
  h->type = code & ~(HAS_Z | HAS_M | HAS_SRID);
  h->has_z = (code & HAS_Z) != 0;
  h->has_m = (code & HAS_M) != 0;
  h->srid = (int32_t)srid;
  if (h->type < WKB_POINT || h->type > WKB_TRIANGLE) return stop(w, GEOMETRY_MALFORMED);
  if (h->type > WKB_GEOMETRYCOLLECTION) return stop(w, GEOMETRY_IS_FOREIGN);
  if (h->has_m && !w->drops_m) return stop(w, GEOMETRY_HAS_M);
  uint32_t iso = h->type + (h->has_z ? ISO_Z : 0);
  if (h->is_little) store_le32(w->to, iso);
  else store_be32(w->to, iso);
  w->to += 4;
  return true;
}

static void add_coordinate(struct geometry_facts *f, int dimension, double v) {
  if (v < f->min[dimension]) f->min[dimension] = v;
  if (v > f->max[dimension]) f->max[dimension] = v;
}

static bool copy_points(struct walk *w, const struct head *h, uint32_t count) {
  size_t kept = (h->has_z ? 3 : 2), width = (kept + h->has_m) * sizeof(double);
  if ((size_t)(w->end - w->at) / width < count) return stop(w, GEOMETRY_MALFORMED);
  for (uint32_t i = 0; i < count; i++, w->at += width) {
    for (int d = 0; d < (int)kept; d++)
      add_coordinate(w->facts, d, load_double(w->at + (size_t)d * sizeof(double), h->is_little));
    memcpy(w->to, w->at, kept * sizeof(double));
    w->to += kept * sizeof(double);
  }
  return true;
}

static bool copy_line(struct walk *w, const struct head *h) {
  uint32_t count;
  return copy_count(w, h, &count) && copy_points(w, h, count);
}

static bool copy_polygon(struct walk *w, const struct head *h) {
  uint32_t count;
  if (!copy_count(w, h, &count)) return false;
  for (uint32_t i = 0; i < count; i++)
    if (!copy_line(w, h)) return false;
  return true;
}

static bool copy_geometry(struct walk *w, struct head *h, int depth) {
  struct head part;
  uint32_t count;
  if (depth > DEPTH_MAX) return stop(w, GEOMETRY_MALFORMED);
  if (!copy_head(w, h)) return false;
  if (h->type == WKB_POINT) return copy_points(w, h, 1);
  if (h->type == WKB_LINESTRING) return copy_line(w, h);
  if (h->type == WKB_POLYGON) return copy_polygon(w, h);
  if (!copy_count(w, h, &count)) return false;
  for (uint32_t i = 0; i < count; i++)
    if (!copy_geometry(w, &part, depth + 1)) return false;
  return true;
}

enum geometry_result geometry_to_wkb(const uint8_t *ewkb, size_t len, bool drops_m, uint8_t *to, size_t *wkb_len,
                                     struct geometry_facts *facts) {
  struct head head;
  struct walk w = {.at = ewkb, .end = ewkb + len, .to = to, .drops_m = drops_m, .facts = facts};
  *facts = (struct geometry_facts){.has_values = true};
  for (int d = 0; d < 3; d++) facts->min[d] = INFINITY, facts->max[d] = -INFINITY;
  if (!copy_geometry(&w, &head, 0)) return w.result;
  if (w.at != w.end) return GEOMETRY_MALFORMED;
  facts->srid = head.srid;
  facts->types = (uint16_t)(1u << (head.type - 1 + (head.has_z ? GEOMETRY_TYPE_COUNT / 2 : 0)));
  *wkb_len = (size_t)(w.to - to);
  return GEOMETRY_OK;
}

bool geometry_facts_add(struct geometry_facts *all, const struct geometry_facts *facts) {
  if (!facts->has_values) return true;
  if (!all->has_values) {
    *all = *facts;
    return true;
  }
  if (all->srid != facts->srid) return false;
  all->types |= facts->types;
  for (int d = 0; d < 3; d++) {
    if (facts->min[d] < all->min[d]) all->min[d] = facts->min[d];
    if (facts->max[d] > all->max[d]) all->max[d] = facts->max[d];
  }
  return true;
}

bool geometry_fail_mixed(const char *column, int32_t a, int32_t b, struct error *err) {
  return fail(err, ERR_VALUE,
              "column \"%s\" has geometries of SRID %d and of %d, and a GeoParquet column has one coordinate system; "
              "ST_Transform in a query makes them one, a filter by ST_SRID one file each, geometry=text writes the "
              "server's text", column, a, b);
}
