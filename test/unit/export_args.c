/* What the arguments of `decant export` mean. */
#include "unit.h"

#include "cli/export_args.h"

#include <stdio.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32

static struct export_args args;
static struct error err;

/* One word an argument; ends with NULL. */
static bool parse(const char *first, ...) {
  char *words[ARGUMENTS_MAX];
  int count = 0;
  va_list more;
  va_start(more, first);
  for (const char *word = first; word; word = va_arg(more, const char *)) words[count++] = (char *)(uintptr_t)word;
  va_end(more);
  err = (struct error){0};
  return export_args_parse(&args, count, words, &err);
}

#define assert_parses(...) assert_true(parse("--table", "t", __VA_ARGS__, NULL))

static void assert_refused_word(bool parsed, const char *field, const char *says) {
  assert_false(parsed);
  assert_int_equal(err.code, ERR_USAGE);
  assert_memory_equal(err.field, field, strlen(field));   /* "where" or "where[0].op" */
  if (!strstr(err.message, says)) assert_string_equal(err.message, says);
  export_args_deinit(&args);
}
#define assert_refused(field, says, ...) assert_refused_word(parse("--table", "t", __VA_ARGS__, NULL), field, says)

static int clean_environment(void **state) {
  unsetenv("DATABASE_URL");
  unsetenv("DECANT_LANES");
  unsetenv("DECANT_MEMORY");
  unsetenv("DECANT_GENTLE");
  unsetenv("DECANT_MAX_RATE");
  return 0;
}

static void check_column(size_t i, const char *source, const char *target) {
  assert_string_equal(args.request->columns[i].source, source);
  assert_string_equal(args.request->columns[i].target, target);
}

static void test_columns_may_have_another_name(void **state) {
  assert_parses("--columns", "id, name=Full name ,meta.a.b=X, c = D ");
  assert_int_equal(args.request->column_count, 4);
  check_column(0, "id", "id");
  check_column(1, "name", "Full name");
  check_column(2, "meta.a.b", "X");
  check_column(3, "c", "D");
  export_args_deinit(&args);
}

static void test_commas_equal_signs_and_quotes_of_a_column_stand_in_quotes(void **state) {
  assert_parses("-c", "\"a,b\",\"c=d\"=\"e,f\",m.\"x.y\\\"z\"=\"say \"\"hi\"\"\"");
  assert_int_equal(args.request->column_count, 3);
  check_column(0, "\"a,b\"", "\"a,b\"");   /* a path's text: the plan reads it */
  check_column(1, "\"c=d\"", "e,f");
  check_column(2, "m.\"x.y\\\"z\"", "say \"hi\"");
  export_args_deinit(&args);
}

static void test_columns_may_be_given_in_several_lists(void **state) {
  assert_parses("--columns", "a", "--columns=b,c");
  assert_int_equal(args.request->column_count, 3);
  check_column(2, "c", "c");
  export_args_deinit(&args);
}

static void test_an_empty_column_or_target_is_refused(void **state) {
  assert_refused("columns", "", "--columns", "");
  assert_refused("columns", "", "--columns", "a,,b");
  assert_refused("columns", "", "--columns", "a,");
  assert_refused("columns", "", "--columns", "a=");
  assert_refused("columns", "", "--columns", "=b");
}

static void check_filter(size_t i, const char *column, enum filter_op op, const char *value) {
  const struct request_filter *f = &args.request->filters[i];
  assert_string_equal(f->column, column);
  assert_int_equal(f->op, op);
  assert_int_equal(f->value_count, value ? 1 : 0);
  if (value) assert_string_equal(f->values[0], value);
}

