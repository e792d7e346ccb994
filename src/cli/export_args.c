#include "cli/export_args.h"
#include "row/flatten.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUERY_FILE_MAX (16u << 20)
#define GROUPS_MAX 64

const struct flag export_flags[] = {
    {"db", 0, "URL", "DATABASE_URL", "the database: a postgresql:// URL or key=value pairs; else libpq's variables"},
    {"table", 't', "T", NULL, "table or view, as the catalog spells it: records, public.records"},
    {"query", 0, "SQL", NULL, "one statement that returns rows, instead of a table"},
    {"query-file", 0, "FILE", NULL, "the same, read from a file (- for standard input)"},
    {"columns", 'c', "LIST", NULL, "a,b=B,meta.x=X: columns and JSON paths, each with the name it gets; default all"},
    {"where", 0, "FILTER", NULL, "COLUMN OP VALUE, may be repeated; OP: = != < <= > >= like is_null not_null, in (a,b,\"c,d\")"},
    {"order-by", 0, "LIST", NULL, "a,b desc: columns to sort by"},
    {"limit", 0, "N", NULL, "at most N rows"},
    {"format", 'f', "NAME", NULL, "csv, json, ndjson, xml or parquet; default: by the name in -o, else csv"},
    {"compress", 0, "CODEC", NULL, "gzip[:1-3], zstd[:1-19] or none; default: by the name in -o"},
    {"flatten", 0, NULL, NULL, "a column per path of JSON columns (the default for csv)"},
    {"no-flatten", 0, NULL, NULL, "JSON columns as they are"},
    {"discover", 0, "HOW", NULL, "sample or full: how the paths are found; full also types them in parquet"},
    {"sample-rows", 0, "N", NULL, "that a sample looks at, about; default 10000"},
    {"max-paths", 0, "N", NULL, "columns made of one JSON column, at most; default and most 10000"},
    {"special", 0, "POLICY", NULL, "error, null, string or replace: for values that the format cannot say"},
    {"csv", 0, "K=V,…", NULL, "options of the format csv, listed below"},
    {"json", 0, "[K=V,…]", NULL, "with a value: options of the formats json and ndjson; alone: a summary in JSON at the end"},
    {"xml", 0, "K=V,…", NULL, "options of the format xml"},
    {"parquet", 0, "K=V,…", NULL, "options of the format parquet"},
    {"lanes", 0, "N", "DECANT_LANES", "connections that read side by side; default min(4, cores)"},
    {"memory", 0, "SIZE", "DECANT_MEMORY", "of the whole process, as 16MB; default by format: docs/operations.md"},
    {"gentle", 0, NULL, "DECANT_GENTLE", "one connection, plain sequential scans: spares the server's cache and cores"},
    {"max-rate", 0, "RATE", "DECANT_MAX_RATE", "reads at most so much a second from the server, as 50MB; default no limit"},
    {"fsync", 0, NULL, NULL, "the file is on disk before the command ends"},
    {"output", 'o', "FILE", NULL, "where to; - or nothing: standard output"},
    {"quiet", 'q', NULL, NULL, "no progress and no summary"},
    {NULL},
};

/* What is set only after every flag is known: the format comes before its options. */
struct pending {
  struct export_args *args;
  const char *format, *compress, *query_file;
  struct { const char *name, *text; } groups[GROUPS_MAX];   /* --csv, --json …, as often as given */
  size_t group_count;
};

static bool set_number(const char *name, const char *text, int64_t min, int64_t max, int64_t *to,
                       struct error *err) {
  if (parse_int64(text, to) && *to >= min && *to <= max) return true;
  return fail_field(err, name, "--%s: \"%.40s\" is not a whole number from %lld to %lld", name, text,
                    (long long)min, (long long)max);
}

static bool replace(char **to, const char *text, struct error *err) {
  free(*to);
  *to = strdup(text);
  return *to ? true : fail_memory(err, "the arguments");
}

/* Up to a stop character that stands outside double quotes; the quotes stay. */
static const char *until(const char *p, const char *stops) {
  bool quoted = false;
  for (; *p && (quoted || !strchr(stops, *p)); p++) {
    if (quoted && *p == '\\' && p[1]) p++;
    else if (*p == '"') quoted = !quoted;
  }
  return p;
}

static char *trimmed(const char *from, const char *to) {
  while (from < to && *from == ' ') from++;
  while (to > from && to[-1] == ' ') to--;
  size_t len = from < to ? (size_t)(to - from) : 0;
  char *text = malloc(len + 1);
  if (!text) return NULL;
  memcpy(text, from, len);
  text[len] = '\0';
  return text;
}

