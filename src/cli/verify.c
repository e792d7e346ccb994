/* decant verify: is a file whole? By what its format and its compression can prove; a bare CSV can prove nothing. */
#include "cli/command.h"
#include "cli/json_text.h"
#include "cli/progress.h"
#include "compress/expand.h"
#include "format/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SNIFF_BYTES 64

enum outcome { WHOLE, BROKEN, UNKNOWN };

struct verify {
  const char *format;      /* as asked for, or NULL */
  bool prints_json;
  bool has_files, failed;
};

/* What is known of one file. */
struct file {
  const char *name;
  int fd;
  const struct format *format;   /* NULL: not known */
  const char *codec;             /* NULL: not compressed */
  uint64_t bytes;
  bool is_looked_into;           /* by its format, not only by its compression */
  struct file_facts facts;
};

static const struct flag verify_flags[] = {
    {"format", 0, "NAME", NULL, "csv, json, ndjson, xml or parquet, where the file's name does not say it"},
    {"json", 0, NULL, NULL, "print the result as JSON, one line a file"},
    {NULL},
};

/* ---- what it is ------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *ending) {
  size_t len = strlen(name), ending_len = strlen(ending);
  return len > ending_len && strcmp(name + len - ending_len, ending) == 0;
}

/* "x.csv.gz": the extension before the codec's, if that is one of a format. */
static const struct format *format_of_name(const char *name) {
  char extension[16];
  size_t len = strlen(name);
  if (ends_with(name, ".gz")) len -= 3;
  else if (ends_with(name, ".zst")) len -= 4;
  size_t start = len;
  while (start > 0 && name[start - 1] != '.' && name[start - 1] != '/') start--;
  if (start == 0 || name[start - 1] != '.' || len - start >= sizeof extension) return NULL;
  memcpy(extension, name + start, len - start);
  extension[len - start] = '\0';
  return format_find_extension(extension);
}

static const char *codec_of_bytes(const uint8_t *bytes, size_t len) {
  if (len >= 2 && memcmp(bytes, "\x1F\x8B", 2) == 0) return "gzip";
  return len >= 4 && memcmp(bytes, "\x28\xB5\x2F\xFD", 4) == 0 ? "zstd" : NULL;
}

static bool open_file(struct file *f, struct error *err) {
  struct stat st;
  bool is_stdin = strcmp(f->name, "-") == 0;
  f->fd = is_stdin ? dup(STDIN_FILENO) : open(f->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);   /* a FIFO would block */
  if (f->fd < 0 || fstat(f->fd, &st) != 0) return fail_errno(err, ERR_VALUE, "cannot open the file");
  if (!S_ISREG(st.st_mode))
    return fail(err, ERR_VALUE, "%s",
                S_ISDIR(st.st_mode) ? "it is a folder"
                                    : "only a file can be verified, not a pipe or a device");
  f->bytes = (uint64_t)st.st_size;
  return lseek(f->fd, 0, SEEK_SET) == 0 || fail_errno(err, ERR_VALUE, "cannot read the file");
}

static bool recognise(const struct verify *v, struct file *f, struct error *err) {
  uint8_t bytes[SNIFF_BYTES];
  ssize_t n = pread(f->fd, bytes, sizeof bytes, 0);
  if (n < 0) return fail_errno(err, ERR_VALUE, "cannot read the file");
  f->codec = codec_of_bytes(bytes, (size_t)n);
  f->format = v->format ? format_find(v->format) : format_of_name(f->name);
  if (!f->format && !f->codec) f->format = format_find_bytes(bytes, (size_t)n);
  const char *promised = ends_with(f->name, ".gz") ? "gzip" : ends_with(f->name, ".zst") ? "zstd" : NULL;
  if (promised && (!f->codec || strcmp(f->codec, promised) != 0))
    return fail(err, ERR_VALUE, "it is no %s file, though its name says so", promised);
  return true;
}

/* ---- is it whole ------------------------------------------------------------------------------------ */

/* To the end, whatever comes: the proof is the compression's. */
static bool read_on(int fd, struct error *err) {
  uint8_t piece[65536];
  ssize_t n;
  do n = read(fd, piece, sizeof piece);
  while (n > 0 || (n < 0 && errno == EINTR));
  return n == 0 || fail_errno(err, ERR_VALUE, "cannot read the file");
}

/* The content, decompressed or as it is. What the format cannot judge is proven by the compression alone. */
static bool check_content(void *context, int fd, struct error *err) {
  struct file *f = context;
  f->is_looked_into = f->format && f->format->check_whole;
  if (!f->is_looked_into) return read_on(fd, err);
  if (f->format->check_whole(fd, &f->facts, err)) return true;
  f->is_looked_into = err->code != ERR_USAGE || !f->codec;
  return !f->is_looked_into && read_on(fd, err);
}

