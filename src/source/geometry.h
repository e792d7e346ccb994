/* What the type of a PostGIS column says: kind of geometry, dimensions and SRID are in its typmod. */
#pragma once
#include "row/schema.h"

/*
 * Of a type with this send function (its C symbol, NULL allowed), which tells PostGIS' types whatever they are called
 * and wherever they lie. *type, the caller's: NULL where it is none of them, or one of values that GeoParquet has not.
 */
bool source_geometry_describe(const char *send, int32_t typmod, struct geometry_type **type,
                              struct error *err) MUST_CHECK;
