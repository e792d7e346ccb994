/*
 * A regular file is written without a name (O_TMPFILE), so that not even SIGKILL leaves a part of it behind. When whole
 * it gets a temporary name in its folder, since a link cannot replace a file, and is renamed. Where the file system
 * knows no nameless files, or somebody is to read along, it has the temporary name from the start. Either way the
 * final name never shows a part. Devices and FIFOs are written in place.
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
#define READER_POLL_US 50000      /* how often a FIFO without a reader is asked again */

struct file_sink {
  struct sink sink;
  int fd;
  char *path;             /* the final name */
  char *temporary;        /* NULL: written in place */
  bool is_nameless;       /* the file does not have that name yet */
  int folder_fd;          /* where path lies; -1 unless everything is to be on disk */
  uint64_t flushed_bytes; /* their write-back has begun, and is complete but for the last piece */
  uint64_t piece_bytes;   /* of that last piece */
  EVP_MD_CTX *digest;     /* NULL: none wanted */
  void (*on_progress)(void *context, uint64_t bytes);
  void *context;
};

/*
 * Starts writing back what is complete and waits for the piece before it: a small cgroup's page cache is then
 * never full of dirty pages, and the final fsync has little left to do.
 */
static void write_back(struct file_sink *f, uint64_t written) {
  uint64_t piece = written - f->flushed_bytes;
  if (piece < FLUSH_BYTES) return;
  /* Hints: where they are refused, or a page cannot be written, fsync has the last word. */
  (void)sync_file_range(f->fd, (off_t)f->flushed_bytes, (off_t)piece, SYNC_FILE_RANGE_WRITE);
  if (f->piece_bytes)
    (void)sync_file_range(f->fd, (off_t)(f->flushed_bytes - f->piece_bytes), (off_t)f->piece_bytes,
                          SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
  f->flushed_bytes = written;
  f->piece_bytes = piece;
}

static bool file_write(struct sink *s, const uint8_t *bytes, size_t len, struct error *err) {
  struct file_sink *f = (struct file_sink *)s;
  if (!write_all(f->fd, bytes, len, f->path, s->cancel, err)) return false;
  if (f->digest && EVP_DigestUpdate(f->digest, bytes, len) != 1)
    return fail(err, ERR_INTERNAL, "cannot compute SHA-256");
  uint64_t written = s->bytes_written + len;
  if (f->folder_fd >= 0) write_back(f, written);
  if (f->on_progress) f->on_progress(f->context, written);
  return true;
}

static bool finish_digest(struct file_sink *f, struct error *err) {
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned len = 0;
  if (EVP_DigestFinal_ex(f->digest, hash, &len) != 1)
    return fail(err, ERR_INTERNAL, "cannot compute SHA-256");
  for (unsigned i = 0; i < len; i++) snprintf(f->sink.sha256 + 2 * i, 3, "%02x", hash[i]);
  return true;
}

/* NFS, quotas and delayed allocation report a failed write only here. */
static bool close_written(struct file_sink *f, struct error *err) {
  int fd = f->fd;
  f->fd = -1;
  return close(fd) == 0 || fail_write(err, "cannot write to \"%s\"", f->path);
}

/*
 * The new name itself is durable only when the folder is on disk. Some file systems cannot say that of a folder;
 * then there is nothing more to be had. Where it fails nobody may rely on the file: so it goes.
 */
static bool sync_folder(struct file_sink *f, struct error *err) {
  if (f->folder_fd < 0 || fsync(f->folder_fd) == 0 || errno == EINVAL || errno == EBADF) return true;
  fail_errno(err, ERR_DESTINATION, "cannot bring the folder of \"%s\" to disk", f->path);
  unlink(f->path);
  return false;
}

static void descriptor_path(int fd, char path[32]) { snprintf(path, 32, "/proc/self/fd/%d", fd); }

static bool link_nameless(int fd, const char *name) {
  char path[32];
  descriptor_path(fd, path);
  return linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0;
}

static bool give_temporary_name(struct file_sink *f, struct error *err) {
  if (!f->is_nameless) return true;
  if (!link_nameless(f->fd, f->temporary))
    return fail_write(err, "cannot name the finished file \"%s\"", f->path);
  f->is_nameless = false;
  return true;
}

static bool file_commit(struct sink *s, struct error *err) {
  struct file_sink *f = (struct file_sink *)s;
  if (f->digest && !finish_digest(f, err)) return false;
  if (!f->temporary) return close_written(f, err);
  if (f->folder_fd >= 0 && fsync(f->fd) < 0) return fail_write(err, "cannot bring \"%s\" to disk", f->path);
  if (!give_temporary_name(f, err) || !close_written(f, err)) return false;
  if (rename(f->temporary, f->path) < 0)
    return fail_write(err, "cannot give the finished file its name \"%s\"", f->path);
  free(f->temporary);
  f->temporary = NULL;
  return sync_folder(f, err);
}

static void file_close(struct sink *s) {
  struct file_sink *f = (struct file_sink *)s;
  if (f->fd >= 0) close(f->fd);
  if (f->folder_fd >= 0) close(f->folder_fd);
  if (f->temporary && !f->is_nameless) unlink(f->temporary);
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

/*
 * A rename replaces a symbolic link instead of writing where it points: so go to the end of it. A link that
 * leads nowhere is refused: its owner meant something by it. What is no regular file is not renamed over, so
 * its link may stay: /dev/stdout leads to a pipe that has no name of its own.
 */
static bool resolve_links(const char *path, char **real, struct error *err) {
  struct stat own, target;
  bool is_link = lstat(path, &own) == 0 && S_ISLNK(own.st_mode) &&
                 (stat(path, &target) < 0 || S_ISREG(target.st_mode));
  *real = is_link ? realpath(path, NULL) : strdup(path);
  if (*real) return true;
  return is_link ? fail_errno(err, ERR_DESTINATION, "cannot follow the symbolic link \"%s\"", path)
                 : fail_memory(err, "a file name");
}

/*
 * A FIFO has no reader yet: opening it would wait for one, deaf to a cancellation. Non-blocking, it says so. It
 * stays non-blocking, so that a write to a reader who does not read can be given up, too.
 */
static bool open_fifo(struct file_sink *f, struct error *err) {
  while ((f->fd = open(f->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0 && errno == ENXIO) {
    if (f->sink.cancel && !cancel_check(f->sink.cancel, err)) return false;
    usleep(READER_POLL_US);
  }
  return f->fd >= 0 || fail_errno(err, ERR_DESTINATION, "cannot open \"%s\"", f->path);
}

static bool open_in_place(struct file_sink *f, mode_t mode, struct error *err) {
  if (S_ISFIFO(mode)) return open_fifo(f, err);
  f->fd = open(f->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
  return f->fd >= 0 || fail_errno(err, ERR_DESTINATION, "cannot open \"%s\"", f->path);
}

/* The folder that the file lies in; the caller frees it. NULL without memory. */
static char *folder_of(const char *path) {
  const char *slash = strrchr(path, '/');
  if (!slash) return strdup(".");
  return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static bool open_folder(struct file_sink *f, struct error *err) {
  char *folder = folder_of(f->path);
  if (!folder) return fail_memory(err, "a file name");
  f->folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (f->folder_fd < 0) fail_errno(err, ERR_DESTINATION, "cannot open the folder of \"%s\"", f->path);
  free(folder);
  return f->folder_fd >= 0;
}

/* Tried with a file of its own, since an export must not learn at its end that it cannot have a name. */
static bool nameless_can_be_linked(const char *folder, const char *name) {
  int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  bool ok = fd >= 0 && link_nameless(fd, name);
  if (ok) unlink(name);
  if (fd >= 0) close(fd);
  return ok;
}

static int open_nameless(const struct file_sink *f, mode_t mode) {
  char *folder = folder_of(f->path);
  int fd = folder && nameless_can_be_linked(folder, f->temporary)
               ? open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, mode)
               : -1;
  free(folder);
  return fd;
}

static int open_named(const struct file_sink *f, mode_t mode) {
  return open(f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

/* replaced: the file that is there already, or NULL. Whoever could not read that cannot read the new one either. */
static bool open_temporary(struct file_sink *f, const struct sink_file_options *o,
                           const struct stat *replaced, struct error *err) {
  if (o->fsync && !open_folder(f, err)) return false;
  f->temporary = o->temporary_path ? strdup(o->temporary_path) : temporary_name(f->path);
  if (!f->temporary) return fail_memory(err, "the output");
  mode_t mode = replaced ? 0600 : 0666;
  f->fd = o->temporary_path ? -1 : open_nameless(f, mode);
  f->is_nameless = f->fd >= 0;
  if (f->fd < 0) f->fd = open_named(f, mode);
  if (f->fd < 0) {
    fail_write(err, "cannot create \"%s\"", f->path);
    free(f->temporary);   /* not ours to remove */
    f->temporary = NULL;
    return false;
  }
  f->sink.is_private = true;
  if (replaced && fchmod(f->fd, replaced->st_mode & 0777) < 0)
    return fail_errno(err, ERR_DESTINATION, "cannot give \"%s\" the permissions of the file it replaces",
                      f->path);
  return true;
}

static bool file_open(struct file_sink *f, const char *path, const struct sink_file_options *o,
                      struct error *err) {
  if (!*path || path[strlen(path) - 1] == '/')
    return fail(err, ERR_DESTINATION, "cannot write to \"%s\": it does not name a file", path);
  if (!resolve_links(path, &f->path, err)) return false;
  if (o->digest) {
    f->digest = EVP_MD_CTX_new();
    if (!f->digest || EVP_DigestInit_ex(f->digest, EVP_sha256(), NULL) != 1)
      return fail_memory(err, "SHA-256");
  }
  struct stat st;
  if (stat(f->path, &st) < 0) return open_temporary(f, o, NULL, err);
  if (S_ISDIR(st.st_mode))
    return fail(err, ERR_DESTINATION, "cannot write to \"%s\": it is a folder", f->path);
  if (!S_ISREG(st.st_mode)) return open_in_place(f, st.st_mode, err);
  /* A rename would not ask whether the file may be written. */
  if (faccessat(AT_FDCWD, f->path, W_OK, AT_EACCESS) < 0)
    return fail_errno(err, ERR_DESTINATION, "cannot write to \"%s\"", f->path);
  return open_temporary(f, o, &st, err);
}

struct sink *sink_file_open(const char *path, const struct sink_file_options *options, struct error *err) {
  struct file_sink *f = calloc(1, sizeof *f);
  if (!f) {
    fail_memory(err, "the output");
    return NULL;
  }
  f->sink.ops = &file_ops;
  f->sink.cancel = options->cancel;
  f->fd = f->folder_fd = -1;
  f->on_progress = options->on_progress;
  f->context = options->context;
  if (file_open(f, path, options, err)) return &f->sink;
  file_close(&f->sink);
  return NULL;
}
