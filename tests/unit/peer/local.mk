# unit tests of peer: whole peer floors in one process, over loopback, before fakes of api and engine
if HAVE_CHECK
check_PROGRAMS += %D%/test_peer
TESTS += %D%/test_peer
endif
%C%_test_peer_SOURCES = \
	%D%/node.c %D%/node.h \
	%D%/test_bytes.c \
	%D%/test_pages.c \
	%D%/test_peer.c %D%/test_peer.h \
	%D%/test_snapshots.c \
	%D%/test_strangers.c \
	%D%/test_streams.c \
	%D%/test_tls.c
%C%_test_peer_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(CHECK_CFLAGS)
%C%_test_peer_LDADD = \
	src/peer/libpeer.a src/tls/libtls.a src/cluster/libcluster.a src/codec/libcodec.a src/disk/libdisk.a \
	src/store/libstore.a src/proto/libproto.a src/base/libbase.a \
	$(MHD_LIBS) $(CURL_LIBS) $(GNUTLS_LIBS) $(CHECK_LIBS)

# figures, by hand
EXTRA_PROGRAMS = %D%/speed
%C%_speed_SOURCES = %D%/node.c %D%/node.h %D%/speed.c
%C%_speed_CPPFLAGS = $(%C%_test_peer_CPPFLAGS)
%C%_speed_LDADD = $(%C%_test_peer_LDADD)