/* Text that has no end of its own may be cut between two lines. */
static bool fail_unproven(const struct file *f, struct error *err) {
  return fail(err, ERR_VALUE,
              "whether it is whole cannot be known: %s has no end that would be missing; compressed "
              "as gzip or zstd it has one",
              f->format ? f->format->name : "a file of this kind");
}

static bool is_fault_of_file(const struct error *err) {
  return err->code != ERR_MEMORY && err->code != ERR_INTERNAL && err->code != ERR_USAGE;
}

static enum outcome check(const struct verify *v, struct file *f, struct error *err) {
  if (!open_file(f, err)) return UNKNOWN;
  if (!recognise(v, f, err)) return BROKEN;
  if (f->codec && f->format && !f->format->is_text) {
    (void)fail(err, ERR_VALUE, "it is a %s file inside %s: decompress it first", f->format->name, f->codec);
    return BROKEN;
  }
  bool ok = f->codec ? expand_through(f->codec, f->fd, check_content, f, err) : check_content(f, f->fd, err);
  if (!ok) return is_fault_of_file(err) ? BROKEN : UNKNOWN;
  bool is_proven = f->codec || (f->format && f->format->proves_its_end);
  return is_proven || fail_unproven(f, err) ? WHOLE : UNKNOWN;
}

/* ---- saying so -------------------------------------------------------------------------------------- */

static void print_whole(const struct file *f) {
  char rows[32];
  progress_format_count(f->facts.rows, rows);
  printf("%s: whole: %s%s%s", f->name, f->format ? f->format->name : "", f->format && f->codec ? " in " : "",
         f->codec ? f->codec : "");
  if (f->is_looked_into) printf(", %s row%s", rows, f->facts.rows == 1 ? "" : "s");
  if (*f->facts.summary) printf(" %s", f->facts.summary);
  printf("\n");
}

static void print_json(const struct file *f, enum outcome outcome, const struct error *err) {
  static const char *const answers[] = {[WHOLE] = "true", [BROKEN] = "false", [UNKNOWN] = "null"};
  printf("{\"file\":");
  json_print_text(f->name, strlen(f->name));
  printf(",\"whole\":%s,\"bytes\":%llu", answers[outcome], (unsigned long long)f->bytes);
  if (f->format) printf(",\"format\":\"%s\"", f->format->name);
  if (f->codec) printf(",\"compression\":\"%s\"", f->codec);
  if (outcome == WHOLE && f->is_looked_into) {
    printf(",\"rows\":%llu", (unsigned long long)f->facts.rows);
    for (const struct file_count *c = f->facts.counts; c < f->facts.counts + FILE_COUNTS_MAX && c->name; c++)
      printf(",\"%s\":%llu", c->name, (unsigned long long)c->count);
  }
  if (outcome != WHOLE) {
    printf(",\"error\":");
    json_print_text(err->message, strlen(err->message));
  }
  printf("}\n");
}

static void verify_file(struct verify *v, const char *name) {
  struct file f = {.name = name, .fd = -1};
  struct error err = {.code = ERR_NONE};
  enum outcome outcome = check(v, &f, &err);
  if (f.fd >= 0) close(f.fd);
  if (outcome != WHOLE) v->failed = true;
  if (v->prints_json) print_json(&f, outcome, &err);
  else if (outcome == WHOLE) print_whole(&f);
  else if (outcome == UNKNOWN) printf("%s: %s\n", name, err.message);
  else printf("%s: NOT whole: %s\n", name, err.message);
}

/* ---- the command ------------------------------------------------------------------------------------ */

static bool on_flag(void *context, const struct flag *flag, const char *value, struct error *err) {
  struct verify *v = context;
  if (strcmp(flag->name, "json") == 0) {
    v->prints_json = true;
    return true;
  }
  if (!format_find(value)) return fail_field(err, "format", "--format: there is no format \"%.40s\"", value);
  v->format = value;
  return true;
}

static bool on_argument(void *context, const char *text, struct error *err) {
  struct verify *v = context;
  v->has_files = true;
  return true;
}

static bool on_file(void *context, const char *text, struct error *err) {
  verify_file(context, text);
  return true;
}

static int verify_main(int argc, char **argv) {
  struct verify v = {0};
  struct error err;
  command_catch_signals();
  if (!flags_parse(&command_verify, argc, argv, on_flag, on_argument, &v, &err)) return command_failed(&err);
  if (!v.has_files) {
    error_set_field(&err, "file", "verify needs a file");
    return command_failed(&err);
  }
  /* Once more, now that every flag is known. */
  if (!flags_parse(&command_verify, argc, argv, on_flag, on_file, &v, &err)) return command_failed(&err);
  return v.failed ? 1 : 0;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "verify [--json] FILE...",
    .help = "says whether a file is whole: by its footer, closing bracket, end tag or compression's trailer",
    .flags = verify_flags,
    .run = verify_main,
};