static void test_filters_are_a_column_an_operator_and_the_rest(void **state) {
  static const struct { const char *text, *column; enum filter_op op; const char *value; } given[] = {
      {"value >= 10.5", "value", FILTER_GE, "10.5"},
      {"value>=10.5", "value", FILTER_GE, "10.5"},
      {" a = b = c ", "a", FILTER_EQ, "b = c"},
      {"a<b", "a", FILTER_LT, "b"},
      {"a <= b", "a", FILTER_LE, "b"},
      {"a>b", "a", FILTER_GT, "b"},
      {"a != it's, \"so\"", "a", FILTER_NE, "it's, \"so\""},
      {"a <> b", "a", FILTER_NE, "b"},
      {"a=", "a", FILTER_EQ, ""},
      {"a = -1", "a", FILTER_EQ, "-1"},
      {"a like %x y%", "a", FILTER_LIKE, "%x y%"},
      {"a is_null", "a", FILTER_IS_NULL, NULL},
      {"a not_null ", "a", FILTER_NOT_NULL, NULL},
      {"\"a b\" = c", "a b", FILTER_EQ, "c"},
      {"\"x\"\"=\"=1", "x\"=", FILTER_EQ, "1"},
      {"\"b\\\\s\" = 1", "b\\s", FILTER_EQ, "1"},
  };
  for (size_t i = 0; i < sizeof given / sizeof *given; i++) {
    assert_parses("--where", given[i].text);
    check_filter(0, given[i].column, given[i].op, given[i].value);
    export_args_deinit(&args);
  }
}

static void test_a_list_of_values_is_split_at_commas_outside_quotes(void **state) {
  assert_parses("--where", "state in open, paid,\"a, \"\"b\"\"\",  ,x", "--where", "b in 1");
  const struct request_filter *f = &args.request->filters[0];
  static const char *const values[] = {"open", "paid", "a, \"b\"", "", "x"};
  assert_int_equal(f->op, FILTER_IN);
  assert_int_equal(f->value_count, 5);
  for (size_t i = 0; i < 5; i++) assert_string_equal(f->values[i], values[i]);
  check_filter(1, "b", FILTER_IN, "1");
  export_args_deinit(&args);
}

static void test_what_is_no_filter_is_refused(void **state) {
  static const char *const wrong[] = {"", " ", "a", "= 1", "a ~ b", "a is_null 1", "a between 1", "a=1"};
  for (size_t i = 0; i + 1 < sizeof wrong / sizeof *wrong; i++)
    assert_refused("where", "", "--where", wrong[i]);
  char many[8192] = "a in 1";
  for (size_t i = 0; i < 1100; i++) strcat(many, ",1");
  assert_refused("where", "more than 1024", "--where", many);
}

static void check_order(size_t i, const char *column, bool descending) {
  assert_string_equal(args.request->order[i].column, column);
  assert_int_equal(args.request->order[i].descending, descending);
}

static void test_an_order_is_columns_with_or_without_a_direction(void **state) {
  assert_parses("--order-by", "a,b desc , c  DESC,d asc,\"e, f desc\" desc,\"g\"\"h\",desc,\"i asc\"");
  assert_int_equal(args.request->order_count, 8);
  check_order(0, "a", false);
  check_order(1, "b", true);
  check_order(2, "c", true);
  check_order(3, "d", false);
  check_order(4, "e, f desc", true);
  check_order(5, "g\"h", false);
  check_order(6, "desc", false);   /* a column may be called so */
  check_order(7, "i asc", false);
  export_args_deinit(&args);
  assert_refused("order-by", "", "--order-by", "a,,b");
}

static void check_output(const char *name, const char *format, const char *codec) {
  assert_parses("-o", name);
  assert_string_equal(args.request->format->name, format);
  assert_string_equal(args.request->codec->name, codec);
  assert_string_equal(args.output, name);
  export_args_deinit(&args);
}

