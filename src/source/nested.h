/*
 * Arrays, composites and hstore as trees of types, and the SQL that selects a column so that its binary form has
 * only parts that can be read.
 *
 * The binary form of some types is no text and none of enum kind's (interval, inet, ranges, money, whatever an
 * extension brings). Where such a type lies within a nested one, the server takes the value apart and puts it
 * together again with that part as its output function's text, a row as ROW(…), an array as ARRAY(SELECT …).
 */
#pragma once
#include "source/describe.h"

/*
 * Sets `nested` of the columns that are nested or intervals; its sql where the column itself will not do. Types are
 * already resolved to base types. tree stays NULL where the type cannot be told as one: an anonymous record, a composite
 * without fields, hstore in a database whose encoding is not UTF8, more than TYPE_DEPTH_MAX levels or TYPE_SCALARS_MAX
 * scalars, a domain over an array as the item of an array where items must be taken apart.
 */
bool nested_describe(struct pg *c, struct source *s, struct error *err) MUST_CHECK;

void nested_deinit(struct source_nested *n);   /* also of an empty one; leaves it empty */
