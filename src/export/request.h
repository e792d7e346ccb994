/*
 * What the user asked for, parsed once, the same for HTTP and the command line. Owns all its texts.
 * A request is checked for form here (known fields, known options, ranges); against the catalog by the plan.
 */
#pragma once
#include "codec/codec.h"
#include "format/format.h"

enum filter_op {
  FILTER_EQ, FILTER_NE, FILTER_LT, FILTER_LE, FILTER_GT, FILTER_GE, FILTER_IN, FILTER_LIKE,
  FILTER_IS_NULL, FILTER_NOT_NULL, FILTER_OP_COUNT
};
extern const char *const filter_op_names[];   /* "=", "!=", "<", "<=", ">", ">=", "in", "like", "is_null", "not_null", NULL */

enum discover { DISCOVER_SAMPLE, DISCOVER_FULL };
enum gentle_choice { GENTLE_DEFAULT, GENTLE_YES, GENTLE_NO };       /* DEFAULT: as the service is set; else no */
enum flatten_choice { FLATTEN_DEFAULT, FLATTEN_YES, FLATTEN_NO };   /* DEFAULT: as the format does */

/* Whose names errors use for fields and options: those of the flags (sample-rows), or of the JSON body (sampleRows). */
enum spelling { SPELLING_FLAGS, SPELLING_JSON };

#define SAMPLE_ROWS_DEFAULT 10000
#define SAMPLE_ROWS_MAX 100000000
#define REQUEST_LIST_MAX 16384    /* columns, filters, values of an `in` */

struct request_column { char *source; char *target; };       /* target never NULL: defaults to the source */
struct request_filter { char *column; enum filter_op op; char **values; size_t value_count; };
struct request_order { char *column; bool descending; };

struct export_request {
  enum spelling spelling;           /* as it was asked for */
  const struct format *format;      /* never NULL once parsed */
  void *format_options;             /* format->options_size bytes, defaults applied */
  const struct codec *codec;        /* never NULL: codecs[0] is none */
  int level;
  char *table;                      /* catalog spelling, "public.records"; NULL when query is set */
  char *query;
  struct request_column *columns;   size_t column_count;   /* 0: all, in table order */
  struct request_filter *filters;   size_t filter_count;
  struct request_order *order;      size_t order_count;
  int64_t limit;                    /* -1: none */
  enum flatten_choice flatten;
  enum discover discover;
  int64_t sample_rows;              /* 1 to SAMPLE_ROWS_MAX: that a sample looks at, about */
  int64_t max_paths;                /* 1 to FLATTEN_PATHS_MAX: found paths that become columns, of one JSON column */
  enum special special;
  enum gentle_choice gentle;        /* one lane, and of each leaf one plain sequential scan */
  int64_t max_rate_bytes;           /* to be read from the server in a second; 0: no limit of its own */
};

struct export_request *request_new(struct error *err) MUST_CHECK;
void request_free(struct export_request *r);

/* Building, as the command line does. Each copies its texts. The format must be set before its options. */
bool request_set_format(struct export_request *r, const char *name, struct error *err) MUST_CHECK;
bool request_set_compression(struct export_request *r, const char *text, const char *field,
                             struct error *err) MUST_CHECK;
bool request_set_special(struct export_request *r, const char *name, struct error *err) MUST_CHECK;
bool request_set_discover(struct export_request *r, const char *name, struct error *err) MUST_CHECK;
/* "50MB", "50MB/s": bytes a second. field: how the request calls it. */
bool request_parse_rate(const char *text, const char *field, int64_t *bytes, struct error *err) MUST_CHECK;
bool request_set_max_rate(struct export_request *r, const char *text, const char *field,
                          struct error *err) MUST_CHECK;
bool request_add_column(struct export_request *r, const char *source, const char *target,
                        struct error *err) MUST_CHECK;
/* op as in filter_op_names; values: none for is_null and not_null, one or more for in, else one. */
bool request_add_filter(struct export_request *r, const char *column, const char *op,
                        const char *const *values, size_t value_count, struct error *err) MUST_CHECK;
bool request_add_order(struct export_request *r, const char *column, bool descending,
                       struct error *err) MUST_CHECK;

/*
 * Rules across fields: table or query but not both, compression only for text formats, special allowed
 * by the format, nothing about paths where none are looked for, no column twice as target. Called last by everyone
 * who builds a request.
 */
bool request_check(const struct export_request *r, struct error *err) MUST_CHECK;

/* Do its JSON columns become a column per path? */
bool request_flattens(const struct export_request *r);

/* The field that says how paths are to be found, other than by default; NULL: none does. */
const char *request_discovery_field(const struct export_request *r);

/*
 * Renames the field at fault, in err->field and where the message begins with it, as the request's spelling wants it.
 * The engine itself says `orderBy: …` and `option "csv.force-quote": …`: a body's field, a flag's option. Any other
 * error stays as it is; so does one that is spelled already.
 */
void request_spell_error(const struct export_request *r, struct error *err);

/*
 * The body of POST /exports (api.md): unknown fields are refused by name; numbers of `where` are used as
 * written. default_table is used where neither table nor query is given. Includes request_check.
 */
bool request_parse_json(const char *text, size_t len, const char *default_table, struct export_request **out,
                        struct error *err) MUST_CHECK;
#define REQUEST_JSON_BYTES_MAX (1 << 20)
#define REQUEST_JSON_DEPTH_MAX 16

/*
 * Appends the same request in one spelling: every choice and option written out, filter values as strings.
 * request_parse_json makes an equal request of it, also in a later version with other defaults.
 */
void request_to_json(const struct export_request *r, struct buffer *out);

/* An option's name as JSON spells it: "row-group-rows" is rowGroupRows. Cut to size. */
void request_option_json_name(const char *option_name, char *name, size_t size);
