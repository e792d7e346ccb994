/*
 * What the footer will say: each finished row group's metadata, kept serialised, and the end of the file. It grows with
 * the file, so its parts lie in logs that go to temporary files beyond some 100 KB.
 *
 * An encoder makes struct row_group_meta without knowing where in the file its bytes will lie; the writer
 * adds the offset when it joins the part.
 */
#pragma once
#include "format/parquet/column_metadata.h"
#include "format/parquet/sort_order.h"
#include "format/parquet/spill.h"

struct row_group_meta {
  uint64_t row_count;
  struct sort_edges edges;             /* by how many of the file's sorting columns the rows are sorted */
  size_t chunk_count;
  struct chunk_meta chunks[];
};

struct row_group_meta *row_group_meta_new(size_t chunk_count, struct error *err) MUST_CHECK;
void row_group_meta_free(void *meta);  /* the meta_free slot; NULL is allowed */

struct footer {
  struct spill groups;         /* of each row group struct group_totals, then of each chunk struct chunk_record and the
                                  pieces of its ColumnMetaData */
  struct spill column_indexes, offset_indexes;   /* the structs, one behind the other */
  struct buffer scratch;
  struct buffer unbounded;     /* a bool by leaf: some chunk has values without bounds, so no chunk of it says any */
  size_t group_count;
  struct sort_edges edges;     /* of the last group */
  size_t sorted_count;         /* all rows so far are sorted by so many of the sorting columns */
};

void footer_init(struct footer *f);
void footer_deinit(struct footer *f);

/* A row group whose bytes begin at `offset`; in their order. Takes meta's edges. sorting: the file's sorting columns. */
bool footer_add(struct footer *f, const struct parquet_schema *schema, const struct sorting_column *sorting,
                struct row_group_meta *meta, uint64_t offset, bool writes_page_index, struct error *err) MUST_CHECK;

struct footer_facts {
  const struct parquet_schema *schema;
  const char *created_by, *source, *snapshot_at;
  const char *types;                   /* JSON: the server's type by column; "" for none */
  const char *geo;                     /* JSON: GeoParquet's metadata (geo.h); "" for none */
  const char *srids;                   /* JSON: the SRIDs of its columns; "" for none */
  const struct sorting_column *sorting;   /* footer_add's */
  uint64_t row_count;
  uint64_t offset;                     /* where the bytes go */
};
/* Appends page indexes, FileMetaData, its length and the magic, letting go of what is there between its pieces. */
bool footer_write(struct footer *f, const struct footer_facts *facts, struct buffer *out,
                  struct error *err) MUST_CHECK;
