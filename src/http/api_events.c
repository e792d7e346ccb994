/* GET /exports/{id}/events: the state and progress of an export, pushed (server-sent events). */
#include "http/api.h"

#include "base/clock.h"
#include "http/peers.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_BYTES_MAX 8192
#define SILENCE_US 15000000   /* proxies close what is silent for long */

struct event_stream {
  struct job *job;              /* NULL: the export had ended before */
  struct job_waiter waiter;
  struct MHD_Connection *connection;
  int fd;
  struct buffer text;           /* the event that is being sent */
  size_t sent;
  char *last;                   /* the last event's data, so that nothing is sent twice */
  bool is_final;                /* the text is the last there will be */
  bool may_wait;                /* false once the service stops */
  uint64_t sent_at_us;
};

static void sleep_connection(void *context) {
  MHD_suspend_connection(((struct event_stream *)context)->connection);
}
static void wake_connection(void *context) {
  MHD_resume_connection(((struct event_stream *)context)->connection);
}

static bool is_final(enum job_state state) { return state != JOB_PENDING && state != JOB_RUNNING; }

/* Puts a status into the text if it says anything new. Takes data. */
static void put_event(struct event_stream *s, char *data, enum job_state state) {
  uint64_t now = clock_monotonic_us();
  bool is_new = data && (!s->last || strcmp(data, s->last) != 0);
  buffer_reset(&s->text);
  s->sent = 0;
  if (is_new) {
    buffer_append_string(&s->text, "event: status\n");
    if (is_final(state)) buffer_append_string(&s->text, "id: final\n");   /* a browser that reconnects says so */
    buffer_append_string(&s->text, "data: ");
    buffer_append_string(&s->text, data);
    buffer_append_string(&s->text, "\n\n");
    free(s->last);
    s->last = data;
    data = NULL;
  } else if (now - s->sent_at_us > SILENCE_US) {
    buffer_append_string(&s->text, ":\n\n");
  }
  free(data);
  if (s->text.len) s->sent_at_us = now;
  s->is_final = is_final(state);
}

static void make_event(struct event_stream *s, const struct job_status *status) {
  json_t *json = api_status_json(status);
  char *data = json ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
  json_decref(json);
  put_event(s, data, status->record.state);
}

static ssize_t read_events(void *cls, uint64_t position, char *to, size_t max) {
  struct event_stream *s = cls;
  (void)position;
  if (s->sent == s->text.len) {
    if (s->is_final || !s->may_wait) return MHD_CONTENT_READER_END_OF_STREAM;
    if (peer_is_gone(s->fd)) return MHD_CONTENT_READER_END_WITH_ERROR;
    struct job_status status;
    job_get_status(s->job, &status);
    make_event(s, &status);
    if (!s->text.len) {
      s->may_wait = job_wait(s->job, &s->waiter, sleep_connection);
      if (s->may_wait) return 0;
      /* it has ended between the look and the wait, or the service stops: one last look */
      job_get_status(s->job, &status);
      make_event(s, &status);
      if (!s->text.len) return MHD_CONTENT_READER_END_OF_STREAM;
    }
  }
  if (s->text.failed) return MHD_CONTENT_READER_END_WITH_ERROR;
  size_t len = s->text.len - s->sent;
  if (len > max) len = max;
  memcpy(to, s->text.data + s->sent, len);
  s->sent += len;
  return (ssize_t)len;
}

static void free_events(void *cls) {
  struct event_stream *s = cls;
  if (s->job) {
    job_unwait(s->job, &s->waiter);
    job_release(s->job);
  }
  buffer_deinit(&s->text);
  free(s->last);
  free(s);
}

/* Takes the reference to the job. */
static void answer_events(struct exchange *x, struct job *j, const struct job_status *status) {
  struct event_stream *s = calloc(1, sizeof *s);
  struct MHD_Response *response = NULL;
  if (s) {
    *s = (struct event_stream){.job = j, .connection = x->connection, .fd = exchange_fd(x), .may_wait = true,
                               .waiter = {.wake = wake_connection, .context = s}};
    buffer_init(&s->text, EVENT_BYTES_MAX);
    make_event(s, status);
    response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, EVENT_BYTES_MAX, read_events, s,
                                                 free_events);
    if (!response) free_events(s);
  } else {
    job_release(j);
  }
  answer_response(x, MHD_HTTP_OK, response);
  if (!response) return;
  answer_header(x, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
  answer_header(x, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void api_events(struct exchange *x) {
  struct job_status status;
  struct error err;
  struct job *j = scheduler_find(x->service->scheduler, x->param);
  if (j) {
    job_get_status(j, &status);
    answer_events(x, j, &status);
  } else if (!job_id_is_valid(x->param) ||
             !scheduler_status(x->service->scheduler, x->param, &status, &err)) {
    error_set(&err, ERR_NOT_FOUND, "there is no export \"%.64s\"", x->param);
    answer_error(x, &err);
  } else if (exchange_header(x, "Last-Event-ID")) {
    answer_empty(x, MHD_HTTP_NO_CONTENT);   /* a browser that comes again after the end: 204 tells it to stop */
  } else {
    answer_events(x, NULL, &status);
  }
}
