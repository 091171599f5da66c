# unit tests of proto
if HAVE_CHECK
check_PROGRAMS += %D%/test_proto
TESTS += %D%/test_proto
%C%_test_proto_SOURCES = %D%/test_proto.c %D%/test_proto.h %D%/test_peer_url.c
%C%_test_proto_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_proto_LDADD = src/proto/libproto.a src/base/libbase.a $(CHECK_LIBS)
endif
