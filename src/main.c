/* The table of subcommands, nothing else. */
#include "cli/command.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
    &command_export, &command_serve, &command_seed, &command_bench, &command_describe, &command_verify, &command_health, &command_help,
    NULL,
};

int main(int argc, char **argv) {
  /* One heap for all threads, and large buffers apart from it: memory that is given back stays given back. */
  mallopt(M_ARENA_MAX, 1);
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  bool wants_help = argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
  if (wants_help) return command_help.run(0, NULL);
  if (!strcmp(argv[1], "--version")) return printf("decant %s\n", DECANT_VERSION) < 0;
  for (size_t i = 0; commands[i]; i++) {
    if (strcmp(commands[i]->name, argv[1]) != 0) continue;
    if (argc == 3 && !strcmp(argv[2], "--help")) return command_help.run(1, argv + 1);
    return commands[i]->run(argc - 2, argv + 2);
  }
  struct error err;
  error_set_field(&err, "command", "there is no command \"%.100s\"; `decant help` lists them", argv[1]);
  return command_failed(&err);
}
