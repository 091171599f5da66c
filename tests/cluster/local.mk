# real processes: kill -9 and what is there afterwards; the storage commands
dist_check_SCRIPTS += %D%/recovery.py %D%/storage.py
TESTS += %D%/recovery.py %D%/storage.py
