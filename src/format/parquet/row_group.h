/*
 * The encoder: rows become the chunks of one row group; then, after the part's end, its bytes piece by
 * piece, column by column, dictionary page first.
 */
#pragma once
#include "format/parquet/file.h"

/* The lane's slots of struct format. */
bool row_group_new(void *self, struct encoder **encoder, struct error *err);
void row_group_free(struct encoder *e);
bool row_group_encode(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err);
bool row_group_is_full(const struct encoder *e);
bool row_group_end(struct encoder *e, void **meta, struct error *err);
bool row_group_read(struct encoder *e, size_t max, struct buffer *out, bool *more, struct error *err);
struct format_counts row_group_counts(const struct encoder *e);
