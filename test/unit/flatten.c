#include "flatten_bench.h"

static void test_paths_pick_leaves_whatever_their_order(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "id", false, FLATTEN_TEXT);
  bench_path(&b, "address.city", false, FLATTEN_TEXT);
  bench_path(&b, "address.geo.lat", false, FLATTEN_TEXT);
  bench_path(&b, "tags", false, FLATTEN_TEXT);
  assert_flattens(
      &b, "{\"id\": 1, \"address\": {\"city\": \"Bern\", \"geo\": {\"lat\": 46.9}}, \"tags\": [1, 2]}",
      "1|Bern|46.9|[1, 2]");
  assert_flattens(&b,
                  "{\"tags\":[],\"address\":{\"geo\":{\"lat\":-1e9,\"lon\":2},\"city\":\"\"},\"id\":true}",
                  "true||-1e9|[]");
  assert_flattens(&b, "{\"x\":1,\"address\":{\"zip\":2},\"id\":false}", "false|~|~|~");
  assert_flattens(&b, "{\"id\": 1, \"address\": {\"city\": \"Bern\"}}", "1|Bern|~|~");
  assert_flattens(&b, " \n{ \"id\"\t:\r1 , \"address\" : { \"city\" : \"Bern\" } , \"tags\" : [ 1 ] } ",
                  "1|Bern|~|[ 1 ]");
  bench_close(&b);
}

static void test_a_missing_key_is_null_and_json_null_is_text(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  assert_flattens(&b, "{}", "~");
  assert_flattens(&b, "{\"a\":null}", "null");
  assert_flattens(&b, "{\"b\":null}", "~");
  b.cells[0].len = -1;
  b.cells[1].len = 5;
  assert_true(flattener_run(b.flattener, b.cells, &b.err));
  assert_true(cell_is_null(&b.cells[1]));
  bench_close(&b);
}

static void test_the_version_byte_of_jsonb_is_skipped(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSONB);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  assert_flattens(&b, "{\"a\": 1}", "1");
  b.document[0] = 2;
  assert_false(flattener_run(b.flattener, b.cells, &b.err));
  assert_int_equal(b.err.code, ERR_SOURCE);
  b.cells[0].len = 0;
  assert_false(flattener_run(b.flattener, b.cells, &b.err));
  bench_close(&b);
}

static void test_strings_are_unescaped_in_text_form_only(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_path(&b, "a", false, FLATTEN_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  assert_flattens(&b, "{\"a\":\"x\\ny\\u00e9\\ud83d\\ude00\"}",
                  "x\ny\xc3\xa9\xf0\x9f\x98\x80|\"x\\ny\\u00e9\\ud83d\\ude00\"|x\ny\xc3\xa9\xf0\x9f\x98\x80");
  assert_flattens(&b, "{\"a\":\"\"}", "|\"\"|");
  assert_flattens(&b, "{\"a\":1.50}", "1.50|1.50|1.50");
  bench_close(&b);
}

static void test_keys_are_compared_unescaped(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "\"a\\\"b\"", false, FLATTEN_TEXT);
  bench_path(&b, "caf\xc3\xa9", false, FLATTEN_TEXT);
  bench_path(&b, "\"\"", false, FLATTEN_TEXT);
  bench_path(&b, "\"x.y\".z", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, "{\"a\\\"b\":1,\"caf\\u00e9\":2,\"\":3,\"x.y\":{\"z\":4}}", "1|2|3|4|~");
  assert_flattens(&b, "{\"\\u0061\\u0022\\u0062\":1,\"\\u0063af\xc3\xa9\":2,\"\\u0078.y\":{\"\\u007a\":4}}",
                  "1|2|~|4|~");
  assert_flattens(&b, "{\"x\":{\"y\":{\"z\":1}},\"caf\":2,\"a\\\\\":3}",
                  "~|~|~|~|{\"x\":{\"y\":{\"z\":1}},\"caf\":2,\"a\\\\\":3}");
  assert_flattens(&b, "{\"\\u0000\":1,\"caf\\u00e9\\u0000\":2}",
                  "~|~|~|~|{\"\\u0000\":1,\"caf\\u00e9\\u0000\":2}");
  bench_close(&b);
}

