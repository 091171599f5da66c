/* limits: the largest of everything that comes from outside or may queue up.
 * Each has a test at it and one beyond. */
#pragma once

/* Body of a PUT or POST form; more is 210 "http: POST too large" (contract, keys 3). */
#define LIMIT_FORM_BYTES 10485760
/* How far a too large body is still read off before the connection is cut. */
#define LIMIT_DRAIN_BYTES (LIMIT_FORM_BYTES + 262144)
/* Key path after decoding; the request line is bounded by LIMIT_HEAD_BYTES anyway. */
#define LIMIT_PATH_BYTES 16384
/* Components of a key path. */
#define LIMIT_PATH_DEPTH 1024
/* One component of a key path. */
#define LIMIT_NAME_BYTES 16384
/* Request line and headers: libmicrohttpd's pool a connection. */
#define LIMIT_HEAD_BYTES 16384
/* Pairs of query and form that are looked at. */
#define LIMIT_PARAMS 4096
/* Undelivered live events a watcher may have; one more closes it. */
#define LIMIT_WATCHER_EVENTS 100
/* Events kept for waitIndex, by default. */
#define LIMIT_HISTORY_EVENTS 1000
/* Requests waiting for the engine; more are refused with 503. */
#define LIMIT_ENGINE_MAIL 65536
/* Payload of one log entry. */
#define LIMIT_ENTRY_BYTES (2 * LIMIT_FORM_BYTES)
/* Client connections; also bounded by the descriptor limit. */
#define LIMIT_CONNECTIONS 16384
/* An unanswered write: 5 s and twice the default election timeout, as etcd. */
#define LIMIT_DEADLINE_MS 7000
/* Members of a cluster, standbys included. */
#define LIMIT_MEMBERS 64
