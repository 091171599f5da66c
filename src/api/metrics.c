/* metrics: /metrics in the text form of Prometheus: what the engine, the log and the tree tell,
 * under etcd's names where the meaning is the same, else as copse_*. */
#include "api/route.h"

#include "api/server.h"
#include "base/metric.h"
#include "disk/wal.h"

static void server(struct buf *b, struct engine *e, const struct engine_figures *f)
{
    metric_gauge(b, "etcd_server_has_leader",
                 "Whether or not a leader exists. 1 is existence, 0 is not.", engine_has_leader(e));
    metric_gauge(b, "etcd_server_is_leader",
                 "Whether or not this member is a leader. 1 if is, 0 otherwise.",
                 f->now[FIGURE_IS_LEADER]);
    metric_counter(b, "etcd_server_leader_changes_seen_total", "The number of leader changes seen.",
                   f->now[FIGURE_LEADER_CHANGES]);
    metric_counter(b, "etcd_server_proposals_committed_total",
                   "The index of the last entry of the log that is committed.",
                   f->now[FIGURE_COMMITTED]);
    metric_counter(b, "etcd_server_proposals_applied_total",
                   "The index of the last entry of the log that is applied.",
                   f->now[FIGURE_APPLIED]);
    metric_gauge(b, "etcd_server_proposals_pending", "The current number of pending proposals.",
                 f->now[FIGURE_PENDING]);
    metric_counter(b, "etcd_server_proposals_failed_total",
                   "The total number of failed proposals seen.", f->now[FIGURE_FAILED]);
    metric_gauge(b, "copse_engine_queue_messages",
                 "Requests and answers that the engine has not taken yet.", f->queue);
    metric_gauge(b, "copse_cluster_voters", "Members whose votes count for the quorum.",
                 f->now[FIGURE_VOTERS]);
    metric_gauge(b, "copse_cluster_standbys", "Members that catch up before they get a vote.",
                 f->now[FIGURE_STANDBYS]);
    metric_counter(b, "copse_raft_term_total", "The term of raft, which counts elections.",
                   engine_raft_term(e));

    char label[METRIC_LABEL_BYTES];
    metric_head(b, "etcd_server_id", "gauge", "Server or member ID in hexadecimal format.");
    metric_u64(b, "etcd_server_id", metric_label_id(label, "server_id", engine_member_id(e)), 1);
    metric_head(b, "etcd_server_version", "gauge", "Which version of etcd's API is served.");
    metric_u64(b, "etcd_server_version", "server_version=\"" COMPAT_SERVER "\"", 1);
    metric_head(b, "etcd_cluster_version", "gauge", "Which version of etcd's API is served.");
    metric_u64(b, "etcd_cluster_version", "cluster_version=\"3.4\"", 1);
}

/* Only the leader has any. */
static void followers(struct buf *b, struct engine *e)
{
    struct follower_status f[LIMIT_MEMBERS];
    unsigned n = engine_followers(e, f);
    char label[METRIC_LABEL_BYTES];
    if (n == 0)
        return;
    metric_head(b, "copse_follower_match_index", "gauge",
                "The last entry of the log that a follower is known to have.");
    for (unsigned i = 0; i < n; i++)
        metric_u64(b, "copse_follower_match_index", metric_label_id(label, "follower", f[i].id),
                   f[i].match);
    metric_head(b, "copse_follower_append_seconds", "gauge",
                "How long the last append to a follower took to be answered.");
    for (unsigned i = 0; i < n; i++)
        metric_seconds(b, "copse_follower_append_seconds",
                       metric_label_id(label, "follower", f[i].id), f[i].now_ns);
    metric_head(b, "copse_follower_append_failures_total", "counter",
                "Appends that could not be sent to a follower.");
    for (unsigned i = 0; i < n; i++)
        metric_u64(b, "copse_follower_append_failures_total",
                   metric_label_id(label, "follower", f[i].id), f[i].fail);
}

static void disk(struct buf *b, const struct engine_figures *f)
{
    metric_head(b, "etcd_disk_wal_fsync_duration_seconds", "histogram",
                "The latency distributions of fsync called by WAL.");
    metric_histogram(b, "etcd_disk_wal_fsync_duration_seconds", NULL, &f->log->sync);
    metric_counter(b, "etcd_disk_wal_write_bytes_total", "Total number of bytes written in WAL.",
                   metric_get(&f->log->written_bytes));
    metric_gauge(b, "copse_disk_full",
                 "1 if writes are refused because the log has no room to grow.", f->log_full);
    metric_head(b, "etcd_debugging_snap_save_total_duration_seconds", "histogram",
                "The total latency distributions of save called by snapshot.");
    metric_histogram(b, "etcd_debugging_snap_save_total_duration_seconds", NULL, f->snapshot);
    metric_counter(b, "copse_snapshot_failures_total", "Snapshots that could not be written.",
                   f->now[FIGURE_SNAPSHOT_FAILED]);
    metric_counter(b, "copse_snapshot_index_total",
                   "The index of the last entry of the log that the newest snapshot holds.",
                   f->now[FIGURE_SNAPSHOT_INDEX]);
    metric_gauge(b, "copse_snapshot_size_bytes", "The size of the newest snapshot.",
                 f->now[FIGURE_SNAPSHOT_BYTES]);
    metric_gauge(b, "copse_snapshot_running", "1 if a snapshot is being written.",
                 f->now[FIGURE_SNAPSHOT_RUNNING]);
}

