#include "job/spool.h"

#include "base/log.h"
#include "job/benchmark.h"
#include "job/job.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bool make_folder(const char *path, struct error *err) {
  if (mkdir(path, 0700) == 0 || errno == EEXIST) return true;
  return fail_errno(err, ERR_DESTINATION, "cannot make the folder \"%s\"", path);
}

static bool take_lock(struct spool *s, const char *data_folder, struct error *err) {
  char path[SPOOL_PATH_SIZE];
  snprintf(path, sizeof path, "%s/lock", data_folder);
  s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (s->lock_fd < 0) return fail_errno(err, ERR_DESTINATION, "cannot open \"%s\"", path);
  if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK)
    return fail(err, ERR_CONFLICT,
                "another decant uses the folder \"%s\"; give each service a --data of its own", data_folder);
  return fail_errno(err, ERR_DESTINATION, "cannot lock \"%s\"", path);
}

bool spool_open(struct spool *s, const char *data_folder, struct error *err) {
  *s = (struct spool){.folder_fd = -1, .lock_fd = -1};
  int len = snprintf(s->folder, sizeof s->folder, "%s/spool", data_folder);
  if (len < 0 || (size_t)len >= sizeof s->folder) return fail(err, ERR_USAGE, "--data: the path is too long");
  if (!make_folder(data_folder, err) || !take_lock(s, data_folder, err) || !make_folder(s->folder, err))
    return false;
  s->folder_fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  return s->folder_fd >= 0 || fail_errno(err, ERR_DESTINATION, "cannot open the folder \"%s\"", s->folder);
}

void spool_close(struct spool *s) {
  if (s->folder_fd >= 0) close(s->folder_fd);
  if (s->lock_fd >= 0) close(s->lock_fd);
  s->folder_fd = s->lock_fd = -1;
}

void spool_final_name(const struct job_record *r, char name[SPOOL_NAME_SIZE]) {
  snprintf(name, SPOOL_NAME_SIZE, "%s.%s", r->id, r->extension);
}

void spool_partial_name(const struct job_record *r, char name[SPOOL_NAME_SIZE]) {
  snprintf(name, SPOOL_NAME_SIZE, "%s.%d.partial", r->id, r->attempt);
}

void spool_path(const struct spool *s, const char *name, char path[SPOOL_PATH_SIZE]) {
  snprintf(path, SPOOL_PATH_SIZE, "%s/%.*s", s->folder, SPOOL_NAME_SIZE, name);
}

int spool_open_file(const struct spool *s, const char *name) {
  return openat(s->folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

bool spool_has_file(const struct spool *s, const char *name) {
  return faccessat(s->folder_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

void spool_remove(const struct spool *s, const char *name) {
  if (unlinkat(s->folder_fd, name, 0) == 0) {
    if (fsync(s->folder_fd) != 0) log_line(LOG_WARNING, "cannot sync \"%s\": %s", s->folder, strerror(errno));
  } else if (errno != ENOENT) {
    log_line(LOG_ERROR, "cannot remove \"%s/%s\": %s", s->folder, name, strerror(errno));
  }
}

/* A benchmark's folder holds plain files only. */
static void remove_folder(int parent_fd, const char *name) {
  int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (!folder) {
    if (fd >= 0) close(fd);
    return;
  }
  for (struct dirent *e; (e = readdir(folder));)
    if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0) unlinkat(dirfd(folder), e->d_name, 0);
  closedir(folder);
  unlinkat(parent_fd, name, AT_REMOVEDIR);
}

/* Is this name decant's, and of nothing that is still kept? */
static bool is_orphan(const char *name, struct store *store) {
  char id[JOB_ID_SIZE];
  snprintf(id, sizeof id, "%.36s", name);
  if (!job_id_is_valid(id) || name[36] != '.') return false;
  size_t len = strlen(name);
  if (len > 8 && strcmp(name + len - 8, ".partial") == 0) return true;
  struct job_record r;
  struct error err;
  if (!store->ops->find(store, id, &r, &err)) return err.code == ERR_NOT_FOUND;
  char whole[SPOOL_NAME_SIZE];
  spool_final_name(&r, whole);
  return r.state != JOB_COMPLETED || strcmp(whole, name) != 0;
}

bool spool_sweep(const struct spool *s, struct store *store, struct error *err) {
  int fd = openat(s->folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *folder = fd < 0 ? NULL : fdopendir(fd);
  if (!folder) {
    if (fd >= 0) close(fd);
    return fail_errno(err, ERR_DESTINATION, "cannot list the folder \"%s\"", s->folder);
  }
  for (struct dirent *e; (e = readdir(folder));) {
    if (strncmp(e->d_name, BENCHMARK_FOLDER_PREFIX, strlen(BENCHMARK_FOLDER_PREFIX)) == 0) {
      remove_folder(s->folder_fd, e->d_name);
    } else if (is_orphan(e->d_name, store)) {
      log_line(LOG_INFO, "removed the orphan %s", e->d_name);
      spool_remove(s, e->d_name);
    }
  }
  closedir(folder);
  return true;
}

bool spool_free_bytes(const struct spool *s, uint64_t *bytes, uint64_t *total, struct error *err) {
  struct statvfs fs;
  if (fstatvfs(s->folder_fd, &fs) != 0)
    return fail_errno(err, ERR_DESTINATION, "cannot ask for the free space of \"%s\"", s->folder);
  *bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
  if (total) *total = (uint64_t)fs.f_blocks * fs.f_frsize;
  return true;
}
