#include "http/router.h"

#include "http/api.h"

#include <stdio.h>
#include <string.h>

#define JSON "application/json"
#define NOT_FOUND {404, "There is no such export.", JSON, "Error"}

static const struct route_query list_query[] = {
    {"limit", "{\"type\": \"integer\", \"minimum\": 1, \"maximum\": 1000, \"default\": 100}", "How many at most."},
    {"cursor", "{\"type\": \"string\"}", "`next` of the page before."},
    {"status", "{\"type\": \"string\", \"enum\": [\"pending\", \"running\", \"completed\", \"failed\", \"cancelled\", "
               "\"expired\"]}", "Only exports in this state."},
    {NULL}};

const struct route routes[] = {
    {"POST", "/exports", ROUTE_DATABASE, api_exports_create, "createExport",
     "Makes an export. It starts as soon as there is a free slot.", "ExportRequest", NULL,
     {{201, "The export is kept; Location names it.", JSON, "ExportCreated"},
      {404, "There is no such table.", JSON, "Error"},
      {502, "The database refused.", JSON, "Error"},
      {507, "No room is left for new exports.", JSON, "Error"}}},
    {"GET", "/exports", ROUTE_STORE, api_exports_list, "listExports", "All exports, newest first.", NULL, list_query,
     {{200, "A page of exports.", JSON, "ExportList"}}},
    {"GET", "/exports/benchmark", ROUTE_SUSPENDED, api_exports_benchmark, "benchmark",
     "Exports the whole table in every format, measures each, reads each back. Takes minutes; one at a time.", NULL,
     NULL,
     {{200, "What was measured in this run.", JSON, "BenchmarkReport"},
      {404, "There is no such table.", JSON, "Error"},
      {409, "Another benchmark runs.", JSON, "Error"},
      {500, "An export failed.", JSON, "Error"},
      {502, "The database refused.", JSON, "Error"}}},
    {"GET", "/exports/{id}", ROUTE_STORE, api_exports_show, "showExport", "The state and progress of an export.", NULL,
     NULL, {{200, "The export.", JSON, "Export"}, NOT_FOUND}},
    {"DELETE", "/exports/{id}", ROUTE_DATABASE, api_exports_delete, "deleteExport",
     "Cancels an export that waits or runs; removes the file of a completed one.", NULL, NULL,
     {{204, "Done, or nothing was left to do.", NULL, NULL}, NOT_FOUND}},
    {"GET", "/exports/{id}/download", ROUTE_STORE, api_download, "downloadExport",
     "The file. Of an export that waits or runs: follows it while it is written, and ends properly only if it does.",
     NULL, NULL,
     {{200, "The file.", "application/octet-stream", NULL},
      {206, "A part of it.", "application/octet-stream", NULL},
      {304, "The client has it already.", NULL, NULL},
      NOT_FOUND,
      {409, "It failed or was cancelled, or an HTTP/1.0 client came too early.", JSON, "Error"},
      {410, "Its file has expired.", JSON, "Error"},
      {416, "The range lies outside.", JSON, "Error"}}},
    {"GET", "/exports/{id}/events", ROUTE_STORE, api_events, "watchExport",
     "The state and progress of an export as server-sent events, until it has ended.", NULL, NULL,
     {{200, "Events whose data is an Export.", "text/event-stream", NULL}, NOT_FOUND}},
    {"GET", "/tables", ROUTE_DATABASE, api_tables_list, "listTables", "The tables and views that may be exported.", NULL,
     NULL, {{200, "Tables and views.", JSON, "TableList"}, {502, "The database refused.", JSON, "Error"}}},
    {"GET", "/tables/{name}", ROUTE_DATABASE, api_tables_show, "showTable",
     "The columns of a table and a few of its rows.", NULL, NULL,
     {{200, "The table.", JSON, "Table"},
      {404, "There is no such table.", JSON, "Error"},
      {502, "The database refused.", JSON, "Error"}}},
    {"GET", "/formats", ROUTE_AT_ONCE, api_formats, "listFormats", "Formats, their options, and codecs.", NULL, NULL,
     {{200, "Formats and codecs.", JSON, "Formats"}}},
    {"GET", "/health", ROUTE_AT_ONCE, api_health, "health", "Is the process alive?", NULL, NULL,
     {{200, "It is.", JSON, "Health"}}},
    {"GET", "/ready", ROUTE_DATABASE, api_ready, "ready",
     "Can exports be made now: the database answers, the job store is writable, there is room. While the "
     "demonstration table is being seeded, `status` is `seeding`; other tables can be exported.",
     NULL, NULL, {{200, "Ready, or seeding.", JSON, "Ready"}, {503, "Not ready.", JSON, "Ready"}}},
    {"GET", "/metrics", ROUTE_STORE, api_metrics, "metrics", "Metrics in Prometheus's text format.", NULL, NULL,
     {{200, "Metrics.", "text/plain", NULL}}},
    {"GET", "/openapi.json", ROUTE_AT_ONCE, api_openapi, "openapi", "This document.", NULL, NULL,
     {{200, "OpenAPI 3.1.", JSON, NULL}}},
    {"GET", "/", ROUTE_AT_ONCE, api_index, "index", "The calls of this service.", NULL, NULL,
     {{200, "A list for people.", "text/plain", NULL}}},
    {NULL},
};

