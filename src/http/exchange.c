#include "http/exchange.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "http/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char out_of_memory[] = "{\"error\": \"out of memory; try again later\", \"code\": \"out_of_memory\"}";

const char *exchange_header(const struct exchange *x, const char *name) {
  return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

const char *exchange_query(const struct exchange *x, const char *name) {
  return MHD_lookup_connection_value(x->connection, MHD_GET_ARGUMENT_KIND, name);
}

int exchange_fd(const struct exchange *x) { return x->peer->fd; }

bool exchange_query_int(const struct exchange *x, const char *name, int64_t min, int64_t max,
                        int64_t otherwise, int64_t *value, struct error *err) {
  const char *text = exchange_query(x, name);
  *value = otherwise;
  if (!text) return true;
  if (parse_int64(text, value) && *value >= min && *value <= max) return true;
  return fail_field(err, name, "%s: a whole number from %lld to %lld is needed", name, (long long)min,
                    (long long)max);
}

void answer_header(struct exchange *x, const char *name, const char *value) {
  if (x->response) MHD_add_response_header(x->response, name, value);
}

void answer_response(struct exchange *x, unsigned status, struct MHD_Response *response) {
  if (x->response) MHD_destroy_response(x->response);
  x->response = response;
  x->status = status;
  if (!response) {
    x->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    x->response = MHD_create_response_from_buffer(sizeof out_of_memory - 1, (void *)(uintptr_t)out_of_memory,
                                                  MHD_RESPMEM_PERSISTENT);
    answer_header(x, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
  }
  answer_header(x, "X-Content-Type-Options", "nosniff");
}

/* Takes malloc'ed bytes. */
static void answer_bytes(struct exchange *x, unsigned status, const char *media_type, void *bytes,
                         size_t len) {
  struct MHD_Response *r = bytes ? MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
  if (!r) free(bytes);
  answer_response(x, status, r);
  if (!r) return;
  answer_header(x, MHD_HTTP_HEADER_CONTENT_TYPE, media_type);
  answer_header(x, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

void answer_json(struct exchange *x, unsigned status, json_t *value) {
  char *text = value ? json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
  json_decref(value);
  answer_bytes(x, status, "application/json", text, text ? strlen(text) : 0);
}

void answer_text(struct exchange *x, unsigned status, const char *media_type, struct buffer *text) {
  size_t len = text->len;
  char *bytes = buffer_take_string(text);
  answer_bytes(x, status, media_type, bytes, len);
}

void answer_empty(struct exchange *x, unsigned status) {
  answer_response(x, status,
                  MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT));
}

void answer_refusal(struct exchange *x, unsigned status, const char *code, const char *message) {
  answer_json(x, status, json_pack("{ss, ss}", "error", message, "code", code));
}

/* The first clients that come back should not all come at once, but no one should wait long for a free slot. */
static void say_when_to_retry(struct exchange *x, unsigned status) {
  if (status == MHD_HTTP_SERVICE_UNAVAILABLE || status == MHD_HTTP_TOO_MANY_REQUESTS)
    answer_header(x, MHD_HTTP_HEADER_RETRY_AFTER, "5");
}

void answer_error(struct exchange *x, const struct error *err) {
  json_t *body = json_pack("{ss, ss}", "error", err->message, "code", error_name(err->code));
  /* A message may quote bytes that are no text; the answer says so instead of failing. */
  if (!body)
    body = json_pack("{ss, ss}", "error", "the message is not valid UTF-8", "code", error_name(err->code));
  if (body && *err->field) json_object_set_new(body, "field", json_string(err->field));
  if (body && *err->sqlstate) json_object_set_new(body, "sqlstate", json_string(err->sqlstate));
  unsigned status = (unsigned)error_http_status(err->code);
  answer_json(x, status, body);
  say_when_to_retry(x, status);
}

json_t *json_moment(int64_t wall_us) {
  if (!wall_us) return json_null();
  char text[CLOCK_TEXT_SIZE];
  clock_format(wall_us, text);
  return json_string(text);
}

json_t *json_clean_text(const char *text) {
  char *clean = utf8_clean(text);
  json_t *json = clean ? json_string(clean) : NULL;
  free(clean);
  return json;
}

json_t *json_text_or_null(const char *text) { return *text ? json_string(text) : json_null(); }
