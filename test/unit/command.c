/* Flags and arguments of a subcommand. */
#include "unit.h"

#include "cli/command.h"

#include <stdio.h>
#include <unistd.h>

static const struct flag flags[] = {
    {"db", 0, "URL", "DECANT_TEST_URL", "a value with a variable"},
    {"output", 'o', "FILE", NULL, "a value with a letter"},
    {"quiet", 'q', NULL, "DECANT_TEST_QUIET", "a switch"},
    {"json", 0, "[K=V]", NULL, "a value that may be missing"},
    {"no-flatten", 0, NULL, NULL, "a switch of its own"},
    {NULL},
};
static const struct command command = {.name = "pour", .flags = flags};

/* What was seen, in order: "db=URL output=x quiet <argument> ". */
static char seen[512];
static struct error err;

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *e) {
  if (value && !strcmp(value, "bad")) return fail_field(e, flag->name, "a bad value");
  snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "%s%s%s ", flag->name, value ? "=" : "",
           value ? value : "");
  return true;
}

static bool on_argument(void *context, const char *text, struct error *e) {
  if (!strcmp(text, "bad")) return fail_field(e, "argument", "a bad argument");
  snprintf(seen + strlen(seen), sizeof seen - strlen(seen), "<%s> ", text);
  return true;
}

static bool parse(const char *first, ...) {
  char *words[16];
  int count = 0;
  va_list more;
  va_start(more, first);
  for (const char *word = first; word; word = va_arg(more, const char *)) words[count++] = (char *)(uintptr_t)word;
  va_end(more);
  seen[0] = '\0';
  err = (struct error){0};
  return flags_parse(&command, count, words, on_flag, on_argument, NULL, &err);
}

#define assert_sees(expect, ...) \
  do { \
    assert_true(parse(__VA_ARGS__, NULL)); \
    assert_string_equal(seen, expect); \
  } while (0)

#define assert_refuses(expect_field, says, ...) \
  do { \
    assert_false(parse(__VA_ARGS__, NULL)); \
    assert_int_equal(err.code, ERR_USAGE); \
    assert_string_equal(err.field, expect_field); \
    assert_non_null(strstr(err.message, says)); \
  } while (0)

static void test_a_value_stands_behind_an_equals_sign_or_in_the_next_word(void **state) {
  assert_sees("db=x ", "--db", "x");
  assert_sees("db=x ", "--db=x");
  assert_sees("db= ", "--db=");
  assert_sees("db=a=b ", "--db=a=b");
  assert_sees("db=-1 ", "--db", "-1");
  assert_sees("output=x ", "-o", "x");
  assert_sees("output=- ", "-o", "-");
}

static void test_switches_take_no_value(void **state) {
  assert_sees("quiet <x> ", "-q", "x");
  assert_sees("quiet no-flatten ", "--quiet", "--no-flatten");
  assert_refuses("quiet", "takes no value", "--quiet=yes");
}

static void test_a_value_that_may_be_missing_does_not_begin_with_a_dash(void **state) {
  assert_sees("json ", "--json");
  assert_sees("json quiet ", "--json", "-q");
  assert_sees("json=k=v ", "--json", "k=v");
  assert_sees("json=-v ", "--json=-v");
}

static void test_flags_and_arguments_are_given_in_order_and_as_often_as_they_come(void **state) {
  assert_sees("<a> db=1 <b> db=2 ", "a", "--db", "1", "b", "--db=2");
}

static void test_behind_two_dashes_everything_is_an_argument(void **state) {
  assert_sees("quiet <--db> <-q> <--> ", "-q", "--", "--db", "-q", "--");
  assert_sees("<-> <> ", "-", "");
}

static void test_what_is_unknown_or_incomplete_is_named(void **state) {
  assert_refuses("--bd", "decant help pour", "--bd", "x");
  assert_refuses("--d", "unknown option", "--d=x");          /* no abbreviations */
  assert_refuses("--dbx", "unknown option", "--dbx=secret");
  assert_null(strstr(err.message, "secret"));
  assert_refuses("-x", "unknown option", "-x");
  assert_refuses("-ox", "unknown option", "-ox");
  assert_refuses("--", "unknown option", "--=x");
  assert_refuses("db", "needs a value: URL", "--db");
  assert_refuses("output", "needs a value", "-q", "-o");
  assert_refuses("db", "a bad value", "--db", "bad");
  assert_refuses("argument", "a bad argument", "bad");
}

static void test_variables_come_first_so_that_flags_win(void **state) {
  setenv("DECANT_TEST_URL", "env", 1);
  setenv("DECANT_TEST_QUIET", "1", 1);
  assert_sees("db=env quiet db=flag ", "--db=flag");
  setenv("DECANT_TEST_URL", "", 1);       /* empty is as if it were not there */
  setenv("DECANT_TEST_QUIET", "false", 1);
  assert_sees("<x> ", "x");
  setenv("DECANT_TEST_URL", "bad", 1);
  assert_refuses("db", "environment variable DECANT_TEST_URL: a bad value", "x");
  unsetenv("DECANT_TEST_URL");
  unsetenv("DECANT_TEST_QUIET");
}

static void test_peak_memory_is_known_and_grows(void **state) {
  int64_t before = command_peak_memory();
  assert_true(before > 100 << 10);
  volatile char *block = malloc(64u << 20);
  for (size_t i = 0; i < 64u << 20; i += 1024) block[i] = 1;
  assert_true(command_peak_memory() >= before + (32 << 20));
  free((void *)(uintptr_t)block);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_value_stands_behind_an_equals_sign_or_in_the_next_word),
      cmocka_unit_test(test_switches_take_no_value),
      cmocka_unit_test(test_a_value_that_may_be_missing_does_not_begin_with_a_dash),
      cmocka_unit_test(test_flags_and_arguments_are_given_in_order_and_as_often_as_they_come),
      cmocka_unit_test(test_behind_two_dashes_everything_is_an_argument),
      cmocka_unit_test(test_what_is_unknown_or_incomplete_is_named),
      cmocka_unit_test(test_variables_come_first_so_that_flags_win),
      cmocka_unit_test(test_peak_memory_is_known_and_grows),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
