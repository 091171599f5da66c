# unit tests of admin, and of cluster/copy, which it stands on
if HAVE_CHECK
check_PROGRAMS += %D%/test_admin
TESTS += %D%/test_admin
%C%_test_admin_SOURCES = %D%/test_admin.c \
	tests/lib/faultfile.c tests/lib/faultfile.h \
	tests/lib/faultio.c tests/lib/faultio.h
%C%_test_admin_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib $(CHECK_CFLAGS)
%C%_test_admin_LDADD = \
	src/admin/libadmin.a src/cluster/libcluster.a src/watch/libwatch.a src/codec/libcodec.a src/disk/libdisk.a \
	src/store/libstore.a src/proto/libproto.a src/base/libbase.a \
	$(RAFT_LIBS) $(GNUTLS_LIBS) $(CHECK_LIBS)
endif
