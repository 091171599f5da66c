noinst_LIBRARIES += %D%/libbase.a
%C%_libbase_a_SOURCES = \
	%D%/blob.c %D%/blob.h \
	%D%/buf.c %D%/buf.h \
	%D%/check.c %D%/check.h \
	%D%/clock.c %D%/clock.h \
	%D%/crc32c.c %D%/crc32c.h \
	%D%/err.c %D%/err.h %D%/err.def \
	%D%/gojson.c %D%/gojson.h \
	%D%/gojson_walk.c %D%/gojson_walk.h \
	%D%/hash.c %D%/hash.h \
	%D%/jsonw.c %D%/jsonw.h \
	%D%/linelog.c %D%/linelog.h \
	%D%/list.h \
	%D%/listen.c %D%/listen.h \
	%D%/log.c %D%/log.h \
	%D%/mailbox.c %D%/mailbox.h \
	%D%/mem.c %D%/mem.h \
	%D%/metric.c %D%/metric.h \
	%D%/num.c %D%/num.h \
	%D%/reader.h \
	%D%/span.h
