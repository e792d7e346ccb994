/* decant describe FILE.parquet: what a file's footer says, for people or as JSON. Any writer's file. */
#pragma once
#include "base/error.h"

/* ERR_VALUE where it is no whole Parquet file; nothing has been printed then. "-" is standard input, which must be a file. */
bool describe_file(const char *path, bool as_json, struct error *err) MUST_CHECK;
/* Writes as it reads: memory does not grow with the row groups. */
bool describe_file_json(int fd, const char *path, struct error *err) MUST_CHECK;
