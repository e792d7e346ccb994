#include "format/parquet/spill.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SMALL_LIMIT_BYTES (UINT64_C(512) << 20)   /* below it the page cache of a spill file would hurt */

void spill_init(struct spill *s, size_t memory_bytes) {
  *s = (struct spill){.tail_max = memory_bytes, .fd = -1};
}

void spill_deinit(struct spill *s) {
  free(s->tail);
  if (s->fd >= 0) close(s->fd);
  spill_init(s, s->tail_max);
}

void spill_reset(struct spill *s) {
  s->tail_len = 0;
  s->file_len = 0;
  /* Where it fails the file is overwritten from its start all the same. */
  if (s->fd >= 0 && ftruncate(s->fd, 0) < 0) errno = 0;
}

static const char *folder(void) {
  const char *from_environment = getenv("TMPDIR");
  return from_environment && *from_environment ? from_environment : "/tmp";
}

static uint64_t read_limit(const char *path) {
  FILE *file = fopen(path, "re");
  if (!file) return UINT64_MAX;
  unsigned long long limit;
  bool found = fscanf(file, "%llu", &limit) == 1;   /* "max" is none */
  fclose(file);
  return found ? limit : UINT64_MAX;
}

static bool memory_is_small(void) {
  return read_limit("/sys/fs/cgroup/memory.max") < SMALL_LIMIT_BYTES ||
         read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes") < SMALL_LIMIT_BYTES;
}

static bool open_named(struct spill *s, struct error *err) {
  char path[4096];
  int len = snprintf(path, sizeof path, "%s/decant-XXXXXX", folder());
  if (len < 0 || (size_t)len >= sizeof path)
    return fail(err, ERR_NO_SPACE, "cannot make a temporary file: TMPDIR is longer than %zu bytes",
                sizeof path);
  s->fd = mkostemp(path, O_CLOEXEC);
  if (s->fd < 0)
    return fail_errno(err, ERR_NO_SPACE, "cannot make a temporary file in %s (TMPDIR names another folder)",
                      folder());
  unlink(path);
  return true;
}

static bool open_file(struct spill *s, struct error *err) {
  s->drops_cache = memory_is_small();
  s->fd = open(folder(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  return s->fd >= 0 || open_named(s, err);   /* some file systems know no O_TMPFILE */
}

static void drop_from_cache(struct spill *s, uint64_t from, uint64_t len) {
  if (!s->drops_cache) return;
  sync_file_range(s->fd, (off64_t)from, (off64_t)len,
                  SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  posix_fadvise(s->fd, (off_t)from, (off_t)len, POSIX_FADV_DONTNEED);
}

static bool write_out(struct spill *s, const uint8_t *bytes, size_t len, struct error *err) {
  if (s->fd < 0 && !open_file(s, err)) return false;
  uint64_t from = s->file_len;
  while (len) {
    ssize_t n = pwrite(s->fd, bytes, len, (off_t)s->file_len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0)
      return fail_errno(err, ERR_NO_SPACE,
                        "cannot write a temporary file in %s (TMPDIR names another folder)", folder());
    bytes += n;
    len -= (size_t)n;
    s->file_len += (uint64_t)n;
  }
  drop_from_cache(s, from, s->file_len - from);
  return true;
}

static bool flush_tail(struct spill *s, struct error *err) {
  if (!write_out(s, s->tail, s->tail_len, err)) return false;
  s->tail_len = 0;
  return true;
}

bool spill_append(struct spill *s, const void *bytes, size_t len, struct error *err) {
  if (len == 0) return true;   /* bytes may be NULL then */
  if (!s->tail && !(s->tail = malloc(s->tail_max))) return fail_memory(err, "finished Parquet pages");
  if (len > s->tail_max - s->tail_len && !flush_tail(s, err)) return false;
  if (len > s->tail_max) return write_out(s, bytes, len, err);
  memcpy(s->tail + s->tail_len, bytes, len);
  s->tail_len += len;
  return true;
}

static bool read_file(struct spill *s, uint64_t position, size_t len, struct buffer *out, struct error *err) {
  uint8_t *to = buffer_reserve(out, len);
  if (!to) return buffer_check(out, "Parquet pages", err);
  uint64_t from = position;
  size_t whole = len;
  while (len) {
    ssize_t n = pread(s->fd, to, len, (off_t)position);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(err, ERR_DESTINATION, "cannot read a temporary file in %s", folder());
    if (n == 0)
      return fail(err, ERR_INTERNAL, "a temporary file in %s is shorter than it was written", folder());
    to += n;
    len -= (size_t)n;
    position += (uint64_t)n;
  }
  out->len += whole;
  if (s->drops_cache) posix_fadvise(s->fd, (off_t)from, (off_t)whole, POSIX_FADV_DONTNEED);
  return true;
}

bool spill_read(struct spill *s, uint64_t position, size_t len, struct buffer *out, struct error *err) {
  assert(position + len <= spill_end(s));
  if (position < s->file_len) {
    uint64_t in_file = s->file_len - position;
    size_t n = in_file < len ? (size_t)in_file : len;
    if (!read_file(s, position, n, out, err)) return false;
    position += n;
    len -= n;
  }
  if (len) buffer_append(out, s->tail + (position - s->file_len), len);
  return buffer_check(out, "Parquet pages", err);
}
