# unit tests of serve: the option table; links nothing of the server below it but base
if HAVE_CHECK
check_PROGRAMS += %D%/test_options
TESTS += %D%/test_options
%C%_test_options_SOURCES = %D%/test_options.c
%C%_test_options_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_options_LDADD = src/serve/libserve.a src/base/libbase.a $(CHECK_LIBS)
endif
