#include "source/geometry.h"

#include <stdlib.h>
#include <string.h>

/* liblwgeom.h: TYPMOD_GET_SRID, TYPMOD_GET_TYPE, TYPMOD_GET_M and the types' numbers. */
enum { TYPE_ANY = 0, TYPE_COLLECTION = 7, SRID_WGS84 = 4326 };
static int32_t srid_of(int32_t typmod) { return ((typmod & 0x0FFFFF00) - (typmod & 0x10000000)) >> 8; }
static int type_of(int32_t typmod) { return (typmod & 0xFC) >> 2; }
static bool has_m(int32_t typmod) { return (typmod & 1) != 0; }

bool source_geometry_describe(const char *send, int32_t typmod, struct geometry_type **type,
                              struct error *err) {
  *type = NULL;
  bool is_geography = send && strcmp(send, "geography_send") == 0;
  if (!is_geography && (!send || strcmp(send, "LWGEOM_send") != 0)) return true;
  bool says = typmod >= 0;
  if (says && (has_m(typmod) || type_of(typmod) > TYPE_COLLECTION)) return true;
  struct geometry_type *t = calloc(1, sizeof *t);
  if (!t) return fail_memory(err, "a table's description");
  t->is_geography = is_geography;
  t->is_any = !says || type_of(typmod) == TYPE_ANY || type_of(typmod) == TYPE_COLLECTION;
  t->srid = says ? srid_of(typmod) : is_geography ? SRID_WGS84 : 0;
  *type = t;
  return true;
}
