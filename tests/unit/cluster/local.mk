# unit tests of cluster
if HAVE_CHECK
check_PROGRAMS += %D%/test_identity
TESTS += %D%/test_identity
%C%_test_identity_SOURCES = %D%/test_identity.c
%C%_test_identity_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_identity_LDADD = src/cluster/libcluster.a src/base/libbase.a $(GNUTLS_LIBS) $(CHECK_LIBS)
endif
