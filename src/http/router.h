/*
 * The calls of the service: one row each. The router, 404 and 405, GET / and the OpenAPI document are made from
 * this table.
 */
#pragma once
#include "http/exchange.h"

enum route_where {
  ROUTE_AT_ONCE,     /* never blocks: on the connection's thread */
  ROUTE_STORE,       /* reads or writes the job store: on a worker */
  ROUTE_DATABASE,    /* asks PostgreSQL: on a worker of its own kind, so that a slow server delays only its like */
  ROUTE_SUSPENDED,   /* starts a thread of its own, which calls exchange_finished */
};

/* A parameter of the query. */
struct route_query { const char *name, *schema, *help; };   /* schema: JSON Schema as text */

/* An answer as OpenAPI describes it; status 0 ends a list. */
struct route_answer {
  unsigned status;
  const char *help;
  const char *media_type;   /* NULL: no body */
  const char *schema;       /* a name under components/schemas, or NULL */
};

#define ROUTE_ANSWERS_MAX 8

struct route {
  const char *method;       /* GET also answers HEAD */
  const char *pattern;      /* "/exports/{id}"; earlier rows win */
  enum route_where where;
  void (*handle)(struct exchange *x);
  const char *operation;    /* "listExports" */
  const char *help;         /* one line */
  const char *body_schema;  /* NULL: takes none */
  const struct route_query *query;   /* NULL-named row ends it; NULL: none. Others are refused */
  struct route_answer answers[ROUTE_ANSWERS_MAX];   /* beside those that every call may give */
};

extern const struct route routes[];   /* a row without a method ends it */

/*
 * Finds the route of a decoded path and fills x->route and x->param. Otherwise gives the answer: 404, 405 with
 * Allow, 400 for a parameter that the route does not know.
 */
bool router_find(struct exchange *x, const char *method, const char *path);

/* The answer of a ROUTE_SUSPENDED handler has been given; from any thread. */
void exchange_finished(struct exchange *x);
