/*
 * Fuzzes the reading of Parquet files: whatever the bytes, counting and verifying end, read nothing outside their
 * buffers, and say either that all is well or why not. What is verified can be counted, too.
 */
#include "format/parquet/parquet.h"
#include "format/parquet/verify.h"

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

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
  close(fd);
  return 0;
}
