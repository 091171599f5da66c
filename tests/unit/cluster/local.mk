# unit tests of cluster
if HAVE_CHECK
check_PROGRAMS += %D%/test_identity
TESTS += %D%/test_identity
%C%_test_identity_SOURCES = %D%/test_identity.c
%C%_test_identity_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_identity_LDADD = src/cluster/libcluster.a src/base/libbase.a $(GNUTLS_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/test_frame
TESTS += %D%/test_frame
%C%_test_frame_SOURCES = %D%/frame_samples.c %D%/frame_samples.h %D%/test_frame.c
%C%_test_frame_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_frame_LDADD = src/cluster/libcluster.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += %D%/test_founding
TESTS += %D%/test_founding
%C%_test_founding_SOURCES = %D%/test_founding.c
%C%_test_founding_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_founding_LDADD = src/cluster/libcluster.a src/codec/libcodec.a src/store/libstore.a \
	src/proto/libproto.a src/base/libbase.a $(GNUTLS_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/test_member
TESTS += %D%/test_member
%C%_test_member_SOURCES = %D%/test_member.c
%C%_test_member_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_member_LDADD = src/cluster/libcluster.a src/codec/libcodec.a src/store/libstore.a \
	src/proto/libproto.a src/base/libbase.a $(CHECK_LIBS)

check_PROGRAMS += %D%/test_engine
TESTS += %D%/test_engine
%C%_test_engine_SOURCES = \
	%D%/engine_rig.c %D%/engine_rig.h \
	%D%/test_engine.c \
	%D%/test_engine_events.c \
	%D%/test_engine_inbox.c \
	%D%/test_engine_parts.c \
	%D%/test_engine_room.c \
	%D%/test_engine_steps.c
%C%_test_engine_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_engine_LDADD = \
	src/cluster/libcluster.a src/watch/libwatch.a src/codec/libcodec.a src/disk/libdisk.a \
	src/store/libstore.a src/proto/libproto.a src/base/libbase.a \
	$(RAFT_LIBS) $(GNUTLS_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/test_cluster
TESTS += %D%/test_cluster
%C%_test_cluster_SOURCES = \
	%D%/test_cluster.c \
	%D%/test_cluster_alone.c \
	%D%/test_cluster_members.c \
	%D%/trio.c %D%/trio.h \
	%D%/trio_watch.c
%C%_test_cluster_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_cluster_LDADD = \
	src/cluster/libcluster.a src/watch/libwatch.a src/codec/libcodec.a src/disk/libdisk.a \
	src/store/libstore.a src/proto/libproto.a src/base/libbase.a \
	$(RAFT_LIBS) $(GNUTLS_LIBS) $(CHECK_LIBS)

check_PROGRAMS += %D%/test_consensus
TESTS += %D%/test_consensus
%C%_test_consensus_SOURCES = \
	%D%/rig.c %D%/rig.h \
	%D%/test_consensus.c \
	%D%/test_forget.c \
	%D%/test_guards.c \
	%D%/test_haste.c \
	%D%/test_logcache.c
%C%_test_consensus_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
%C%_test_consensus_LDADD = src/cluster/libcluster.a src/base/libbase.a $(RAFT_LIBS) $(CHECK_LIBS)
endif
