#include "unit.h"

#include "row/flatten.h"

#include <stdio.h>

static void assert_path(const char *text, size_t key_count, const char *const *keys) {
  struct error err;
  struct json_path path;
  if (!json_path_parse(text, &path, &err)) print_error("%s: %s\n", text, err.message);
  assert_int_equal(path.key_count, key_count);
  for (size_t i = 0; i < key_count; i++) assert_string_equal(path.keys[i], keys[i]);
  json_path_deinit(&path);
}

static void test_a_path_is_keys_joined_by_dots(void **state) {
  assert_path("a", 1, (const char *const[]){"a"});
  assert_path("address.city", 2, (const char *const[]){"address", "city"});
  assert_path("a b.0.$[x]\\.\xc3\xa9", 4, (const char *const[]){"a b", "0", "$[x]\\", "\xc3\xa9"});
}

static void test_a_key_in_quotes_is_a_json_string(void **state) {
  assert_path("\"a.b\".c", 2, (const char *const[]){"a.b", "c"});
  assert_path("\"\"", 1, (const char *const[]){""});
  assert_path("\"\".\"\"", 2, (const char *const[]){"", ""});
  assert_path("x.\"say \\\"hi\\\"\\n\\u00e9\"", 2, (const char *const[]){"x", "say \"hi\"\n\xc3\xa9"});
}

static void test_a_malformed_path_is_refused_and_shown(void **state) {
  static const char *const bad[] = {
      "", ".", "a.", ".a", "a..b", "a\"b", "\"a", "\"a\"b", "\"a\".", "\"\\u0000\"", "\"a\\x\"", "a.b\"c\""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct error err;
    struct json_path path;
    assert_false(json_path_parse(bad[i], &path, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.message, bad[i]));
    assert_null(path.keys);
  }
  struct error err;
  struct json_path path;
  assert_false(json_path_parse("\"a\nb\"", &path, &err));
  assert_non_null(strstr(err.message, "\"a b\""));   /* a message is one line */
}

static void test_writing_a_path_gives_text_that_reads_back(void **state) {
  static const char *const texts[] = {
      "a", "address.city", "\"a.b\".c", "\"\"", "x.\"say \\\"hi\\\"\"", "back\\slash"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    struct error err;
    struct json_path path;
    struct buffer out;
    buffer_init(&out, 100);
    assert_true(json_path_parse(texts[i], &path, &err));
    json_path_write(&path, &out);
    char *text = buffer_take_string(&out);
    assert_string_equal(text, texts[i]);
    free(text);
    json_path_deinit(&path);
  }
}

/* --- Collecting --------------------------------------------------------------------------------------- */

static bool collect(struct path_collector *c, const char *json, struct error *err) {
  size_t len = strlen(json);
  uint8_t *copy = malloc(len ? len : 1);   /* ends where its heap block ends */
  assert_non_null(copy);
  memcpy(copy, json, len);
  bool ok = path_collector_add(c, copy, len, err);
  free(copy);
  return ok;
}

static void assert_paths(struct path_collector *c, const char *expected) {
  struct buffer out;
  size_t count;
  buffer_init(&out, 1 << 20);
  const struct found_path *found;
  struct error err;
  assert_true(path_collector_finish(c, &found, &count, &err));
  for (size_t i = 0; i < count; i++) {
    if (i) buffer_append_byte(&out, ' ');
    if (found[i].path.key_count) json_path_write(&found[i].path, &out);
    else buffer_append_byte(&out, '^');
  }
  char *text = buffer_take_string(&out);
  assert_string_equal(text, expected);
  free(text);
}

static void assert_collects(const char *const *documents, const char *expected) {
  struct error err;
  struct path_collector *c = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &err);
  assert_non_null(c);
  for (; *documents; documents++)
    if (!collect(c, *documents, &err)) print_error("%s: %s\n", *documents, err.message);
  assert_paths(c, expected);
  path_collector_free(c);
}

static void test_leaves_become_paths(void **state) {
  assert_collects((const char *const[]){NULL}, "");
  assert_collects((const char *const[]){"{\"b\":1,\"a\":{\"x\":[1,{\"y\":2}],\"e\":{}}}", NULL}, "a.e a.x b");
  assert_collects((const char *const[]){"{\"a\":{\"b\":{\"c\":null}}}", " { \"a\" : { \"d\" : 1 } } ", NULL},
                  "a.b.c a.d");
  assert_collects((const char *const[]){"{\"a\":1}", "{\"a\":{\"b\":2}}", "{\"a\":[]}", NULL}, "a a.b");
}

static void test_a_top_that_is_no_object_is_the_empty_path(void **state) {
  assert_collects((const char *const[]){"5", "{\"a\":1}", NULL}, "^ a");
  assert_collects((const char *const[]){"{}", NULL}, "^");
  assert_collects((const char *const[]){"[]", "null", "\"x\"", NULL}, "^");
}

static void test_only_the_last_of_duplicate_keys_is_collected(void **state) {
  assert_collects((const char *const[]){"{\"a\":{\"b\":1,\"c\":2},\"a\":{\"d\":3}}", NULL}, "a.d");
  assert_collects((const char *const[]){"{\"a\":{\"b\":1},\"\\u0061\":2}", NULL}, "a");
  assert_collects((const char *const[]){"{\"a\":2,\"a\":{\"b\":1,\"b\":{}}}", NULL}, "a.b");
  assert_collects(
      (const char *const[]){"{\"a\":{\"b\":{\"c\":1},\"b\":{\"d\":1}}}", "{\"a\":{\"b\":{\"c\":1}}}", NULL},
      "a.b.c a.b.d");
}