/* A text that is wholly in double quotes loses them, and inside "", \" and \\ become one sign; any other stays. */
static void unquote(char *text) {
  size_t len = strlen(text);
  if (len < 2 || text[0] != '"' || *until(text, "") != '\0' || text[len - 1] != '"') return;
  char *to = text;
  for (const char *p = text + 1; p < text + len - 1; p++) {
    bool doubled = *p == '"' && p[1] == '"', escaped = *p == '\\' && (p[1] == '"' || p[1] == '\\');
    if (doubled || escaped) p++;
    *to++ = *p;
  }
  *to = '\0';
}

static bool add_columns(struct export_request *r, const char *text, struct error *err) {
  for (;;) {
    const char *end = until(text, ","), *equals = until(text, ",=");
    char *source = trimmed(text, *equals == '=' ? equals : end);
    char *target = *equals == '=' ? trimmed(equals + 1, end) : NULL;
    if (target) unquote(target);
    bool ok = source && request_add_column(r, source, target ? target : source, err);
    free(source);
    free(target);
    if (!ok) return false;
    if (!*end) return true;
    text = end + 1;
  }
}

/* Is `word`, behind a space, the last thing before `end`? Then *end moves before it. */
static bool take_last_word(const char *text, const char **end, const char *word) {
  size_t len = strlen(word);
  while (*end > text && (*end)[-1] == ' ') (*end)--;
  if ((size_t)(*end - text) <= len || (*end)[-(ptrdiff_t)len - 1] != ' ') return false;
  if (strncasecmp(*end - len, word, len) != 0) return false;
  *end -= len;
  return true;
}

static bool add_order(struct export_request *r, const char *text, struct error *err) {
  for (;;) {
    const char *end = until(text, ","), *name_end = end;
    bool descending = take_last_word(text, &name_end, "desc");
    if (!descending) (void)take_last_word(text, &name_end, "asc");
    char *name = trimmed(text, name_end);
    if (!name) return fail_memory(err, "the arguments");
    unquote(name);
    bool ok = request_add_order(r, name, descending, err);
    free(name);
    if (!ok) return false;
    if (!*end) return true;
    text = end + 1;
  }
}

/* The operator that stands at p: a symbol, or a word with a space behind it. Its length, 0 for none. */
static size_t operator_at(const char *p) {
  static const char *const symbols[] = {"!=", "<>", "<=", ">=", "=", "<", ">"};
  for (size_t i = 0; i < sizeof symbols / sizeof *symbols; i++)
    if (!strncmp(p, symbols[i], strlen(symbols[i]))) return strlen(symbols[i]);
  return strcspn(p, " ");
}

#define IN_VALUES_MAX 1024

/* a,b,"c, d": values of a list, each trimmed and without its quotes. */
static bool add_filter_list(struct export_request *r, const char *column, const char *op, const char *text,
                            struct error *err) {
  char *values[IN_VALUES_MAX];
  size_t count = 0;
  bool ok = true, more = true;
  while (ok && more) {
    if (count == IN_VALUES_MAX) {
      ok = fail_field(err, "where", "--where: more than %d values", IN_VALUES_MAX);
      break;
    }
    const char *end = until(text, ",");
    more = *end != '\0';
    values[count] = trimmed(text, end);
    if (!values[count]) ok = fail_memory(err, "the arguments");
    else unquote(values[count++]);
    text = end + more;
  }
  ok = ok && request_add_filter(r, column, op, (const char *const *)values, count, err);
  while (count) free(values[--count]);
  return ok;
}

static bool add_filter_values(struct export_request *r, const char *column, const char *op, const char *value,
                              struct error *err) {
  if (!strcmp(op, "in")) return add_filter_list(r, column, op, value, err);
  bool none = !strcmp(op, "is_null") || !strcmp(op, "not_null");
  if (none && *value) return fail_field(err, "where", "--where: %s takes no value", op);
  return request_add_filter(r, column, op, &value, none ? 0 : 1, err);
}