static void test_format_and_compression_follow_from_the_name_of_the_output(void **state) {
  check_output("x.csv", "csv", "none");
  check_output("a.b/x.json.gz", "json", "gzip");
  check_output("x.ndjson.zst", "ndjson", "zstd");
  check_output("x.xml", "xml", "none");
  check_output("x.parquet", "parquet", "none");
  check_output("x.gz", "csv", "gzip");
  check_output("x.txt", "csv", "none");
  check_output("folder.json/x", "csv", "none");
  check_output("-", "csv", "none");
}

static void test_a_format_and_compression_that_are_named_win(void **state) {
  assert_parses("-o", "x.csv.gz", "--format", "json", "--compress", "zstd:7");
  assert_string_equal(args.request->format->name, "json");
  assert_string_equal(args.request->codec->name, "zstd");
  assert_int_equal(args.request->level, 7);
  export_args_deinit(&args);
  assert_parses("-o", "x.csv.gz", "--compress=none");
  assert_string_equal(args.request->codec->name, "none");
  export_args_deinit(&args);
  assert_refused("format", "csv", "--format", "excel");
  assert_refused("compress", "--compress: \"lzma\" is no compression; none, gzip", "--compress", "lzma");
  assert_refused("compress", "--compress: \"gzip:9\": gzip takes", "--compress", "gzip:9");
  assert_refused("compress", "", "-o", "x.parquet", "--compress", "gzip");
}

static void test_options_go_to_their_format_wherever_they_stand(void **state) {
  assert_parses("--csv", "header=false", "--format", "csv");
  export_args_deinit(&args);
  assert_refused("csv", "format is json", "--csv", "header=false", "--format", "json");
  assert_refused("csv.nope", "nope", "--csv", "nope=1");
}

static void test_json_alone_is_the_summary_and_with_a_value_the_formats_options(void **state) {
  assert_parses("--json", "-o", "x.csv");
  assert_true(args.summary_json);
  export_args_deinit(&args);
  assert_refused("json", "format is csv", "--json", "x=1", "-o", "x.csv");
}

static const struct flag *find_flag(const char *name) {
  const struct flag *f = export_flags;
  while (f->name && strcmp(f->name, name) != 0) f++;
  return f->name ? f : NULL;
}

static void test_every_format_is_named_and_its_options_have_a_flag(void **state) {
  for (size_t i = 0; formats[i]; i++) {
    assert_non_null(strstr(find_flag("format")->help, formats[i]->name));
    const struct flag *group = find_flag(formats[i]->group);
    assert_non_null(group);
    assert_non_null(group->value);
  }
  for (size_t i = 0; codecs[i]; i++) assert_non_null(strstr(find_flag("compress")->help, codecs[i]->name));
}

static void test_numbers_are_checked(void **state) {
  assert_parses("--limit", "0", "--lanes", "64", "--memory", "16MB");
  assert_int_equal(args.request->limit, 0);
  assert_int_equal(args.settings.lanes, 64);
  assert_int_equal(args.settings.memory_bytes, 16 << 20);
  export_args_deinit(&args);
  assert_refused("limit", "\"-1\"", "--limit", "-1");
  assert_refused("limit", "\"1e3\"", "--limit", "1e3");
  assert_refused("lanes", "1 to 64", "--lanes", "65");
  assert_refused("lanes", "1 to 64", "--lanes", "0");
  assert_refused("memory", "1MB", "--memory", "100k");
  assert_refused("memory", "1MB", "--memory", "much");
}

static void test_a_table_or_a_query_but_not_both(void **state) {
  assert_refused("query", "", "--query", "SELECT 1");
  assert_true(parse("--query", "SELECT 1", NULL));
  assert_string_equal(args.request->query, "SELECT 1");
  assert_null(args.request->table);
  export_args_deinit(&args);
  assert_refused_word(parse("-o", "x.csv", NULL), "table", "");
}

