/* GET /exports/{id}/download: a finished file, or one that is still growing. */
#include "http/api.h"
#include "http/disposition.h"
#include "http/peers.h"
#include "http/range.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Handed to the connection at a time: what a slow reader keeps in memory. */
#define FOLLOW_BYTES_MAX (16u << 10)

static const char *media_type(const struct job_record *r) {
  const char *dot = strrchr(r->extension, '.');
  const struct codec *codec = dot ? codec_find_extension(dot + 1) : NULL;
  if (codec && codec->media_type) return codec->media_type;
  const struct format *format = format_find(r->format);
  return format ? format->media_type : "application/octet-stream";
}

static void add_name(struct exchange *x, const struct job_record *r) {
  struct buffer name, disposition;
  buffer_init(&name, 1024);
  buffer_init(&disposition, 8192);
  download_name(r->source, r->extension, &name);
  buffer_append_byte(&name, '\0');
  if (!name.failed) disposition_append((const char *)name.data, &disposition);
  buffer_append_byte(&disposition, '\0');
  if (!name.failed && !disposition.failed)
    answer_header(x, MHD_HTTP_HEADER_CONTENT_DISPOSITION, (const char *)disposition.data);
  buffer_deinit(&name);
  buffer_deinit(&disposition);
}

static void add_file_headers(struct exchange *x, const struct job_record *r) {
  answer_header(x, MHD_HTTP_HEADER_CONTENT_TYPE, media_type(r));
  answer_header(x, MHD_HTTP_HEADER_CACHE_CONTROL, "private, no-cache");
  add_name(x, r);
}

/* --- a finished file -------------------------------------------------------------------------------- */

static void format_etag(const struct job_record *r, char etag[80]) {
  snprintf(etag, 80, "\"sha256-%s\"", r->sha256);
}

/* "sha-256=:<base64>:" (RFC 9530), or "" if the record holds no digest. */
static void format_digest(const struct job_record *r, char text[64]) {
  unsigned char bytes[32], base64[48];
  text[0] = '\0';
  for (size_t i = 0; i < sizeof bytes; i++)
    if (sscanf(r->sha256 + 2 * i, "%2hhx", &bytes[i]) != 1) return;
  EVP_EncodeBlock(base64, bytes, sizeof bytes);
  snprintf(text, 64, "sha-256=:%s:", base64);
}

static bool list_holds(const char *list, const char *etag) {
  if (!list) return false;
  if (strcmp(list, "*") == 0) return true;
  return strstr(list, etag) != NULL;   /* entity tags are quoted: no tag is part of another */
}

static void add_digests(struct exchange *x, const struct job_record *r, const char *etag) {
  char digest[64];
  format_digest(r, digest);
  answer_header(x, MHD_HTTP_HEADER_ETAG, etag);
  answer_header(x, MHD_HTTP_HEADER_ACCEPT_RANGES, "bytes");
  if (*digest) answer_header(x, "Repr-Digest", digest);
}

static void answer_unsatisfiable(struct exchange *x, const struct job_record *r) {
  char range[40];
  snprintf(range, sizeof range, "bytes */%" PRIu64, r->bytes);
  answer_refusal(x, MHD_HTTP_RANGE_NOT_SATISFIABLE, "range_not_satisfiable",
                 "the range lies outside the file");
  answer_header(x, MHD_HTTP_HEADER_CONTENT_RANGE, range);
}

/* Takes the descriptor. */
static void answer_part(struct exchange *x, const struct job_record *r, const char *etag, int fd) {
  const char *range = exchange_header(x, MHD_HTTP_HEADER_RANGE);
  const char *if_range = exchange_header(x, MHD_HTTP_HEADER_IF_RANGE);
  if (if_range && strcmp(if_range, etag) != 0) range = NULL;   /* another file, or no strong validator: all of it */
  uint64_t first = 0, length = r->bytes;
  enum range_result result = range_parse(range, r->bytes, &first, &length);
  if (result == RANGE_UNSATISFIABLE) {
    close(fd);
    answer_unsatisfiable(x, r);
    return;
  }
  struct MHD_Response *response = MHD_create_response_from_fd_at_offset64(length, fd, first);
  if (!response) close(fd);
  answer_response(x, result == RANGE_PART ? MHD_HTTP_PARTIAL_CONTENT : MHD_HTTP_OK, response);
  if (!response) return;
  add_file_headers(x, r);
  add_digests(x, r, etag);
  if (result != RANGE_PART) return;
  char text[80];
  snprintf(text, sizeof text, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, first + length - 1, r->bytes);
  answer_header(x, MHD_HTTP_HEADER_CONTENT_RANGE, text);
}

