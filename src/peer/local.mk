noinst_LIBRARIES += %D%/libpeer.a
%C%_libpeer_a_CPPFLAGS = $(AM_CPPFLAGS) $(MHD_CFLAGS) $(CURL_CFLAGS)
%C%_libpeer_a_SOURCES = \
	%D%/arrival.c \
	%D%/dial.c %D%/dial.h \
	%D%/download.c %D%/download.h \
	%D%/gate.c %D%/gate.h %D%/gate_priv.h \
	%D%/handshake.c \
	%D%/inflow.c %D%/inflow.h \
	%D%/join.c %D%/join.h \
	%D%/line.c %D%/line.h \
	%D%/net.c %D%/net.h \
	%D%/pages.c \
	%D%/peer.c %D%/peer.h \
	%D%/spawn.c %D%/spawn.h \
	%D%/speech.h \
	%D%/trust.h \
	%D%/upload.c %D%/upload.h \
	%D%/visit.c
