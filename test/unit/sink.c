/* Where bytes go: what is seen before, at and without the commit. */
#include "unit.h"

#include "sink/sink.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_S 30
#define PATH_SIZE 512
#define NOBODY 65534

static char folder[64];

static const char *in_folder(const char *name) {
  static char paths[4][PATH_SIZE];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, PATH_SIZE, "%s/%s", folder, name);
  return path;
}

static int set_up(void **state) {
  strcpy(folder, "/tmp/decant-sink-XXXXXX");
  signal(SIGPIPE, SIG_IGN);
  alarm(PATIENCE_S);
  return mkdtemp(folder) ? 0 : -1;
}

static int entries(void) {
  int count = 0;
  DIR *d = opendir(folder);
  for (struct dirent *e; (e = readdir(d));) count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
  closedir(d);
  return count;
}

static int tear_down(void **state) {
  DIR *d = opendir(folder);
  for (struct dirent *e; (e = readdir(d));)
    if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..")) remove(in_folder(e->d_name));
  closedir(d);
  alarm(0);
  return rmdir(folder);
}

static void make_file(const char *path, const char *text, mode_t mode) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), strlen(text));
  assert_int_equal(fchmod(fd, mode), 0);
  close(fd);
}

static void assert_holds(const char *path, const char *text) {
  char got[256] = "";
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0);
  ssize_t n = read(fd, got, sizeof got - 1);
  close(fd);
  assert_int_equal(n, strlen(text));
  assert_string_equal(got, text);
}

static struct sink *open_at(const char *path, struct sink_file_options options) {
  struct error err = {0};
  struct sink *s = sink_file_open(path, &options, &err);
  assert_string_equal(err.message, "");
  assert_non_null(s);
  return s;
}

static void put(struct sink *s, const char *text) {
  struct error err;
  assert_true(sink_write(s, (const uint8_t *)text, strlen(text), &err));
}

static void commit(struct sink *s) {
  struct error err = {0};
  bool ok = sink_commit(s, &err);
  assert_string_equal(err.message, "");
  assert_true(ok);
}

static void assert_refused(const char *path, struct sink_file_options options, enum error_code code,
                           const char *says) {
  struct error err = {0};
  assert_null(sink_file_open(path, &options, &err));
  assert_int_equal(err.code, code);
  if (!strstr(err.message, says)) assert_string_equal(err.message, says);
}

static void test_a_file_has_its_name_only_when_it_is_whole(void **state) {
  const char *path = in_folder("out.csv");
  struct sink *s = open_at(path, (struct sink_file_options){0});
  assert_true(s->is_private);
  put(s, "a,b\n");
  assert_int_equal(access(path, F_OK), -1);
  commit(s);
  assert_holds(path, "a,b\n");
  assert_int_equal(s->bytes_written, 4);
  sink_close(s);
  assert_holds(path, "a,b\n");
  assert_int_equal(entries(), 1);
}

/* /tmp's file system knows nameless files, as all that Debian is installed on do. */
static void test_what_nobody_reads_along_has_no_name_at_all_until_it_is_whole(void **state) {
  const char *path = in_folder("out.csv");
  struct sink *s = open_at(path, (struct sink_file_options){0});
  put(s, "a,b\n");
  assert_int_equal(entries(), 0);   /* so that a killed process leaves nothing */
  commit(s);
  sink_close(s);
  assert_int_equal(entries(), 1);
}

static void test_a_temporary_name_that_is_asked_for_is_there_while_the_file_grows(void **state) {
  char partial[256];
  snprintf(partial, sizeof partial, "%s", in_folder("out.partial"));
  struct sink *s = open_at(in_folder("out.csv"), (struct sink_file_options){.temporary_path = partial});
  put(s, "half");
  assert_holds(partial, "half");
  sink_close(s);
  assert_int_equal(entries(), 0);
}

