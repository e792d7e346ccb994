/*
 * Fuzzes the reading of Parquet files: whatever the bytes, count_rows ends, reads nothing outside its buffers
 * and gives a count only to a file that it has walked from end to end.
 */
#include "format/parquet/parquet.h"

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
  close(fd);
  return 0;
}
