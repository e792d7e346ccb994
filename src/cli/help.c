/* decant help: printed from the tables of commands, formats, codecs and options. */
#include "cli/command.h"
#include "codec/codec.h"
#include "format/format.h"

#include <stdio.h>
#include <string.h>

static void print_flags(const struct command *c) {
  for (const struct flag *f = c->flags; f && f->name; f++) {
    char shown[64];
    snprintf(shown, sizeof shown, "%s%c%s--%s%s%s", f->letter ? "-" : "", f->letter ? f->letter : ' ',
             f->letter ? ", " : "   ", f->name, f->value ? " " : "", f->value ? f->value : "");
    printf("  %-30s %s%s%s%s\n", shown, f->help, f->environment ? " [" : "",
           f->environment ? f->environment : "", f->environment ? "]" : "");
  }
}

static void print_option(const struct option *o) {
  char value[256] = "";
  if (o->type == OPTION_CHOICE)
    for (size_t i = 0; o->choices[i]; i++)
      snprintf(value + strlen(value), sizeof value - strlen(value), "%s%s", i ? "|" : "", o->choices[i]);
  else if (o->type == OPTION_BOOL) snprintf(value, sizeof value, "true|false");
  else
    snprintf(value, sizeof value, "%s",
             o->type == OPTION_SIZE  ? "SIZE"
             : o->type == OPTION_INT ? "N"
                                     : "TEXT");
  char shown[320];
  snprintf(shown, sizeof shown, "%s=%s", o->name, value);
  printf("      %-40s %s (default %s)\n", shown, o->help, *o->default_text ? o->default_text : "empty");
}

static void print_formats(void) {
  printf("\nFormats:\n");
  for (size_t i = 0; formats[i]; i++) {
    printf("  %-10s %s\n", formats[i]->name, formats[i]->help);
    bool is_first = format_find_group(formats[i]->group) == formats[i];
    if (!is_first) printf("      takes the options of --%s\n", formats[i]->group);
    for (const struct option *o = formats[i]->options; is_first && o && o->name; o++) print_option(o);
  }
  printf("\nCompression of text formats:\n");
  for (size_t i = 0; codecs[i]; i++) printf("  %-10s %s\n", codecs[i]->name, codecs[i]->help);
  printf("\nWhat a format cannot say (--special):");
  for (size_t i = 0; special_names[i]; i++) printf("%s %s", i ? "," : "", special_names[i]);
  printf("\n");
}

static void print_overview(void) {
  printf("decant %s: pours PostgreSQL tables and queries into CSV, JSON, XML and Parquet.\n\n",
         DECANT_VERSION);
  for (size_t i = 0; commands[i]; i++) printf("  decant %-10s %s\n", commands[i]->name, commands[i]->help);
  printf("\n`decant help COMMAND` shows a command's options.\n"
         "Exit codes: 0 done, 1 failed, 2 usage, 3 source, 4 destination, 130 interrupted.\n");
}

static int help_main(int argc, char **argv) {
  if (argc == 0) {
    print_overview();
    return 0;
  }
  for (size_t i = 0; commands[i]; i++) {
    const struct command *c = commands[i];
    if (strcmp(c->name, argv[0]) != 0) continue;
    printf("decant %s\n%s\n\n", c->usage, c->help);
    print_flags(c);
    if (c == &command_export) print_formats();
    return 0;
  }
  struct error err;
  error_set_field(&err, "command", "there is no command \"%.100s\"; `decant help` lists them", argv[0]);
  return command_failed(&err);
}

const struct command command_help = {
    .name = "help",
    .usage = "help [COMMAND]",
    .help = "what there is, or the options of one command",
    .run = help_main,
};
