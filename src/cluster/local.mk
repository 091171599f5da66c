noinst_LIBRARIES += %D%/libcluster.a
%C%_libcluster_a_CPPFLAGS = $(AM_CPPFLAGS) $(GNUTLS_CFLAGS) $(RAFT_CFLAGS)
%C%_libcluster_a_SOURCES = \
	%D%/founding.c %D%/founding.h \
	%D%/identity.c %D%/identity.h \
	%D%/roster.c %D%/roster.h
%C%_libcluster_a_SOURCES += \
	%D%/consensus.c %D%/consensus.h %D%/consensus_priv.h \
	%D%/consensus_haste.c \
	%D%/consensus_members.c \
	%D%/consensus_msg.c %D%/consensus_msg.h \
	%D%/consensus_recv.c \
	%D%/consensus_start.c \
	%D%/consensus_step.c \
	%D%/entry.h \
	%D%/guards.c %D%/guards.h \
	%D%/logcache.c %D%/logcache.h
%C%_libcluster_a_SOURCES += \
	%D%/alone.c %D%/alone.h \
	%D%/applier.c \
	%D%/backlog.c %D%/backlog.h \
	%D%/boot.c \
	%D%/copy.c %D%/copy.h \
	%D%/engine.c %D%/engine.h %D%/engine_priv.h \
	%D%/figures.c \
	%D%/forward.c %D%/forward.h \
	%D%/frame.c %D%/frame.h %D%/frame_priv.h \
	%D%/frame_decode.c \
	%D%/install.c %D%/install.h \
	%D%/introduce.c \
	%D%/gather.c %D%/gather.h \
	%D%/job.c %D%/job.h \
	%D%/lead.c %D%/lead.h \
	%D%/member.c %D%/member.h \
	%D%/overdue.c \
	%D%/peers.c %D%/peers.h \
	%D%/progress.c %D%/progress.h \
	%D%/reach.c %D%/reach.h \
	%D%/reads.c %D%/reads.h \
	%D%/reshape.c %D%/reshape.h \
	%D%/restore.c \
	%D%/snapload.c %D%/snapload.h \
	%D%/snapshot.c %D%/snapshot.h \
	%D%/status.c %D%/status.h \
	%D%/timekeeper.c %D%/timekeeper.h \
	%D%/traffic.c %D%/traffic.h \
	%D%/waiting.c %D%/waiting.h \
	%D%/wire.h
