/*
 * A format: how rows become the bytes of a file. One file or folder per format, one row in formats[].
 *
 * The engine knows formats only through this struct of functions. Two kinds of threads call it:
 *   lanes    each has its own encoder: encoder_new, encode, part_end, part_read, encoder_free
 *   writer   begin, join, end: one caller at a time, in the order of the output
 * `open` and `close` come before and after all of them. The format object (void *self) is read-only for
 * encoders.
 *
 * A part is what a lane makes of one split: some text, or one Parquet row group. Text formats append
 * rows straight to the lane's chunk and may be handed on at any row border; Parquet keeps rows until
 * part_end, then gives its bytes piece by piece through part_read.
 */
#pragma once
#include "base/buffer.h"
#include "base/option.h"
#include "row/schema.h"

/* What to do with a value that the format cannot say (docs/types.md). */
enum special { SPECIAL_ERROR, SPECIAL_NULL, SPECIAL_STRING, SPECIAL_REPLACE };
extern const char *const special_names[];   /* "error", "null", "string", "replace", NULL */

/* One of the columns that the rows were asked to be ordered by. */
struct format_order { uint32_t column; bool is_descending, nulls_first; };

/* What a format may use of the plan. Borrowed; lives as long as the format object. */
struct format_spec {
  const struct schema *schema;
  const void *options;            /* the format's own options struct, parsed */
  enum special special;
  size_t memory_bytes;            /* what one encoder may hold (Parquet) */
  uint64_t rows_estimated;        /* of the whole output, 0 if unknown */
  const char *created_by;         /* "decant 0.1.0" */
  const char *source;             /* "public.records" or "query": for key-value metadata */
  const char *snapshot_at;        /* RFC 3339, or "" while unknown */
  const struct format_order *order;   /* of output columns, the first decides; by the server's rules for their types */
  size_t order_count;             /* 0: no order, or not by a column of the output */
};

/* Counted by an encoder, summed by the engine. */
struct format_counts {
  uint64_t rows;
  uint64_t specials;              /* values written otherwise, under null, string or replace */
  const uint64_t *specials_by_column;   /* the same per output column; the encoder's own. NULL: none can be */
};

struct encoder;                   /* a format's own struct; one lane's */

/* How the values of a found path come: by path_form, or as KIND_JSON or, where all values agree, of a type. */
enum path_types {
  PATH_TYPES_NONE,
  PATH_TYPES_DOUBLE,    /* numbers that are not all whole: FLATTEN_FLOAT8 where that is exact */
  PATH_TYPES_DECIMAL,   /* FLATTEN_NUMERIC where 38 digits are enough */
};

/* What a look at a whole file found out. */
#define FILE_COUNTS_MAX 8
struct file_facts {
  uint64_t rows;
  struct file_count { const char *name; uint64_t count; } counts[FILE_COUNTS_MAX];   /* "rowGroups": …; unnamed: none */
  char summary[200];   /* of what was counted, as people read it behind "60 rows"; "": nothing */
};

/* Types that a format may take as they are sent; the others take their text or JSON. */
enum sent_type {
  SENT_INTERVAL = 1 << 0,   /* as SHAPE_INTERVAL, alone or within nested types */
  SENT_GEOMETRY = 1 << 1,   /* as KIND_GEOMETRY; within nested types their text */
};

struct format {
  const char *name;               /* "csv" */
  const char *extension;          /* "csv" */
  const char *media_type;         /* "text/csv; charset=utf-8" */
  const char *help;               /* one line */
  bool is_text;                   /* a codec may compress it */
  bool flattens;                  /* JSON columns become a column per path unless told otherwise */
  enum wire_form other_form;      /* how types without a kind of their own are selected */
  /* The same for arrays, composites and hstore, by the format's options: WIRE_TEXT, WIRE_JSON or WIRE_NESTED. */
  enum wire_form (*nested_form)(const void *options);
  unsigned (*sent_types)(const void *options);   /* bit set of enum sent_type, by the format's options */
  enum flatten_form_of_format { FORMAT_PATH_TEXT, FORMAT_PATH_JSON } path_form;  /* how picked JSON values come */
  enum path_types (*path_types)(const void *options);   /* of flattened paths, where every row was looked at */
  unsigned specials_allowed;      /* bit set of 1 << SPECIAL_… that may be asked for */
  const char *group;              /* what the options are called together: --csv, "csv"; formats may share a group */
  const struct option *options;   /* NULL-named row ends it; NULL: none */
  size_t options_size;
  /* The zone whose clock the timestamps with time zone show, as asked for; "UTC" if nothing else was. Before open. */
  const char *(*zone)(const void *options);

