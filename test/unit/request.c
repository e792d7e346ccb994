#include "unit.h"

#include "export/request.h"
#include "fake_formats.h"

#include <stdio.h>

static struct export_request *parse(const char *text) {
  struct export_request *r = NULL;
  struct error err;
  if (!request_parse_json(text, strlen(text), "records", &r, &err)) print_message("%s\n", err.message);
  assert_non_null(r);
  return r;
}

static void assert_refused(const char *text, const char *field, const char *part) {
  struct export_request *r = NULL;
  struct error err = {0};
  if (request_parse_json(text, strlen(text), "records", &r, &err)) print_error("accepted: %s\n", text);
  assert_null(r);
  assert_int_equal(err.code, ERR_USAGE);
  assert_string_equal(err.field, field);
  if (!strstr(err.message, part)) print_error("\"%s\" lacks \"%s\"\n", err.message, part);
  assert_non_null(strstr(err.message, part));
}

static void test_the_least_request_takes_the_default_table_and_all_columns(void **state) {
  struct export_request *r = parse("{\"format\": \"csv\"}");
  assert_string_equal(r->format->name, "csv");
  assert_string_equal(r->table, "records");
  assert_int_equal(r->column_count, 0);
  assert_int_equal(r->limit, -1);
  assert_ptr_equal(r->codec, &fake_none);
  assert_int_equal(((struct fake_options *)r->format_options)->group_rows, 1024);
  request_free(r);
}

static void test_a_rate_is_a_number_of_bytes_or_a_text_and_gentle_is_yes_no_or_the_services(void **state) {
  struct export_request *r = parse("{\"format\": \"csv\", \"maxRate\": \"50MB/s\", \"gentle\": true}");
  assert_int_equal(r->max_rate_bytes, 50 << 20);
  assert_int_equal(r->gentle, GENTLE_YES);
  request_free(r);
  r = parse("{\"format\": \"csv\", \"maxRate\": 32768, \"gentle\": false}");
  assert_int_equal(r->max_rate_bytes, 32768);
  assert_int_equal(r->gentle, GENTLE_NO);
  request_free(r);
  r = parse("{\"format\": \"csv\", \"maxRate\": null}");
  assert_int_equal(r->max_rate_bytes, 0);
  assert_int_equal(r->gentle, GENTLE_DEFAULT);
  request_free(r);
  static const char *const refused[] = {"0", "32767", "-1", "\"fast\"", "\"50MB/m\"", "\"/s\"", "true", "[1]", "1e30", "\"2TB\""};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    char text[100];
    snprintf(text, sizeof text, "{\"format\": \"csv\", \"maxRate\": %s}", refused[i]);
    assert_refused(text, "maxRate", "50MB");
  }
  assert_refused("{\"format\": \"csv\", \"gentle\": 1}", "gentle", "true or false");
}

static void test_every_field_is_read_in_any_order(void **state) {
  struct export_request *r = parse(
      "{\"csv\": {\"header\": false, \"groupRows\": \"4k\", \"quote\": \"all\", \"nullText\": \"\\u00e9\\t\"},"
      "\"limit\": 7, \"orderBy\": [\"id\", \"name DESC\", {\"column\": \"x desc\", \"descending\": true}],"
      "\"where\": [{\"column\": \"v\", \"op\": \"in\", \"value\": [1, \"b\"]}, {\"column\": \"m\", \"op\": \"is_null\"}],"
      "\"columns\": [{\"source\": \"id\", \"target\": \"ID\"}, {\"source\": \"m.a\"}, \"n\"],"
      "\"flatten\": true, \"discover\": \"full\", \"special\": \"replace\", \"compression\": \"zstd:7\","
      "\"table\": \"s.t\", \"query\": null, \"format\": \"csv\"}");
  const struct fake_options *o = r->format_options;
  assert_false(o->header);
  assert_int_equal(o->group_rows, 4096);
  assert_int_equal(o->quote, 0);
  assert_string_equal(o->null_text, "\xC3\xA9\t");
  assert_int_equal(r->limit, 7);
  assert_int_equal(r->order_count, 3);
  assert_false(r->order[0].descending);
  assert_string_equal(r->order[1].column, "name");
  assert_true(r->order[1].descending);
  assert_string_equal(r->order[2].column, "x desc");
  assert_int_equal(r->filter_count, 2);
  assert_int_equal(r->filters[0].value_count, 2);
  assert_string_equal(r->filters[0].values[1], "b");
  assert_int_equal(r->filters[1].op, FILTER_IS_NULL);
  assert_string_equal(r->columns[0].target, "ID");
  assert_string_equal(r->columns[1].target, "m.a");
  assert_string_equal(r->columns[2].source, "n");
  assert_int_equal(r->flatten, FLATTEN_YES);
  assert_int_equal(r->discover, DISCOVER_FULL);
  assert_int_equal(r->special, SPECIAL_REPLACE);
  assert_int_equal(r->level, 7);
  assert_string_equal(r->table, "s.t");
  request_free(r);
}