static void test_closing_without_a_commit_leaves_nothing(void **state) {
  struct sink *s = open_at(in_folder("out.csv"), (struct sink_file_options){.fsync = true, .digest = true});
  put(s, "half");
  sink_close(s);
  assert_int_equal(entries(), 0);
  sink_close(NULL);
}

static void test_an_older_file_stays_until_the_commit_and_after_an_abort(void **state) {
  const char *path = in_folder("out.csv");
  make_file(path, "old", 0644);
  struct sink *s = open_at(path, (struct sink_file_options){0});
  put(s, "new");
  assert_holds(path, "old");
  sink_close(s);
  assert_holds(path, "old");
  s = open_at(path, (struct sink_file_options){0});
  put(s, "new");
  commit(s);
  sink_close(s);
  assert_holds(path, "new");
  assert_int_equal(entries(), 1);
}

static void test_a_file_that_is_replaced_hands_down_its_permissions(void **state) {
  const char *path = in_folder("secret.csv");
  struct stat st;
  make_file(path, "old", 0640);
  struct sink *s = open_at(path, (struct sink_file_options){0});
  put(s, "new");
  commit(s);
  sink_close(s);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 07777, 0640);
}

static void test_a_file_that_may_not_be_written_is_not_replaced(void **state) {
  const char *path = in_folder("kept.csv");
  make_file(path, "old", 0444);
  bool is_root = geteuid() == 0;   /* who may write anything */
  if (is_root)
    assert_int_equal(chown(folder, NOBODY, NOBODY) | chown(path, NOBODY, NOBODY) | seteuid(NOBODY), 0);
  assert_refused(path, (struct sink_file_options){0}, ERR_DESTINATION, "Permission denied");
  if (is_root) assert_int_equal(seteuid(0), 0);
  assert_holds(path, "old");
}

static void test_a_second_commit_and_a_write_behind_it_are_refused(void **state) {
  struct error err;
  struct sink *s = open_at(in_folder("out.csv"), (struct sink_file_options){0});
  put(s, "x");
  commit(s);
  assert_false(sink_commit(s, &err));
  assert_int_equal(err.code, ERR_INTERNAL);
  assert_false(sink_write(s, (const uint8_t *)"y", 1, &err));
  assert_int_equal(err.code, ERR_INTERNAL);
  sink_close(s);
  assert_holds(in_folder("out.csv"), "x");
}

