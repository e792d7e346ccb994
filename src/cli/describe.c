/* decant describe: what may be exported, and what a table holds. */
#include "cli/command.h"
#include "cli/describe_file.h"
#include "cli/progress.h"
#include "source/describe.h"
#include "source/session.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct describe { const char *conninfo, *name; bool as_json; };

static const struct flag describe_flags[] = {
    {"db", 0, "URL", "DATABASE_URL", "the database: a postgresql:// URL or key=value pairs; else libpq's variables"},
    {"json", 0, NULL, NULL, "of a Parquet file: all of it, as JSON"},
    {NULL},
};

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *err) {
  struct describe *d = context;
  if (strcmp(flag->name, "json") == 0) d->as_json = true;
  else d->conninfo = value;
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  struct describe *d = context;
  if (d->name)
    return fail_field(err, "table", "describe takes one table or file, and was given \"%.100s\" as well",
                      text);
  d->name = text;
  return true;
}

static const char *kind_of_relation(char relkind) {
  switch (relkind) {
    case 'r': return "table";
    case 'p': return "partitioned table";
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'f': return "foreign table";
    default: return "relation";
  }
}

static bool print_tables(struct pg *pg, struct error *err) {
  struct source_table *tables;
  size_t count;
  if (!source_list_tables(pg, &tables, &count, err)) return false;
  for (size_t i = 0; i < count; i++) {
    char rows[32] = "?", bytes[32];
    if (tables[i].rows >= 0) progress_format_count((uint64_t)tables[i].rows, rows);
    progress_format_bytes((uint64_t)tables[i].bytes, bytes);
    printf("%-40s %16s rows %10s  %s\n", tables[i].name, rows, bytes, kind_of_relation(tables[i].relkind));
  }
  source_tables_free(tables, count);
  return true;
}

/* Blanks behind a name: printf counts bytes, a terminal characters. */
static int pad_of(const char *name) {
  int width = 32;
  for (; *name; name++) width -= (*name & 0xC0) != 0x80;
  return width > 0 ? width : 0;
}

static void print_source(const struct source *s) {
  double rows = 0;
  int64_t bytes = 0;
  bool is_counted = true;   /* by ANALYZE: a leaf without it says -1 */
  for (size_t i = 0; i < s->leaf_count; i++) {
    is_counted &= s->leaves[i].rows >= 0;
    rows += s->leaves[i].rows;
    bytes += s->leaves[i].bytes;
  }
  char row_text[32] = "?", byte_text[32];
  if (is_counted) progress_format_count((uint64_t)rows, row_text);
  progress_format_bytes((uint64_t)bytes, byte_text);
  printf("%s: %s", s->name, kind_of_relation(s->relkind));
  if (s->leaf_count) printf(", %s%s rows, %s", is_counted ? "about " : "", row_text, byte_text);
  if (s->leaf_count > 1) printf(", in %zu leaves", s->leaf_count);
  printf("\n");
  for (size_t i = 0; i < s->column_count; i++)
    printf("  %s%*s %s%s\n", s->columns[i].name, pad_of(s->columns[i].name), "", s->columns[i].type_name,
           s->columns[i].not_null ? " not null" : "");
}

/* PostgreSQL reads a plain sequential scan past its cache where the table has more than a quarter of the cache's blocks. */
static bool print_gentle(struct pg *pg, const struct source *s, struct error *err) {
  struct pg_result *r;
  size_t spared = 0;
  if (!pg_query(pg,
                "SELECT setting::pg_catalog.int8 FROM pg_catalog.pg_settings"
                " WHERE name OPERATOR(pg_catalog.=) 'shared_buffers'",
                NULL, 0, &r, err))
    return false;
  int64_t cache_blocks = pg_row_count(r) ? pg_value_int(r, 0, 0) : 0;
  pg_result_free(r);
  for (size_t i = 0; i < s->leaf_count; i++) spared += s->leaves[i].blocks > cache_blocks / 4;
  if (cache_blocks && s->leaf_count)
    printf("  export --gentle: %zu of %zu lea%s larger than a quarter of shared_buffers, so read past the "
           "server's cache\n",
           spared, s->leaf_count, s->leaf_count == 1 ? "f is" : "ves are");
  return true;
}

static bool print_table(struct pg *pg, const char *name, struct error *err) {
  struct source *s;
  if (!source_describe_table(pg, name, &s, err)) return false;
  print_source(s);
  bool ok = print_gentle(pg, s, err);
  source_free(s);
  return ok;
}

/* A table's name has no slash; one that ends in .parquet is a file's if such a file exists. */
static bool is_file(const char *name) {
  size_t len = strlen(name);
  return strcmp(name, "-") == 0 || strchr(name, '/') || (len > 8 && strcmp(name + len - 8, ".parquet") == 0 && access(name, F_OK) == 0);
}

static int describe_main(int argc, char **argv) {
  struct describe d = {.conninfo = ""};
  struct error err;
  struct pg *pg = NULL;
  if (!flags_parse(&command_describe, argc, argv, on_flag, on_argument, &d, &err))
    return command_failed(&err);
  if (d.name && is_file(d.name)) return describe_file(d.name, d.as_json, &err) ? 0 : command_failed(&err);
  if (d.as_json) {
    error_set_field(&err, "json", "--json is for Parquet files");
    return command_failed(&err);
  }
  bool ok = pg_connect(d.conninfo, "decant/describe", NULL, &pg, &err) && session_begin_look(pg, &err);
  if (ok) ok = d.name ? print_table(pg, d.name, &err) : print_tables(pg, &err);
  pg_close(pg);
  return ok ? 0 : command_failed(&err);
}

const struct command command_describe = {
    .name = "describe",
    .usage = "describe [--db URL] [TABLE | FILE.parquet | -]",
    .help = "lists the tables that may be exported, a table's columns, or what a Parquet file holds",
    .flags = describe_flags,
    .run = describe_main,
};