static void test_a_query_is_read_from_a_file(void **state) {
  char path[] = "/tmp/decant-query-XXXXXX";
  int fd = mkstemp(path);
  assert_int_equal(write(fd, "SELECT 1\n", 9), 9);
  close(fd);
  assert_true(parse("--query-file", path, NULL));
  assert_string_equal(args.request->query, "SELECT 1\n");
  export_args_deinit(&args);
  unlink(path);
  assert_false(parse("--query-file", path, NULL));
  assert_int_equal(err.code, ERR_USAGE);
  export_args_deinit(&args);
}

static void test_the_environment_is_taken_where_no_flag_says_otherwise(void **state) {
  setenv("DATABASE_URL", "postgresql://env/", 1);
  setenv("DECANT_LANES", "3", 1);
  assert_parses("--lanes", "5");
  assert_string_equal(args.settings.conninfo, "postgresql://env/");
  assert_int_equal(args.settings.lanes, 5);
  export_args_deinit(&args);
  setenv("DECANT_LANES", "many", 1);
  assert_refused("lanes", "environment variable DECANT_LANES", "-q");
  clean_environment(NULL);
}

static void test_gentle_and_a_rate_come_by_flag_or_environment(void **state) {
  assert_parses("-q");
  assert_int_equal(args.request->gentle, GENTLE_DEFAULT);
  assert_int_equal(args.request->max_rate_bytes, 0);
  export_args_deinit(&args);
  assert_parses("--gentle", "--max-rate=512kB");
  assert_int_equal(args.request->gentle, GENTLE_YES);
  assert_int_equal(args.request->max_rate_bytes, 512 << 10);
  export_args_deinit(&args);
  setenv("DECANT_GENTLE", "1", 1);
  setenv("DECANT_MAX_RATE", "1GB/s", 1);
  assert_parses("-q");
  assert_int_equal(args.request->gentle, GENTLE_YES);
  assert_int_equal(args.request->max_rate_bytes, 1 << 30);
  export_args_deinit(&args);
  clean_environment(NULL);
  assert_refused("max-rate", "--max-rate: \"9kB\" is no rate", "--max-rate", "9kB");
}

static void test_unknown_words_are_named(void **state) {
  assert_refused("--tabel", "--tabel", "--tabel", "x");
  assert_refused("-x", "-x", "-x");
  assert_refused("records", "records", "records");
  assert_refused("db", "--db", "postgresql://user:secret@host/");
  assert_null(strstr(err.message, "secret"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_columns_may_have_another_name),
      cmocka_unit_test(test_commas_equal_signs_and_quotes_of_a_column_stand_in_quotes),
      cmocka_unit_test(test_columns_may_be_given_in_several_lists),
      cmocka_unit_test(test_an_empty_column_or_target_is_refused),
      cmocka_unit_test(test_filters_are_a_column_an_operator_and_the_rest),
      cmocka_unit_test(test_a_list_of_values_is_split_at_commas_outside_quotes),
      cmocka_unit_test(test_what_is_no_filter_is_refused),
      cmocka_unit_test(test_an_order_is_columns_with_or_without_a_direction),
      cmocka_unit_test(test_format_and_compression_follow_from_the_name_of_the_output),
      cmocka_unit_test(test_a_format_and_compression_that_are_named_win),
      cmocka_unit_test(test_options_go_to_their_format_wherever_they_stand),
      cmocka_unit_test(test_json_alone_is_the_summary_and_with_a_value_the_formats_options),
      cmocka_unit_test(test_every_format_is_named_and_its_options_have_a_flag),
      cmocka_unit_test(test_numbers_are_checked),
      cmocka_unit_test(test_a_table_or_a_query_but_not_both),
      cmocka_unit_test(test_a_query_is_read_from_a_file),
      cmocka_unit_test(test_the_environment_is_taken_where_no_flag_says_otherwise),
      cmocka_unit_test(test_gentle_and_a_rate_come_by_flag_or_environment),
      cmocka_unit_test(test_unknown_words_are_named),
  };
  return cmocka_run_group_tests(tests, clean_environment, NULL) != 0;
}