static void test_the_digest_is_sha256_of_all_bytes(void **state) {
  struct sink *s = open_at(in_folder("abc"), (struct sink_file_options){.digest = true});
  assert_string_equal(s->sha256, "");
  put(s, "a");
  put(s, "");
  put(s, "bc");
  commit(s);
  assert_string_equal(s->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sink_close(s);
  s = open_at(in_folder("empty"), (struct sink_file_options){.digest = true});
  commit(s);
  assert_string_equal(s->sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  sink_close(s);
  s = open_at(in_folder("none"), (struct sink_file_options){0});
  commit(s);
  assert_string_equal(s->sha256, "");
  sink_close(s);
}

static void note_bytes(void *context, uint64_t bytes) { *(uint64_t *)context = bytes; }

static void test_a_large_file_is_brought_to_disk_on_the_way_and_followed(void **state) {
  static uint8_t piece[3u << 20];
  uint64_t shown = 0;
  struct error err;
  struct stat st;
  struct sink *s = open_at(in_folder("large"), (struct sink_file_options){
      .temporary_path = in_folder("large.part"), .fsync = true, .digest = true, .on_progress = note_bytes,
      .context = &shown});
  for (uint64_t i = 1; i <= 12; i++) {
    assert_true(sink_write(s, piece, sizeof piece, &err));
    assert_int_equal(shown, i * sizeof piece);
    assert_int_equal(stat(in_folder("large.part"), &st), 0);
    assert_int_equal(st.st_size, shown);
  }
  commit(s);
  sink_close(s);
  assert_int_equal(stat(in_folder("large"), &st), 0);
  assert_int_equal(st.st_size, 12 * sizeof piece);
  assert_int_equal(entries(), 1);
}

static void test_a_temporary_file_of_somebody_else_is_neither_used_nor_removed(void **state) {
  const char *path = in_folder("out.part");
  make_file(path, "theirs", 0644);
  assert_refused(in_folder("out"), (struct sink_file_options){.temporary_path = path}, ERR_DESTINATION, "exists");
  assert_holds(path, "theirs");
  assert_int_equal(unlink(path), 0);
  assert_int_equal(symlink("/dev/null", path), 0);
  assert_refused(in_folder("out"), (struct sink_file_options){.temporary_path = path}, ERR_DESTINATION, "");
}

static void test_a_symbolic_link_stays_and_its_file_is_replaced(void **state) {
  struct stat st;
  make_file(in_folder("real.csv"), "old", 0644);
  assert_int_equal(symlink("real.csv", in_folder("link.csv")), 0);
  struct sink *s = open_at(in_folder("link.csv"), (struct sink_file_options){0});
  put(s, "new");
  commit(s);
  sink_close(s);
  assert_int_equal(lstat(in_folder("link.csv"), &st), 0);
  assert_true(S_ISLNK(st.st_mode));
  assert_holds(in_folder("real.csv"), "new");
}

static void test_a_link_that_leads_nowhere_is_refused_and_stays(void **state) {
  struct stat st;
  assert_int_equal(symlink("nowhere", in_folder("link.csv")), 0);
  assert_refused(in_folder("link.csv"), (struct sink_file_options){0}, ERR_DESTINATION, "symbolic link");
  assert_int_equal(lstat(in_folder("link.csv"), &st), 0);
  assert_true(S_ISLNK(st.st_mode));
}

static void test_a_name_as_long_as_names_may_be_is_written(void **state) {
  char name[256];
  memset(name, 'n', 255);
  name[255] = '\0';
  struct sink *s = open_at(in_folder(name), (struct sink_file_options){0});
  put(s, "x");
  commit(s);
  sink_close(s);
  assert_holds(in_folder(name), "x");
}

static void test_a_folder_a_missing_folder_and_an_empty_name_are_refused(void **state) {
  assert_refused(folder, (struct sink_file_options){0}, ERR_DESTINATION, "folder");
  assert_refused(in_folder("missing/out.csv"), (struct sink_file_options){0}, ERR_DESTINATION, "No such file");
  assert_refused(in_folder("missing/out.csv"), (struct sink_file_options){.fsync = true}, ERR_DESTINATION, "No such");
  assert_refused("", (struct sink_file_options){0}, ERR_DESTINATION, "does not name a file");
  assert_refused(in_folder("new/"), (struct sink_file_options){0}, ERR_DESTINATION, "does not name a file");
  assert_int_equal(entries(), 0);
}

static void test_a_name_that_is_taken_meanwhile_fails_the_commit_and_leaves_nothing(void **state) {
  struct error err;
  const char *path = in_folder("out.csv");
  struct sink *s = open_at(path, (struct sink_file_options){0});
  put(s, "x");
  assert_int_equal(mkdir(path, 0700), 0);
  assert_false(sink_commit(s, &err));
  assert_int_equal(err.code, ERR_DESTINATION);
  assert_false(s->committed);
  sink_close(s);
  assert_int_equal(entries(), 1);   /* the folder that took the name */
}

static void test_a_full_device_is_no_space(void **state) {
  struct error err;
  struct sink *s = open_at("/dev/full", (struct sink_file_options){.fsync = true});
  assert_false(sink_write(s, (const uint8_t *)"x", 1, &err));
  assert_int_equal(err.code, ERR_NO_SPACE);
  assert_int_equal(s->bytes_written, 0);
  sink_close(s);
}

static void test_a_write_that_fails_in_the_middle_leaves_nothing(void **state) {
  static uint8_t piece[1u << 20];
  struct rlimit old, small = {.rlim_cur = 1500000};
  struct error err;
  signal(SIGXFSZ, SIG_IGN);
  assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
  small.rlim_max = old.rlim_max;
  struct sink *s = open_at(in_folder("out"), (struct sink_file_options){0});
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
  assert_true(sink_write(s, piece, sizeof piece, &err));
  bool second = sink_write(s, piece, sizeof piece, &err);   /* a short write first, then the error */
  assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
  assert_false(second);
  assert_int_equal(err.code, ERR_DESTINATION);
  assert_int_equal(s->bytes_written, sizeof piece);
  sink_close(s);
  assert_int_equal(entries(), 0);
}

static void test_dev_null_stays_what_it_is(void **state) {
  struct stat st;
  struct sink *s = open_at("/dev/null", (struct sink_file_options){.fsync = true, .digest = true});
  assert_false(s->is_private);
  put(s, "abc");
  commit(s);
  assert_string_equal(s->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  sink_close(s);
  assert_int_equal(stat("/dev/null", &st), 0);
  assert_true(S_ISCHR(st.st_mode));
}

struct fifo { const char *path; char got[64]; ssize_t len; useconds_t wait_us; };

static void *read_fifo(void *context) {
  struct fifo *f = context;
  usleep(f->wait_us);
  int fd = open(f->path, O_RDONLY);
  for (ssize_t n; (n = read(fd, f->got + f->len, sizeof f->got - (size_t)f->len)) > 0;) f->len += n;
  close(fd);
  return NULL;
}

static void test_a_fifo_stays_what_it_is_and_its_reader_gets_the_bytes(void **state) {
  struct fifo f = {.path = in_folder("pipe"), .wait_us = 150000};
  pthread_t reader;
  struct stat st;
  assert_int_equal(mkfifo(f.path, 0600), 0);
  assert_int_equal(pthread_create(&reader, NULL, read_fifo, &f), 0);
  struct sink *s = open_at(f.path, (struct sink_file_options){0});   /* waits for the reader */
  put(s, "through ");
  put(s, "the pipe");
  commit(s);
  sink_close(s);
  pthread_join(reader, NULL);
  assert_int_equal(f.len, 16);
  assert_memory_equal(f.got, "through the pipe", 16);
  assert_int_equal(stat(f.path, &st), 0);
  assert_true(S_ISFIFO(st.st_mode));
  assert_int_equal(entries(), 1);
}

static void *cancel_soon(void *context) {
  usleep(200000);
  cancel_request(context);
  return NULL;
}

static void test_a_fifo_without_a_reader_can_be_given_up(void **state) {
  struct cancel cancel = {0};
  pthread_t thread;
  assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
  assert_refused(in_folder("pipe"), (struct sink_file_options){.cancel = &cancel}, ERR_CANCELLED, "cancelled");
  pthread_join(thread, NULL);
}

/* Fills the pipe until its reader, who does not read, holds it up; then somebody cancels. */
static void check_gives_up(struct sink *s, struct cancel *cancel) {
  static uint8_t piece[1u << 20];
  struct error err;
  pthread_t thread;
  assert_int_equal(pthread_create(&thread, NULL, cancel_soon, cancel), 0);
  assert_false(sink_write(s, piece, sizeof piece, &err));
  assert_int_equal(err.code, ERR_CANCELLED);
  pthread_join(thread, NULL);
  sink_close(s);
}

static void test_a_write_to_a_reader_who_does_not_read_can_be_given_up(void **state) {
  struct cancel cancel = {0};
  struct error err;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  check_gives_up(sink_stream_open(ends[1], &cancel, &err), &cancel);
  assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);   /* others share it */
  close(ends[0]);
  close(ends[1]);

  struct cancel again = {0};
  const char *path = in_folder("pipe");
  assert_int_equal(mkfifo(path, 0600), 0);
  int reader = open(path, O_RDONLY | O_NONBLOCK);
  check_gives_up(open_at(path, (struct sink_file_options){.cancel = &again}), &again);
  close(reader);
}

static void test_a_reader_who_left_is_an_error_and_no_signal(void **state) {
  struct cancel cancel = {0};
  struct error err;
  int ends[2];
  for (int i = 0; i < 2; i++) {
    assert_int_equal(pipe(ends), 0);
    struct sink *s = sink_stream_open(ends[1], i ? &cancel : NULL, &err);
    close(ends[0]);
    assert_false(sink_write(s, (const uint8_t *)"x", 1, &err));
    assert_int_equal(err.code, ERR_DESTINATION);
    assert_non_null(strstr(err.message, "Broken pipe"));
    sink_close(s);
    close(ends[1]);
  }
}

static void test_a_stream_stays_open_for_its_owner(void **state) {
  struct cancel cancel = {0};
  struct error err;
  char got[8];
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct sink *s = sink_stream_open(ends[1], &cancel, &err);
  put(s, "abc");
  commit(s);
  sink_close(s);
  assert_int_equal(write(ends[1], "d", 1), 1);
  assert_int_equal(read(ends[0], got, sizeof got), 4);
  assert_memory_equal(got, "abcd", 4);
  close(ends[0]);
  close(ends[1]);
}

static void test_only_what_nobody_has_seen_can_be_started_again(void **state) {
  struct error err;
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  struct sink *s = sink_stream_open(ends[1], NULL, &err);
  assert_true(sink_can_restart(s));
  put(s, "x");
  assert_false(sink_can_restart(s));
  sink_close(s);
  close(ends[0]);
  close(ends[1]);
  s = open_at(in_folder("out"), (struct sink_file_options){0});
  put(s, "x");
  assert_true(sink_can_restart(s));
  commit(s);
  assert_false(sink_can_restart(s));
  sink_close(s);
}

#define in_a_folder(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      in_a_folder(test_a_file_has_its_name_only_when_it_is_whole),
      in_a_folder(test_what_nobody_reads_along_has_no_name_at_all_until_it_is_whole),
      in_a_folder(test_a_temporary_name_that_is_asked_for_is_there_while_the_file_grows),
      in_a_folder(test_closing_without_a_commit_leaves_nothing),
      in_a_folder(test_an_older_file_stays_until_the_commit_and_after_an_abort),
      in_a_folder(test_a_file_that_is_replaced_hands_down_its_permissions),
      in_a_folder(test_a_file_that_may_not_be_written_is_not_replaced),
      in_a_folder(test_a_second_commit_and_a_write_behind_it_are_refused),
      in_a_folder(test_the_digest_is_sha256_of_all_bytes),
      in_a_folder(test_a_large_file_is_brought_to_disk_on_the_way_and_followed),
      in_a_folder(test_a_temporary_file_of_somebody_else_is_neither_used_nor_removed),
      in_a_folder(test_a_symbolic_link_stays_and_its_file_is_replaced),
      in_a_folder(test_a_link_that_leads_nowhere_is_refused_and_stays),
      in_a_folder(test_a_name_as_long_as_names_may_be_is_written),
      in_a_folder(test_a_folder_a_missing_folder_and_an_empty_name_are_refused),
      in_a_folder(test_a_name_that_is_taken_meanwhile_fails_the_commit_and_leaves_nothing),
      in_a_folder(test_a_full_device_is_no_space),
      in_a_folder(test_a_write_that_fails_in_the_middle_leaves_nothing),
      in_a_folder(test_dev_null_stays_what_it_is),
      in_a_folder(test_a_fifo_stays_what_it_is_and_its_reader_gets_the_bytes),
      in_a_folder(test_a_fifo_without_a_reader_can_be_given_up),
      in_a_folder(test_a_write_to_a_reader_who_does_not_read_can_be_given_up),
      in_a_folder(test_a_reader_who_left_is_an_error_and_no_signal),
      in_a_folder(test_a_stream_stays_open_for_its_owner),
      in_a_folder(test_only_what_nobody_has_seen_can_be_started_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