static void writes(struct buf *b, struct engine *e, bool failed)
{
    static const struct {
        const char *labels;
        enum engine_counter ok; /* the next one counts what failed */
    } actions[] = {{"action=\"compareAndDelete\"", COUNT_CAD_OK},
                   {"action=\"compareAndSwap\"", COUNT_CAS_OK},
                   {"action=\"create\"", COUNT_CREATE_OK},
                   {"action=\"delete\"", COUNT_DELETE_OK},
                   {"action=\"set\"", COUNT_SET_OK},
                   {"action=\"update\"", COUNT_UPDATE_OK}};
    const char *name =
        failed ? "etcd_debugging_store_writes_failed_total" : "etcd_debugging_store_writes_total";
    metric_head(b, name, "counter",
                failed ? "Failed write actions (e.g. set/compareAndDelete), seen by this member."
                       : "Total number of writes (e.g. set/compareAndDelete) seen by this member.");
    for (size_t i = 0; i < CP_COUNT(actions); i++)
        metric_u64(b, name, actions[i].labels, engine_count(e, actions[i].ok + failed));
}

static void store(struct buf *b, struct engine *e, const struct engine_figures *f)
{
    uint64_t found, missing;
    engine_count_gets(e, &found, &missing);
    metric_head(b, "etcd_debugging_store_reads_total", "counter",
                "Total number of reads action by (get/getRecursive), local to this member.");
    metric_u64(b, "etcd_debugging_store_reads_total", "action=\"get\"", found);
    metric_head(b, "etcd_debugging_store_reads_failed_total", "counter",
                "Failed read actions by (get/getRecursive), local to this member.");
    metric_u64(b, "etcd_debugging_store_reads_failed_total", "action=\"get\"", missing);
    writes(b, e, false);
    writes(b, e, true);
    metric_counter(b, "etcd_debugging_store_expires_total", "Total number of expired keys.",
                   engine_count(e, COUNT_EXPIRE));
    metric_counter(b, "etcd_debugging_store_watch_requests_total",
                   "Total number of incoming watch requests (new or reestablished).",
                   f->now[FIGURE_WATCH_REQUESTS]);
    metric_gauge(b, "etcd_debugging_store_watchers", "Count of currently active watchers.",
                 engine_count(e, COUNT_WATCHERS));
    metric_head(b, "copse_store_nodes", "gauge", "Keys and directories in the tree.");
    metric_u64(b, "copse_store_nodes", "kind=\"dir\"", f->now[FIGURE_DIRS]);
    metric_u64(b, "copse_store_nodes", "kind=\"key\"", f->now[FIGURE_FILES]);
    metric_gauge(b, "copse_store_value_bytes", "Bytes of all values and names in the tree.",
                 f->now[FIGURE_VALUE_BYTES]);
    metric_gauge(b, "copse_store_memory_bytes", "Memory of all versions of the tree.",
                 f->now[FIGURE_MEMORY_BYTES]);
    metric_gauge(b, "copse_store_unreclaimed_items",
                 "Pieces of old versions that wait to be freed.", f->now[FIGURE_DEAD_ITEMS]);
    metric_head(b, "copse_store_oldest_pin_seconds", "gauge",
                "For how long the oldest reader has kept an old version of the tree in memory.");
    metric_seconds(b, "copse_store_oldest_pin_seconds", NULL, f->oldest_pin_ms * 1000000);
}

static void passwords(struct buf *b, struct guard *g)
{
    struct guard_stats s;
    guard_stats(g, &s);
    metric_head(b, "copse_auth_passwords_total", "counter",
                "Passwords that had to be proven; those that were known do not count.");
    metric_u64(b, "copse_auth_passwords_total", "outcome=\"right\"", s.right);
    metric_u64(b, "copse_auth_passwords_total", "outcome=\"wrong\"", s.wrong);
    metric_counter(b, "copse_auth_throttled_total",
                   "Requests answered 429 for too many wrong passwords.", s.throttled);
    metric_counter(b, "copse_auth_refused_total",
                   "Requests answered 503 since too many passwords waited.", s.refused);
    metric_gauge(b, "copse_auth_waiting", "Passwords that wait to be proven or hashed.", s.waiting);
}

void metrics_handle(const struct api_call *call, struct api_result *out)
{
    struct engine *e = call->api->engine;
    struct buf *b = &out->reply.body;
    struct engine_figures f;
    engine_figures(e, &f);
    server(b, e, &f);
    followers(b, e);
    disk(b, &f);
    store(b, e, &f);
    if (call->api->guard != NULL)
        passwords(b, call->api->guard);
    if (call->api->metrics != NULL)
        call->api->metrics(call->api->metrics_ctx, b);
    out->reply.status = 200;
    out->reply.type = API_TYPE_METRICS;
}
