#include "format/parquet/count.h"

#include "format/parquet/walk.h"

struct count {
  struct walk *walk;
  struct footer_facts_read facts;
};

static bool visit(void *context, const struct chunk_facts *chunk, struct error *err) {
  struct count *c = context;
  c->walk->pages_end = c->facts.start;
  if (walk_chunk(c->walk, chunk, err)) return true;
  error_prefix(err, "row group %zu, column %zu: ", chunk->group, chunk->leaf + 1);
  return false;
}

bool parquet_count_rows(int fd, uint64_t *rows, struct error *err) {
  struct count c = {.walk = walk_new(fd, false, err)};
  bool ok = c.walk && footer_read(fd, visit, &c, &c.facts, err);
  if (ok) *rows = (uint64_t)c.facts.row_count;
  walk_free(c.walk);
  return ok;
}
