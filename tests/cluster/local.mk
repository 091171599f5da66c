# real processes: kill -9 and what is there afterwards
dist_check_SCRIPTS += %D%/recovery.py
TESTS += %D%/recovery.py
