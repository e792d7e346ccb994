/*
 * Sessions that read: one snapshot, many connections. The holder takes the snapshot and keeps it; lanes
 * join it. Every setting is SET LOCAL, so that a pooler in between sees nothing left over.
 */
#pragma once
#include "pg/pg.h"

struct snapshot {
  char id[64];            /* of pg_export_snapshot(): what a lane imports; "" while it is not exported */
  char identity[256];     /* of txid_current_snapshot(): what a lane must then see; cut to fit */
  char taken_at[32];      /* RFC 3339, the server's clock */
  int64_t taken_us;       /* the same, microseconds since 1970 */
};

/*
 * A transaction to look around in: read only, gone with session_end. Takes no lasting snapshot.
 * Names given to later statements must be qualified: search_path stays the role's.
 */
bool session_begin_look(struct pg *c, struct error *err) MUST_CHECK;

/* The holder's transaction: repeatable read, read only, settings made; no snapshot yet. */
bool session_begin_holder(struct pg *c, struct error *err) MUST_CHECK;
/* Takes the snapshot (locks come before). Nobody can join it yet. */
bool session_take_snapshot(struct pg *c, struct snapshot *snapshot, struct error *err) MUST_CHECK;
/* Lets lanes join it. Where the server refuses, the transaction is over: end it, and read alone in a new one. */
bool session_export_snapshot(struct pg *c, struct snapshot *snapshot, struct error *err) MUST_CHECK;

/*
 * The clock by which the transaction shows timestamps with time zone: a name that the server knows ("Europe/Berlin"), or
 * hours and minutes ahead of UTC ("+02:00", "-3"), as ISO 8601 has them. Texts without a zone are read by it, too.
 * ERR_USAGE for `field` where the server knows no such zone. "UTC" is what every session begins with.
 */
bool session_set_zone(struct pg *c, const char *zone, const char *field, struct error *err) MUST_CHECK;
bool session_zone_is_utc(const char *zone);

/* A lane's transaction in the holder's snapshot; ERR_SOURCE_LOST if it is not the same one after all. */
bool session_join(struct pg *c, const struct snapshot *snapshot, struct error *err) MUST_CHECK;

/*
 * Locks a table, of which only a part of the columns may be readable, or a materialized view or foreign table,
 * against change until the transaction ends; at once or not at all.
 * from: what stands behind FROM, quoted: "ONLY t" for t alone, "t" with partitions and children.
 */
bool session_lock_at_once(struct pg *c, const char *from, struct error *err) MUST_CHECK;

/* Ends the transaction, whatever state it is in. */
void session_end(struct pg *c);
