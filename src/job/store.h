/*
 * The job store: what survives the process. One record per export, written at every change of its state.
 *
 * An implementation is a struct of functions. All of them may be called from any thread; each call is one
 * durable transaction: when a write has returned true, a power cut does not undo it. Errors are
 * ERR_DESTINATION (ERR_NO_SPACE for a full disk), ERR_NOT_FOUND where no such export is kept.
 */
#pragma once
#include "base/error.h"

#include <stdint.h>

enum job_state {
  JOB_PENDING,
  JOB_RUNNING,
  JOB_COMPLETED,
  JOB_FAILED,
  JOB_CANCELLED,
  JOB_EXPIRED,
  JOB_STATE_COUNT
};
extern const char *const job_state_names[];   /* "pending" …, NULL */

#define JOB_ID_SIZE 37         /* a UUID in lower case, with the zero */
#define JOB_OWNER_SIZE 64
#define JOB_SOURCE_SIZE 264    /* the longest qualified name, quoted */
#define JOB_EXTENSION_SIZE 24

struct job_record {
  int64_t sequence;            /* given by the store, rising: the order of listing */
  char id[JOB_ID_SIZE];
  char owner[JOB_OWNER_SIZE];  /* the token's name; "" where the service has none */
  enum job_state state;
  int attempt;                 /* the run that goes on or was the last; 0 before the first */
  int failures;                /* runs that ended badly; one that the service's own stop ended is none */
  char format[16];             /* "csv" */
  char extension[JOB_EXTENSION_SIZE];   /* "csv.gz" */
  char source[JOB_SOURCE_SIZE];         /* "public.records" or "query" */
  uint64_t rows, bytes, specials;       /* of the finished file */
  char specials_by_column[512];         /* a JSON object: column, count; "" before */
  uint64_t rows_estimated;              /* 0: unknown */
  char snapshot_at[32];        /* RFC 3339, "" before */
  char sha256[65];             /* in hex, "" before */
  char how[160];               /* the way the rows were read */
  struct error error;          /* of a failed one; of a pending one why the last attempt failed */
  int64_t created_us, started_us, finished_us;   /* wall clock; 0: not yet */
  /* How the last attempt reads, or has read. */
  bool gentle;
  uint64_t rate_limit;                  /* bytes a second; 0: none */
  uint64_t bytes_read;                  /* from the server */
  uint64_t paused_us;                   /* for the rate limit, added up over the lanes */
  int64_t memory_budget_bytes;          /* 0: not planned yet */
};

struct store_filter {
  unsigned states;             /* bit set of 1 << JOB_…; 0: all */
  const char *owner;           /* NULL: anybody's */
  int64_t before;              /* only smaller sequences; 0: all */
  int64_t finished_before_us;  /* 0: no matter */
  bool oldest_first;
  size_t max;                  /* 0: all */
};

struct store_count { enum job_state state; char format[16]; uint64_t count, bytes; };

struct store;

struct store_ops {
  /* Keeps a new record and the text of its request. */
  bool (*insert)(struct store *s, const struct job_record *r, const char *request, struct error *err);
  /* Writes everything but id, owner and request. */
  bool (*update)(struct store *s, const struct job_record *r, struct error *err);
  bool (*find)(struct store *s, const char *id, struct job_record *r, struct error *err);
  /* The text of its request; a copy of the caller's. */
  bool (*find_request)(struct store *s, const char *id, char **text, struct error *err);
  /*
   * Calls `each` for every record, newest first unless asked otherwise, until it returns false (with an error
   * in *err, which list then returns). `each` must not call the store.
   */
  bool (*list)(struct store *s, const struct store_filter *filter,
               bool (*each)(void *context, const struct job_record *r, struct error *err), void *context,
               struct error *err);
  /* Counts by state and format; *count is at most max. */
  bool (*count)(struct store *s, struct store_count *counts, size_t max, size_t *count, struct error *err);
  bool (*check_writable)(struct store *s, struct error *err);
  void (*close)(struct store *s);
};

struct store { const struct store_ops *ops; };

/*
 * The embedded store: one SQLite file with a rollback journal, every commit synced. Refused on network file
 * systems, whose locks do not hold what SQLite needs. The file is made, mode 0600, if it is not there;
 * ERR_DESTINATION if a later version of decant has written it.
 */
bool store_sqlite_open(const char *path, struct store **out, struct error *err) MUST_CHECK;