/* COLUMN OP VALUE; the column in double quotes where it holds spaces or signs. */
static bool add_filter(struct export_request *r, const char *text, struct error *err) {
  const char *column_end = until(text + strspn(text, " "), " =!<>");
  char *column = trimmed(text, column_end);
  const char *op_start = column_end + strspn(column_end, " ");
  size_t op_len = operator_at(op_start);
  char *op = strndup(op_start, op_len);
  char *value = trimmed(op_start + op_len, op_start + strlen(op_start));
  bool ok;
  if (!column || !op || !value) {
    ok = fail_memory(err, "the arguments");
  } else if (!*column || !*op) {
    ok = fail_field(err, "where", "--where: \"%.200s\" is not COLUMN OP VALUE, as in \"value >= 10.5\"",
                    text);
  } else {
    unquote(column);
    ok = add_filter_values(r, column, !strcmp(op, "<>") ? "!=" : op, value, err);
  }
  free(column);
  free(op);
  free(value);
  return ok;
}

static bool add_group(struct pending *p, const char *name, const char *text, struct error *err) {
  if (p->group_count == GROUPS_MAX)
    return fail_field(err, name, "--%s: options of formats are given more than %d times", name, GROUPS_MAX);
  p->groups[p->group_count].name = name;
  p->groups[p->group_count++].text = text;
  return true;
}

static bool on_settings_flag(struct pending *p, const char *name, const char *value, bool *known,
                             struct error *err) {
  struct export_args *a = p->args;
  *known = true;
  if (!strcmp(name, "db")) {
    a->settings.conninfo = value;
  } else if (!strcmp(name, "lanes")) {
    int64_t lanes;
    if (!set_number(name, value, 1, LANES_MAX, &lanes, err)) return false;
    a->settings.lanes = (int)lanes;
  } else if (!strcmp(name, "memory")) {
    if (!parse_size(value, &a->settings.memory_bytes) || a->settings.memory_bytes < (1 << 20))
      return fail_field(err, name, "--memory: \"%.40s\" is not a size of at least 1MB", value);
  } else if (!strcmp(name, "fsync")) {
    a->fsync = true;
  } else if (!strcmp(name, "quiet")) {
    a->quiet = true;
  } else if (!strcmp(name, "output")) {
    if (!*value) return fail_field(err, name, "--output: the name of the file is empty");
    return replace(&a->output, value, err);
  } else {
    *known = false;
  }
  return true;
}

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *err) {
  struct pending *p = context;
  struct export_request *r = p->args->request;
  const char *name = flag->name;
  bool known;
  if (!on_settings_flag(p, name, value, &known, err)) return false;
  if (known) return true;
  if (!strcmp(name, "table")) return replace(&r->table, value, err);
  if (!strcmp(name, "query")) return replace(&r->query, value, err);
  if (!strcmp(name, "query-file")) p->query_file = value;
  else if (!strcmp(name, "columns")) return add_columns(r, value, err);
  else if (!strcmp(name, "where")) return add_filter(r, value, err);
  else if (!strcmp(name, "order-by")) return add_order(r, value, err);
  else if (!strcmp(name, "limit")) return set_number(name, value, 0, INT64_MAX, &r->limit, err);
  else if (!strcmp(name, "format")) p->format = value;
  else if (!strcmp(name, "compress")) p->compress = value;
  else if (!strcmp(name, "flatten")) r->flatten = FLATTEN_YES;
  else if (!strcmp(name, "no-flatten")) r->flatten = FLATTEN_NO;
  else if (!strcmp(name, "gentle")) r->gentle = GENTLE_YES;
  else if (!strcmp(name, "max-rate")) return request_set_max_rate(r, value, name, err);
  else if (!strcmp(name, "sample-rows"))
    return set_number(name, value, 1, SAMPLE_ROWS_MAX, &r->sample_rows, err);
  else if (!strcmp(name, "max-paths"))
    return set_number(name, value, 1, FLATTEN_PATHS_MAX, &r->max_paths, err);
  else if (!strcmp(name, "discover")) return request_set_discover(r, value, err);
  else if (!strcmp(name, "special")) return request_set_special(r, value, err);
  else if (!value) p->args->summary_json = true;   /* of the flags that are left only --json may stand alone */
  else return add_group(p, name, value, err);
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  (void)context;
  if (strstr(text, "://"))
    return fail_field(err, "db", "a connection string is given by --db or DATABASE_URL");
  return fail_field(err, text, "\"%.100s\" is no option of export; a table is named by --table, a file by -o",
                    text);
}

/* "x.csv.gz": compression by the last extension, format by the one before it. */
/*
 * "x.json.bz2", "x.csv.gzip": of a format, and then of something else, which a file in that format would not be.
 * (A name that says nothing at all is that of a CSV file.)
 */
