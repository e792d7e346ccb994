/* What the service says about itself: formats, health, readiness, and an index for people. */
#include "http/api.h"
#include "http/router.h"
#include "pg/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {[OPTION_BOOL] = "boolean", [OPTION_INT] = "integer", [OPTION_SIZE] = "size",
                                         [OPTION_CHOICE] = "choice", [OPTION_TEXT] = "text"};

static json_t *option_json(const struct option *o) {
  char name[64];
  request_option_json_name(o->name, name, sizeof name);
  json_t *json = json_pack("{ss, ss, ss, ss}", "name", name, "type", type_names[o->type], "default",
                           o->default_text, "help", o->help);
  if (o->type == OPTION_INT || o->type == OPTION_SIZE) {
    json_object_set_new(json, "minimum", json_integer(o->min));
    json_object_set_new(json, "maximum", json_integer(o->max));
  }
  if (o->type == OPTION_CHOICE) {
    json_t *choices = json_array();
    for (const char *const *c = o->choices; *c; c++) json_array_append_new(choices, json_string(*c));
    json_object_set_new(json, "choices", choices);
  }
  return json;
}

static json_t *format_json(const struct format *f) {
  json_t *options = json_array(), *specials = json_array(), *compression = json_array();
  for (const struct option *o = f->options; o && o->name; o++) json_array_append_new(options, option_json(o));
  for (unsigned i = 0; special_names[i]; i++)
    if (f->specials_allowed & (1u << i)) json_array_append_new(specials, json_string(special_names[i]));
  for (const struct codec *const *c = codecs; f->is_text && *c; c++)
    json_array_append_new(compression, json_string((*c)->name));
  return json_pack("{ss, ss, ss, ss, ss, sb, so, so, so}", "name", f->name, "extension", f->extension,
                   "mediaType", f->media_type, "help", f->help, "group", f->group, "flattens",
                   (int)f->flattens, "compression", compression, "special", specials, "options", options);
}

static json_t *codec_json(const struct codec *c) {
  json_t *json = json_pack("{ss, ss, ss}", "name", c->name, "extension", c->extension ? c->extension : "",
                           "help", c->help);
  if (c->level_min == c->level_max) return json;
  json_object_set_new(json, "levels",
                      json_pack("{si, si, si}", "minimum", c->level_min, "maximum", c->level_max, "default",
                                c->level_default));
  return json;
}

void api_formats(struct exchange *x) {
  json_t *format_list = json_array(), *codec_list = json_array();
  for (const struct format *const *f = formats; *f; f++) json_array_append_new(format_list, format_json(*f));
  for (const struct codec *const *c = codecs; *c; c++) json_array_append_new(codec_list, codec_json(*c));
  answer_json(x, MHD_HTTP_OK, json_pack("{so, so}", "formats", format_list, "codecs", codec_list));
}

void api_health(struct exchange *x) { answer_json(x, MHD_HTTP_OK, json_pack("{ss}", "status", "ok")); }

static bool check_database(struct exchange *x, struct error *err) {
  struct pg *c;
  if (!pg_connect(scheduler_settings(x->service->scheduler)->conninfo, "decant/ready", NULL, &c, err))
    return false;
  bool ok = pg_exec(c, "SELECT 1", err);
  pg_close(c);
  return ok;
}

static const char *const seed_names[] = {[SEED_NONE] = NULL, [SEED_RUNNING] = "running", [SEED_FINISHED] = "finished",
                                         [SEED_FAILED] = "failed"};

static void add_seed(json_t *o, struct seed_progress *seed) {
  enum seed_phase phase = atomic_load(&seed->phase);
  if (phase == SEED_NONE) return;
  json_object_set_new(o, "seed", json_string(seed_names[phase]));
  if (phase != SEED_RUNNING) return;
  int64_t done = atomic_load(&seed->done), total = atomic_load(&seed->total);
  json_object_set_new(o, "status", json_string("seeding"));
  json_object_set_new(o, "percent", json_real(total > 0 ? 100.0 * (double)done / (double)total : 0));
}

void api_ready(struct exchange *x) {
  struct error err;
  if (check_database(x, &err) && scheduler_check(x->service->scheduler, &err)) {
    json_t *o = json_pack("{ss}", "status", "ready");
    if (o) add_seed(o, &x->service->seed);
    answer_json(x, MHD_HTTP_OK, o);
    return;
  }
  answer_json(x, MHD_HTTP_SERVICE_UNAVAILABLE,
              json_pack("{ss, ss, ss}", "status", "unavailable", "error", err.message, "code",
                        error_name(err.code)));
}

void api_index(struct exchange *x) {
  struct buffer text;
  buffer_init(&text, 16384);
  buffer_append_string(&text, "decant " DECANT_VERSION
                              ": PostgreSQL tables and queries as CSV, JSON, NDJSON, XML and"
                              " Parquet\n\n");
  for (const struct route *r = routes; r->method; r++)
    buffer_appendf(&text, "%-6s %-24s %s\n", r->method, r->pattern, r->help);
  buffer_append_string(&text, "\ncurl -H 'Content-Type: application/json' -d '{\"format\": \"csv\"}' "
                              "http://localhost:8080/exports\n");
  answer_text(x, MHD_HTTP_OK, "text/plain; charset=utf-8", &text);
}
