#include "format/parquet/count.h"

#include "format/parquet/walk.h"

#include <stdlib.h>

struct count {
  struct walk walk;
  struct footer_facts_read facts;
};

static bool visit(void *context, const struct chunk_facts *chunk, struct error *err) {
  struct count *c = context;
  c->walk.pages_end = c->facts.start;
  return walk_chunk(&c->walk, chunk, err);
}

bool parquet_count_rows(int fd, uint64_t *rows, struct error *err) {
  struct count *c = calloc(1, sizeof *c);
  if (!c) return fail_memory(err, "reading a Parquet file");
  c->walk.fd = fd;
  bool ok = footer_read(fd, visit, c, &c->facts, err);
  if (ok) *rows = (uint64_t)c->facts.row_count;
  free(c);
  return ok;
}
