#include "cli/command.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cancel signalled;

static void on_signal(int number) {
  (void)number;
  cancel_request(&signalled);
}

struct cancel *command_catch_signals(void) {
  struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
  struct sigaction ignore = {.sa_handler = SIG_IGN};
  sigaction(SIGINT, &stop, NULL);
  sigaction(SIGTERM, &stop, NULL);
  sigaction(SIGPIPE, &ignore, NULL);
  return &signalled;
}

int64_t command_peak_memory(void) {
  FILE *f = fopen("/proc/self/status", "re");
  if (!f) return 0;
  char line[256];
  long long kib = 0;
  while (fgets(line, sizeof line, f))
    if (sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
  fclose(f);
  return kib * 1024;
}

int command_failed(const struct error *err) {
  fprintf(stderr, "decant: %s\n", err->message);
  if (*err->sqlstate) fprintf(stderr, "decant: SQLSTATE %s\n", err->sqlstate);
  return error_exit_code(err->code);
}

static const struct flag *find_flag(const struct command *command, const char *name, size_t len) {
  for (const struct flag *f = command->flags; f && f->name; f++)
    if (strlen(f->name) == len && strncmp(f->name, name, len) == 0) return f;
  return NULL;
}

static const struct flag *find_letter(const struct command *command, char letter) {
  for (const struct flag *f = command->flags; f && f->name; f++)
    if (f->letter && f->letter == letter) return f;
  return NULL;
}

/* Where a flag's value comes from: behind "=", or the next argument. *taken: that argument is used up. */
static bool find_value(const struct flag *f, const char *shown, const char *equals, const char *next,
                       bool *taken, const char **value, struct error *err) {
  *taken = false;
  *value = equals ? equals + 1 : NULL;
  if (!f->value) return equals ? fail_field(err, f->name, "%s takes no value", shown) : true;
  if (equals) return true;
  bool optional = f->value[0] == '[';
  if (optional && (!next || next[0] == '-')) return true;
  if (!next) return fail_field(err, f->name, "%s needs a value: %s", shown, f->value);
  *taken = true;
  *value = next;
  return true;
}

struct walk {
  const struct command *command;
  bool (*on_flag)(void *context, const struct flag *flag, const char *value, struct error *err);
  bool (*on_argument)(void *context, const char *text, struct error *err);
  void *context;
};

static bool take_flag(const struct walk *w, const char *text, const char *next, bool *taken,
                      struct error *err) {
  const char *equals = NULL;
  const struct flag *f;
  if (text[1] == '-') {
    equals = strchr(text, '=');
    f = find_flag(w->command, text + 2, equals ? (size_t)(equals - text - 2) : strlen(text + 2));
  } else {
    f = text[2] == '\0' ? find_letter(w->command, text[1]) : NULL;
  }
  if (!f) {
    char shown[100];   /* without a value, which may be secret */
    snprintf(shown, sizeof shown, "%.*s", equals ? (int)(equals - text) : (int)sizeof shown, text);
    return fail_field(err, shown, "unknown option \"%s\"; `decant help %s` lists what there is", shown,
                      w->command->name);
  }
  const char *value;
  if (!find_value(f, text, equals, next, taken, &value, err)) return false;
  return w->on_flag(w->context, f, value, err);
}

static bool take_environment(const struct walk *w, struct error *err) {
  for (const struct flag *f = w->command->flags; f && f->name; f++) {
    const char *value = f->environment ? getenv(f->environment) : NULL;
    if (!value || !*value) continue;
    bool off = !f->value && (!strcmp(value, "0") || !strcmp(value, "false") || !strcmp(value, "off"));
    if (off) continue;
    if (!w->on_flag(w->context, f, f->value ? value : NULL, err)) {
      error_prefix(err, "environment variable %s: ", f->environment);
      return false;
    }
  }
  return true;
}

bool flags_parse(const struct command *command, int argc, char **argv,
                 bool (*on_flag)(void *context, const struct flag *flag, const char *value,
                                 struct error *err),
                 bool (*on_argument)(void *context, const char *text, struct error *err), void *context,
                 struct error *err) {
  const struct walk w = {command, on_flag, on_argument, context};
  if (!take_environment(&w, err)) return false;
  bool only_arguments = false;
  for (int i = 0; i < argc; i++) {
    if (!only_arguments && !strcmp(argv[i], "--")) {
      only_arguments = true;
    } else if (!only_arguments && argv[i][0] == '-' && argv[i][1]) {
      bool taken;
      if (!take_flag(&w, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &taken, err)) return false;
      i += taken;
    } else if (!on_argument(context, argv[i], err)) {
      return false;
    }
  }
  return true;
}
