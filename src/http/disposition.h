/* What a download is called. */
#pragma once
#include "base/buffer.h"

/*
 * Appends the file name of an export: the table's own name (of "public.\"my table\"" my table), or "query",
 * with the extension. Control characters, path signs and marks that turn the direction of text are taken out.
 */
void download_name(const char *source, const char *extension, struct buffer *out);

/* Appends a Content-Disposition for a name (RFC 6266): a plain fall-back, and the name itself in UTF-8. */
void disposition_append(const char *name, struct buffer *out);
