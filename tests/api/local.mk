# what was recorded from etcd, asked of the program
dist_check_SCRIPTS += %D%/replay.py
TESTS += %D%/replay.py
EXTRA_DIST += %D%/keys.jsonl
EXTRA_DIST += %D%/differential.py
