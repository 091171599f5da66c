# what was recorded from etcd, asked of the program
dist_check_SCRIPTS += %D%/replay.py
TESTS += %D%/replay.py
EXTRA_DIST += %D%/auth.jsonl %D%/keys.jsonl
# skipped where there is no etcd 3.4
dist_check_SCRIPTS += %D%/differential.py
TESTS += %D%/differential.py
# limits, slow clients, odd HTTP
dist_check_SCRIPTS += %D%/limits.py %D%/slow.py %D%/edges.py
TESTS += %D%/limits.py %D%/slow.py %D%/edges.py
EXTRA_DIST += %D%/harness.py

# the main job on real input, and a member's life
dist_check_SCRIPTS += %D%/life %D%/publish %D%/queue
TESTS += %D%/life %D%/publish %D%/queue
EXTRA_DIST += %D%/life.py %D%/publish.py tests/lib/server.sh tests/lib/ports.py
# many watchers, keys and writers
dist_check_SCRIPTS += %D%/scale.py
TESTS += %D%/scale.py
# figures and health
dist_check_SCRIPTS += %D%/metrics.py
TESTS += %D%/metrics.py
# https; skipped where there is no openssl
dist_check_SCRIPTS += %D%/tls.py
TESTS += %D%/tls.py
# service manager and logs
dist_check_SCRIPTS += %D%/service.py
TESTS += %D%/service.py
# accounts over a member's life
dist_check_SCRIPTS += %D%/auth.py
TESTS += %D%/auth.py
# documents and examples say what is
dist_check_SCRIPTS += %D%/docs.py
TESTS += %D%/docs.py
EXTRA_DIST += tests/lib/page.py