  /* Refuses options that cannot be, or not together, whatever the columns. ERR_USAGE names the field. */
  bool (*check_options)(const void *options, struct error *err);
  /* Checks schema and options (names, types, policy) before a byte is written. ERR_USAGE names the field. */
  bool (*open)(const struct format_spec *spec, void **self, struct error *err);
  void (*close)(void *self);

  /* Rows that a part should hold, for the plan of splits; 0: as the engine likes (text). Before open. */
  uint64_t (*part_rows)(const void *options);

  /* Writer side. Each appends to out. */
  bool (*begin)(void *self, struct buffer *out, struct error *err);
  /*
   * Called before a part's first byte. rows_before: rows that parts before it hold. offset: bytes written
   * to the file so far. meta: what part_end gave (the format frees it), NULL for text.
   */
  bool (*join)(void *self, uint64_t rows_before, uint64_t offset, void *meta, struct buffer *out, struct error *err);
  bool (*end)(void *self, uint64_t rows, uint64_t offset, struct buffer *out, struct error *err);
  /* Frees a part's meta that will never be joined (the export failed). */
  void (*meta_free)(void *meta);

  /* Lane side. */
  bool (*encoder_new)(void *self, struct encoder **encoder, struct error *err);
  void (*encoder_free)(struct encoder *e);
  /* One row. Text: appends to out. Others keep it and leave out alone. Cells are borrowed for the call. */
  bool (*encode)(struct encoder *e, const struct cell *cells, struct buffer *out, struct error *err);
  /* True when the encoder wants its part closed though the split goes on (a row group is full). Text: false. */
  bool (*part_is_full)(const struct encoder *e);
  /* The part's rows are complete. Text: *meta = NULL. Not called for a part without rows. */
  bool (*part_end)(struct encoder *e, void **meta, struct error *err);
  /* Appends at most max bytes of the finished part to out; *more says whether there are further ones. Text: none. */
  bool (*part_read)(struct encoder *e, size_t max, struct buffer *out, bool *more, struct error *err);
  struct format_counts (*counts)(const struct encoder *e);

  /*
   * Reads a finished, uncompressed file of this format from its start, checks that it is whole (closing
   * bracket, root's end tag, footer; CSV and NDJSON: that the last record is not cut inside quotes or a
   * value) and counts its rows. Constant memory. With the format's default options. ERR_VALUE where it is
   * not whole.
   */
  bool (*count_rows)(int fd, uint64_t *rows, struct error *err);
  /*
   * The same for a file of any shape and writer. NULL: nothing in such a file can be wrong. ERR_USAGE where it may be whole,
   * but is written in a way that cannot be judged: in another encoding, or too deep.
   */
  bool (*check_whole)(int fd, struct file_facts *facts, struct error *err);
  bool proves_its_end;            /* check_whole sees every cut; else not one between two lines */
  /* Begins a file so only if it is of this format? NULL: what begins it says nothing. */
  bool (*is_begun_by)(const uint8_t *bytes, size_t len);
};

extern const struct format *const formats[];   /* NULL-terminated, in the order that help shows */

const struct format *format_find(const char *name);            /* NULL if unknown */
const struct format *format_find_extension(const char *name);  /* by "csv" */
const struct format *format_find_bytes(const uint8_t *bytes, size_t len);   /* by a file's first bytes */
const struct format *format_find_group(const char *name);      /* the first that has these options: "json" */
