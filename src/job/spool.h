/*
 * The folder where exports are kept, and the names in it: `<id>.<attempt>.partial` while an attempt runs,
 * `<id>.<extension>` when it is whole. Names come from the job's ID only.
 *
 * Folders are made with mode 0700. A lock file keeps a second process out. Functions may be called from any
 * thread.
 */
#pragma once
#include "job/store.h"

#define SPOOL_PATH_SIZE 4096
#define SPOOL_NAME_SIZE 96

struct spool {
  char folder[SPOOL_PATH_SIZE - SPOOL_NAME_SIZE - 1];   /* "<data>/spool" */
  int folder_fd;
  int lock_fd;
};

/* Makes <data> and <data>/spool if they are not there. ERR_CONFLICT where another process holds them. */
bool spool_open(struct spool *s, const char *data_folder, struct error *err) MUST_CHECK;
void spool_close(struct spool *s);

void spool_final_name(const struct job_record *r, char name[SPOOL_NAME_SIZE]);
void spool_partial_name(const struct job_record *r, char name[SPOOL_NAME_SIZE]);
void spool_path(const struct spool *s, const char *name, char path[SPOOL_PATH_SIZE]);

/* For reading; -1 with errno. Never follows a link. */
int spool_open_file(const struct spool *s, const char *name);
bool spool_has_file(const struct spool *s, const char *name);
/* Removes the file and makes that durable; no file is no error. */
void spool_remove(const struct spool *s, const char *name);

/*
 * Removes what a dead process left: partial files, files of exports that are not completed, folders of
 * benchmarks. Names that decant does not make are left alone.
 */
bool spool_sweep(const struct spool *s, struct store *store, struct error *err) MUST_CHECK;

/* The file system's size, and what an unprivileged process may still write there. total may be NULL. */
bool spool_free_bytes(const struct spool *s, uint64_t *bytes, uint64_t *total, struct error *err) MUST_CHECK;
