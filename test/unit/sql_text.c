#include "unit.h"

#include "source/sql_text.h"

/* The statement of text is what stands before the bar. */
static void check(const char *with_bar) {
  char text[256];
  size_t expect = strcspn(with_bar, "|");
  strcpy(text, with_bar);
  if (with_bar[expect]) memmove(text + expect, with_bar + expect + 1, strlen(with_bar + expect));
  assert_int_equal(sql_statement_length(text), expect);
}

static void test_a_semicolon_at_the_end_is_not_of_the_statement(void **state) {
  check("SELECT 1|");
  check("SELECT 1|;");
  check("SELECT 1|;;\n ; ");
  check("SELECT 1 |; -- done; really");
  check("SELECT 1 |; /* a; /* nested; */ b */ ;");
  check("");
}

static void test_a_semicolon_in_a_text_a_name_or_a_comment_ends_nothing(void **state) {
  check("SELECT 'a;'|");
  check("SELECT 'it''s;'|;");
  check("SELECT E'it\\'s;' |; -- '");
  check("SELECT 'a\\' |; -- a backslash is a byte like any other");
  check("SELECT \"a;\"\"b;\" FROM t|;");
  check("SELECT $$a;$$, $x$b;$y$;$x$|;");
  check("SELECT 1 -- one;\n + 2|;");
  check("SELECT /* ; */ 1|");
  check("SELECT a$b;$ FROM t|");
  check("SELECT $1|;");
  check("SELECT '\xC3\xA4;' AS \xC3\xA4$x$|;");
}

static void test_what_goes_on_behind_a_semicolon_is_left_whole(void **state) {
  check("SELECT 1; SELECT 2|");
  check("SELECT 1; 'x'|");
  check("SELECT 'not ended;|");
  check("SELECT $x$ not ended; $|");
  check("/* not ended ;|");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_semicolon_at_the_end_is_not_of_the_statement),
      cmocka_unit_test(test_a_semicolon_in_a_text_a_name_or_a_comment_ends_nothing),
      cmocka_unit_test(test_what_goes_on_behind_a_semicolon_is_left_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