static void answer_file(struct exchange *x, const struct job_record *r) {
  struct error err;
  struct stat info;
  int fd;
  char etag[80];
  format_etag(r, etag);
  if (!scheduler_open_file(x->service->scheduler, r, &fd, &err)) {
    answer_error(x, &err);
  } else if (list_holds(exchange_header(x, MHD_HTTP_HEADER_IF_NONE_MATCH), etag)) {
    close(fd);
    answer_empty(x, MHD_HTTP_NOT_MODIFIED);
    add_digests(x, r, etag);
  } else if (fstat(fd, &info) != 0 || (uint64_t)info.st_size != r->bytes) {
    close(fd);
    error_set(&err, ERR_DESTINATION, "the file of export %s is damaged: its size is not that of its record",
              r->id);
    answer_error(x, &err);
  } else {
    answer_part(x, r, etag, fd);
  }
}

/* --- a growing file --------------------------------------------------------------------------------- */

struct follow_stream {
  struct follower follower;
  struct MHD_Connection *connection;
  int fd;
};

static void sleep_connection(void *context) {
  MHD_suspend_connection(((struct follow_stream *)context)->connection);
}
static void wake_connection(void *context) {
  MHD_resume_connection(((struct follow_stream *)context)->connection);
}

/*
 * What the client has is not whole: no last chunk, and a reset, so that nothing on the way takes it as whole
 * either.
 */
static ssize_t break_off(struct follow_stream *s) {
  peer_reset_on_close(s->fd);
  return MHD_CONTENT_READER_END_WITH_ERROR;
}

static ssize_t read_stream(void *cls, uint64_t position, char *to, size_t max) {
  struct follow_stream *s = cls;
  size_t len = 0;
  (void)position;
  if (peer_is_gone(s->fd)) return break_off(s);   /* while nothing is written, only asking shows it */
  switch (follower_read(&s->follower, to, max < FOLLOW_BYTES_MAX ? max : FOLLOW_BYTES_MAX, &len)) {
    case FOLLOW_BYTES: return (ssize_t)len;
    case FOLLOW_ASLEEP: return 0;
    case FOLLOW_END: return MHD_CONTENT_READER_END_OF_STREAM;
    case FOLLOW_BROKEN: break;
  }
  return break_off(s);
}

static void free_stream(void *cls) {
  struct follow_stream *s = cls;
  follower_deinit(&s->follower);
  free(s);
}

static void answer_following(struct exchange *x, struct job *j, const struct job_record *r) {
  struct follow_stream *s = calloc(1, sizeof *s);
  struct MHD_Response *response = NULL;
  if (s) {
    s->connection = x->connection;
    s->fd = exchange_fd(x);
    follower_init(&s->follower, j, sleep_connection, wake_connection, s);
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, FOLLOW_BYTES_MAX, read_stream, s,
                                                 free_stream);
    if (!response) free_stream(s);
  }
  answer_response(x, MHD_HTTP_OK, response);
  if (response) add_file_headers(x, r);
}

/* HTTP/1.0 has no chunks: the end of the connection would be the end of the file, whole or not. */
static void answer_too_early(struct exchange *x, const struct job_record *r) {
  struct error err;
  error_set(&err, ERR_CONFLICT, "the export is %s; HTTP/1.0 cannot follow it: wait until it is completed",
            job_state_names[r->state]);
  answer_error(x, &err);
}

/* --- which of them ---------------------------------------------------------------------------------- */

static void answer_ended(struct exchange *x, const struct job_record *r) {
  struct error err = {0};
  switch (r->state) {
    case JOB_COMPLETED: answer_file(x, r); return;
    case JOB_EXPIRED: error_set(&err, ERR_GONE, "the file of this export has expired or was removed"); break;
    case JOB_CANCELLED: error_set(&err, ERR_CONFLICT, "the export was cancelled"); break;
    case JOB_FAILED:
      error_set(&err, ERR_CONFLICT, "the export failed: %s", r->error.message);
      memcpy(err.sqlstate, r->error.sqlstate, sizeof err.sqlstate);
      break;
    default: error_set(&err, ERR_BUSY, "the service is stopping"); break;
  }
  answer_error(x, &err);
}

void api_download(struct exchange *x) {
  struct job_record record;
  struct job_status status;
  struct error err;
  struct job *j = scheduler_find(x->service->scheduler, x->param);
  if (!j) {
    if (!job_id_is_valid(x->param) || !scheduler_status(x->service->scheduler, x->param, &status, &err)) {
      error_set(&err, ERR_NOT_FOUND, "there is no export \"%.64s\"", x->param);
      answer_error(x, &err);
    } else {
      answer_ended(x, &status.record);
    }
    return;
  }
  job_get_record(j, &record);
  if (x->is_http_1_0) answer_too_early(x, &record);
  else answer_following(x, j, &record);
  job_release(j);
}
