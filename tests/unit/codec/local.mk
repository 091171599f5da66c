# unit tests of codec
if HAVE_CHECK
check_PROGRAMS += %D%/test_codec
TESTS += %D%/test_codec
%C%_test_codec_SOURCES = \
	%D%/snap.c %D%/snap.h \
	%D%/test_codec.c %D%/test_codec.h \
	%D%/test_command.c \
	%D%/test_dump.c \
	%D%/test_dump_model.c \
	%D%/test_event.c \
	%D%/test_get.c
%C%_test_codec_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_codec_LDADD = src/codec/libcodec.a src/store/libstore.a src/proto/libproto.a \
	src/base/libbase.a $(CHECK_LIBS)
endif
