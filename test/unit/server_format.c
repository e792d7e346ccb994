/*
 * The server as judge of the text formats: COPY BINARY rows go through the encoders and must become what
 * COPY (FORMAT csv), row_to_json and xmlforest give for the same rows. Needs DECANT_TEST_DB.
 */
#include "rows.h"

#include "format/csv.h"
#include "format/json.h"
#include "format/xml.h"
#include "format/xml_text.h"
#include "row/value_text.h"
#include "row/wire.h"

#include <libpq-fe.h>

static const struct { const char *name; enum kind kind; } columns[] = {
    {"b", KIND_BOOL}, {"i2", KIND_INT2}, {"i4", KIND_INT4}, {"i8", KIND_INT8}, {"o", KIND_OID},
    {"f4", KIND_FLOAT4}, {"f8", KIND_FLOAT8}, {"n", KIND_NUMERIC}, {"t, \"x\"", KIND_TEXT}, {"j", KIND_JSON},
    {"jb", KIND_JSONB}, {"by", KIND_BYTEA}, {"d", KIND_DATE}, {"ti", KIND_TIME}, {"ts", KIND_TIMESTAMP},
    {"tz", KIND_TIMESTAMPTZ}, {"u", KIND_UUID}, {"c", KIND_TEXT},
};
#define COLUMN_COUNT (sizeof columns / sizeof *columns)

/* Extremes of every kind, NULLs, and 3,000 rows that cycle through nasty texts and random values. */
static const char *const fill[] = {
    "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 1; SET bytea_output = 'hex'; SELECT setseed(0.5)",
    "CREATE TEMP TABLE judged (b bool, i2 int2, i4 int4, i8 int8, o oid, f4 float4, f8 float8, n numeric, "
    "\"t, \"\"x\"\"\" text, j json, jb jsonb, by bytea, d date, ti time, ts timestamp, tz timestamptz, u uuid, c char(5))",
    "INSERT INTO judged (b) VALUES (NULL)",
    "INSERT INTO judged VALUES "
    "(true, -32768, -2147483648, -9223372036854775808, 0, '-Infinity', 'NaN', 'NaN', '', '\"\"', '\"\"', '', "
    " '-infinity', '00:00', '-infinity', 'infinity', '00000000-0000-0000-0000-000000000000', ''),"
    "(false, 32767, 2147483647, 9223372036854775807, 4294967295, 'Infinity', '-Infinity', 'Infinity', '\\.', "
    " ' { \"a\" :\t1e5 } ', '{\"a\": 1e5}', '\\x00ff', '4714-11-24 BC', '24:00', '4714-11-24 BC', "
    " '294276-12-31 23:59:59.999999', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 'a'),"
    "(NULL, 0, 0, 0, 1, 1.17549435e-38, 5e-324, '-Infinity', E'\\r\\n', '[1,\n2]', '[1,\n2]', '\\x0a', "
    " '5874897-12-31', '12:34:56.7', '0001-12-31 23:59:59.1 BC', '0044-03-15 12:00 BC', NULL, 'é\"')",
    "INSERT INTO judged SELECT g % 2 = 0, (random() * 65535 - 32768)::int2, (random() * 4e9 - 2e9)::int4, "
    "(random() * 1e18 - 5e17)::int8, (random() * 4e9)::int8::oid, (random() * 1000)::float4, (random() - 0.5) * 10.0 ^ (g % 300), "
    "round((random() * 10.0 ^ (g % 20))::numeric, g % 7), "
    "(ARRAY['plain', 'a,b', 'say \"hi\"', '', ' ', E'tab\\there', E'line\\nfeed', E'cr\\rhere', '\\.', '\\N', 'null', "
    " 'héllo wörld', 'Жизнь прекрасна, правда же?', '日本語テキスト', '😀 emoji', E'\\x01\\x02\\x1f\\x7f', '<&>\"''/', "
    " repeat('x', 17), repeat('\"', 33), repeat('é', 50), repeat('0123456789abcdef', 5) || '\"'])[1 + g % 21] || "
    "CASE WHEN g % 3 = 0 THEN '' ELSE repeat(chr(32 + g % 90), g % 40) END, "
    "json_build_object('k', g, 'a\"b', ARRAY[g::text, NULL, E'\\n']), jsonb_build_object('k', g, 'é', random(), 'z', E'\\t\"'), "
    "decode(md5(g::text), 'hex'), '2000-01-01'::date + (random() * 4e6 - 2e6 - 3e5)::int, '00:00'::time + random() * '1 day'::interval, "
    "'2000-01-01'::timestamp + (random() * 2e10 - 1e10) * '1 second'::interval, "
    "'2000-01-01'::timestamptz + round(random() * 1e9) * '1 second'::interval, md5(g::text)::uuid, chr(200 + g % 300) "
    "FROM generate_series(1, 3000) g",
};

