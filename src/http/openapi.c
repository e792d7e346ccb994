/*
 * GET /openapi.json: OpenAPI 3.1, made from the tables of routes, formats, options and codecs. Only the schemas
 * of answers are written out here.
 */
#include "http/api.h"
#include "http/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* JSON Schema of what answers hold; a row per name under components/schemas. */
static const struct { const char *name, *schema; } schemas[] = {
    {"Error",
     "{\"type\": \"object\", \"required\": [\"error\", \"code\"], \"properties\": {"
     "\"error\": {\"type\": \"string\", \"description\": \"What could not be done, why, and what mends it.\"},"
     "\"code\": {\"type\": \"string\"},"
     "\"field\": {\"type\": \"string\", \"description\": \"The field or parameter at fault.\"},"
     "\"sqlstate\": {\"type\": \"string\", \"pattern\": \"^[0-9A-Z]{5}$\"}}}"},
    {"ExportCreated",
     "{\"type\": \"object\", \"required\": [\"exportId\", \"status\"], \"properties\": {"
     "\"exportId\": {\"type\": \"string\", \"format\": \"uuid\"}, \"status\": {\"const\": \"pending\"}}}"},
    {"Export",
     "{\"type\": \"object\", \"required\": [\"exportId\", \"status\", \"format\", \"rowsWritten\", \"bytesWritten\","
     " \"attempt\", \"createdAt\", \"error\"], \"properties\": {"
     "\"exportId\": {\"type\": \"string\", \"format\": \"uuid\"},"
     "\"status\": {\"enum\": [\"pending\", \"running\", \"completed\", \"failed\", \"cancelled\", \"expired\"]},"
     "\"format\": {\"type\": \"string\"}, \"table\": {\"type\": [\"string\", \"null\"]},"
     "\"fileName\": {\"type\": \"string\"}, \"rowsEstimated\": {\"type\": [\"integer\", \"null\"]},"
     "\"rowsWritten\": {\"type\": \"integer\", \"minimum\": 0}, \"bytesWritten\": {\"type\": \"integer\", \"minimum\": 0},"
     "\"specials\": {\"type\": [\"integer\", \"null\"], \"description\": \"Values written otherwise, by policy.\"},"
     "\"specialsByColumn\": {\"type\": [\"object\", \"null\"], \"additionalProperties\": {\"type\": \"integer\"},"
     " \"description\": \"The same by column of the output, most first; many columns may not all be listed.\"},"
     "\"percent\": {\"type\": [\"number\", \"null\"], \"minimum\": 0, \"maximum\": 100},"
     "\"rowsPerSecond\": {\"type\": [\"number\", \"null\"]}, \"etaSeconds\": {\"type\": [\"number\", \"null\"]},"
     "\"attempt\": {\"type\": \"integer\", \"minimum\": 0}, \"createdAt\": {\"type\": \"string\", \"format\": \"date-time\"},"
     "\"startedAt\": {\"type\": [\"string\", \"null\"], \"format\": \"date-time\"},"
     "\"finishedAt\": {\"type\": [\"string\", \"null\"], \"format\": \"date-time\"},"
     "\"snapshotAt\": {\"type\": [\"string\", \"null\"], \"format\": \"date-time\"},"
     "\"sha256\": {\"type\": [\"string\", \"null\"], \"pattern\": \"^[0-9a-f]{64}$\"},"
     "\"how\": {\"type\": [\"string\", \"null\"], \"description\": \"The way the rows were read.\"},"
     "\"gentle\": {\"type\": \"boolean\"},"
     "\"maxRate\": {\"type\": [\"integer\", \"null\"], \"description\": \"Bytes a second, the service's limit or its own.\"},"
     "\"bytesRead\": {\"type\": \"integer\", \"description\": \"From the server, by the running or last attempt.\"},"
     "\"secondsPaused\": {\"type\": \"number\", \"description\": \"For the rate limit, added up over the"
     " connections.\"},"
     "\"memoryBudgetBytes\": {\"type\": [\"integer\", \"null\"], \"description\": \"Of the running or last attempt; what it adds to"
     " the service.\"},"
     "\"error\": {\"type\": [\"string\", \"null\"]}, \"code\": {\"type\": \"string\"},"
     "\"sqlstate\": {\"type\": [\"string\", \"null\"]}}}"},
    {"ExportList",
     "{\"type\": \"object\", \"required\": [\"exports\", \"next\"], \"properties\": {"
     "\"exports\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/components/schemas/Export\"}},"
     "\"next\": {\"type\": [\"string\", \"null\"], \"description\": \"The cursor of the next page.\"}}}"},
    {"BenchmarkReport",
     "{\"type\": \"object\", \"required\": [\"datasetRowCount\", \"results\"], \"properties\": {"
     "\"datasetRowCount\": {\"type\": \"integer\"}, \"results\": {\"type\": \"array\", \"items\": {\"type\": \"object\","
     "\"required\": [\"format\", \"durationSeconds\", \"fileSizeBytes\", \"peakMemoryMB\"], \"properties\": {"
     "\"format\": {\"type\": \"string\"}, \"durationSeconds\": {\"type\": \"number\"},"
     "\"fileSizeBytes\": {\"type\": \"integer\"}, \"peakMemoryMB\": {\"type\": \"number\"},"
     "\"memoryBudgetMB\": {\"type\": \"number\"}}}}}}"},
    {"TableList",
     "{\"type\": \"object\", \"required\": [\"tables\"], \"properties\": {\"tables\": {\"type\": \"array\", \"items\": {"
     "\"type\": \"object\", \"required\": [\"name\", \"kind\"], \"properties\": {\"name\": {\"type\": \"string\"},"
     "\"kind\": {\"type\": \"string\"}, \"rowsEstimated\": {\"type\": [\"integer\", \"null\"]},"
     "\"bytesEstimated\": {\"type\": [\"integer\", \"null\"]}}}}}}"},
    {"Table",
     "{\"type\": \"object\", \"required\": [\"name\", \"kind\", \"columns\", \"sampleRows\"], \"properties\": {"
     "\"name\": {\"type\": \"string\"}, \"kind\": {\"type\": \"string\"},"
     "\"rowsEstimated\": {\"type\": [\"integer\", \"null\"]}, \"bytesEstimated\": {\"type\": [\"integer\", \"null\"]},"
     "\"columns\": {\"type\": \"array\", \"items\": {\"type\": \"object\", \"required\": [\"name\", \"type\", \"notNull\"],"
     "\"properties\": {\"name\": {\"type\": \"string\"}, \"type\": {\"type\": \"string\"},"
     "\"notNull\": {\"type\": \"boolean\"}}}},"
     "\"sampleRows\": {\"type\": \"array\", \"description\": \"A few rows; values as text, long ones cut.\","
     "\"items\": {\"type\": \"object\", \"additionalProperties\": {\"type\": [\"string\", \"null\"]}}}}}"},
    {"Formats",
     "{\"type\": \"object\", \"required\": [\"formats\", \"codecs\"], \"properties\": {"
     "\"formats\": {\"type\": \"array\", \"items\": {\"type\": \"object\"}},"
     "\"codecs\": {\"type\": \"array\", \"items\": {\"type\": \"object\"}}}}"},
    {"Health", "{\"type\": \"object\", \"required\": [\"status\"], \"properties\": {\"status\": {\"const\": \"ok\"}}}"},
    {"Ready",
     "{\"type\": \"object\", \"required\": [\"status\"], \"properties\": {"
     "\"status\": {\"enum\": [\"ready\", \"seeding\", \"unavailable\"]}, \"percent\": {\"type\": \"number\"},"
     "\"seed\": {\"enum\": [\"running\", \"finished\", \"failed\"]}, \"error\": {\"type\": \"string\"},"
     "\"code\": {\"type\": \"string\"}}}"},
};

