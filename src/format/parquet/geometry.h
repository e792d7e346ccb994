/*
 * Geometries: from the bytes that PostGIS sends to those that GeoParquet asks for, and what a file says of a column
 * of them.
 *
 * PostGIS sends extended WKB (EWKB; its source, liblwgeom/lwin_wkb.c): a type's code has flags for Z, M and an SRID,
 * which follows. GeoParquet 1.1 asks for ISO WKB (OGC 06-103r4): a Z is 1000 added to the code, no SRID; and has only
 * points, lines, polygons, collections of these, in two or three dimensions. Coordinates and byte order stay as they
 * are. An empty point has NaN for coordinates in both.
 */
#pragma once
#include "base/error.h"
#include "row/schema.h"

/* What is true of all values so far. */
struct geometry_facts {
  bool has_values;
  int32_t srid;            /* of all of them; 0: they have none */
  uint16_t types;          /* bit set: a type's code less 1 (Point 0 … GeometryCollection 6), 7 more with Z */
  double min[3], max[3];   /* of the coordinates x, y, z that are no NaN; min > max: there are none */
};
#define GEOMETRY_TYPE_COUNT 14

enum geometry_result {
  GEOMETRY_OK,
  GEOMETRY_HAS_M,          /* a fourth coordinate, or the third of another kind */
  GEOMETRY_IS_FOREIGN,     /* curves, surfaces of patches, triangles: no type of GeoParquet's */
  GEOMETRY_MALFORMED,
};

/*
 * Writes one geometry's ISO WKB to `to`, which has room for as many bytes as the EWKB has; *wkb_len: how many. drops_m:
 * leaves out M, and is never GEOMETRY_HAS_M. facts: of this value alone; set where the result is GEOMETRY_OK.
 */
enum geometry_result geometry_to_wkb(const uint8_t *ewkb, size_t len, bool drops_m, uint8_t *to, size_t *wkb_len,
                                     struct geometry_facts *facts);

/* Adds those of further values. False, and nothing added, where they have another SRID. */
bool geometry_facts_add(struct geometry_facts *all, const struct geometry_facts *facts);

/* ERR_VALUE: a column has no two coordinate systems. */
bool geometry_fail_mixed(const char *column, int32_t a, int32_t b, struct error *err);
