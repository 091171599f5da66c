noinst_LIBRARIES += %D%/libauth.a
%C%_libauth_a_CPPFLAGS = $(AM_CPPFLAGS) $(CRYPT_CFLAGS)
%C%_libauth_a_SOURCES = \
	%D%/basic.c %D%/basic.h \
	%D%/grant.c %D%/grant.h \
	%D%/guard.c %D%/guard.h \
	%D%/proven.c %D%/proven.h \
	%D%/secret.c %D%/secret.h \
	%D%/throttle.c %D%/throttle.h