static void test_keys_that_begin_alike_are_told_apart(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "measured_at_one", false, FLATTEN_TEXT);
  bench_path(&b, "measured_at_two", false, FLATTEN_TEXT);
  bench_path(&b, "measured", false, FLATTEN_TEXT);
  bench_path(&b, "measure", false, FLATTEN_TEXT);
  bench_rest(&b);
  for (int round = 0; round < 3; round++) {
    assert_flattens(&b, "{\"measured_at_one\":1,\"measured_at_two\":2,\"measured\":3,\"measure\":4}",
                    "1|2|3|4|~");
    assert_flattens(&b, "{\"measured_at_two\":2,\"measured_at_one\":1,\"measure\":4,\"measured\":3}",
                    "1|2|3|4|~");
    assert_flattens(
        &b, "{\"measured_at_six\":1,\"measured_at_on\":2,\"measurer\":3,\"measur\":4,\"measured_at_one_\":5}",
        "~|~|~|~|{\"measured_at_six\":1,\"measured_at_on\":2,\"measurer\":3,\"measur\":4,"
        "\"measured_at_one_\":5}");
  }
  bench_close(&b);
}

static void test_empty_objects_and_arrays_are_leaves(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "", false, FLATTEN_TEXT);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_path(&b, "a.b", false, FLATTEN_JSON);
  bench_rest(&b);
  assert_flattens(&b, "{}", "{}|~|~|~");
  assert_flattens(&b, " { } ", "{}|~|~|~");
  assert_flattens(&b, "{\"a\":{ }}", "~|{}|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":{\n}}}", "~|~|{}|~");
  assert_flattens(&b, "{\"a\":[]}", "~|[]|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":[{}, {\"b\":1}]}}", "~|~|[{}, {\"b\":1}]|~");
  bench_close(&b);
}

static void test_a_value_at_the_top_goes_to_the_empty_path(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "", false, FLATTEN_TEXT);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, "5", "5|~|~");
  assert_flattens(&b, "\"a b\"", "a b|~|~");
  assert_flattens(&b, "[{\"a\":1}]", "[{\"a\":1}]|~|~");
  assert_flattens(&b, "null", "null|~|~");
  assert_flattens(&b, "{\"a\":1}", "~|1|~");
  bench_close(&b);
}

static void test_without_an_empty_path_the_rest_is_the_value_itself(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a.b", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, "5", "~|5");
  assert_flattens(&b, "[1, {}]", "~|[1, {}]");
  assert_flattens(&b, "{}", "~|{}");
  assert_flattens(&b, "\"s\\n\"", "~|\"s\\n\"");
  bench_close(&b);
}

static void test_a_path_may_be_a_scalar_here_and_an_object_there(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_path(&b, "a.b", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, "{\"a\":1}", "1|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":2}}", "~|2|~");
  assert_flattens(&b, "{\"a\":{\"c\":2}}", "~|~|{\"a\":{\"c\":2}}");
  bench_close(&b);
}