static void test_numbers_of_where_stay_as_they_were_written(void **state) {
  struct export_request *r = parse(
      "{\"format\":\"csv\",\"where\":[{\"column\":\"v\",\"op\":\"=\",\"value\":12345678901234567890.10},"
      "{\"column\":\"v\",\"op\":\"<\",\"value\":1e999},{\"column\":\"v\",\"op\":\"=\",\"value\":true}]}");
  assert_string_equal(r->filters[0].values[0], "12345678901234567890.10");
  assert_string_equal(r->filters[1].values[0], "1e999");
  assert_string_equal(r->filters[2].values[0], "true");
  request_free(r);
}

static void test_unknown_fields_are_refused_by_their_path(void **state) {
  assert_refused("{\"format\":\"csv\",\"tabel\":\"x\"}", "tabel", "orderBy");
  assert_refused("{\"format\":\"csv\",\"columns\":[{\"sorce\":\"id\"}]}", "columns[0].sorce",
                 "source, target");
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"=\",\"value\":1,\"x\":1}]}",
                 "where[0].x", "op");
  assert_refused("{\"format\":\"csv\",\"csv\":{\"group-rows\":5}}", "csv.group-rows", "groupRows");
  assert_refused("{\"format\":\"csv\",\"format\\u0000\":\"xml\"}", "format?", "unknown");
}

static void test_a_field_that_comes_twice_is_refused(void **state) {
  assert_refused("{\"format\":\"csv\",\"limit\":1,\"limit\":2}", "limit", "twice");
  assert_refused("{\"format\":\"csv\",\"format\":\"xml\"}", "format", "twice");
  assert_refused("{\"format\":\"csv\",\"csv\":{\"header\":true,\"header\":false}}", "csv.header", "twice");
}

static void test_values_of_a_wrong_type_or_range_name_their_field(void **state) {
  assert_refused("{\"format\":5}", "format", "a string is needed, not a number");
  assert_refused("{\"format\":\"cvs\"}", "format", "csv, xml, parquet");
  assert_refused("{}", "format", "missing");
  assert_refused("{\"format\":\"csv\",\"limit\":-1}", "limit", "from 0");
  assert_refused("{\"format\":\"csv\",\"limit\":1.5}", "limit", "from 0");
  assert_refused("{\"format\":\"csv\",\"limit\":\"5\"}", "limit", "from 0");
  assert_refused("{\"format\":\"csv\",\"flatten\":\"no\"}", "flatten", "true or false");
  assert_refused("{\"format\":\"csv\",\"special\":\"zero\"}", "special", "error, null, string, replace");
  assert_refused("{\"format\":\"csv\",\"discover\":\"some\"}", "discover", "sample, full");
  assert_refused("{\"format\":\"csv\",\"columns\":[]}", "columns", "empty");
  assert_refused("{\"format\":\"csv\",\"columns\":[{\"target\":\"x\"}]}", "columns[0].source", "missing");
  assert_refused("{\"format\":\"csv\",\"columns\":[{\"source\":\"a\\u0000b\"}]}", "columns[0].source",
                 "U+0000");
  assert_refused("{\"format\":\"csv\",\"table\":\"\"}", "table", "empty");
  assert_refused("{\"format\":\"csv\",\"csv\":{\"header\":\"true\"}}", "csv.header", "true or false");
  assert_refused("{\"format\":\"csv\",\"csv\":{\"groupRows\":0}}", "csv.groupRows",
                 "csv.groupRows: \"0\" is not");
  assert_refused("{\"format\":\"csv\",\"compression\":\"rar\"}", "compression", "codec");
}