/* The part of ExportRequest that no table holds; the rest is put in by request_schema. */
static const char request_text[] =
    "{\"type\": \"object\", \"required\": [\"format\"], \"additionalProperties\": false, \"properties\": {"
    "\"format\": {}, \"table\": {\"type\": [\"string\", \"null\"], \"description\": \"As the catalog spells it; a part with a"
    " dot or quotes in double quotes. Default: the service's table.\"},"
    "\"query\": {\"type\": [\"string\", \"null\"], \"description\": \"One statement, where the operator allows it.\"},"
    "\"columns\": {\"type\": [\"array\", \"null\"], \"minItems\": 1, \"items\": {\"oneOf\": [{\"type\": \"string\"},"
    " {\"type\": \"object\", \"required\": [\"source\"], \"additionalProperties\": false, \"properties\": {\"source\":"
    " {\"type\": \"string\", \"description\": \"A column, or a path into a JSON column.\"}, \"target\": {\"type\":"
    " [\"string\", \"null\"]}}}]}},"
    "\"where\": {\"type\": [\"array\", \"null\"], \"items\": {\"type\": \"object\", \"required\": [\"column\", \"op\"],"
    " \"additionalProperties\": false, \"properties\": {\"column\": {\"type\": \"string\"}, \"op\": {},"
    " \"value\": {\"description\": \"A string, number, true or false; for `in` a list of them.\"}}}},"
    "\"orderBy\": {\"type\": [\"array\", \"null\"], \"items\": {\"oneOf\": [{\"type\": \"string\", \"description\":"
    " \"A column, or `column desc`.\"}, {\"type\": \"object\", \"required\": [\"column\"], \"additionalProperties\": false,"
    " \"properties\": {\"column\": {\"type\": \"string\"}, \"descending\": {\"type\": [\"boolean\", \"null\"]}}}]}},"
    "\"limit\": {\"type\": [\"integer\", \"null\"], \"minimum\": 0},"
    "\"compression\": {\"type\": [\"string\", \"null\"]},"
    "\"flatten\": {\"type\": [\"boolean\", \"null\"], \"description\": \"A column per path of JSON objects. Default: for CSV.\"},"
    "\"discover\": {\"enum\": [\"sample\", \"full\", null], \"description\": \"How the paths are found; full also types"
    " them in Parquet. Refused, as sampleRows and maxPaths are, where nothing is flattened.\"},"
    "\"sampleRows\": {\"type\": [\"integer\", \"null\"], \"minimum\": 1, \"maximum\": 100000000, \"description\":"
    " \"Rows that a sample looks at, about. Default: 10000.\"},"
    "\"maxPaths\": {\"type\": [\"integer\", \"null\"], \"minimum\": 1, \"maximum\": 10000, \"description\":"
    " \"Columns made of one JSON column, at most. Default: 10000.\"}, \"special\": {},"
    "\"gentle\": {\"type\": [\"boolean\", \"null\"], \"description\": \"One connection and plain sequential scans, which spare"
    " the server's cache. Default: as the service is set.\"},"
    "\"maxRate\": {\"type\": [\"integer\", \"string\", \"null\"], \"minimum\": 32768, \"description\": \"Reads at most so"
    " many bytes a second from the server, as a number or \\\"50MB\\\".\"}}}";

