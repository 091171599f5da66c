noinst_LIBRARIES += %D%/libtls.a
%C%_libtls_a_CPPFLAGS = $(AM_CPPFLAGS) $(GNUTLS_CFLAGS)
%C%_libtls_a_SOURCES = \
	%D%/priority.c \
	%D%/self.c \
	%D%/set.c %D%/set.h \
	%D%/tls.c %D%/tls.h %D%/tls_priv.h \
	%D%/visit.c
