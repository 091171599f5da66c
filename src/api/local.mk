noinst_LIBRARIES += %D%/libapi.a
%C%_libapi_a_SOURCES = \
	%D%/api.h \
	%D%/account_body.c %D%/account_body.h \
	%D%/account_render.c %D%/account_render.h \
	%D%/accounts.c %D%/accounts.h \
	%D%/admit.c \
	%D%/debug.c \
	%D%/form.c %D%/form.h \
	%D%/health.c \
	%D%/keys.c \
	%D%/keys_parse.c %D%/keys_parse.h \
	%D%/listing.c \
	%D%/member_change.c \
	%D%/members.c \
	%D%/metrics.c \
	%D%/mime.c %D%/mime.h \
	%D%/reply.c \
	%D%/request.h \
	%D%/right.c %D%/right.h \
	%D%/roll.c %D%/roll.h \
	%D%/route.c %D%/route.h \
	%D%/server.c %D%/server.h \
	%D%/stats.c \
	%D%/target.c %D%/target.h
