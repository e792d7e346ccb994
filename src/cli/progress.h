/* The progress of an export on a terminal's standard error: a bar with rows, rate, bytes and time left. */
#pragma once
#include "export/export.h"

struct progress_bar;

/* Starts drawing from a thread of its own; NULL where standard error is no terminal (that is no error). */
struct progress_bar *progress_bar_start(const struct export_progress *progress);
/* Stops and clears the line. NULL is allowed. */
void progress_bar_stop(struct progress_bar *bar);

/* "1.2 GB", "340 MB"; text has 32 bytes. Powers of 1000, as disks and networks count. */
void progress_format_bytes(uint64_t bytes, char *text);
/* "10,000,000"; text has 32 bytes. */
void progress_format_count(uint64_t count, char *text);
