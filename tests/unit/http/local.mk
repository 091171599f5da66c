# unit tests of http: the door before fakes of api and engine, which stand in for libapi.a and libcluster.a
if HAVE_CHECK
check_PROGRAMS += %D%/test_http
TESTS += %D%/test_http
endif
%C%_test_http_SOURCES = \
	%D%/client.c %D%/client.h \
	%D%/fake.c %D%/fake.h \
	%D%/fake_api.c \
	%D%/test_cors.c \
	%D%/test_heads.c \
	%D%/test_host.c \
	%D%/test_http.c %D%/test_http.h \
	%D%/test_life.c \
	%D%/test_requests.c \
	%D%/test_watches.c \
	%D%/test_writes.c
%C%_test_http_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS) $(CHECK_CFLAGS)
%C%_test_http_LDADD = src/http/libhttp.a src/tls/libtls.a src/auth/libauth.a src/store/libstore.a src/proto/libproto.a \
	src/base/libbase.a $(MHD_LIBS) $(GNUTLS_LIBS) $(CRYPT_LIBS) $(CHECK_LIBS)
