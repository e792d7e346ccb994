/* What the HTTP layer decides without a connection: ranges, names of downloads, who may call. */
#include "unit.h"

#include "http/disposition.h"
#include "http/guard.h"
#include "http/range.h"

struct range_case { const char *header; uint64_t size; enum range_result result; uint64_t first, length; };

static void test_ranges_are_parts_the_whole_or_unsatisfiable(void **state) {
  static const struct range_case cases[] = {
      {NULL, 100, RANGE_WHOLE, 0, 0},
      {"bytes=0-0", 100, RANGE_PART, 0, 1},
      {"bytes=10-19", 100, RANGE_PART, 10, 10},
      {"bytes=99-", 100, RANGE_PART, 99, 1},
      {"BYTES= 5-9 ", 100, RANGE_PART, 5, 5},
      {"bytes=-1", 100, RANGE_PART, 99, 1},
      {"bytes=-1000", 100, RANGE_PART, 0, 100},
      {"bytes=50-1000", 100, RANGE_PART, 50, 50},
      {"bytes=100-", 100, RANGE_UNSATISFIABLE, 0, 0},
      {"bytes=-0", 100, RANGE_UNSATISFIABLE, 0, 0},
      {"bytes=0-", 0, RANGE_UNSATISFIABLE, 0, 0},
      {"bytes=-5", 0, RANGE_UNSATISFIABLE, 0, 0},
      {"bytes=9-3", 100, RANGE_WHOLE, 0, 0},
      {"bytes=0-1,5-6", 100, RANGE_WHOLE, 0, 0},
      {"bytes=", 100, RANGE_WHOLE, 0, 0},
      {"bytes=-", 100, RANGE_WHOLE, 0, 0},
      {"bytes=--1", 100, RANGE_WHOLE, 0, 0},
      {"bytes=+1-2", 100, RANGE_WHOLE, 0, 0},
      {"bytes=1-2x", 100, RANGE_WHOLE, 0, 0},
      {"bytes 0-1", 100, RANGE_WHOLE, 0, 0},
      {"lines=0-1", 100, RANGE_WHOLE, 0, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    uint64_t first = 0, length = 0;
    enum range_result result = range_parse(cases[i].header, cases[i].size, &first, &length);
    if (result != cases[i].result) print_error("%s\n", cases[i].header);
    assert_int_equal(result, cases[i].result);
    if (result != RANGE_PART) continue;
    assert_int_equal(first, cases[i].first);
    assert_int_equal(length, cases[i].length);
  }
}

static void test_numbers_beyond_64_bits_do_not_wrap(void **state) {
  uint64_t first = 0, length = 0;
  assert_int_equal(range_parse("bytes=18446744073709551616-", 100, &first, &length), RANGE_UNSATISFIABLE);
  assert_int_equal(range_parse("bytes=18446744073709551615-18446744073709551615", 100, &first, &length),
                   RANGE_UNSATISFIABLE);
  assert_int_equal(range_parse("bytes=1-99999999999999999999999999", 100, &first, &length), RANGE_PART);
  assert_int_equal(first, 1);
  assert_int_equal(length, 99);
  assert_int_equal(range_parse("bytes=-18446744073709551617", 100, &first, &length), RANGE_PART);
  assert_int_equal(length, 100);
  assert_int_equal(range_parse("bytes=0-18446744073709551615", UINT64_MAX, &first, &length), RANGE_PART);
  assert_true(length == UINT64_MAX);
}

static void assert_named(const char *source, const char *extension, const char *expected) {
  struct buffer name;
  buffer_init(&name, 8192);
  download_name(source, extension, &name);
  buffer_append_byte(&name, '\0');
  assert_false(name.failed);
  assert_string_equal((char *)name.data, expected);
  buffer_deinit(&name);
}

static void test_a_download_is_called_as_its_table(void **state) {
  assert_named("records", "csv", "records.csv");
  assert_named("public.records", "csv.gz", "records.csv.gz");
  assert_named("query", "parquet", "query.parquet");
  assert_named("\"My.Schema\".\"my table\"", "json", "my table.json");
  assert_named("s.\"a\"\"b\"", "json", "a_b.json");
  assert_named("Größe", "xml", "Größe.xml");
}

static void test_a_name_cannot_leave_its_folder_or_show_another_extension(void **state) {
  assert_named("\"../../etc/passwd\"", "csv", "_.._etc_passwd.csv");
  assert_named("\"..\"", "csv", "export.csv");
  assert_named("\".bashrc\"", "csv", "bashrc.csv");
  assert_named("\"a\r\nSet-Cookie: x;y%41\"", "csv", "a__Set-Cookie_ x_y_41.csv");
  assert_named("\"a\xE2\x80\xAE" "vsc\xE2\x81\xA9" "b\xC2\x85" "c\"", "exe", "avscb_c.exe");
  char name[600];
  memset(name, 'x', sizeof name);
  memcpy(name + 198, "\xE4\xB8\x96\xE7\x95\x8C", 6);   /* cut between characters */
  name[sizeof name - 1] = '\0';
  struct buffer out;
  buffer_init(&out, 8192);
  download_name(name, "csv", &out);
  assert_int_equal(out.len, 198 + 4);
  buffer_deinit(&out);
}

static void test_a_disposition_has_a_plain_name_and_the_name_itself(void **state) {
  struct buffer out;
  buffer_init(&out, 8192);
  disposition_append("Grö \"%x.csv", &out);
  buffer_append_byte(&out, '\0');
  assert_string_equal((char *)out.data,
                      "attachment; filename=\"Gr_ __x.csv\"; filename*=UTF-8''Gr%C3%B6%20%22%25x.csv");
  buffer_deinit(&out);
}

static void test_only_names_that_no_stranger_can_own_are_let_in(void **state) {
  static const char *const known[] = {"127.0.0.1", "127.0.0.1:8080", "localhost", "LocalHost:80", "[::1]:8080", "[::1]",
                                      "app.localhost", "decant:8080", "10.1.2.3:1", "api.example.org", "B.example"};
  static const char *const unknown[] = {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "", ":80",
                                        "a b", "[::1", "[::1]x", "localhost:80x", "xlocalhost.", "example.org",
                                        "127.0.0.1@evil.example"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_true(guard_host_is_known(known[i], "api.example.org,b.example"));
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    if (guard_host_is_known(unknown[i], "api.example.org,b.example")) print_error("%s\n", unknown[i]);
    assert_false(guard_host_is_known(unknown[i], "api.example.org,b.example"));
  }
}

static void test_only_pages_of_the_same_host_may_call(void **state) {
  assert_true(guard_origin_is_own("http://localhost:8080", "localhost:8080"));
  assert_false(guard_origin_is_own("http://evil.example", "localhost:8080"));
  assert_false(guard_origin_is_own("http://localhost:9090", "localhost:8080"));
  assert_false(guard_origin_is_own("null", "localhost:8080"));
}

static void test_only_json_bodies_are_taken(void **state) {
  assert_true(guard_content_type_is_json(NULL));
  assert_true(guard_content_type_is_json("application/json"));
  assert_true(guard_content_type_is_json("Application/JSON; charset=utf-8"));
  assert_false(guard_content_type_is_json("text/plain"));
  assert_false(guard_content_type_is_json("application/jsonp"));
  assert_false(guard_content_type_is_json("application/x-www-form-urlencoded"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_ranges_are_parts_the_whole_or_unsatisfiable),
      cmocka_unit_test(test_numbers_beyond_64_bits_do_not_wrap),
      cmocka_unit_test(test_a_download_is_called_as_its_table),
      cmocka_unit_test(test_a_name_cannot_leave_its_folder_or_show_another_extension),
      cmocka_unit_test(test_a_disposition_has_a_plain_name_and_the_name_itself),
      cmocka_unit_test(test_only_names_that_no_stranger_can_own_are_let_in),
      cmocka_unit_test(test_only_pages_of_the_same_host_may_call),
      cmocka_unit_test(test_only_json_bodies_are_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