static json_t *names_schema(const char *const *names) {
  json_t *list = json_array();
  for (; *names; names++) json_array_append_new(list, json_string(*names));
  return json_pack("{so}", "enum", list);
}

static json_t *option_schema(const struct option *o) {
  json_t *schema;
  switch (o->type) {
    case OPTION_BOOL: schema = json_pack("{ss}", "type", "boolean"); break;
    case OPTION_INT:
      schema = json_pack("{ss, sI, sI}", "type", "integer", "minimum", (json_int_t)o->min, "maximum",
                         (json_int_t)o->max);
      break;
    case OPTION_SIZE: schema = json_pack("{s[ss]}", "type", "integer", "string"); break;
    case OPTION_CHOICE: schema = names_schema(o->choices); break;
    default: schema = json_pack("{ss}", "type", "string"); break;
  }
  if (schema) json_object_set_new(schema, "description", json_string(o->help));
  return schema;
}

static json_t *group_schema(const struct format *f) {
  json_t *properties = json_object();
  for (const struct option *o = f->options; o && o->name; o++) {
    char name[64];
    request_option_json_name(o->name, name, sizeof name);
    json_object_set_new(properties, name, option_schema(o));
  }
  return json_pack("{s[ss], sb, so}", "type", "object", "null", "additionalProperties", 0, "properties",
                   properties);
}

