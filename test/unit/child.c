#include "unit.h"

#include "job/child.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static bool run_shell(const char *script, const struct cancel *cancel, struct buffer *text,
                      struct child_outcome *outcome, struct error *err) {
  const char *argv[] = {"sh", "-c", script, NULL};
  struct child_settings s = {.executable = "/bin/sh", .argv = argv, .variable_name = "DATABASE_URL",
                             .variable_value = "host=there"};
  buffer_init(text, CHILD_STDERR_MAX);
  return child_run(&s, cancel, text, outcome, err);
}

static void check_said(struct buffer *text, const char *expected) {
  buffer_append_byte(text, '\0');
  assert_string_equal((char *)text->data, expected);
  buffer_deinit(text);
}

static void test_a_child_says_its_words_and_its_exit_code(void **state) {
  struct cancel cancel = {0};
  struct buffer text;
  struct child_outcome outcome;
  struct error err;
  assert_true(run_shell("echo out; echo \"at $DATABASE_URL\" >&2; exit 3", &cancel, &text, &outcome, &err));
  assert_int_equal(outcome.exit_code, 3);
  assert_true(outcome.seconds > 0);
  check_said(&text, "at host=there\n");
}

static void test_a_child_inherits_one_variable_of_a_name(void **state) {
  struct cancel cancel = {0};
  struct buffer text;
  struct child_outcome outcome;
  struct error err;
  setenv("DATABASE_URL", "host=elsewhere", 1);
  assert_true(
      run_shell("tr '\\0' '\\n' </proc/$$/environ | grep ^DATABASE_URL >&2", &cancel, &text, &outcome, &err));
  unsetenv("DATABASE_URL");
  check_said(&text, "DATABASE_URL=host=there\n");
}

static void test_a_child_gets_none_of_our_descriptors_and_default_signals(void **state) {
  struct cancel cancel = {0};
  struct buffer text;
  struct child_outcome outcome;
  struct error err;
  int fd = open("/dev/null", O_RDONLY);   /* without close-on-exec */
  assert_int_equal(dup2(fd, 77), 77);
  signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, NULL);
  static const char script[] = "test -e /proc/self/fd/77 && echo open >&2;"
                               "exec grep -E '^Sig(Blk|Ign):.*[1-9a-f]' /proc/self/status >&2";
  bool ok = run_shell(script, &cancel, &text, &outcome, &err);
  sigprocmask(SIG_UNBLOCK, &blocked, NULL);
  signal(SIGPIPE, SIG_DFL);
  close(77);
  close(fd);
  assert_true(ok);
  check_said(&text, "");
}

static void test_the_end_of_a_long_text_is_kept(void **state) {
  struct cancel cancel = {0};
  struct buffer text;
  struct child_outcome outcome;
  struct error err;
  assert_true(run_shell("yes 0123456789abcdef | head -c 1000000 >&2; printf '\\nlast words' >&2", &cancel,
                        &text, &outcome, &err));
  assert_true(text.len <= CHILD_STDERR_MAX);
  assert_true(text.len >= CHILD_STDERR_MAX / 2);
  assert_memory_equal(text.data + text.len - 10, "last words", 10);
  buffer_deinit(&text);
}

static void test_a_program_that_is_not_there_is_seen_by_its_exit_code(void **state) {
  const char *argv[] = {"nothing", NULL};
  struct child_settings s = {.executable = "/nonexistent/program", .argv = argv};
  struct cancel cancel = {0};
  struct buffer text;
  struct child_outcome outcome;
  struct error err;
  buffer_init(&text, CHILD_STDERR_MAX);
  assert_true(child_run(&s, &cancel, &text, &outcome, &err));
  assert_int_equal(outcome.exit_code, 127);
  check_said(&text, "cannot be started\n");
}

static void *cancel_soon(void *context) {
  usleep(100000);
  cancel_request(context);
  return NULL;
}

static void test_cancelling_ends_a_child_that_would_go_on(void **state) {
  struct cancel cancel = {0};
  struct buffer text;
  struct child_outcome outcome;
  struct error err;
  pthread_t thread;
  pthread_create(&thread, NULL, cancel_soon, &cancel);
  bool ok = run_shell("exec sleep 100", &cancel, &text, &outcome, &err);
  pthread_join(thread, NULL);
  assert_false(ok);
  assert_int_equal(err.code, ERR_CANCELLED);
  assert_int_equal(outcome.exit_code, 128 + SIGTERM);
  assert_true(outcome.seconds < 3);
  buffer_deinit(&text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_child_says_its_words_and_its_exit_code),
      cmocka_unit_test(test_a_child_inherits_one_variable_of_a_name),
      cmocka_unit_test(test_a_child_gets_none_of_our_descriptors_and_default_signals),
      cmocka_unit_test(test_the_end_of_a_long_text_is_kept),
      cmocka_unit_test(test_a_program_that_is_not_there_is_seen_by_its_exit_code),
      cmocka_unit_test(test_cancelling_ends_a_child_that_would_go_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
