noinst_LIBRARIES += %D%/libcluster.a
%C%_libcluster_a_CPPFLAGS = $(AM_CPPFLAGS) $(GNUTLS_CFLAGS)
%C%_libcluster_a_SOURCES = \
	%D%/identity.c %D%/identity.h
