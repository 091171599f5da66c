# unit tests of api
if HAVE_CHECK
check_PROGRAMS += %D%/test_api
TESTS += %D%/test_api
%C%_test_api_SOURCES = \
	%D%/fake_engine.c %D%/fake_engine.h \
	%D%/test_auth.c \
	%D%/test_debug.c \
	%D%/test_api.c %D%/test_api.h \
	%D%/test_keys.c \
	%D%/test_keys_parse.c \
	%D%/test_members.c \
	%D%/test_mime.c \
	%D%/test_route.c \
	%D%/test_stats.c
%C%_test_api_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_api_LDADD = src/api/libapi.a src/cluster/libcluster.a src/codec/libcodec.a src/auth/libauth.a src/store/libstore.a src/proto/libproto.a \
	src/base/libbase.a $(GNUTLS_LIBS) $(CRYPT_LIBS) $(CHECK_LIBS)
endif
