#include "job/child.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_MS 200
#define EXIT_NOT_STARTED 127

extern char **environ;

struct child {
  pid_t pid;
  int stderr_fd;
  uint64_t started_us;
  uint64_t stopping_us;   /* when SIGTERM was sent, or 0 */
  bool killed;            /* SIGKILL has been sent, too */
};

/* Our environment with one variable replaced. The array is the caller's, the strings are not. */
static char **make_environment(const char *assignment, size_t name_len) {
  size_t count = 0, kept = 0;
  while (environ[count]) count++;
  char **copy = calloc(count + 2, sizeof *copy);
  if (!copy) return NULL;
  for (size_t i = 0; i < count; i++)
    if (!assignment || strncmp(environ[i], assignment, name_len + 1) != 0) copy[kept++] = environ[i];
  if (assignment) copy[kept] = (char *)assignment;
  return copy;
}

/* Between fork and exec of a process that may have threads: only async-signal-safe calls. */
static _Noreturn void become(const struct child_settings *s, char **environment, int stderr_fd,
                             pid_t parent) {
  static const int reset[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2};
  static const char refused[] = "cannot be started\n";
  for (size_t i = 0; i < sizeof reset / sizeof *reset; i++) signal(reset[i], SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  int null = open("/dev/null", O_RDWR);
  bool ready = getppid() == parent && null >= 0 && dup2(stderr_fd, STDERR_FILENO) >= 0 &&
               dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0;
  close_range(STDERR_FILENO + 1, ~0u, 0);   /* Linux 5.9; before it, descriptors are close-on-exec by habit */
  if (ready) execve(s->executable, (char *const *)s->argv, environment);
  (void)!write(STDERR_FILENO, refused, sizeof refused - 1);
  _exit(EXIT_NOT_STARTED);
}

static bool start_with(const struct child_settings *s, char **environment, struct child *c,
                       struct error *err) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return fail_errno(err, ERR_INTERNAL, "cannot make a pipe");
  fcntl(ends[1], F_SETFL, 0);   /* the child's end blocks, as programs expect of standard error */
  pid_t parent = getpid();
  c->started_us = clock_monotonic_us();
  c->pid = fork();
  if (c->pid == 0) become(s, environment, ends[1], parent);
  int saved = errno;
  close(ends[1]);
  c->stderr_fd = ends[0];
  if (c->pid > 0) return true;
  close(ends[0]);
  errno = saved;
  return fail_errno(err, ERR_INTERNAL, "cannot start a child process");
}

static bool start(const struct child_settings *s, struct child *c, struct error *err) {
  char *assignment = NULL;
  size_t name_len = s->variable_name ? strlen(s->variable_name) : 0;
  if (s->variable_name) {
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_appendf(&b, "%s=%s", s->variable_name, s->variable_value);
    assignment = buffer_take_string(&b);
    if (!assignment) return fail_memory(err, "a child's environment");
  }
  char **environment = make_environment(assignment, name_len);
  bool ok = environment ? start_with(s, environment, c, err) : fail_memory(err, "a child's environment");
  free(environment);
  free(assignment);
  return ok;
}

/* Keeps the last part: an error or a summary comes at the end. */
static void append_tail(struct buffer *text, const char *bytes, size_t len) {
  if (text->len + len > CHILD_STDERR_MAX) {
    size_t drop = text->len < CHILD_STDERR_MAX / 2 ? text->len : text->len - CHILD_STDERR_MAX / 2;
    memmove(text->data, text->data + drop, text->len - drop);
    text->len -= drop;
  }
  buffer_append(text, bytes, len);
}

/* Takes what is there without waiting. False at the end of the stream. */
static bool drain(int fd, struct buffer *text) {
  char bytes[4096];
  for (;;) {
    ssize_t n = read(fd, bytes, sizeof bytes);
    if (n > 0) append_tail(text, bytes, (size_t)n);
    else if (n == 0) return false;
    else if (errno == EINTR) continue;
    else return errno == EAGAIN;
  }
}

static void stop(struct child *c) {
  uint64_t now = clock_monotonic_us();
  if (!c->stopping_us) {
    c->stopping_us = now;
    kill(c->pid, SIGTERM);
  } else if (!c->killed && now - c->stopping_us > CHILD_GRACE_MS * 1000u) {
    c->killed = true;
    kill(c->pid, SIGKILL);
  }
}

/* Reaps the child. wait4 tells what it cost; getrusage would add up all children that ever were. */
static bool wait_for_end(struct child *c, const struct child_settings *s, const struct cancel *cancel,
                         struct buffer *text, struct child_outcome *outcome, struct error *err) {
  bool is_open = true;
  int status;
  struct rusage used;
  pid_t got;
  for (;;) {
    struct pollfd p = {.fd = is_open ? c->stderr_fd : -1, .events = POLLIN};
    poll(&p, 1, is_open ? TICK_MS : 2);
    if (is_open) is_open = drain(c->stderr_fd, text);
    got = wait4(c->pid, &status, WNOHANG, &used);
    if (got != 0 && !(got < 0 && errno == EINTR)) break;
    if (cancel_requested(cancel)) stop(c);
    if (s->on_tick) s->on_tick(s->context, (double)(clock_monotonic_us() - c->started_us) / 1e6);
  }
  if (got < 0) return fail_errno(err, ERR_INTERNAL, "cannot wait for a child process");
  drain(c->stderr_fd, text);
  outcome->seconds = (double)(clock_monotonic_us() - c->started_us) / 1e6;
  outcome->cpu_seconds = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  outcome->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

bool child_run(const struct child_settings *settings, const struct cancel *cancel, struct buffer *text,
               struct child_outcome *outcome, struct error *err) {
  struct child c = {0};
  *outcome = (struct child_outcome){0};
  if (!cancel_check(cancel, err) || !start(settings, &c, err)) return false;
  bool ok = wait_for_end(&c, settings, cancel, text, outcome, err);
  close(c.stderr_fd);
  if (c.stopping_us) return fail(err, ERR_CANCELLED, "cancelled");
  return ok;
}