static void test_filters_need_the_values_that_their_operator_takes(void **state) {
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"~\",\"value\":1}]}",
                 "where[0].op", "like");
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"=\"}]}", "where[0].value",
                 "one value");
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"in\",\"value\":[]}]}",
                 "where[0].value", "list");
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"=\",\"value\":null}]}",
                 "where[0].value", "is_null");
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"is_null\",\"value\":1}]}",
                 "where[0].value", "no value");
  assert_refused("{\"format\":\"csv\",\"where\":[{\"column\":\"a\",\"op\":\"in\",\"value\":[[1]]}]}",
                 "where[0].value[0]", "a list");
}

static void test_rules_across_fields_are_checked(void **state) {
  assert_refused("{\"format\":\"csv\",\"table\":\"a\",\"query\":\"b\"}", "query", "not both");
  assert_refused("{\"format\":\"parquet\",\"compression\":\"zstd\"}", "compression", "parquet.compression");
  assert_refused("{\"format\":\"xml\",\"csv\":{}}", "csv", "another format");
  assert_refused("{\"format\":\"xml\",\"special\":\"string\"}", "special", "error, null");
  assert_refused("{\"format\":\"csv\",\"columns\":[{\"source\":\"a\",\"target\":\"x\"},\"b\",{\"source\":"
                 "\"c\",\"target\":\"x\"}]}",
                 "columns[2].target", "\"x\"");
}

static void test_what_says_how_paths_are_found_is_refused_where_none_are(void **state) {
  assert_refused("{\"format\":\"csv\",\"flatten\":false,\"discover\":\"full\"}", "discover",
                 "discover: no paths");
  assert_refused("{\"format\":\"xml\",\"sampleRows\":5}", "sampleRows", "in this format");
  assert_refused("{\"format\":\"csv\",\"flatten\":false,\"maxPaths\":5}", "maxPaths", "flatten");
  assert_refused("{\"format\":\"csv\",\"flatten\":true,\"discover\":\"full\",\"sampleRows\":5}", "sampleRows",
                 "every row");
  request_free(parse("{\"format\":\"csv\",\"flatten\":false,\"discover\":\"sample\"}"));
}

static void assert_spelled(enum spelling spelling, const char *field, const char *message,
                           const char *spelled_field, const char *spelled_message) {
  struct error err;
  struct export_request *r = request_new(&err);
  assert_non_null(r);
  assert_true(request_set_format(r, "csv", &err));
  r->spelling = spelling;
  error_set_field(&err, field, "%s", message);
  request_spell_error(r, &err);
  assert_string_equal(err.field, spelled_field);
  assert_string_equal(err.message, spelled_message);
  request_free(r);
}

static void test_errors_name_a_field_as_whoever_asked_spells_it(void **state) {
  assert_spelled(SPELLING_FLAGS, "orderBy[2].column", "orderBy[2].column: a name", "order-by",
                 "--order-by: a name");
  assert_spelled(SPELLING_FLAGS, "limit", "limit: wrong", "limit", "--limit: wrong");
  assert_spelled(SPELLING_FLAGS, "limit", "--limit: wrong", "limit", "--limit: wrong");
  assert_spelled(SPELLING_FLAGS, "csv.null-text", "option \"csv.null-text\": no", "csv.null-text",
                 "option \"csv.null-text\": no");
  assert_spelled(SPELLING_JSON, "csv.null-text", "option \"csv.null-text\": no", "csv.nullText",
                 "csv.nullText: no");
  assert_spelled(SPELLING_JSON, "orderBy[2].column", "orderBy[2].column: a", "orderBy[2].column",
                 "orderBy[2].column: a");
  assert_spelled(SPELLING_JSON, "csv.null-text", "unknown option", "csv.null-text", "unknown option");
}

