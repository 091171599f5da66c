# simulation: members of a cluster on virtual disks, wires and clocks
check_PROGRAMS += %D%/sim_consensus
dist_check_SCRIPTS += %D%/seeds.test %D%/guards.test
TESTS += %D%/seeds.test %D%/guards.test

%C%_sim_consensus_SOURCES = \
	%D%/sim.h \
	%D%/sim_chaos.c \
	%D%/sim_check.c \
	%D%/sim_consensus.c \
	%D%/sim_disk.c \
	%D%/sim_net.c \
	%D%/sim_node.c \
	%D%/sim_world.c
%C%_sim_consensus_LDADD = src/cluster/libcluster.a src/base/libbase.a $(RAFT_LIBS)

EXTRA_DIST += tools/simulate

# whole members; --wrap puts the simulation's eyes between their parts
check_PROGRAMS += %D%/sim_engines
dist_check_SCRIPTS += %D%/engines.test %D%/planted.test
TESTS += %D%/engines.test %D%/planted.test
%C%_sim_engines_SOURCES = \
	%D%/engines.c %D%/engines.h \
	%D%/engines_chaos.c \
	%D%/engines_client.c \
	%D%/engines_member.c \
	%D%/engines_members.c \
	%D%/engines_ops.c \
	%D%/engines_planted.c \
	%D%/engines_time.c \
	%D%/engines_truth.c \
	%D%/engines_watch.c \
	%D%/engines_wire.c \
	%D%/engines_world.c \
	tests/lib/faultfile.c tests/lib/faultfile.h \
	tests/lib/faultio.c tests/lib/faultio.h
%C%_sim_engines_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/lib
%C%_sim_engines_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=_exit,--wrap=rand_u64,--wrap=consensus_new,--wrap=consensus_start \
	-Wl,--wrap=consensus_submit,--wrap=consensus_durable,--wrap=consensus_installed \
	-Wl,--wrap=consensus_receive,--wrap=consensus_transfer,--wrap=hub_restore \
	-Wl,--wrap=consensus_forget,--wrap=consensus_snapshot_owed \
	-Wl,--wrap=wal_append,--wrap=render_event,--wrap=timekeeper_now
%C%_sim_engines_LDADD = \
	src/cluster/libcluster.a src/watch/libwatch.a src/codec/libcodec.a src/disk/libdisk.a \
	src/store/libstore.a src/proto/libproto.a src/base/libbase.a \
	$(RAFT_LIBS) $(GNUTLS_LIBS) -lm
