#include "unit.h"

#include "row/json.h"

#include <stdio.h>

/* Every text lies at the very end of its own heap block, so that the sanitizer sees any read beyond it. */
static const uint8_t *tight(const char *text, size_t len) {
  uint8_t *copy = malloc(len ? len : 1);
  assert_non_null(copy);
  memcpy(copy, text, len);
  return copy;
}

/* How many bytes of text one value takes, or -1 where it is not JSON. */
static long value_len(const char *text, size_t len) {
  const uint8_t *copy = tight(text, len);
  const uint8_t *end = json_skip_value(copy, copy + len);
  long result = end ? (long)(end - copy) : -1;
  free((void *)copy);
  return result;
}

static const char *const good[] = {
    "{}", "[]", "{ }", "[\t]", "\"\"", "\"a\"", "0", "-0", "12", "-1.5", "1e9", "1E+9", "1.25e-7", "true",
    "false", "null", "[1]", "[1,2]", "[ 1 , 2 ]", "{\"a\":1}", "{ \"a\" : 1 , \"b\" : [ ] }", "[[[]]]",
    "{\"a\":{\"b\":{}}}", "[{},[],\"\",0,true,false,null]",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"", "\"\x7f\xff\xc3\"", "{\"\":\"\"}",
    "{\"a\":1,\"a\":2}", "123456789012345678901234567890.123456789e-400",
    "{\"a\":\"a string that is longer than one vector of sixteen bytes\",\"b\":[1,\n2\r\n,3]}",
};

static void test_a_value_is_skipped_whole_and_no_further(void **state) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    long len = (long)strlen(good[i]);
    assert_int_equal(value_len(good[i], (size_t)len), len);
    char more[200];
    snprintf(more, sizeof more, "%s ,x", good[i]);
    assert_int_equal(value_len(more, strlen(more)), len);
  }
}

static void test_a_value_cut_at_any_byte_is_refused(void **state) {
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    size_t len = strlen(good[i]);
    /* A number cut short is often a number still. */
    if (good[i][0] == '-' || (good[i][0] >= '0' && good[i][0] <= '9')) continue;
    for (size_t cut = 0; cut < len; cut++) assert_int_equal(value_len(good[i], cut), -1);
  }
}

