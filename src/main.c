/* The table of subcommands, and what all of them end with. */
#include "cli/command.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
    &command_export, &command_serve, &command_seed, &command_bench, &command_describe, &command_verify, &command_health, &command_help,
    NULL,
};

/* What a command has printed is lost where standard output takes it no longer: then it has failed. */
static int end(int code) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  struct error err;
  error_set_errno(&err, ERR_DESTINATION, "cannot write to standard output");
  int failed = command_failed(&err);
  return code ? code : failed;
}

int main(int argc, char **argv) {
  /* One heap for all threads, and large buffers apart from it: memory that is given back stays given back. */
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  bool wants_help = argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
  if (wants_help) return end(command_help.run(0, NULL));
  if (!strcmp(argv[1], "--version")) return end(printf("decant %s\n", DECANT_VERSION) < 0);
  for (size_t i = 0; commands[i]; i++) {
    if (strcmp(commands[i]->name, argv[1]) != 0) continue;
    const char *last = argv[argc - 1];
    if (argc > 2 && (!strcmp(last, "--help") || !strcmp(last, "-h"))) return end(command_help.run(1, argv + 1));
    return end(commands[i]->run(argc - 2, argv + 2));
  }
  struct error err;
  error_set_field(&err, "command", "there is no command \"%.100s\"; `decant help` lists them", argv[1]);
  return command_failed(&err);
}
