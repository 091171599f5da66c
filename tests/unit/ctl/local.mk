# unit tests of ctl
if HAVE_CHECK
check_PROGRAMS += %D%/test_ctl
TESTS += %D%/test_ctl
%C%_test_ctl_SOURCES = \
	%D%/test_ctl.c %D%/test_ctl.h \
	%D%/test_claims.c \
	%D%/test_credentials.c \
	%D%/test_endpoint.c \
	%D%/test_help.c \
	%D%/test_opts.c \
	%D%/test_print.c \
	%D%/test_text.c
%C%_test_ctl_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS)
%C%_test_ctl_LDADD = src/ctl/libctl.a src/proto/libproto.a src/base/libbase.a $(CURL_LIBS) $(GNUTLS_LIBS) $(JANSSON_LIBS) $(CHECK_LIBS)
endif
