# unit tests of disk
if HAVE_CHECK
check_PROGRAMS += %D%/test_disk
TESTS += %D%/test_disk
%C%_test_disk_SOURCES = \
	%D%/rig.c %D%/rig.h \
	%D%/test_datadir.c \
	%D%/test_disk.c \
	%D%/test_snapfile.c \
	%D%/test_wal.c \
	%D%/test_wal_crash.c \
	%D%/test_wal_damage.c \
	%D%/test_wal_failure.c \
	%D%/test_wal_files.c \
	%D%/test_wal_large.c \
	%D%/test_wal_look.c \
	%D%/test_wal_purge.c \
	%D%/test_waldir.c \
	tests/lib/faultfile.c tests/lib/faultfile.h \
	tests/lib/faultio.c tests/lib/faultio.h
%C%_test_disk_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib $(CHECK_CFLAGS)
%C%_test_disk_LDADD = src/disk/libdisk.a src/base/libbase.a $(CHECK_LIBS)
endif
