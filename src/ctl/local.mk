noinst_LIBRARIES += %D%/libctl.a
%C%_libctl_a_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(GNUTLS_CFLAGS) $(JANSSON_CFLAGS)
%C%_libctl_a_SOURCES = \
	%D%/accounts.c %D%/accounts.h \
	%D%/auth.c \
	%D%/backup.c \
	%D%/children.c %D%/children.h \
	%D%/client.c %D%/client.h \
	%D%/credentials.c %D%/credentials.h \
	%D%/ctl.c %D%/ctl.h \
	%D%/endpoint.c %D%/endpoint.h \
	%D%/exec.c \
	%D%/fail.h \
	%D%/get.c \
	%D%/health.c \
	%D%/help.c %D%/help.h \
	%D%/http.c %D%/http.h \
	%D%/keys.c %D%/keys.h \
	%D%/ls.c \
	%D%/member.c \
	%D%/members.c %D%/members.h \
	%D%/mk.c \
	%D%/mkdir.c \
	%D%/nameserver.c %D%/nameserver.h \
	%D%/opts.c %D%/opts.h \
	%D%/password.c %D%/password.h \
	%D%/print.c %D%/print.h \
	%D%/reply.c %D%/reply.h \
	%D%/rm.c \
	%D%/role.c \
	%D%/session.c %D%/session.h \
	%D%/set.c \
	%D%/srv.c %D%/srv.h \
	%D%/table.c %D%/table.h \
	%D%/text.c %D%/text.h \
	%D%/user.c \
	%D%/wait.c %D%/wait.h \
	%D%/watch.c
