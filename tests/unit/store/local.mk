if HAVE_CHECK
check_PROGRAMS += %D%/test_store %D%/test_traps
TESTS += %D%/test_store %D%/test_traps
%C%_test_store_SOURCES = \
	%D%/suite.h \
	%D%/test_account.c \
	%D%/test_apply.c \
	%D%/test_bulk.c \
	%D%/test_event.c \
	%D%/test_expire.c \
	%D%/test_path.c \
	%D%/test_read.c \
	%D%/test_store.c
%C%_test_store_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_store_LDADD = src/store/libstore.a src/proto/libproto.a src/base/libbase.a $(CHECK_LIBS)

# the store compiled anew: small pages, and a hook between the steps of a pin
%C%_test_traps_SOURCES = %D%/test_traps.c $(src_store_libstore_a_SOURCES)
%C%_test_traps_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -DSTORE_FANOUT=4 -DSTORE_PIN_PAUSE
%C%_test_traps_LDADD = src/proto/libproto.a src/base/libbase.a $(CHECK_LIBS)
endif
