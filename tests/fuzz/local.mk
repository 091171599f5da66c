# fuzz tests: with --enable-fuzz each program is a fuzzer (make fuzz); without, it replays tests/fuzz/corpus/NAME in
# make check. One more program fuzz_NAME: its name in FUZZERS, its corpus in FUZZ_CORPORA, its sources, LDFLAGS, LDADD.
FUZZERS += \
	%D%/fuzz_command \
	%D%/fuzz_url
FUZZ_CORPORA = \
	%D%/corpus/command \
	%D%/corpus/url

check_PROGRAMS += $(FUZZERS)
EXTRA_DIST += $(FUZZ_CORPORA)
FUZZ_SOURCES = %D%/fuzz.h
if !FUZZ
FUZZ_SOURCES += %D%/replay.c
TESTS += $(FUZZERS)
endif

%C%_fuzz_command_SOURCES = %D%/fuzz_command.c $(FUZZ_SOURCES)
%C%_fuzz_command_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_command_LDADD = src/codec/libcodec.a src/store/libstore.a src/proto/libproto.a src/base/libbase.a

%C%_fuzz_url_SOURCES = %D%/fuzz_url.c $(FUZZ_SOURCES)
%C%_fuzz_url_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_url_LDADD = src/proto/libproto.a src/base/libbase.a
