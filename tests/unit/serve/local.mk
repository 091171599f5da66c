# unit tests of serve: the option table; of what lies below it, links nothing but tls, proto and base
if HAVE_CHECK
check_PROGRAMS += %D%/test_options
TESTS += %D%/test_options
%C%_test_options_SOURCES = %D%/test_options.c
%C%_test_options_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_options_LDADD = src/serve/libserve.a src/tls/libtls.a src/proto/libproto.a src/base/libbase.a $(YAML_LIBS) $(GNUTLS_LIBS) $(CHECK_LIBS)
endif
