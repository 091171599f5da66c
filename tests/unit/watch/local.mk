# unit tests of watch
if HAVE_CHECK
check_PROGRAMS += %D%/test_watch
TESTS += %D%/test_watch
%C%_test_watch_SOURCES = \
	%D%/test_hub.c \
	%D%/test_hub_model.c \
	%D%/test_watch.c %D%/test_watch.h
%C%_test_watch_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_watch_LDADD = src/watch/libwatch.a src/store/libstore.a src/proto/libproto.a src/base/libbase.a $(CHECK_LIBS)
endif
