/* limits: the largest of everything that comes from outside or may queue up.
 * Each has a test at it and one beyond. */
#pragma once

/* Body of a PUT or POST form; more is 210 "http: POST too large" (contract, keys 3). */
#define LIMIT_FORM_BYTES 10485760
/* How far a too large body is still read off before the connection is cut. */
#define LIMIT_DRAIN_BYTES (LIMIT_FORM_BYTES + 262144)
/* Bytes of bodies, of requests and of replies, that are kept at a time, for all clients together,
 * counted of each above LIMIT_BODY_SMALL_BYTES. More of a request is read off and refused with 503,
 * as is what would be read; what a write has done is told in any case. */
#define LIMIT_BODIES_BYTES     268435456
#define LIMIT_BODY_SMALL_BYTES 65536
/* A listing that leaves as a whole, since as many as can be are on their way in pieces: a larger
 * one is 503 then. */
#define LIMIT_LISTING_BYTES 16777216
/* Key path after decoding; the request line is bounded by LIMIT_HEAD_BYTES anyway. */
#define LIMIT_PATH_BYTES 16384
/* Components of a key path. */
#define LIMIT_PATH_DEPTH 1024
/* One component of a key path. */
#define LIMIT_NAME_BYTES 16384
/* Request line and headers, by default: 431, or 414 when the request line alone is longer. Each
 * header counts LIMIT_HEAD_COST more than its text. */
#define LIMIT_HEAD_BYTES     16384
#define LIMIT_HEAD_BYTES_MIN 2048
#define LIMIT_HEAD_BYTES_MAX 1048576
#define LIMIT_HEAD_COST      80
/* What a reply's head finds beside the request's. */
#define LIMIT_HEAD_ROOM 1024
/* Pairs of query and form together; more are 210. */
#define LIMIT_PARAMS 4096
/* Undelivered live events a watcher may have; one more closes it. */
#define LIMIT_WATCHER_EVENTS 100
/* Events kept for waitIndex, by default and at most. */
#define LIMIT_HISTORY_EVENTS     1000
#define LIMIT_HISTORY_EVENTS_MAX 10000000
/* Bytes of their paths and JSON, by default; the newest is kept whatever its size. */
#define LIMIT_HISTORY_BYTES 268435456
/* Requests waiting for the engine; more are refused with 503. */
#define LIMIT_ENGINE_MAIL 65536
/* Payload of one log entry. */
#define LIMIT_ENTRY_BYTES (2 * LIMIT_FORM_BYTES)
/* Client connections, by default; also bounded by the descriptor limit. More are refused with 503.
 * Watches can be bounded below that (--max-watchers), with 503 too. */
#define LIMIT_CONNECTIONS 16384
/* Seconds a connection may be silent, by default; a head must be whole in that time, however it
 * trickles. */
#define LIMIT_IDLE_S 120
/* TLS: seconds a handshake may take; handshakes under way, and sockets that have not yet begun one,
 * at a time in each worker: one more puts an end to the oldest. */
#define LIMIT_HANDSHAKE_S 10
#define LIMIT_HANDSHAKES  256
#define LIMIT_LOBBY       1024
/* Bytes a second below which, after that time, a request's body or the reader of a listing is too
 * slow. */
#define LIMIT_RATE 1024
/* An unanswered write: 5 s and twice the default election timeout, as etcd. */
#define LIMIT_DEADLINE_MS 7000
/* Members of a cluster, standbys included. */
#define LIMIT_MEMBERS 64
/* Ids of removed members that a cluster remembers; after that many it takes no new member. */
#define LIMIT_REMOVED 10000
/* A frame between members: one entry of the largest kind fits, and several small ones are sent
 * together up to LIMIT_APPEND_BYTES. A longer one ends the stream. */
#define LIMIT_FRAME_BYTES  (LIMIT_ENTRY_BYTES + 1048576)
#define LIMIT_APPEND_BYTES 1048576
/* Bytes that wait for one peer; more are dropped, and sent again later by consensus. */
#define LIMIT_PEER_QUEUE_BYTES (4 * LIMIT_FRAME_BYTES)
/* Bytes of frames from peers that wait for the engine: beyond, what consensus sends again is
 * dropped and forwarded writes are refused. Frames up to LIMIT_SMALL_FRAME (heartbeats, votes,
 * reads) are counted with them and always taken: LIMIT_ENGINE_MAIL bounds their number. */
#define LIMIT_ENGINE_FRAME_BYTES (4 * LIMIT_FRAME_BYTES)
#define LIMIT_SMALL_FRAME        1024
/* A configuration file. */
#define LIMIT_CONFIG_BYTES 1048576
/* Users, and roles. */
#define LIMIT_ACCOUNTS 10000
/* Roles of a user; patterns of a role for reading, and for writing; members of a list in a request.
 */
#define LIMIT_ACCOUNT_LIST 1024
/* The name of a user or role; a pattern. */
#define LIMIT_ACCOUNT_NAME  256
#define LIMIT_PATTERN_BYTES 4096
/* A password: bcrypt takes no more into account. */
#define LIMIT_PASSWORD_BYTES 72
/* What is kept of it: crypt(3)'s text. */
#define LIMIT_HASH_BYTES 128
/* Connections that peers and strangers may have open at the peer URLs; more are closed at once. Two
 * a member do. Below 128, the number of ready sockets at which libmicrohttpd may oversleep. */
#define LIMIT_PEER_CONNECTIONS 120
/* Request line and headers there; the same memory then takes the body in. */
#define LIMIT_PEER_HEAD_BYTES 131072
/* Seconds until a connection there has to be a stream or a snapshot, or to have its answer. */
#define LIMIT_PEER_HEAD_S 10
/* Members whose last stream is remembered. */
#define LIMIT_PEER_SENDERS (2 * LIMIT_MEMBERS)
/* A snapshot on its way in; 413 beyond. */
#define LIMIT_SNAPSHOT_BYTES (INT64_C(1) << 40)
/* Of it, what may wait for the disk. */
#define LIMIT_SNAPSHOT_WAITING (4 * 1048576)
/* Passwords that wait to be proven or hashed; more are refused with 503. */
#define LIMIT_SECRETS 64
/* Wrong passwords at a stretch, for one user name and from one address (of IPv6 its first 64 bits);
 * more are 429. One more is allowed after each of these times. */
#define LIMIT_WRONG_BY_USER    10
#define LIMIT_WRONG_USER_MS    1000
#define LIMIT_WRONG_BY_ADDRESS 50
#define LIMIT_WRONG_ADDRESS_MS 200
