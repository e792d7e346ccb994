/*
 * Fuzzes the reading of Parquet files: whatever the bytes, counting and verifying end, read nothing outside their
 * buffers, and say either that all is well or why not. What is verified can be counted, too.
 */
#include "format/parquet/parquet.h"
#include "format/parquet/value_show.h"
#include "format/parquet/names.h"
#include "format/parquet/verify.h"

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

static const struct file_schema *schema;

static bool see_file(void *context, const struct footer_facts_read *facts, const struct file_schema *s, struct error *err) {
  schema = s;
  return true;
}

/* What describe shows of a chunk. */
static bool see_chunk(void *context, const struct chunk_facts *chunk, struct error *err) {
  struct buffer text;
  char type[TYPE_TEXT_MAX];
  buffer_init(&text, 4096);
  file_schema_path(schema, chunk->leaf, &text);
  parquet_type_text(chunk->element, type);
  parquet_value_show(chunk->element, &chunk->statistics.min, &text);
  parquet_value_show(chunk->element, &chunk->statistics.max, &text);
  CHECK(!text.failed);
  buffer_deinit(&text);
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  int fd = memfd_create("parquet", MFD_CLOEXEC);
  CHECK(fd >= 0);
  CHECK(write(fd, data, size) == (ssize_t)size);
  struct error err = {.code = ERR_NONE};
  uint64_t rows = 0;
  bool ok = format_parquet.count_rows(fd, &rows, &err);
  CHECK(ok == (err.code == ERR_NONE));
  struct parquet_verification found;
  err.code = ERR_NONE;
  bool verified = parquet_verify(fd, &found, &err);
  CHECK(verified == (err.code == ERR_NONE));
  CHECK(!verified || (ok && found.row_count == rows));
  const struct footer_visitor visitor = {.file = see_file, .chunk = see_chunk};
  struct footer_facts_read facts;
  CHECK(footer_visit(fd, &visitor, &facts, &err) || !verified);
  close(fd);
  return 0;
}
