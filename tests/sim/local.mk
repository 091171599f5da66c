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