static void test_text_that_is_not_json_is_refused(void **state) {
  static const char *const bad[] = {
      "", " ", "-", "+1", ".5", "1.", "1.e5", "1e", "1e+", "tru", "True", "nul", "nan", "'a'", "a", "{", "}",
      "]", ",", ":", "[1,]", "[,1]", "[1 2]", "[1;2]", "[1}", "{1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
      "{,}", "{\"a\" 1}", "{a:1}", "{\"a\":1]", "{\"a\":1,2}", "{\"a\":1 \"b\":2}", "\"\n\"", "\"\t\"",
      "\"\x1f\"", "\"\\x\"", "\"\\u12g4\"", "\"\\u\"", "\"\\u123\"", "\"\\", "\"\\\"", "[\"]", "[\"a\nb\"]",
      "{\"a\\z\":1}", "[\x01]", "[1,\x0b" "2]", "\xef\xbb\xbf" "1",
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    assert_int_equal(value_len(bad[i], strlen(bad[i])), -1);
  assert_int_equal(value_len("[1,\0]", 5), -1);
  assert_int_equal(value_len("01", 2), 1);   /* the zero is a value; the caller sees what follows */
}

static void test_nesting_is_limited_at_the_promised_depth(void **state) {
  size_t max = JSON_DEPTH_MAX;
  char *text = malloc(14 * max + 100);
  assert_non_null(text);
  for (size_t extra = 0; extra < 2; extra++) {
    size_t depth = max + extra, len = 0;
    for (size_t i = 0; i < depth; i++) {
      const char *open = i % 3 ? "[" : "{\"k\":";
      memcpy(text + len, open, strlen(open));
      len += strlen(open);
    }
    text[len++] = '7';
    for (size_t i = depth; i-- > 0;) text[len++] = i % 3 ? ']' : '}';
    assert_int_equal(value_len(text, len), extra ? -1 : (long)len);
    text[len - 1] = ']';   /* level 0 is an object */
    assert_int_equal(value_len(text, len), -1);
  }
  free(text);
}

static void test_a_stop_in_a_string_is_found_at_every_offset(void **state) {
  char text[80];
  for (size_t at = 0; at < 70; at++) {
    for (int c = 0; c < 256; c++) {
      memset(text, 'x', sizeof text);
      text[0] = '"';
      text[at + 1] = (char)c;
      text[at + 2] = '"';
      const uint8_t *copy = tight(text, at + 3);
      bool escaped;
      const uint8_t *end = json_skip_string(copy, copy + at + 3, &escaped);
      if (c == '"') assert_ptr_equal(end, copy + at + 2);
      else if (c < 0x20 || c == '\\') assert_null(end);
      else assert_ptr_equal(end, copy + at + 3);
      if (end) assert_false(escaped);
      free((void *)copy);
    }
  }
}

static void assert_unescapes(const char *json, const char *text, size_t len) {
  struct buffer out;
  buffer_init(&out, 1000);
  const uint8_t *copy = tight(json, strlen(json));
  assert_true(json_unescape(copy, copy + strlen(json), &out));
  assert_int_equal(out.len, len);
  assert_memory_equal(out.data, text, len);
  free((void *)copy);
  buffer_deinit(&out);
}

static void test_escapes_are_resolved(void **state) {
  assert_unescapes("\"\"", "", 0);
  assert_unescapes("\"plain\"", "plain", 5);
  assert_unescapes("\"a\\\"b\\\\c\\/d\\be\\ff\\ng\\rh\\ti\"", "a\"b\\c/d\be\ff\ng\rh\ti", 17);
  assert_unescapes("\"\\u0041\\u00e9\\u20AC\\u0000!\"", "A\xc3\xa9\xe2\x82\xac\0!", 8);
  assert_unescapes("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4);
  assert_unescapes("\"\\uDBFF\\uDFFF\\ud800\\udc00\"", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80", 8);
}

static void test_a_lone_surrogate_becomes_the_replacement_character(void **state) {
  assert_unescapes("\"\\ud83d\"", "\xef\xbf\xbd", 3);
  assert_unescapes("\"\\ude00x\"", "\xef\xbf\xbdx", 4);
  assert_unescapes("\"\\ud83dx\"", "\xef\xbf\xbdx", 4);
  assert_unescapes("\"\\ud83d\\n\"", "\xef\xbf\xbd\n", 4);
  assert_unescapes("\"\\ud83d\\u0041\"", "\xef\xbf\xbd" "A", 4);
  assert_unescapes("\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7);
}

static ptrdiff_t half_pair_at(const char *text) {
  uint8_t *copy = malloc(strlen(text) + 1);
  assert_non_null(copy);
  uint8_t *start = copy + 1;   /* text ends where the memory does: the sanitizer sees what is read behind it */
  memcpy(start, text, strlen(text));
  const uint8_t *half = json_find_half_pair(start, start + strlen(text));
  ptrdiff_t at = half ? half - start : -1;
  free(copy);
  return at;
}

static void test_half_a_surrogate_pair_is_found_in_any_text(void **state) {
  static const struct { const char *text; int at; } cases[] = {
      {"", -1}, {"\\", -1}, {"\\u", -1}, {"\\ud83", -1}, {"\\\\", -1}, {"a\\n\\", -1}, {"\\ud83d\\ude00", -1},
      {"\\\\ud83d", -1}, {"\\uzzzz\\ud83d", 6}, {"\\ud83d", 0}, {"[1, \"\\\\\\ude00\"]", 7},
      {"\\ud83d\\ud83d\\ude00", 0}, {"\\ud83d\\ude00\\ude00", 12}, {"\\u00e9\\uDBFF\\u0041", 6}, {"\\ud83d\\", 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(half_pair_at(cases[i].text), cases[i].at);
}

static void test_a_malformed_string_is_not_unescaped(void **state) {
  static const char *const bad[] = {"", "\"", "a", "\"a", "a\"", "\"\\\"", "\"\\u12\"", "\"\\ud83d\\u12\"",
                                    "\"\\q\"", "\"a\"b\"", "\"\n\""};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct buffer out;
    buffer_init(&out, 1000);
    const uint8_t *copy = tight(bad[i], strlen(bad[i]));
    assert_false(json_unescape(copy, copy + strlen(bad[i]), &out));
    assert_int_equal(out.len, 0);
    free((void *)copy);
    buffer_deinit(&out);
  }
}

static void assert_escapes(const char *text, size_t len, const char *json) {
  struct buffer out;
  buffer_init(&out, 10000);
  const uint8_t *copy = tight(text, len);
  json_append_string(&out, copy, len);
  assert_int_equal(out.len, strlen(json));
  assert_memory_equal(out.data, json, out.len);
  free((void *)copy);
  buffer_deinit(&out);
}

static void test_strings_are_escaped_as_the_server_does(void **state) {
  assert_escapes("", 0, "\"\"");
  assert_escapes("a/b", 3, "\"a/b\"");
  assert_escapes("\b\f\n\r\t\"\\", 7, "\"\\b\\f\\n\\r\\t\\\"\\\\\"");
  assert_escapes("\0\1\x0b\x0e\x1f\x7f", 6, "\"\\u0000\\u0001\\u000b\\u000e\\u001f\x7f\"");
  assert_escapes("\xc3\xa9\xf0\x9f\x98\x80\xff", 7, "\"\xc3\xa9\xf0\x9f\x98\x80\xff\"");
  assert_escapes("sixteen bytes and\nmore than sixteen bytes after", 47,
                 "\"sixteen bytes and\\nmore than sixteen bytes after\"");
}

static void test_escaping_and_unescaping_give_the_same_bytes_back(void **state) {
  uint32_t random = 1;
  for (int round = 0; round < 20000; round++) {
    char text[64];
    size_t len = round % sizeof text;
    for (size_t i = 0; i < len; i++) {
      random = random * 1664525u + 1013904223u;
      uint8_t c = (uint8_t)(random >> 24);
      text[i] = (char)(random >> 16 & 1 ? c : "\"\\\n\t/u0"[c % 7]);
    }
    struct buffer json, back;
    buffer_init(&json, 1000);
    buffer_init(&back, 1000);
    json_append_string(&json, text, len);
    assert_int_equal(value_len((const char *)json.data, json.len), json.len);
    assert_true(json_unescape(json.data, json.data + json.len, &back));
    assert_int_equal(back.len, len);
    if (len) assert_memory_equal(back.data, text, len);
    buffer_deinit(&json);
    buffer_deinit(&back);
  }
}

static void test_one_line_drops_line_breaks_and_nothing_else(void **state) {
  static const char *const cases[][2] = {
      {"", ""}, {"{}", "{}"}, {"{\n}", "{}"}, {"\n\r\n[1,\r\n 2]\n", "[1, 2]"},
      {"{\"a\\n\" :\t1}\r", "{\"a\\n\" :\t1}"}, {"\r\r[\n\n\r1]", "[1]"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct buffer out;
    buffer_init(&out, 1000);
    json_append_one_line(&out, (const uint8_t *)cases[i][0], strlen(cases[i][0]));
    assert_int_equal(out.len, strlen(cases[i][1]));
    if (out.len) assert_memory_equal(out.data, cases[i][1], out.len);
    buffer_deinit(&out);
  }
}

static void test_appending_beyond_the_maximum_marks_the_buffer(void **state) {
  struct buffer out;
  buffer_init(&out, 8);
  json_append_string(&out, "12345678", 8);
  assert_true(out.failed);
  buffer_reset(&out);
  json_append_string(&out, "\n\n\n", 3);
  assert_false(out.failed);
  buffer_reset(&out);
  json_append_string(&out, "\n\n\n\n", 4);
  assert_true(out.failed);
  buffer_deinit(&out);
}

static void test_the_type_follows_from_the_first_byte(void **state) {
  static const struct { const char *text; enum json_type type; } cases[] = {
      {"{", JSON_OBJECT}, {"[", JSON_ARRAY}, {"\"", JSON_STRING}, {"-", JSON_NUMBER}, {"7", JSON_NUMBER},
      {"t", JSON_TRUE}, {"f", JSON_FALSE}, {"n", JSON_NULL}, {"", JSON_INVALID}, {"}", JSON_INVALID},
      {"+", JSON_INVALID}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const uint8_t *at = (const uint8_t *)cases[i].text;
    assert_int_equal(json_type_at(at, at + strlen(cases[i].text)), cases[i].type);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_value_is_skipped_whole_and_no_further),
      cmocka_unit_test(test_a_value_cut_at_any_byte_is_refused),
      cmocka_unit_test(test_text_that_is_not_json_is_refused),
      cmocka_unit_test(test_nesting_is_limited_at_the_promised_depth),
      cmocka_unit_test(test_a_stop_in_a_string_is_found_at_every_offset),
      cmocka_unit_test(test_escapes_are_resolved),
      cmocka_unit_test(test_a_lone_surrogate_becomes_the_replacement_character),
      cmocka_unit_test(test_half_a_surrogate_pair_is_found_in_any_text),
      cmocka_unit_test(test_a_malformed_string_is_not_unescaped),
      cmocka_unit_test(test_strings_are_escaped_as_the_server_does),
      cmocka_unit_test(test_escaping_and_unescaping_give_the_same_bytes_back),
      cmocka_unit_test(test_one_line_drops_line_breaks_and_nothing_else),
      cmocka_unit_test(test_appending_beyond_the_maximum_marks_the_buffer),
      cmocka_unit_test(test_the_type_follows_from_the_first_byte),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
