/* The table of subcommands, nothing else. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

const struct command *const commands[] = {
    NULL,
};

int main(int argc, char **argv) {
  (void)argc;
  (void)argv;
  return 0;
}