static PGconn *connect_or_skip(void) {
  const char *conninfo = getenv("DECANT_TEST_DB");
  if (!conninfo) skip();
  PGconn *c = PQconnectdb(conninfo);
  if (PQstatus(c) != CONNECTION_OK) print_error("%s", PQerrorMessage(c));
  assert_int_equal(PQstatus(c), CONNECTION_OK);
  PQsetClientEncoding(c, "UTF8");
  return c;
}

static PGresult *run(PGconn *c, const char *sql) {
  PGresult *r = PQexec(c, sql);
  ExecStatusType status = PQresultStatus(r);
  bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_COPY_OUT;
  if (!ok) print_error("%s: %s", sql, PQerrorMessage(c));
  assert_true(ok);
  return r;
}

static PGconn *connect_and_fill(void) {
  PGconn *c = connect_or_skip();
  for (size_t i = 0; i < sizeof fill / sizeof *fill; i++) PQclear(run(c, fill[i]));
  return c;
}

/* All bytes of a COPY. */
static void copy_out(PGconn *c, const char *sql, struct buffer *out) {
  PQclear(run(c, sql));
  buffer_init(out, 1 << 28);
  char *line;
  int len;
  while ((len = PQgetCopyData(c, &line, 0)) > 0) {
    buffer_append(out, line, (size_t)len);
    PQfreemem(line);
  }
  assert_int_equal(len, -1);
  assert_false(out->failed);
  PGresult *r;
  while ((r = PQgetResult(c))) PQclear(r);
}

static void encode_all(PGconn *c, struct rows *r, const char *select) {
  char sql[1000];
  struct buffer wire;
  snprintf(sql, sizeof sql, "COPY (%s) TO STDOUT (FORMAT binary)", select);
  copy_out(c, sql, &wire);
  const uint8_t *at = wire.data + 19, *end = wire.data + wire.len - 2;   /* header and end mark */
  rows_begin(r);
  while (at < end) {
    size_t used;
    bool ok = wire_split(at, (size_t)(end - at), r->schema.wire_count, r->cells, &used, &r->err);
    assert_true(ok);
    rows_encode(r);
    at += used;
  }
  rows_end(r);
  buffer_deinit(&wire);
}

static void init_all_columns(struct rows *r, const struct format *format, const char *options) {
  rows_init(r, format, options);
  for (size_t i = 0; i < COLUMN_COUNT; i++) rows_add_column(r, columns[i].name, columns[i].kind);
  r->spec.special = SPECIAL_STRING;
}

static void expect_same_bytes(const struct buffer *ours, const struct buffer *theirs) {
  size_t at = 0, max = ours->len < theirs->len ? ours->len : theirs->len;
  while (at < max && ours->data[at] == theirs->data[at]) at++;
  if (at == max && ours->len == theirs->len) return;
  size_t from = at > 60 ? at - 60 : 0;
  print_error("at byte %zu\nours:   %.*s\nserver: %.*s\n", at,
              (int)(ours->len - from < 120 ? ours->len - from : 120), ours->data + from,
              (int)(theirs->len - from < 120 ? theirs->len - from : 120), theirs->data + from);
  assert_true(false);
}

static void expect_csv(PGconn *c, const char *options, const char *copy_options) {
  struct rows r;
  struct buffer theirs;
  char sql[300];
  init_all_columns(&r, &format_csv, options);
  encode_all(c, &r, "SELECT * FROM judged");
  snprintf(sql, sizeof sql, "COPY (SELECT * FROM judged) TO STDOUT (FORMAT csv, %s)", copy_options);
  copy_out(c, sql, &theirs);
  expect_same_bytes(&r.out, &theirs);
  uint64_t rows;
  if (!*options) {
    assert_true(rows_count(&format_csv, r.out.data, r.out.len, &rows, &r.err));
    assert_int_equal(rows, r.row_count);
  }
  buffer_deinit(&theirs);
  rows_deinit(&r);
}

static void test_csv_is_byte_for_byte_what_copy_writes(void **state) {
  PGconn *c = connect_and_fill();
  expect_csv(c, "", "HEADER");
  PQfinish(c);
}