static void test_the_rest_keeps_what_no_path_picked_where_it_was(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a.b.c", false, FLATTEN_TEXT);
  bench_path(&b, "a.d", false, FLATTEN_TEXT);
  bench_path(&b, "\"q\\\"\".e", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, "{\"a\":{\"b\":{\"c\":1},\"d\":2},\"q\\\"\":{\"e\":3}}", "1|2|3|~");
  assert_flattens(&b, "{\"x\": 1, \"y\" : [2], \"a\":{\"b\":{\"c\":1}}, \"z\":{\"a\":1}}",
                  "1|~|~|{\"x\": 1, \"y\" : [2],\"z\":{\"a\":1}}");
  assert_flattens(
      &b, "{\"a\":{\"u\":1,\"b\":{\"v\":2,\"c\":3,\"w\":4},\"d\":5,\"x\":6},\"q\\u0022\":{\"y\":7},\"z\":8}",
      "3|5|~|{\"a\":{\"u\":1,\"b\":{\"v\":2,\"w\":4},\"x\":6},\"q\\\"\":{\"y\":7},\"z\":8}");
  assert_flattens(&b, "{\"a\":{\"b\":7}}", "~|~|~|{\"a\":{\"b\":7}}");
  assert_flattens(&b, "{\"a\":[1],\"q\\\"\":null}", "~|~|~|{\"a\":[1],\"q\\\"\":null}");
  assert_flattens(&b, "{\"a\":{\"d\":{\"c\":1},\"b\":{}}}", "~|~|~|{\"a\":{\"d\":{\"c\":1},\"b\":{}}}");
  bench_close(&b);
}

static void test_the_last_duplicate_wins_with_everything_under_it(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_path(&b, "a.b", false, FLATTEN_TEXT);
  bench_path(&b, "a.c.d", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, "{\"a\":1,\"a\":2}", "2|~|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"a\":3}", "3|~|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":1,\"c\":{\"d\":2}},\"a\":{\"b\":4}}", "~|4|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":1,\"b\":{},\"b\":2},\"\\u0061\":{\"c\":{\"d\":5}}}", "~|~|5|~");
  assert_flattens(&b, "{\"a\":{\"x\":1},\"a\":{\"b\":2}}", "~|2|~|~");
  assert_flattens(&b, "{\"a\":{\"c\":{\"y\":1},\"x\":1,\"c\":{\"z\":3}},\"n\":0}",
                  "~|~|~|{\"a\":{\"x\":1,\"c\":{\"z\":3}},\"n\":0}");
  assert_flattens(&b, "{\"a\":{\"c\":{\"y\":1},\"c\":{\"d\":3}}}", "~|~|3|~");
  assert_flattens(&b, "{\"a\":{\"c\":7},\"m\":1,\"a\":{\"b\":3},\"m\":2}", "~|3|~|{\"m\":1,\"m\":2}");
  assert_flattens(&b, "{\"a\":{\"c\":{\"x\":1}},\"a\":{\"c\":{\"x\":2}},\"a\":null}", "null|~|~|~");
  bench_close(&b);
}

