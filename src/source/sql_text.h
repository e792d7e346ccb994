/* The little that decant must know of SQL's lexical structure (PostgreSQL documentation, chapter 4.1). */
#pragma once
#include <stddef.h>

/*
 * The length of the statement without the `;` that ends it, if only white space, comments and further `;` follow;
 * else that of the whole text. A `;` in a string, a quoted name or a comment ends nothing. The text is one that the
 * server has taken as one statement; of any other the answer is some length.
 */
size_t sql_statement_length(const char *sql);
