/* /exports: make, list, show, delete. */
#include "http/api.h"
#include "http/disposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_DEFAULT 100
#define PAGE_MAX 1000

static json_t *file_name(const struct job_record *r) {
  struct buffer name;
  buffer_init(&name, 1024);
  download_name(r->source, r->extension, &name);
  json_t *text = name.failed ? NULL : json_stringn((const char *)name.data, name.len);
  buffer_deinit(&name);
  return text;
}

static json_t *known_number(double value, bool is_known) { return is_known ? json_real(value) : json_null(); }

static json_t *count_or_null(uint64_t value) { return value ? json_integer((json_int_t)value) : json_null(); }

static void add_error(json_t *o, const struct error *error) {
  bool is_error = error->code != ERR_NONE;
  json_t *message = is_error ? json_string(error->message) : json_null();
  json_object_set_new(o, "error", message ? message : json_string("the message is not valid UTF-8"));
  if (!is_error) return;
  json_object_set_new(o, "code", json_string(error_name(error->code)));
  json_object_set_new(o, "sqlstate", json_text_or_null(error->sqlstate));
}

json_t *api_status_json(const struct job_status *s) {
  const struct job_record *r = &s->record;
  bool is_done = r->state == JOB_COMPLETED || r->state == JOB_EXPIRED;
  json_t *o = json_pack("{ss, ss, ss, so, so, so, sI, so, sI, so, so, so, si, so, so, so, so, so}",
                        "exportId", r->id, "status", job_state_names[r->state], "format", r->format, "table",
                        json_text_or_null(r->source), "fileName", file_name(r), "rowsEstimated",
                        count_or_null(r->rows_estimated), "rowsWritten", (json_int_t)r->rows, "specials",
                        is_done ? json_integer((json_int_t)r->specials) : json_null(), "bytesWritten",
                        (json_int_t)r->bytes, "percent", known_number(s->percent, s->percent >= 0),
                        "rowsPerSecond", known_number(s->rows_per_second, s->rows_per_second > 0),
                        "etaSeconds", known_number(s->eta_seconds, s->eta_seconds >= 0), "attempt",
                        r->attempt, "createdAt", json_moment(r->created_us), "startedAt",
                        json_moment(r->started_us), "finishedAt", json_moment(r->finished_us), "snapshotAt",
                        json_text_or_null(r->snapshot_at), "sha256", json_text_or_null(r->sha256));
  if (!o) return NULL;
  json_t *specials = is_done ? json_loads(r->specials_by_column, 0, NULL) : NULL;
  json_object_set_new(o, "specialsByColumn", specials ? specials : json_null());
  json_object_set_new(o, "how", json_text_or_null(r->how));
  json_object_set_new(o, "gentle", json_boolean(r->gentle));
  json_object_set_new(o, "maxRate", count_or_null(r->rate_limit));
  json_object_set_new(o, "bytesRead", json_integer((json_int_t)r->bytes_read));
  json_object_set_new(o, "secondsPaused", json_real((double)r->paused_us / 1e6));
  json_object_set_new(o, "memoryBudgetBytes", count_or_null((uint64_t)r->memory_budget_bytes));
  add_error(o, &r->error);
  return o;
}

void api_exports_create(struct exchange *x) {
  const struct scheduler_settings *settings = scheduler_settings(x->service->scheduler);
  struct export_request *request;
  struct error err;
  char id[JOB_ID_SIZE], location[64];
  const char *text = x->body.len ? (const char *)x->body.data : "";
  bool ok = buffer_check(&x->body, "the body", &err) &&
            request_parse_json(text, x->body.len, settings->default_table, &request, &err);
  if (ok && request->query && !settings->allow_query) {
    request_free(request);
    ok = fail_field(&err, "query",
                    "query: this service exports tables only; its operator can allow queries with"
                    " --allow-query");
  }
  if (!ok || !scheduler_submit(x->service->scheduler, request, "", id, &err)) {
    answer_error(x, &err);
    return;
  }
  snprintf(location, sizeof location, "/exports/%s", id);
  answer_json(x, MHD_HTTP_CREATED, json_pack("{ss, ss}", "exportId", id, "status", "pending"));
  answer_header(x, MHD_HTTP_HEADER_LOCATION, location);
}

struct page {
  json_t *exports;
  size_t max;
  int64_t last;        /* sequence of the last one in the page */
  bool has_more;
};

static bool add_to_page(void *context, const struct job_status *status, struct error *err) {
  struct page *page = context;
  if (json_array_size(page->exports) == page->max) {
    page->has_more = true;
    return true;
  }
  page->last = status->record.sequence;
  if (json_array_append_new(page->exports, api_status_json(status)) == 0) return true;
  return fail_memory(err, "a page of exports");
}

static bool read_list_query(struct exchange *x, struct store_filter *filter, struct error *err) {
  int64_t max;
  if (!exchange_query_int(x, "limit", 1, PAGE_MAX, PAGE_DEFAULT, &max, err) ||
      !exchange_query_int(x, "cursor", 1, INT64_MAX, 0, &filter->before, err))
    return false;
  filter->max = (size_t)max + 1;   /* one more tells whether there is a next page */
  const char *wanted = exchange_query(x, "status");
  if (!wanted) return true;
  for (int state = 0; state < JOB_STATE_COUNT; state++)
    if (strcmp(job_state_names[state], wanted) == 0) filter->states = 1u << state;
  return filter->states ||
         fail_field(err, "status",
                    "status: pending, running, completed, failed, cancelled or expired is needed");
}

void api_exports_list(struct exchange *x) {
  struct store_filter filter = {0};
  struct error err;
  if (!read_list_query(x, &filter, &err)) {
    answer_error(x, &err);
    return;
  }
  struct page page = {.exports = json_array(), .max = filter.max - 1};
  if (!scheduler_list(x->service->scheduler, &filter, add_to_page, &page, &err)) {
    json_decref(page.exports);
    answer_error(x, &err);
    return;
  }
  char cursor[24];
  snprintf(cursor, sizeof cursor, "%" PRId64, page.last);
  answer_json(x, MHD_HTTP_OK, json_pack("{so, so}", "exports", page.exports, "next",
                                        page.has_more ? json_string(cursor) : json_null()));
}

static bool check_id(struct exchange *x, struct error *err) {
  if (job_id_is_valid(x->param)) return true;
  return fail(err, ERR_NOT_FOUND, "there is no export \"%.64s\"", x->param);
}

void api_exports_show(struct exchange *x) {
  struct job_status status;
  struct error err;
  if (check_id(x, &err) && scheduler_status(x->service->scheduler, x->param, &status, &err))
    answer_json(x, MHD_HTTP_OK, api_status_json(&status));
  else
    answer_error(x, &err);
}

void api_exports_delete(struct exchange *x) {
  struct error err;
  if (check_id(x, &err) && scheduler_delete(x->service->scheduler, x->param, &err))
    answer_empty(x, MHD_HTTP_NO_CONTENT);
  else
    answer_error(x, &err);
}
