# `make bench`: copse, etcd where it is installed, and what the machine allows, side by side.
# BENCH gives more options, for example BENCH='--quick --only w1,w3'. `make instructions` counts them.
BENCH =
EXTRA_DIST += %D%/README.md %D%/bench %D%/instructions %D%/parts/accounts.py %D%/parts/cluster.py \
	%D%/parts/growth.py %D%/parts/keys.py %D%/parts/run.py %D%/parts/servers.py \
	%D%/parts/size.py %D%/parts/stalls.py %D%/parts/table.py %D%/load/hload.c \
	%D%/load/watch.c %D%/load/put.lua %D%/limits/disk.c %D%/limits/epoll_fixed.c \
	%D%/limits/mhd_fixed.c

.PHONY: bench instructions
bench: src/copse$(EXEEXT)
	etcd=$$(command -v etcd) || echo 'etcd is not installed: copse alone' >&2; \
	$(srcdir)/bench/bench $${etcd:+--server "etcd=$$etcd --enable-v2"} \
		--server 'copse=$(abs_top_builddir)/src/copse$(EXEEXT) serve' --limits $(BENCH)

instructions: src/copse$(EXEEXT)
	$(srcdir)/bench/instructions --copse src/copse$(EXEEXT)