static void test_a_path_of_the_users_takes_an_object_whole(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", true, FLATTEN_TEXT);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_path(&b, "a.b", false, FLATTEN_TEXT);
  bench_path(&b, "e.f", true, FLATTEN_JSON);
  bench_rest(&b);
  assert_flattens(&b, "{\"a\":{\"b\":1, \"c\":2},\"e\":{\"f\":{\"g\":[]},\"h\":3}}",
                  "{\"b\":1, \"c\":2}|~|1|{\"g\":[]}|{\"e\":{\"h\":3}}");
  assert_flattens(&b, "{\"a\":4}", "4|4|~|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":{\"x\":1}}}", "{\"b\":{\"x\":1}}|~|~|~|~");
  assert_flattens(&b, "{\"a\":{\"b\":1},\"a\":[]}", "[]|[]|~|~|~");
  bench_close(&b);
}

static void test_the_whole_document_can_be_picked(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "", true, FLATTEN_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_rest(&b);
  assert_flattens(&b, " {\"a\":1,\"b\":2} ", "{\"a\":1,\"b\":2}|1|~");
  bench_close(&b);
}

static void test_shapes_may_change_from_row_to_row(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  char keys[8] = "k0";
  for (int i = 0; i < 8; i++) {
    keys[1] = (char)('0' + i);
    bench_path(&b, keys, false, FLATTEN_TEXT);
  }
  uint32_t random = 7;
  for (int round = 0; round < 5000; round++) {
    char document[200] = "{", expected[100];
    int order[8] = {0, 1, 2, 3, 4, 5, 6, 7}, count = 0;
    bool present[8] = {false};
    for (int i = 0; i < 8; i++) {
      random = random * 1664525u + 1013904223u;
      int j = i + (int)((random >> 16) % (unsigned)(8 - i)), k = order[j];
      order[j] = order[i];
      if (random >> 30 == 0) continue;
      present[k] = true;
      sprintf(document + strlen(document), "%s\"k%d\": %d", count++ ? ", " : "", k, k * 11);
    }
    strcat(document, "}");
    *expected = '\0';
    for (int i = 0; i < 8; i++) {
      if (i) strcat(expected, "|");
      if (present[i]) sprintf(expected + strlen(expected), "%d", i * 11);
      else strcat(expected, "~");
    }
    assert_flattens(&b, document, expected);
  }
  bench_close(&b);
}

static void test_text_that_is_not_json_is_an_error_that_names_the_column(void **state) {
  static const char *const bad[] = {
      "", " ", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{\"a\":1}}", "{\"a\":1} x",
      "{\"a\" 1}", "{\"a\":{\"b\":1}", "{\"a\":{\"b\":1]}", "{,}", "{\"a\":tru}", "{\"a\":\"\n\"}",
      "{\"x\":}", "{\"x\":[}", "{x:1}", "{\"a\":1 \"b\":2}", "{\"\\x\":1}", "{\"a\":\"\\u12\"}", "1 2",
      "{\"a\":01}", "{\"a\":{}", "{\"a\":{,}}"};
  struct bench b;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  bench_path(&b, "a.b", false, FLATTEN_TEXT);
  bench_rest(&b);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (bench_run_bytes(&b, bad[i], strlen(bad[i]))) print_error("accepted: %s\n", bad[i]);
    assert_int_equal(b.err.code, ERR_SOURCE);
    assert_non_null(strstr(b.err.message, "\"meta\""));
    b.err.code = ERR_NONE;
    assert_flattens(&b, "{\"a\":{\"b\":1}}", "~|1|~");   /* and the next row is right again */
  }
  bench_close(&b);
}

static void test_a_document_cut_or_changed_at_any_byte_never_reads_beyond(void **state) {
  static const char document[] = "{\"a\": {\"b\": \"x\\u00e9\\n\", \"c\": {\"d\": [1, {\"e\": null}]}}, "
                                 "\"f\": -1.5e3, \"a\": {\"b\": true}, \"\\u0067\": {}}";
  struct bench b;
  bench_open(&b, KIND_JSONB);
  bench_path(&b, "a.b", false, FLATTEN_TEXT);
  bench_path(&b, "a.c.d", false, FLATTEN_TEXT);
  bench_path(&b, "a.c", true, FLATTEN_JSON);
  bench_path(&b, "g", false, FLATTEN_TEXT);
  bench_rest(&b);
  size_t len = sizeof document - 1;
  for (size_t cut = 0; cut < len; cut++) assert_false(bench_run_bytes(&b, document, cut));
  assert_flattens(&b, document, "true|~|~|{}|{\"f\": -1.5e3}");
  for (size_t at = 0; at < len; at++) {
    for (int c = 0; c < 256; c++) {
      char changed[sizeof document];
      memcpy(changed, document, len);
      changed[at] = (char)c;
      (void)!bench_run_bytes(&b, changed, len);
    }
  }
  bench_close(&b);
}

static void test_objects_nest_deeper_than_any_path(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  char path[2 * PATH_KEYS_MAX + 3] = "", document[20000] = "", rest[20003];
  for (int i = 0; i < PATH_KEYS_MAX; i++) strcat(path, i ? ".k" : "k");
  bench_path(&b, path, false, FLATTEN_TEXT);
  bench_rest(&b);
  for (int depth = 1; depth <= 1000; depth += 37) {
    *document = '\0';
    for (int i = 0; i < depth; i++) strcat(document, "{\"k\":");
    strcat(document, "1");
    for (int i = 0; i < depth; i++) strcat(document, "}");
    snprintf(rest, sizeof rest, "~|%s", document);
    assert_flattens(&b, document, depth == PATH_KEYS_MAX ? "1|~" : rest);
  }
  strcat(path, ".k");
  struct json_path parsed;
  assert_false(json_path_parse(path, &parsed, &b.err));
  bench_close(&b);
}

static void test_many_escaped_strings_in_one_row_stay_where_they_are(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  char *document = malloc(3 << 20), *at = document, name[16];
  assert_non_null(document);
  *at++ = '{';
  for (int i = 0; i < 30; i++) {
    sprintf(name, "k%d", i);
    bench_path(&b, name, false, FLATTEN_TEXT);
    at += sprintf(at, "%s\"k%d\":\"%d\\n", i ? "," : "", i, i);
    memset(at, 'x', (size_t)(i * 3000));
    at += i * 3000;
    *at++ = '"';
  }
  *at++ = '}';
  for (int round = 0; round < 3; round++) {
    assert_true(bench_run_bytes(&b, document, (size_t)(at - document)));
    for (int i = 0; i < 30; i++) {
      const struct cell *c = &b.cells[1 + i];
      int digits = sprintf(name, "%d\n", i);
      assert_int_equal(c->len, i * 3000 + digits);
      assert_memory_equal(c->data, name, (size_t)digits);
      for (int j = digits; j < c->len; j++) assert_int_equal(c->data[j], 'x');
    }
    assert_flattens(&b, "{\"k0\":\"\\t\",\"k29\":1}",
                    "\t|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|1");
  }
  free(document);
  bench_close(&b);
}

static void test_two_columns_do_not_mix(void **state) {
  struct error err;
  struct wire_column wire[3] = {
      {.name = "id", .kind = KIND_INT4}, {.name = "m", .kind = KIND_JSON}, {.name = "n", .kind = KIND_JSONB}};
  struct schema schema = {.wire = wire, .wire_count = 3};
  struct flatten_set *set = flatten_set_new(&err);
  struct json_path path;
  size_t cell, at;
  assert_true(json_path_parse("a", &path, &err));
  assert_true(flatten_set_add(set, 1, &path, false, FLATTEN_TEXT, &cell, &err));
  assert_true(flatten_set_add(set, 2, &path, false, FLATTEN_TEXT, &cell, &err));
  assert_true(flatten_set_add_rest(set, 1, &cell, &err));
  assert_true(flatten_set_add_rest(set, 2, &cell, &err));
  json_path_deinit(&path);
  struct flattener *f = flattener_new(set, &schema, &err);
  assert_non_null(f);
  struct cell cells[7] = {{(const uint8_t *)"\0\0\0\1", 4},
                          {(const uint8_t *)"{\"a\":1,\"b\":2}", 13},
                          {(const uint8_t *)"\1{\"a\": 3, \"c\": 4}", 17}};
  assert_true(flattener_run(f, cells, &err));
  static const char *const expected[] = {"1", "3", "{\"b\":2}", "{\"c\": 4}"};
  for (at = 0; at < 4; at++) {
    assert_int_equal(cells[3 + at].len, strlen(expected[at]));
    assert_memory_equal(cells[3 + at].data, expected[at], strlen(expected[at]));
  }
  flattener_free(f);
  wire[2].kind = KIND_TEXT;
  assert_null(flattener_new(set, &schema, &err));
  assert_int_equal(err.code, ERR_USAGE);
  flatten_set_free(set);
}

static void test_paths_beyond_the_limit_are_refused(void **state) {
  struct bench b;
  bench_open(&b, KIND_JSON);
  struct json_path path = {(char *[]){"a"}, 1};
  size_t cell;
  for (int i = 0; i < FLATTEN_PATHS_MAX; i++)
    assert_true(flatten_set_add(b.set, 0, &path, false, FLATTEN_TEXT, &cell, &b.err));
  assert_false(flatten_set_add(b.set, 0, &path, false, FLATTEN_TEXT, &cell, &b.err));
  assert_int_equal(b.err.code, ERR_USAGE);
  assert_int_equal(flatten_set_cell_count(b.set), FLATTEN_PATHS_MAX);
  bench_close(&b);
}

static void test_a_cell_tells_where_it_comes_from(void **state) {
  static const char *const expected[] = {"", "a", "address.\"a.b\".\"\"", "x"};
  struct bench b;
  bench_open(&b, KIND_JSON);
  for (size_t i = 0; i < 4; i++) bench_path(&b, expected[i], i % 2, FLATTEN_TEXT);
  bench_rest(&b);
  for (size_t i = 0; i < 5; i++) {
    struct buffer out;
    size_t wire = 99;
    buffer_init(&out, 100);
    assert_int_equal(flatten_set_describe(b.set, i, &wire, &out), i < 4);
    assert_int_equal(wire, 0);
    char *text = buffer_take_string(&out);
    assert_string_equal(text, i < 4 ? expected[i] : "");
    free(text);
  }
  bench_close(&b);
}

static void test_adding_the_rest_again_gives_the_same_cell(void **state) {
  struct bench b;
  size_t first, second;
  bench_open(&b, KIND_JSON);
  bench_path(&b, "a", false, FLATTEN_TEXT);
  assert_true(flatten_set_add_rest(b.set, 0, &first, &b.err));
  assert_true(flatten_set_add_rest(b.set, 0, &second, &b.err));
  assert_int_equal(first, second);
  assert_flattens(&b, "{\"a\":1,\"b\":2}", "1|{\"b\":2}");
  bench_close(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_paths_pick_leaves_whatever_their_order),
      cmocka_unit_test(test_a_missing_key_is_null_and_json_null_is_text),
      cmocka_unit_test(test_the_version_byte_of_jsonb_is_skipped),
      cmocka_unit_test(test_strings_are_unescaped_in_text_form_only),
      cmocka_unit_test(test_keys_are_compared_unescaped),
      cmocka_unit_test(test_keys_that_begin_alike_are_told_apart),
      cmocka_unit_test(test_empty_objects_and_arrays_are_leaves),
      cmocka_unit_test(test_a_value_at_the_top_goes_to_the_empty_path),
      cmocka_unit_test(test_without_an_empty_path_the_rest_is_the_value_itself),
      cmocka_unit_test(test_a_path_may_be_a_scalar_here_and_an_object_there),
      cmocka_unit_test(test_the_rest_keeps_what_no_path_picked_where_it_was),
      cmocka_unit_test(test_the_last_duplicate_wins_with_everything_under_it),
      cmocka_unit_test(test_a_path_of_the_users_takes_an_object_whole),
      cmocka_unit_test(test_the_whole_document_can_be_picked),
      cmocka_unit_test(test_shapes_may_change_from_row_to_row),
      cmocka_unit_test(test_text_that_is_not_json_is_an_error_that_names_the_column),
      cmocka_unit_test(test_a_document_cut_or_changed_at_any_byte_never_reads_beyond),
      cmocka_unit_test(test_objects_nest_deeper_than_any_path),
      cmocka_unit_test(test_many_escaped_strings_in_one_row_stay_where_they_are),
      cmocka_unit_test(test_two_columns_do_not_mix),
      cmocka_unit_test(test_paths_beyond_the_limit_are_refused),
      cmocka_unit_test(test_a_cell_tells_where_it_comes_from),
      cmocka_unit_test(test_adding_the_rest_again_gives_the_same_cell),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
