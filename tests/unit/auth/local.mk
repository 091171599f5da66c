# unit tests of auth
if HAVE_CHECK
check_PROGRAMS += %D%/test_auth
TESTS += %D%/test_auth
%C%_test_auth_SOURCES = %D%/test_auth.c
%C%_test_auth_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_auth_LDADD = src/auth/libauth.a src/store/libstore.a src/proto/libproto.a src/base/libbase.a $(CRYPT_LIBS) $(CHECK_LIBS)
endif
