# the client as a black box: on a terminal, and against the server built beside it
check_PROGRAMS += %D%/ctl_only
%C%_ctl_only_SOURCES = %D%/ctl_only.c
%C%_ctl_only_LDADD = src/ctl/libctl.a src/proto/libproto.a src/base/libbase.a $(CURL_LIBS) $(GNUTLS_LIBS) $(JANSSON_LIBS)

dist_check_SCRIPTS += %D%/links %D%/options.py %D%/replay.py %D%/resume.py %D%/terminal.py
TESTS += %D%/links %D%/options.py %D%/replay.py %D%/resume.py %D%/terminal.py
EXTRA_DIST += %D%/ctl.jsonl %D%/deviations.json
