# a whole member on fault files: power, process and disk fail in every way
check_PROGRAMS += %D%/matrix
TESTS += %D%/matrix
%C%_matrix_SOURCES = \
	%D%/books.c \
	%D%/gate.c %D%/gate.h \
	%D%/lanes.c %D%/lanes.h \
	%D%/matrix.c %D%/matrix.h \
	%D%/matrix_crashes.c \
	%D%/matrix_failures.c \
	%D%/matrix_full.c \
	%D%/world.c %D%/world.h \
	tests/lib/faultfile.c tests/lib/faultfile.h \
	tests/lib/faultio.c tests/lib/faultio.h
%C%_matrix_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib
%C%_matrix_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=_exit
%C%_matrix_LDADD = \
	src/cluster/libcluster.a src/watch/libwatch.a src/codec/libcodec.a src/disk/libdisk.a \
	src/store/libstore.a src/proto/libproto.a src/base/libbase.a \
	$(RAFT_LIBS) $(GNUTLS_LIBS)

# real processes: kill -9, damaged files, and what is there afterwards; the storage commands
dist_check_SCRIPTS += %D%/damage.py %D%/full.py %D%/recovery.py %D%/storage.py
TESTS += %D%/damage.py %D%/full.py %D%/recovery.py %D%/storage.py

# clusters of real processes: founded, grown, shrunk, moved, lost and restored
dist_check_SCRIPTS += %D%/members.py
TESTS += %D%/members.py
EXTRA_DIST += %D%/group.py

# clusters of real processes under load, and the checker of their histories
dist_check_SCRIPTS += %D%/faults.py tests/lib/test_linear.py
TESTS += %D%/faults.py tests/lib/test_linear.py
EXTRA_DIST += tests/lib/linear.py tests/lib/proxy.py

# clusters of real processes that speak TLS with each other; skipped where there is no openssl
dist_check_SCRIPTS += %D%/tls.py
TESTS += %D%/tls.py

# what was recorded from a single etcd, through a member of a cluster
dist_check_SCRIPTS += %D%/corpora.py
TESTS += %D%/corpora.py

# members of a cluster without room on their disks; skipped where nothing can be mounted
dist_check_SCRIPTS += %D%/filled.py
TESTS += %D%/filled.py
