/* Is a text of any writer a whole file of its format? Included behind unit.h. */
#pragma once
#include "format/format.h"

#include <stdio.h>
#include <unistd.h>

/* check_whole of a file that holds the text: `expected` rows, or not whole where that is negative. */
static void expect_whole(const struct format *format, const char *text, int64_t expected) {
  struct file_facts facts = {0};
  struct error err;
  FILE *file = tmpfile();
  assert_non_null(file);
  fwrite(text, 1, strlen(text), file);
  fflush(file);
  lseek(fileno(file), 0, SEEK_SET);
  bool ok = format->check_whole(fileno(file), &facts, &err);
  fclose(file);
  if (ok != (expected >= 0)) print_error("%s\n", text);
  assert_int_equal(ok, expected >= 0);
  if (ok) assert_int_equal(facts.rows, expected);
}
