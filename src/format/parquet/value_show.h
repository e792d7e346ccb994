/* Smallest and largest values as text for people: as PostgreSQL writes them, strings cut and in quotes. */
#pragma once
#include "format/parquet/footer_read.h"

/* Appends the value; hexadecimal digits where its type says nothing of its meaning. */
void parquet_value_show(const struct file_element *leaf, const struct bound_facts *b, struct buffer *out);
