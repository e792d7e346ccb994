/*
 * An append-only log of bytes: in memory up to a limit, beyond it in one unlinked temporary file. What is
 * appended gets a position that stays valid until spill_reset, wherever the bytes go meanwhile.
 *
 * The file is made in $TMPDIR, else /tmp, only when it is needed; it never has a name that outlives the
 * process. Where the process runs under a small memory limit, written bytes are pushed to the disk and
 * dropped from the page cache, since a control group counts that cache as the process's memory.
 */
#pragma once
#include "base/buffer.h"

struct spill {
  uint8_t *tail;              /* the newest bytes; NULL before the first append */
  size_t tail_len, tail_max;
  uint64_t file_len;          /* bytes before the tail */
  int fd;                     /* -1: no file yet */
  bool drops_cache;
};

void spill_init(struct spill *s, size_t memory_bytes);
void spill_deinit(struct spill *s);
void spill_reset(struct spill *s);   /* forgets the bytes, gives their room in the file back */

static inline uint64_t spill_end(const struct spill *s) { return s->file_len + s->tail_len; }

/* ERR_NO_SPACE where the temporary file cannot take the bytes. */
bool spill_append(struct spill *s, const void *bytes, size_t len, struct error *err) MUST_CHECK;

/* Appends the `len` bytes at `position` to out. They have been appended before. */
bool spill_read(struct spill *s, uint64_t position, size_t len, struct buffer *out,
                struct error *err) MUST_CHECK;
