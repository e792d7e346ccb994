/*
 * A sink: where bytes go. write is all or error. commit makes the bytes visible as whole, once, and may
 * fail. Closing a sink that has not been committed aborts it, which cannot fail and leaves nothing behind
 * that looks whole.
 *
 * One thread at a time.
 */
#pragma once
#include "base/cancel.h"

#include <stdint.h>

#define SHA256_HEX_SIZE 65

struct sink;

struct sink_ops {
  bool (*write)(struct sink *s, const uint8_t *bytes, size_t len, struct error *err);
  bool (*commit)(struct sink *s, struct error *err);
  void (*close)(struct sink *s);        /* aborts unless committed; frees */
};

struct sink {
  const struct sink_ops *ops;
  const struct cancel *cancel;          /* ends a write that waits for a reader; NULL: none does */
  uint64_t bytes_written;               /* by sink_write */
  bool committed;
  bool is_private;                      /* nobody sees the bytes before the commit */
  char sha256[SHA256_HEX_SIZE];         /* after commit, where a digest was asked for; else "" */
};

/* The one guard that every write passes: counts, and hands on. */
bool sink_write(struct sink *s, const uint8_t *bytes, size_t len, struct error *err) MUST_CHECK;
bool sink_commit(struct sink *s, struct error *err) MUST_CHECK;
void sink_close(struct sink *s);                                  /* NULL is allowed */

/* Has nothing left for good yet: may the whole output be tried again with a new sink? */
bool sink_can_restart(const struct sink *s);

struct sink_file_options {
  const char *temporary_path;   /* its name while it grows; NULL: none, where the file system can do that, else one beside
                                   the final one */
  bool fsync;                   /* file and folder are on disk before commit returns */
  bool digest;                  /* SHA-256 of all bytes */
  const struct cancel *cancel;  /* ends the wait for a FIFO's reader: ERR_CANCELLED; may be NULL */
  /* Called after each write with the bytes that a reader of the temporary file may now see; may be NULL. */
  void (*on_progress)(void *context, uint64_t bytes);
  void *context;
};

/*
 * A regular file, written without a name or under a temporary one, and renamed when whole; it keeps the permissions of a file that
 * it replaces, and one that may not be written is not replaced. Where the path is a device or FIFO it is opened
 * and written in place, never renamed over; opening a FIFO waits for its reader. ERR_DESTINATION, ERR_NO_SPACE.
 */
struct sink *sink_file_open(const char *path, const struct sink_file_options *options,
                            struct error *err) MUST_CHECK;

/*
 * An open file descriptor that stays the caller's (standard output). EPIPE is an error, not a signal. cancel as
 * above, for pipes.
 */
struct sink *sink_stream_open(int fd, const struct cancel *cancel, struct error *err) MUST_CHECK;
