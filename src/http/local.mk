noinst_LIBRARIES += %D%/libhttp.a
%C%_libhttp_a_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS)
%C%_libhttp_a_SOURCES = \
	%D%/accept.c \
	%D%/answer.c %D%/answer.h \
	%D%/conn.c %D%/conn.h \
	%D%/counts.c %D%/counts.h \
	%D%/cors.c %D%/cors.h \
	%D%/door.c %D%/door.h \
	%D%/head.c %D%/head.h \
	%D%/host.c %D%/host.h \
	%D%/lobby.c %D%/lobby.h \
	%D%/loop.c \
	%D%/reply.c %D%/reply.h \
	%D%/same.c %D%/same.h \
	%D%/shake.c %D%/shake.h \
	%D%/stream.c %D%/stream.h \
	%D%/sub.c %D%/sub.h \
	%D%/tap.c %D%/tap.h \
	%D%/trail.c %D%/trail.h \
	%D%/turn.c \
	%D%/worker.h
