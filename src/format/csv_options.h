/* The dialects of CSV: what a request may choose, and what COPY itself would refuse. Private to src/format. */
#pragma once
#include "format/format.h"
#include "format/text_style.h"

enum { NEWLINE_LF, NEWLINE_CRLF };
enum { FORCE_QUOTE_NONE, FORCE_QUOTE_ALL, FORCE_QUOTE_NON_NUMERIC };

#define CSV_NULL_TEXT_MAX 63        /* bytes */
#define CSV_COLUMN_LIST_MAX 2047

struct csv_options {
  char delimiter[2];
  char quote[2];
  char escape[2];                   /* "": the quote */
  char null_text[CSV_NULL_TEXT_MAX + 1];
  bool header;
  int newline;
  int force_quote;
  char force_quote_columns[CSV_COLUMN_LIST_MAX + 1];
  bool bom;
  bool excel;
  struct text_style style;
};

extern const struct option csv_option_table[];

/* Rules across the options, the same as COPY's for its own. ERR_USAGE names the option and says what to choose instead. */
bool csv_options_check(const struct csv_options *o, struct error *err) MUST_CHECK;

/*
 * Which columns are quoted always: sets forced[i], of column_count flags that are false. A name of
 * force_quote_columns that is no column of the output, nor awaited, is ERR_USAGE.
 */
bool csv_options_forced(const struct csv_options *o, const struct schema *schema, bool *forced,
                        struct error *err) MUST_CHECK;
