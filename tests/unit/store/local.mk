if HAVE_CHECK
check_PROGRAMS += %D%/test_store
TESTS += %D%/test_store
%C%_test_store_SOURCES = \
	%D%/suite.h \
	%D%/test_apply.c \
	%D%/test_event.c \
	%D%/test_expire.c \
	%D%/test_path.c \
	%D%/test_read.c \
	%D%/test_store.c
%C%_test_store_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_store_LDADD = src/store/libstore.a src/proto/libproto.a src/base/libbase.a $(CHECK_LIBS)
endif