static json_t *request_schema(void) {
  json_t *schema = json_loads(request_text, 0, NULL);
  json_t *properties = json_object_get(schema, "properties");
  json_t *list = json_array();
  for (const struct format *const *f = formats; *f; f++) {
    json_array_append_new(list, json_string((*f)->name));
    json_object_set_new(properties, (*f)->name, group_schema(*f));
  }
  json_object_set_new(properties, "format", json_pack("{so}", "enum", list));
  json_t *special = names_schema(special_names);
  json_array_append_new(json_object_get(special, "enum"), json_null());
  json_object_set_new(properties, "special", special);
  json_t *filter = json_object_get(json_object_get(json_object_get(properties, "where"), "items"),
                                   "properties");
  json_object_set_new(filter, "op", names_schema(filter_op_names));
  return schema;
}

static json_t *components(void) {
  json_t *all = json_object();
  json_object_set_new(all, "ExportRequest", request_schema());
  for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++)
    json_object_set_new(all, schemas[i].name, json_loads(schemas[i].schema, 0, NULL));
  return json_pack("{so}", "schemas", all);
}

static json_t *reference(const char *schema) {
  char text[80];
  snprintf(text, sizeof text, "#/components/schemas/%s", schema);
  return json_pack("{ss}", "$ref", text);
}

static json_t *answer_json_of(const struct route_answer *a) {
  if (!a->media_type) return json_pack("{ss}", "description", a->help);
  json_t *schema = a->schema ? reference(a->schema) : json_object();
  return json_pack("{ss, s{s{so}}}", "description", a->help, "content", a->media_type, "schema", schema);
}

static json_t *answers_json(const struct route *r) {
  json_t *all = json_object();
  for (int i = 0; i < ROUTE_ANSWERS_MAX && r->answers[i].status; i++) {
    char status[4];
    snprintf(status, sizeof status, "%u", r->answers[i].status % 1000);
    json_object_set_new(all, status, answer_json_of(&r->answers[i]));
  }
  static const struct route_answer refused = {0, "The request is refused.", "application/json", "Error"};
  static const struct route_answer failed = {0, "The service cannot answer now.", "application/json", "Error"};
  json_object_set_new(all, "4XX", answer_json_of(&refused));
  if (!json_object_get(all, "503")) json_object_set_new(all, "503", answer_json_of(&failed));
  return all;
}

static json_t *parameters_json(const struct route *r) {
  json_t *all = json_array();
  const char *open = strchr(r->pattern, '{');
  if (open) {
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(open + 1, "}"), open + 1);
    json_array_append_new(all, json_pack("{ss, ss, sb, s{ss}}", "name", name, "in", "path", "required", 1,
                                         "schema", "type", "string"));
  }
  for (const struct route_query *q = r->query; q && q->name; q++)
    json_array_append_new(all, json_pack("{ss, ss, ss, so}", "name", q->name, "in", "query", "description",
                                         q->help, "schema", json_loads(q->schema, 0, NULL)));
  return all;
}

static json_t *operation_json(const struct route *r) {
  json_t *o = json_pack("{ss, ss, so, so}", "operationId", r->operation, "summary", r->help, "parameters",
                        parameters_json(r), "responses", answers_json(r));
  if (o && r->body_schema)
    json_object_set_new(o, "requestBody",
                        json_pack("{sb, s{s{so}}}", "required", 1, "content", "application/json", "schema",
                                  reference(r->body_schema)));
  return o;
}

static json_t *paths_json(void) {
  json_t *paths = json_object();
  for (const struct route *r = routes; r->method; r++) {
    json_t *path = json_object_get(paths, r->pattern);
    if (!path) {
      path = json_object();
      json_object_set_new(paths, r->pattern, path);
    }
    char method[8];
    size_t len = 0;
    for (; r->method[len] && len + 1 < sizeof method; len++) method[len] = (char)(r->method[len] | 0x20);
    method[len] = '\0';
    json_object_set_new(path, method, operation_json(r));
  }
  return paths;
}

void api_openapi(struct exchange *x) {
  answer_json(x, MHD_HTTP_OK,
              json_pack("{ss, s{ss, ss, ss}, so, so}", "openapi", "3.1.0", "info", "title", "decant",
                        "version", DECANT_VERSION, "description", "PostgreSQL tables and queries as files.",
                        "paths", paths_json(), "components", components()));
}