static void test_paths_come_in_bytewise_order_of_their_spelling(void **state) {
  assert_collects((const char *const[]){"{\"b\":1,\"a\":{\"z\":1,\"b\":2},\"a-b\":3,\"a0\":4,\"A\":5,"
                                        "\"\xc3\xa9\":6,\"\":7,\"a.a\":8,\"ab\":{\"\":9}}",
                                        NULL},
                  "\"\" A a-b \"a.a\" a.b a.z a0 ab.\"\" b \xc3\xa9");
}

static void test_what_no_path_can_name_makes_the_collection_partial(void **state) {
  struct error err;
  struct path_collector *c = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &err);
  assert_true(collect(c, "{\"a\":1}", &err));
  assert_false(path_collector_is_partial(c));
  assert_true(collect(c, "{\"a\\u0000\":{\"b\":1},\"b\":2}", &err));
  assert_true(path_collector_is_partial(c));
  assert_paths(c, "a b");
  path_collector_free(c);
}

static void test_objects_below_the_deepest_path_are_left_to_the_rest(void **state) {
  for (int depth = PATH_KEYS_MAX - 1; depth <= PATH_KEYS_MAX + 40; depth++) {
    struct error err;
    struct path_collector *c = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &err);
    char document[20 * PATH_KEYS_MAX] = "";
    size_t count;
    for (int i = 0; i < depth; i++) strcat(document, "{\"k\":");
    strcat(document, "[{}]");
    for (int i = 0; i < depth; i++) strcat(document, "}");
    assert_true(collect(c, document, &err));
    const struct found_path *found;
    assert_true(path_collector_finish(c, &found, &count, &err));
    assert_int_equal(count, depth <= PATH_KEYS_MAX);
    if (count) assert_int_equal(found[0].path.key_count, depth);
    assert_int_equal(path_collector_is_partial(c), depth > PATH_KEYS_MAX);
    path_collector_free(c);
  }
}

static void test_text_that_is_not_json_is_an_error(void **state) {
  static const char document[] =
      "{\"a\": {\"b\": \"x\\u00e9\\n\", \"c\": {\"d\": [1, {\"e\": null}]}}, \"f\": -1.5e3, \"\\u0067\": {}}";
  struct error err;
  struct path_collector *c = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &err);
  char cut[sizeof document];
  for (size_t len = 0; len < sizeof document - 1; len++) {
    snprintf(cut, sizeof cut, "%.*s", (int)len, document);
    assert_false(collect(c, cut, &err));
    assert_int_equal(err.code, ERR_SOURCE);
  }
  assert_false(collect(c, "{} {}", &err));
  assert_paths(c, "");
  assert_true(collect(c, document, &err));
  assert_paths(c, "a.b a.c.d f g");
  path_collector_free(c);
}

static void test_too_many_paths_are_refused(void **state) {
  struct error err;
  struct path_collector *c = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &err);
  char document[64];
  for (int i = 0; i < FLATTEN_PATHS_MAX; i++) {
    snprintf(document, sizeof document, "{\"o\":{\"k%d\":1}}", i);
    assert_true(collect(c, document, &err));
  }
  assert_true(collect(c, "{\"o\":{\"k0\":1,\"k1\":{},\"k9999\":0}}", &err));
  assert_false(collect(c, "{\"o\":{\"k-\":1}}", &err));
  assert_int_equal(err.code, ERR_USAGE);
  const struct found_path *found;
  size_t count;
  assert_true(path_collector_finish(c, &found, &count, &err));
  assert_int_equal(count, FLATTEN_PATHS_MAX);
  path_collector_free(c);
}

static void test_long_keys_take_no_more_memory_than_promised(void **state) {
  struct error err;
  struct path_collector *c = path_collector_new(FLATTEN_PATHS_MAX, TOO_MANY_FAILS, &err);
  static char document[(1 << 20) + 100];
  bool ok = true;
  int rounds = 0;
  for (; ok && rounds < 100; rounds++) {
    int head = sprintf(document, "{\"");
    memset(document + head, 'k', 1 << 20);
    sprintf(document + head + (1 << 20), "\":{\"x%d\":1}}", rounds);
    ok = collect(c, document, &err);
  }
  assert_false(ok);
  assert_int_equal(err.code, ERR_USAGE);
  assert_true(rounds <= 9);
  path_collector_free(c);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_path_is_keys_joined_by_dots),
      cmocka_unit_test(test_a_key_in_quotes_is_a_json_string),
      cmocka_unit_test(test_a_malformed_path_is_refused_and_shown),
      cmocka_unit_test(test_writing_a_path_gives_text_that_reads_back),
      cmocka_unit_test(test_leaves_become_paths),
      cmocka_unit_test(test_a_top_that_is_no_object_is_the_empty_path),
      cmocka_unit_test(test_only_the_last_of_duplicate_keys_is_collected),
      cmocka_unit_test(test_paths_come_in_bytewise_order_of_their_spelling),
      cmocka_unit_test(test_what_no_path_can_name_makes_the_collection_partial),
      cmocka_unit_test(test_objects_below_the_deepest_path_are_left_to_the_rest),
      cmocka_unit_test(test_text_that_is_not_json_is_an_error),
      cmocka_unit_test(test_too_many_paths_are_refused),
      cmocka_unit_test(test_long_keys_take_no_more_memory_than_promised),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