static void test_csv_follows_copy_for_odd_delimiters_and_null_texts(void **state) {
  PGconn *c = connect_and_fill();
  static const char delimiters[] = ";|\t-.:0a+N'\\ x";
  for (const char *d = delimiters; *d; d++) {
    char options[40], copy_options[80];
    snprintf(options, sizeof options, "header=false,delimiter=%s", *d == '\t' ? "\\t" : *d == '\\' ? "\\\\" : (char[]){*d, 0});
    snprintf(copy_options, sizeof copy_options, "DELIMITER E'\\x%02x'", *d);
    expect_csv(c, options, copy_options);
  }
  static const char *const nulls[] = {"NULL", "0", "t", "plain", "\\N", " "};
  for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++) {
    char options[40], copy_options[80];
    snprintf(options, sizeof options, "null=%s%s", nulls[i][0] == '\\' ? "\\" : "", nulls[i]);
    snprintf(copy_options, sizeof copy_options, "HEADER, NULL '%s'", nulls[i]);
    expect_csv(c, options, copy_options);
  }
  PQfinish(c);
}

static void test_csv_of_one_column_is_what_copy_writes(void **state) {
  PGconn *c = connect_and_fill();
  struct rows r;
  struct buffer theirs;
  rows_init(&r, &format_csv, "");
  rows_add_column(&r, "t, \"x\"", KIND_TEXT);
  encode_all(c, &r, "SELECT \"t, \"\"x\"\"\" FROM judged");
  copy_out(c, "COPY (SELECT \"t, \"\"x\"\"\" FROM judged) TO STDOUT (FORMAT csv, HEADER)", &theirs);
  expect_same_bytes(&r.out, &theirs);
  buffer_deinit(&theirs);
  rows_deinit(&r);
  PQfinish(c);
}

static void test_ndjson_is_byte_for_byte_row_to_json(void **state) {
  PGconn *c = connect_and_fill();
  struct rows r;
  struct buffer theirs;
  init_all_columns(&r, &format_ndjson, "");
  encode_all(c, &r, "SELECT * FROM judged");
  /* The text format of COPY escapes; as CSV with a quote and delimiter that do not occur it does not. Line
     breaks between json's tokens are the one difference. */
  copy_out(c,
           "COPY (SELECT replace(row_to_json(judged)::text, E'\\n', '') FROM judged) TO STDOUT "
           "(FORMAT csv, QUOTE E'\\x03', DELIMITER E'\\x04')",
           &theirs);
  expect_same_bytes(&r.out, &theirs);
  uint64_t rows;
  assert_true(rows_count(&format_ndjson, r.out.data, r.out.len, &rows, &r.err));
  assert_int_equal(rows, r.row_count);
  buffer_deinit(&theirs);
  rows_deinit(&r);
  PQfinish(c);
}

static void test_a_json_array_is_read_by_the_server_as_the_same_rows(void **state) {
  PGconn *c = connect_and_fill();
  struct rows r;
  init_all_columns(&r, &format_json, "");
  encode_all(c, &r, "SELECT * FROM judged");
  uint64_t rows;
  assert_true(rows_count(&format_json, r.out.data, r.out.len, &rows, &r.err));
  assert_int_equal(rows, r.row_count);
  buffer_append_byte(&r.out, 0);
  const char *params[] = {(const char *)r.out.data};
  PGresult *result = PQexecParams(c,
      "SELECT count(*) FROM (SELECT value, n FROM jsonb_array_elements($1::jsonb) WITH ORDINALITY a(value, n)) ours "
      "JOIN (SELECT to_jsonb(judged) value, row_number() OVER () n FROM judged) theirs USING (n, value)",
      1, NULL, params, NULL, NULL, 0);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) print_error("%s", PQerrorMessage(c));
  assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
  assert_int_equal(strtoull(PQgetvalue(result, 0, 0), NULL, 10), rows);
  PQclear(result);
  rows_deinit(&r);
  PQfinish(c);
}

