noinst_LIBRARIES += %D%/libproto.a
%C%_libproto_a_SOURCES = \
	%D%/limits.h \
	%D%/peer_url.c %D%/peer_url.h \
	%D%/url.c %D%/url.h \
	%D%/v2.c %D%/v2.h %D%/v2_errors.def
