#include "compress/expand.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#define PIECE_BYTES (128u << 10)
#define ZSTD_WINDOW_LOG_MAX 27     /* what `zstd -d` takes without being asked: 128 MiB */
#define GZIP_ONLY (15 + 16)        /* inflateInit2: largest window, gzip header required */

struct expander {
  int from, to;
  uint8_t in[PIECE_BYTES], out[PIECE_BYTES];
};

/* *got 0: end of file. */
static bool read_piece(struct expander *x, size_t *got, struct error *err) {
  ssize_t n;
  do n = read(x->from, x->in, sizeof x->in);
  while (n < 0 && errno == EINTR);
  if (n < 0) return fail_errno(err, ERR_VALUE, "cannot read the compressed file");
  *got = (size_t)n;
  return true;
}

static bool write_piece(const struct expander *x, size_t len, struct error *err) {
  for (size_t done = 0; done < len;) {
    ssize_t n = write(x->to, x->out + done, len - done);
    if (n >= 0) done += (size_t)n;
    else if (errno != EINTR) return fail_errno(err, ERR_DESTINATION, "cannot hand on what was decompressed");
  }
  return true;
}

/* After the stream's end nothing may follow: `left` bytes of the last piece, or more in the file. */
static bool expect_end(struct expander *x, size_t left, const char *name, struct error *err) {
  if (left == 0 && !read_piece(x, &left, err)) return false;
  if (left == 0) return true;
  return fail(err, ERR_VALUE, "the %s file goes on behind its end", name);
}

static bool expand_gzip(struct expander *x, struct error *err) {
  z_stream z = {0};
  if (inflateInit2(&z, GZIP_ONLY) != Z_OK) return fail_memory(err, "gzip");
  int status = Z_OK;
  bool ok = true;
  while (ok && status != Z_STREAM_END) {
    size_t got = 0;
    if (z.avail_in == 0) {
      ok = read_piece(x, &got, err);
      if (ok && got == 0) ok = fail(err, ERR_VALUE, "the gzip file is cut");
      if (!ok) break;
      z.next_in = x->in;
      z.avail_in = (uInt)got;
    }
    z.next_out = x->out;
    z.avail_out = sizeof x->out;
    status = inflate(&z, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END)
      ok = fail(err, ERR_VALUE, "the gzip file is damaged: %s", z.msg ? z.msg : "zlib gives no reason");
    if (ok) ok = write_piece(x, sizeof x->out - z.avail_out, err);
  }
  if (ok) ok = expect_end(x, z.avail_in, "gzip", err);
  inflateEnd(&z);
  return ok;
}

/* A frame may ask for a window of gigabytes: that it is not read says nothing against it. */
static bool fail_zstd(size_t code, struct error *err) {
  if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge)
    return fail(err, ERR_MEMORY,
                "the zstd file was compressed with a window of more than %d MiB; `zstd -t --long=31` reads "
                "such files",
                1 << (ZSTD_WINDOW_LOG_MAX - 20));
  return fail(err, ERR_VALUE, "the zstd file is damaged: %s", ZSTD_getErrorName(code));
}

static bool expand_zstd_frame(struct expander *x, ZSTD_DCtx *context, struct error *err) {
  ZSTD_inBuffer in = {x->in, 0, 0};
  bool output_full = false;   /* more may be waiting inside, though the input is used up */
  for (size_t left = 1; left != 0;) {
    if (in.pos == in.size && !output_full) {
      if (!read_piece(x, &in.size, err)) return false;
      if (in.size == 0) return fail(err, ERR_VALUE, "the zstd file is cut");
      in.pos = 0;
    }
    ZSTD_outBuffer out = {x->out, sizeof x->out, 0};
    left = ZSTD_decompressStream(context, &out, &in);
    if (ZSTD_isError(left)) return fail_zstd(left, err);
    output_full = out.pos == out.size;
    if (!write_piece(x, out.pos, err)) return false;
  }
  return expect_end(x, in.size - in.pos, "zstd", err);
}

static bool expand_zstd(struct expander *x, struct error *err) {
  ZSTD_DCtx *context = ZSTD_createDCtx();
  if (!context) return fail_memory(err, "zstd");
  ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
  bool ok = expand_zstd_frame(x, context, err);
  ZSTD_freeDCtx(context);
  return ok;
}

bool expand_stream(const char *codec, int from, int to, struct error *err) {
  bool is_gzip = strcmp(codec, "gzip") == 0;
  if (!is_gzip && strcmp(codec, "zstd") != 0)
    return fail(err, ERR_USAGE, "cannot read back the codec \"%.40s\"", codec);
  struct expander *x = malloc(sizeof *x);
  if (!x) return fail_memory(err, "reading back");
  x->from = from;
  x->to = to;
  bool ok = is_gzip ? expand_gzip(x, err) : expand_zstd(x, err);
  free(x);
  return ok;
}

struct expansion {
  const char *codec;
  int from, to;
  bool ok;
  struct error err;
};

static void *run_expansion(void *context) {
  struct expansion *x = context;
  sigset_t pipe_signal;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL);   /* a reader that has given up is an error, not a signal */
  x->ok = expand_stream(x->codec, x->from, x->to, &x->err);
  close(x->to);
  return NULL;
}

bool expand_through(const char *codec, int from, bool (*read)(void *context, int fd, struct error *err),
                    void *context, struct error *err) {
  struct expansion x = {.codec = codec, .from = from};
  int ends[2];
  pthread_t thread;
  if (pipe2(ends, O_CLOEXEC) != 0) return fail_errno(err, ERR_INTERNAL, "cannot make a pipe");
  x.to = ends[1];
  if (pthread_create(&thread, NULL, run_expansion, &x) != 0) {
    close(ends[0]);
    close(ends[1]);
    return fail(err, ERR_INTERNAL, "cannot start a thread");
  }
  bool ok = read(context, ends[0], err);
  close(ends[0]);
  pthread_join(thread, NULL);
  if (!x.ok && (ok || x.err.code != ERR_DESTINATION)) *err = x.err;
  return ok && x.ok;
}