static void test_xml_scalars_are_what_xmlforest_gives(void **state) {
  PGconn *c = connect_and_fill();
  static const char select[] =
      "SELECT b, i2, i4, i8, o, n, d, ti, ts, tz, u, c, translate(\"t, \"\"x\"\"\", E'\\x01\\x02\\x1f\\x7f', '') t "
      "FROM judged WHERE isfinite(d) AND isfinite(ts) AND isfinite(tz)";
  static const struct { const char *name; enum kind kind; } scalars[] = {
      {"b", KIND_BOOL}, {"i2", KIND_INT2}, {"i4", KIND_INT4}, {"i8", KIND_INT8}, {"o", KIND_OID}, {"n", KIND_NUMERIC},
      {"d", KIND_DATE}, {"ti", KIND_TIME}, {"ts", KIND_TIMESTAMP}, {"tz", KIND_TIMESTAMPTZ}, {"u", KIND_UUID},
      {"c", KIND_TEXT}, {"t", KIND_TEXT}};
  struct rows r;
  rows_init(&r, &format_xml, "");
  for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
    rows_add_column(&r, scalars[i].name, scalars[i].kind);
  encode_all(c, &r, select);
  struct buffer theirs;
  char sql[1000];
  snprintf(sql, sizeof sql,
           "COPY (SELECT xmlelement(name record, xmlforest(b, i2, i4, i8, o, n, d, ti, ts, tz), CASE WHEN u IS NULL THEN "
           "'<u xsi:nil=\"true\"/>'::xml ELSE xmlforest(u) END, xmlforest(c, t)) "
           "FROM (%s) q WHERE b IS NOT NULL) TO STDOUT (FORMAT csv, QUOTE E'\\x03', DELIMITER E'\\x04')", select);
  copy_out(c, sql, &theirs);
  size_t kept = 0;   /* the quotes of records that hold line breaks */
  for (size_t i = 0; i < theirs.len; i++)
    if (theirs.data[i] != 3) theirs.data[kept++] = theirs.data[i];
  theirs.len = kept;
  /* Ours has the frame around, and the rows whose b is NULL, which xmlforest leaves out as elements. */
  struct buffer records;
  buffer_init(&records, 1 << 28);
  const char *at = strstr((const char *)r.out.data, "<record>"), *end = (const char *)r.out.data + r.out.len;
  while (at) {
    const char *next = memmem(at + 1, (size_t)(end - at) - 1, "\n<record>", 9);
    const char *stop = next ? next + 1 : end - strlen("</records>\n");
    static const char null_first[] = "<record><b xsi:nil";
    if (memcmp(at, null_first, sizeof null_first - 1) != 0) buffer_append(&records, at, (size_t)(stop - at));
    at = next ? next + 1 : NULL;
  }
  expect_same_bytes(&records, &theirs);
  buffer_deinit(&records);
  buffer_deinit(&theirs);
  rows_deinit(&r);
  PQfinish(c);
}

static void test_xml_names_are_the_servers_for_every_character(void **state) {
  PGconn *c = connect_or_skip();
  PQclear(run(c,
              "CREATE FUNCTION pg_temp.name_of(n text) RETURNS text LANGUAGE plpgsql AS $$ DECLARE x text; BEGIN "
              "EXECUTE format('SELECT xmlforest(%1$I) FROM (SELECT 1 AS %1$I) t', n) INTO x; "
              "RETURN substr(x, 2, strpos(x, '>') - 2); END $$"));
  PGresult *r = run(c,
      "SELECT n, pg_temp.name_of(n) FROM (SELECT unnest(ARRAY[chr(i), 'a' || chr(i), chr(i) || 'x']) FROM "
      "generate_series(1, 70000) i WHERE i NOT BETWEEN 55296 AND 57343 UNION ALL SELECT unnest(ARRAY['xml', 'XMLx', "
      "'axml', '_x', '__x_x', 'a:b', '_x0041_', 'xm'])) q(n)");
  for (int i = 0; i < PQntuples(r); i++) {
    struct buffer name;
    buffer_init(&name, 100);
    xml_append_name(&name, (const uint8_t *)PQgetvalue(r, i, 0), strlen(PQgetvalue(r, i, 0)));
    buffer_append_byte(&name, 0);
    assert_string_equal(name.data, PQgetvalue(r, i, 1));
    buffer_deinit(&name);
  }
  PQclear(r);
  PQfinish(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_csv_is_byte_for_byte_what_copy_writes),
      cmocka_unit_test(test_csv_follows_copy_for_odd_delimiters_and_null_texts),
      cmocka_unit_test(test_csv_of_one_column_is_what_copy_writes),
      cmocka_unit_test(test_ndjson_is_byte_for_byte_row_to_json),
      cmocka_unit_test(test_a_json_array_is_read_by_the_server_as_the_same_rows),
      cmocka_unit_test(test_xml_scalars_are_what_xmlforest_gives),
      cmocka_unit_test(test_xml_names_are_the_servers_for_every_character),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
