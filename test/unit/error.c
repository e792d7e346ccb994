#include "unit.h"

#include "base/error.h"

#include <errno.h>

static void test_a_failure_is_false_and_says_what_and_which_field(void **state) {
  struct error err;
  assert_false(fail(&err, ERR_SOURCE, "cannot read \"%s\"", "t"));
  assert_int_equal(err.code, ERR_SOURCE);
  assert_string_equal(err.message, "cannot read \"t\"");
  assert_string_equal(err.field, "");
  assert_false(fail_field(&err, "where", "wrong"));
  assert_int_equal(err.code, ERR_USAGE);
  assert_string_equal(err.field, "where");
  errno = ENOENT;
  assert_false(fail_errno(&err, ERR_DESTINATION, "cannot open \"%s\"", "x"));
  assert_string_equal(err.message, "cannot open \"x\": No such file or directory");
}

static void test_a_prefix_stands_before_the_message_and_keeps_the_rest(void **state) {
  struct error err;
  (void)fail_field(&err, "where", "no such operator");
  error_prefix(&err, "cannot use %s: ", "it");
  assert_string_equal(err.message, "cannot use it: no such operator");
  assert_string_equal(err.field, "where");
  assert_int_equal(err.code, ERR_USAGE);
}

static void test_control_characters_and_broken_utf8_become_spaces(void **state) {
  struct error err;
  (void)fail(&err, ERR_SOURCE, "%s",
             "a\nb\tc\x01"
             "d\x7F"
             "e\xC2\x85"
             "f\xFFg\xC3\xBC\xE2\x82\xAC\xE2\x82 \n");
  assert_string_equal(err.message, "a b c d e  f g\xC3\xBC\xE2\x82\xAC");
}

static void test_a_message_too_long_is_cut_between_two_characters(void **state) {
  struct error err;
  char euros[2 * ERROR_MESSAGE_MAX + 1];
  for (size_t i = 0; i < sizeof euros - 1; i++) euros[i] = "\xE2\x82\xAC"[i % 3];
  euros[sizeof euros - 1] = '\0';
  (void)fail(&err, ERR_SOURCE, "%s", euros);
  assert_int_equal(strlen(err.message), (ERROR_MESSAGE_MAX - 1) / 3 * 3);
  error_prefix(&err, "x");
  assert_int_equal(strlen(err.message) % 3, 1);
}

static void test_every_code_has_a_name_a_status_and_an_exit_code(void **state) {
  for (enum error_code c = ERR_USAGE; c < ERR_COUNT; c++) {
    assert_non_null(error_name(c));
    assert_true(error_http_status(c) >= 400 && error_http_status(c) < 600);
    assert_int_not_equal(error_exit_code(c), 0);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_failure_is_false_and_says_what_and_which_field),
      cmocka_unit_test(test_a_prefix_stands_before_the_message_and_keeps_the_rest),
      cmocka_unit_test(test_control_characters_and_broken_utf8_become_spaces),
      cmocka_unit_test(test_a_message_too_long_is_cut_between_two_characters),
      cmocka_unit_test(test_every_code_has_a_name_a_status_and_an_exit_code),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
