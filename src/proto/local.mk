noinst_LIBRARIES += %D%/libproto.a
%C%_libproto_a_SOURCES = \
	%D%/limits.h \
	%D%/url.c %D%/url.h \
	%D%/v2.c %D%/v2.h %D%/v2_errors.def
