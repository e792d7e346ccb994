/*
 * Subcommands: one file each, one row in commands[]. run gets the arguments behind the subcommand's name
 * and returns the process's exit code (base/error.h's table).
 */
#pragma once
#include "base/cancel.h"

#include <stdint.h>

struct command {
  const char *name;
  const char *usage;   /* "export (--table T | --query SQL) [options] [-o FILE]" */
  const char *help;    /* one line */
  const struct flag *flags;   /* NULL-named row ends it */
  int (*run)(int argc, char **argv);
};

/* A flag of a subcommand: --name VALUE, --name=VALUE, or a switch. One table for parsing and help. */
struct flag {
  const char *name;         /* "db", without the dashes */
  char letter;              /* 'o' or 0 */
  const char *value;        /* "URL" in help; NULL: a switch; "[K=V]": may stand alone, or have a value
                               that does not begin with a dash */
  const char *environment;  /* a variable that it falls back to, or NULL */
  const char *help;
};

extern const struct command command_export, command_serve, command_seed, command_bench, command_describe,
    command_verify, command_health, command_help;
extern const struct command *const commands[];   /* NULL-terminated, in help's order; defined in main.c */

/*
 * Walks argv. Calls on_flag for each flag (value NULL for a switch; --no-NAME is a switch of its own) and
 * on_argument for the rest. A repeated flag calls again. Environment fall-backs are delivered before the
 * arguments, so that a flag wins. Unknown flags and missing values are ERR_USAGE that names them.
 */
bool flags_parse(const struct command *command, int argc, char **argv,
                 bool (*on_flag)(void *context, const struct flag *flag, const char *value,
                                 struct error *err),
                 bool (*on_argument)(void *context, const char *text, struct error *err), void *context,
                 struct error *err) MUST_CHECK;

/* The signals that ask to stop (SIGINT, SIGTERM) set this flag; SIGPIPE becomes an error of the write. */
struct cancel *command_catch_signals(void);

/* Highest resident memory of this process so far, in bytes (VmHWM); 0 where it is not known. */
int64_t command_peak_memory(void);

/* Prints "decant: <message>" to standard error and returns the error's exit code. */
int command_failed(const struct error *err);