static void test_a_body_that_is_no_json_object_is_refused(void **state) {
  assert_refused("", "", "empty");
  assert_refused("[]", "", "an object is needed");
  assert_refused("{\"format\":\"csv\",}", "", "not valid JSON: no key at byte 16");
  assert_refused("{\"format\":\"csv\"", "", "it is cut at byte 15");
  assert_refused("{\"format\":\"csv\"} x", "", "goes on");
  assert_refused("{\"format\":\"\xC3\"}", "", "UTF-8");
  assert_refused("{\"format\":\"\xED\xA0\x80\"}", "", "UTF-8");
  assert_refused("{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", "", "16 levels");
  size_t len = REQUEST_JSON_BYTES_MAX + 1;
  char *large = malloc(len);
  assert_non_null(large);
  memset(large, ' ', len);
  struct export_request *r;
  struct error err;
  assert_false(request_parse_json(large, len, NULL, &r, &err));
  assert_non_null(strstr(err.message, "1048576"));
  free(large);
}

static void test_the_canonical_text_parses_back_to_itself(void **state) {
  struct export_request *r = parse(
      "{\"format\":\"csv\",\"csv\":{\"nullText\":\"\\\"\\\\\",\"quote\":\"all\"},\"table\":\"a.\\\"b c\\\"\",\"limit\":0,"
      "\"columns\":[{\"source\":\"m.\\\"a.b\\\".c\",\"target\":\"\\u4e16\\n\"}],\"orderBy\":[\"id desc\"],"
      "\"where\":[{\"column\":\"v\",\"op\":\">=\",\"value\":10.50},{\"column\":\"v\",\"op\":\"not_null\"}],"
      "\"compression\":\"zstd:9\",\"flatten\":true,\"gentle\":false,\"maxRate\":\"1MB\"}");
  struct buffer first, second;
  buffer_init(&first, 1 << 16);
  buffer_init(&second, 1 << 16);
  request_to_json(r, &first);
  buffer_append_byte(&first, 0);
  request_free(r);
  assert_non_null(strstr((char *)first.data, "\"10.50\""));
  assert_non_null(strstr((char *)first.data, "zstd:9"));
  assert_non_null(strstr((char *)first.data, "\"gentle\":false,\"maxRate\":1048576"));
  assert_non_null(strstr((char *)first.data, "\"groupRows\":1024"));
  r = parse((char *)first.data);
  request_to_json(r, &second);
  buffer_append_byte(&second, 0);
  assert_string_equal((char *)first.data, (char *)second.data);
  request_free(r);
  buffer_deinit(&first);
  buffer_deinit(&second);
}

static void test_a_list_longer_than_the_limit_is_refused(void **state) {
  struct error err;
  struct export_request *r = request_new(&err);
  for (int i = 0; i < REQUEST_LIST_MAX; i++) assert_true(request_add_order(r, "a", false, &err));
  assert_false(request_add_order(r, "a", false, &err));
  assert_string_equal(err.field, "orderBy");
  request_free(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_the_least_request_takes_the_default_table_and_all_columns),
      cmocka_unit_test(test_a_rate_is_a_number_of_bytes_or_a_text_and_gentle_is_yes_no_or_the_services),
      cmocka_unit_test(test_every_field_is_read_in_any_order),
      cmocka_unit_test(test_numbers_of_where_stay_as_they_were_written),
      cmocka_unit_test(test_unknown_fields_are_refused_by_their_path),
      cmocka_unit_test(test_a_field_that_comes_twice_is_refused),
      cmocka_unit_test(test_values_of_a_wrong_type_or_range_name_their_field),
      cmocka_unit_test(test_filters_need_the_values_that_their_operator_takes),
      cmocka_unit_test(test_rules_across_fields_are_checked),
      cmocka_unit_test(test_what_says_how_paths_are_found_is_refused_where_none_are),
      cmocka_unit_test(test_errors_name_a_field_as_whoever_asked_spells_it),
      cmocka_unit_test(test_a_body_that_is_no_json_object_is_refused),
      cmocka_unit_test(test_the_canonical_text_parses_back_to_itself),
      cmocka_unit_test(test_a_list_longer_than_the_limit_is_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
