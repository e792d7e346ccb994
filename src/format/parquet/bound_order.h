/* Compares smallest and largest values as any writer stores them, in the order that their type has in Parquet. */
#pragma once
#include "format/parquet/footer_read.h"

/* Is the order of this leaf's values one that bound_order_compare knows? INT96, INTERVAL and others have none. */
bool bound_order_is_known(const struct file_element *leaf);

/* Has the value a length that its type can have? */
bool bound_order_fits(const struct file_element *leaf, const struct bound_facts *b);

/*
 * Below, at or above 0 as a < b, a = b or a > b. Both fit. Of texts longer than BOUND_KEPT_MAX only what is kept
 * counts: longer ones with the same beginning are equal.
 */
int bound_order_compare(const struct file_element *leaf, const struct bound_facts *a, const struct bound_facts *b);
