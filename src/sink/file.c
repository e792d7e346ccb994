/*
 * A regular file is written under a temporary name in the same folder and renamed when whole, so that the
 * final name never shows a part. Devices, FIFOs and sockets are written in place.
 */
#include "sink/sink.h"
#include "sink/write_all.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define FLUSH_BYTES (8u << 20)   /* written back in pieces of this size, so that dirty pages stay few */

struct file_sink {
  struct sink sink;
  int fd;
  char *path;             /* the final name */
  char *temporary;        /* NULL: written in place */
  bool fsync;
  uint64_t flushed_bytes;
  EVP_MD_CTX *digest;     /* NULL: none wanted */
  void (*on_progress)(void *context, uint64_t bytes);
  void *context;
};

/*
 * Starts writing back what is complete and waits for the piece before it: a small cgroup's page cache is then
 * never full of dirty pages, and the final fsync has little left to do.
 */
static void write_back(struct file_sink *f, uint64_t written) {
  if (written - f->flushed_bytes < FLUSH_BYTES) return;
  sync_file_range(f->fd, (off_t)f->flushed_bytes, (off_t)(written - f->flushed_bytes), SYNC_FILE_RANGE_WRITE);
  f->flushed_bytes = written;
}

static bool file_write(struct sink *s, const uint8_t *bytes, size_t len, struct error *err) {
  struct file_sink *f = (struct file_sink *)s;
  if (!write_all(f->fd, bytes, len, f->path, err)) return false;
  if (f->digest && EVP_DigestUpdate(f->digest, bytes, len) != 1) return fail(err, ERR_INTERNAL, "cannot compute SHA-256");
  uint64_t written = s->bytes_written + len;
  if (f->fsync) write_back(f, written);
  if (f->on_progress) f->on_progress(f->context, written);
  return true;
}

static bool finish_digest(struct file_sink *f, struct error *err) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  if (EVP_DigestFinal_ex(f->digest, hash, &len) != 1) return fail(err, ERR_INTERNAL, "cannot compute SHA-256");
  for (unsigned i = 0; i < len; i++) snprintf(f->sink.sha256 + 2 * i, 3, "%02x", hash[i]);
  return true;
}

/* The new name itself is durable only when the folder is on disk. */
static bool sync_folder(const char *path, struct error *err) {
  char *folder = strdup(path);
  if (!folder) return fail_memory(err, "a file name");
  char *slash = strrchr(folder, '/');
  if (slash) slash[slash == folder ? 1 : 0] = '\0';
  int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool ok = fd >= 0 && fsync(fd) == 0;
  if (!ok) fail_errno(err, ERR_DESTINATION, "cannot bring the folder of \"%s\" to disk", path);
  if (fd >= 0) close(fd);
  free(folder);
  return ok;
}

static bool file_commit(struct sink *s, struct error *err) {
  struct file_sink *f = (struct file_sink *)s;
  if (f->digest && !finish_digest(f, err)) return false;
  if (!f->temporary) {
    int fd = f->fd;
    f->fd = -1;
    if (close(fd) < 0) return fail_errno(err, ERR_DESTINATION, "cannot write to \"%s\"", f->path);
    return true;
  }
  if (f->fsync && fsync(f->fd) < 0) return fail_errno(err, ERR_DESTINATION, "cannot bring \"%s\" to disk", f->path);
  int fd = f->fd;
  f->fd = -1;
  /* NFS and quotas report a failed write only here. */
  if (close(fd) < 0) return fail_errno(err, ERR_DESTINATION, "cannot write to \"%s\"", f->path);
  if (rename(f->temporary, f->path) < 0)
    return fail_errno(err, ERR_DESTINATION, "cannot give the finished file its name \"%s\"", f->path);
  free(f->temporary);
  f->temporary = NULL;
  return !f->fsync || sync_folder(f->path, err);
}

static void file_close(struct sink *s) {
  struct file_sink *f = (struct file_sink *)s;
  if (f->fd >= 0) close(f->fd);
  if (f->temporary) unlink(f->temporary);
  EVP_MD_CTX_free(f->digest);
  free(f->temporary);
  free(f->path);
  free(f);
}

static const struct sink_ops file_ops = {file_write, file_commit, file_close};

/* "dir/.name.3f2a9c81.partial" */
static char *temporary_name(const char *path) {
  uint32_t random;
  if (getrandom(&random, sizeof random, 0) != sizeof random) random = (uint32_t)getpid();
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  char *text;
  /* A name is at most 255 bytes: a long one is cut in the temporary name. */
  if (asprintf(&text, "%.*s.%.200s.%08x.partial", (int)(name - path), path, name, random) < 0) return NULL;
  return text;
}

/* A rename replaces a symbolic link instead of writing where it points: so go to the end of it. */
static char *resolve_links(const char *path) {
  struct stat st;
  if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode)) return strdup(path);
  char *real = realpath(path, NULL);
  return real ? real : strdup(path);
}

static bool open_in_place(struct file_sink *f, struct error *err) {
  f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (f->fd < 0) return fail_errno(err, ERR_DESTINATION, "cannot open \"%s\"", f->path);
  f->fsync = false;
  return true;
}

static bool open_temporary(struct file_sink *f, const struct sink_file_options *o, struct error *err) {
  f->temporary = o->temporary_path ? strdup(o->temporary_path) : temporary_name(f->path);
  if (!f->temporary) return fail_memory(err, "the output");
  f->fd = open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  f->sink.is_private = f->fd >= 0;
  if (f->fd >= 0) return true;
  bool full = errno == ENOSPC || errno == EDQUOT;
  fail_errno(err, full ? ERR_NO_SPACE : ERR_DESTINATION, "cannot create \"%s\"", f->path);
  free(f->temporary);   /* not ours to remove */
  f->temporary = NULL;
  return false;
}

static bool file_open(struct file_sink *f, const struct sink_file_options *o, struct error *err) {
  if (!f->path) return fail_memory(err, "the output");
  if (o->digest) {
    f->digest = EVP_MD_CTX_new();
    if (!f->digest || EVP_DigestInit_ex(f->digest, EVP_sha256(), NULL) != 1) return fail_memory(err, "SHA-256");
  }
  struct stat st;
  bool exists = stat(f->path, &st) == 0;
  if (exists && S_ISDIR(st.st_mode)) return fail(err, ERR_DESTINATION, "cannot write to \"%s\": it is a folder", f->path);
  if (exists && !S_ISREG(st.st_mode)) return open_in_place(f, err);
  return open_temporary(f, o, err);
}

struct sink *sink_file_open(const char *path, const struct sink_file_options *options, struct error *err) {
  struct file_sink *f = calloc(1, sizeof *f);
  if (!f) {
    fail_memory(err, "the output");
    return NULL;
  }
  f->sink.ops = &file_ops;
  f->fd = -1;
  f->path = resolve_links(path);
  f->fsync = options->fsync;
  f->on_progress = options->on_progress;
  f->context = options->context;
  if (file_open(f, options, err)) return &f->sink;
  file_close(&f->sink);
  return NULL;
}
