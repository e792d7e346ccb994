/* The arguments of `decant export`, parsed into a request, settings and a destination. */
#pragma once
#include "cli/command.h"
#include "export/export.h"

struct export_args {
  struct export_request *request;
  struct export_settings settings;
  char *output;            /* NULL or "-": standard output */
  bool fsync, quiet, summary_json;
};

extern const struct flag export_flags[];

/* Whatever it returns, export_args_deinit comes after. */
bool export_args_parse(struct export_args *a, int argc, char **argv, struct error *err) MUST_CHECK;
void export_args_deinit(struct export_args *a);