/* Does the path fit the pattern? What stands for its {…} goes to param; it is never empty and has no slash. */
static bool fits(const char *pattern, const char *path, char param[EXCHANGE_PARAM_MAX]) {
  while (*pattern && *pattern != '{')
    if (*pattern++ != *path++) return false;
  if (!*pattern) return !*path;
  size_t len = strcspn(path, "/");
  pattern = strchr(pattern, '}') + 1;
  if (len == 0 || len >= EXCHANGE_PARAM_MAX || strcmp(pattern, path + len) != 0) return false;
  memcpy(param, path, len);
  param[len] = '\0';
  return true;
}

static bool takes_method(const struct route *r, const char *method) {
  return strcmp(r->method, method) == 0 || (strcmp(r->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void refuse_method(struct exchange *x, const char *path) {
  char allow[64] = "", param[EXCHANGE_PARAM_MAX];
  size_t len = 0;
  for (const struct route *r = routes; r->method; r++) {
    if (!fits(r->pattern, path, param) || strstr(allow, r->method)) continue;
    bool is_get = strcmp(r->method, "GET") == 0;
    len += (size_t)snprintf(allow + len, sizeof allow - len, "%s%s%s", len ? ", " : "", r->method,
                            is_get ? ", HEAD" : "");
  }
  answer_refusal(x, MHD_HTTP_METHOD_NOT_ALLOWED, "method_not_allowed",
                 "this path does not take this method; see Allow");
  answer_header(x, MHD_HTTP_HEADER_ALLOW, allow);
}

struct query_check {
  const struct route *route;
  struct error *err;
  bool ok;
};

static enum MHD_Result check_parameter(void *context, enum MHD_ValueKind kind, const char *name,
                                       const char *value) {
  struct query_check *check = context;
  (void)kind;
  for (const struct route_query *q = check->route->query; q && q->name; q++)
    if (strcmp(q->name, name) == 0 && value) return MHD_YES;
  check->ok = fail_field(check->err, name, "unknown parameter \"%.100s\"", name);
  return MHD_NO;
}

bool router_find(struct exchange *x, const char *method, const char *path) {
  bool is_path = false;
  for (const struct route *r = routes; r->method && !x->route; r++) {
    if (!fits(r->pattern, path, x->param)) continue;
    is_path = true;
    if (takes_method(r, method)) x->route = r;
  }
  if (!is_path) {
    answer_refusal(x, MHD_HTTP_NOT_FOUND, "not_found",
                   "there is nothing at this path; see / for what there is");
    return false;
  }
  if (!x->route) {
    refuse_method(x, path);
    return false;
  }
  struct error err;
  struct query_check check = {.route = x->route, .err = &err, .ok = true};
  MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, check_parameter, &check);
  if (!check.ok) answer_error(x, &err);
  return check.ok;
}
