/*
 * One request and its answer. A handler gets a whole request (its body too) and must give exactly one answer.
 * It runs on the thread of the connection or, where its route may block, on a worker's while the connection is
 * suspended; nothing else touches the exchange meanwhile.
 */
#pragma once
#include "http/service.h"

#include <jansson.h>
#include <microhttpd.h>

#define EXCHANGE_PARAM_MAX 600   /* a qualified name, percent-decoded */

struct route;

struct exchange {
  struct service *service;
  struct MHD_Connection *connection;
  struct peer *peer;
  const struct route *route;             /* NULL until it is found */
  char method[8];
  bool is_http_1_0;
  bool is_begun, is_dispatched;          /* the server's */
  char param[EXCHANGE_PARAM_MAX];        /* what stands for {id} or {name} in the path */
  struct buffer body;
  unsigned status;                       /* 0: no answer yet */
  struct MHD_Response *response;         /* owned */
};

const char *exchange_header(const struct exchange *x, const char *name);   /* NULL: not given */
const char *exchange_query(const struct exchange *x, const char *name);    /* a parameter of the query, decoded */
int exchange_fd(const struct exchange *x);

/* A number among the query's parameters; false with ERR_USAGE that names it. Absent: `otherwise`. */
bool exchange_query_int(const struct exchange *x, const char *name, int64_t min, int64_t max,
                        int64_t otherwise, int64_t *value, struct error *err) MUST_CHECK;

/* Each gives the answer. Objects and texts are taken; what cannot be built becomes a 503. */
void answer_json(struct exchange *x, unsigned status, json_t *value);
void answer_text(struct exchange *x, unsigned status, const char *media_type, struct buffer *text);
void answer_empty(struct exchange *x, unsigned status);
void answer_error(struct exchange *x, const struct error *err);
/* For what HTTP itself refuses: a status that no error code has. */
void answer_refusal(struct exchange *x, unsigned status, const char *code, const char *message);
/* A response of the handler's own making; NULL becomes a 503. */
void answer_response(struct exchange *x, unsigned status, struct MHD_Response *response);

/* Adds a header to the answer that was given. */
void answer_header(struct exchange *x, const char *name, const char *value);

/* A moment for JSON: RFC 3339, or null for 0. */
json_t *json_moment(int64_t wall_us);
json_t *json_clean_text(const char *text);     /* what is no UTF-8 is U+FFFD; NULL if out of memory */
json_t *json_text_or_null(const char *text);   /* "" is null */