static bool check_ending(char *name, const char *dot, struct error *err) {
  size_t len = (size_t)(dot - name);
  char *inner = memrchr(name, '.', len);
  char extension[16];
  if (!inner || len - (size_t)(inner + 1 - name) >= sizeof extension) return true;
  snprintf(extension, sizeof extension, "%.*s", (int)(dot - inner - 1), inner + 1);
  if (!format_find_extension(extension)) return true;
  return fail_field(err, "output",
                    "--output: \"%s\" is no ending of a compressed file (they are .gz and .zst); where it is "
                    "meant so, say --format and --compress",
                    dot);
}

static bool infer_from_name(struct pending *p, char *name, struct error *err) {
  struct export_request *r = p->args->request;
  const char *slash = strrchr(name, '/');
  if (slash) name = name + (slash - name) + 1;
  char *dot = strrchr(name, '.');
  const struct codec *codec = dot ? codec_find_extension(dot + 1) : NULL;
  if (codec) {
    *dot = '\0';
    dot = strrchr(name, '.');
  }
  const struct format *format = dot ? format_find_extension(dot + 1) : NULL;
  if (!p->format && !codec && dot && !format && !check_ending(name, dot, err)) return false;
  const char *chosen = p->format ? p->format : format ? format->name : formats[0]->name;
  if (!request_set_format(r, chosen, err)) return false;
  const char *compress = p->compress ? p->compress : codec ? codec->name : "none";
  return request_set_compression(r, compress, "compression", err);
}

static bool set_format(struct pending *p, struct error *err) {
  char *name = strdup(p->args->output ? p->args->output : "");
  if (!name) return fail_memory(err, "the arguments");
  bool ok = infer_from_name(p, name, err);
  free(name);
  return ok;
}

static bool set_groups(struct pending *p, struct error *err) {
  struct export_request *r = p->args->request;
  for (size_t i = 0; i < p->group_count; i++) {
    const char *name = p->groups[i].name;
    if (strcmp(name, r->format->group) != 0)
      return fail_field(err, name, "--%s is given, but the format is %s", name, r->format->name);
    if (!options_parse(r->format->options, r->format_options, name, p->groups[i].text, err)) return false;
  }
  return true;
}

static bool read_query(struct export_args *a, const char *path, struct error *err) {
  FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
  if (!f) return fail_errno(err, ERR_USAGE, "cannot read --query-file \"%s\"", path);
  struct buffer text;
  buffer_init(&text, QUERY_FILE_MAX);
  size_t n;
  do {
    uint8_t *to = buffer_reserve(&text, 4096);
    n = to ? fread(to, 1, 4096, f) : 0;
    text.len += n;
  } while (n > 0);
  bool broken = ferror(f);
  if (f != stdin) fclose(f);
  free(a->request->query);
  a->request->query = buffer_take_string(&text);
  if (broken) return fail(err, ERR_USAGE, "cannot read --query-file \"%s\"", path);
  return a->request->query ? true
                           : fail_field(err, "query-file", "--query-file \"%s\" is longer than 16 MB", path);
}

static bool refuse_terminal(const struct export_args *a, struct error *err) {
  bool to_stdout = !a->output || !strcmp(a->output, "-");
  bool binary = !a->request->format->is_text || *a->request->codec->extension;
  if (!to_stdout || !binary || !isatty(STDOUT_FILENO)) return true;
  return fail_field(err, "output",
                    "this output is binary, and standard output is a terminal: name a file with -o, or "
                    "pipe it");
}

static bool parse(struct pending *p, int argc, char **argv, struct error *err) {
  struct export_args *a = p->args;
  if (!flags_parse(&command_export, argc, argv, on_flag, on_argument, p, err)) return false;
  if (p->query_file && !read_query(a, p->query_file, err)) return false;
  return set_format(p, err) && set_groups(p, err) && request_check(a->request, err) &&
         refuse_terminal(a, err);
}

bool export_args_parse(struct export_args *a, int argc, char **argv, struct error *err) {
  *a = (struct export_args){.settings = {.conninfo = "", .application_name = "decant/cli", .allow_query = true, .counts_process = true}};
  struct pending p = {.args = a};
  a->request = request_new(err);
  if (!a->request) return false;
  if (parse(&p, argc, argv, err)) return true;
  request_spell_error(a->request, err);
  return false;
}

void export_args_deinit(struct export_args *a) {
  request_free(a->request);
  free(a->output);
}
