# unit tests of base
if HAVE_CHECK
check_PROGRAMS += %D%/test_base
TESTS += %D%/test_base
%C%_test_base_SOURCES = \
	%D%/test_base.c %D%/test_base.h \
	%D%/test_bytes.c \
	%D%/test_gojson.c \
	%D%/test_hash.c \
	%D%/test_jsonw.c \
	%D%/test_linelog.c \
	%D%/test_log.c \
	%D%/test_mailbox.c \
	%D%/test_metric.c \
	%D%/test_num.c
%C%_test_base_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_base_LDADD = src/base/libbase.a $(CHECK_LIBS)
endif
