# fuzz tests: with --enable-fuzz each program is a fuzzer (make fuzz); without, it replays tests/fuzz/corpus/NAME in
# make check. One more program fuzz_NAME: its name in FUZZERS, its corpus in FUZZ_CORPORA, its sources, LDFLAGS, LDADD.
FUZZERS += \
	%D%/fuzz_account \
	%D%/fuzz_basic \
	%D%/fuzz_command \
	%D%/fuzz_door \
	%D%/fuzz_frame \
	%D%/fuzz_json \
	%D%/fuzz_keys_parse \
	%D%/fuzz_load \
	%D%/fuzz_request \
	%D%/fuzz_url
FUZZ_CORPORA = \
	%D%/corpus/account \
	%D%/corpus/basic \
	%D%/corpus/command \
	%D%/corpus/door \
	%D%/corpus/frame \
	%D%/corpus/json \
	%D%/corpus/keys_parse \
	%D%/corpus/load \
	%D%/corpus/request \
	%D%/corpus/url

check_PROGRAMS += $(FUZZERS)
EXTRA_DIST += $(FUZZ_CORPORA) %D%/fuzz_door.dict %D%/fuzz_keys_parse.dict %D%/fuzz_request.dict
FUZZ_SOURCES = %D%/fuzz.h
if !FUZZ
FUZZ_SOURCES += %D%/replay.c
TESTS += $(FUZZERS)
endif

%C%_fuzz_account_SOURCES = %D%/fuzz_account.c $(FUZZ_SOURCES)
%C%_fuzz_account_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_account_LDADD = src/api/libapi.a src/codec/libcodec.a src/auth/libauth.a src/store/libstore.a src/proto/libproto.a \
	src/base/libbase.a $(CRYPT_LIBS)

%C%_fuzz_basic_SOURCES = %D%/fuzz_basic.c $(FUZZ_SOURCES)
%C%_fuzz_basic_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_basic_LDADD = src/auth/libauth.a src/base/libbase.a $(CRYPT_LIBS)

%C%_fuzz_command_SOURCES = %D%/fuzz_command.c $(FUZZ_SOURCES)
%C%_fuzz_command_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_command_LDADD = src/codec/libcodec.a src/store/libstore.a src/proto/libproto.a src/base/libbase.a

%C%_fuzz_door_SOURCES = %D%/fuzz_door.c $(FUZZ_SOURCES) \
	%D%/door_engine.c %D%/door_engine.h \
	%D%/http_oracle.c %D%/http_oracle.h \
	tests/unit/api/fake_engine.c tests/unit/api/fake_engine.h
%C%_fuzz_door_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_door_LDADD = src/http/libhttp.a src/tls/libtls.a src/api/libapi.a src/cluster/libcluster.a src/watch/libwatch.a src/codec/libcodec.a src/auth/libauth.a src/store/libstore.a \
	src/proto/libproto.a src/base/libbase.a $(MHD_LIBS) $(GNUTLS_LIBS) $(CRYPT_LIBS)

%C%_fuzz_frame_SOURCES = %D%/fuzz_frame.c $(FUZZ_SOURCES)
%C%_fuzz_frame_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_frame_LDADD = src/cluster/libcluster.a src/base/libbase.a

%C%_fuzz_json_SOURCES = %D%/fuzz_json.c $(FUZZ_SOURCES)
%C%_fuzz_json_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_json_LDADD = src/base/libbase.a

%C%_fuzz_keys_parse_SOURCES = %D%/fuzz_keys_parse.c $(FUZZ_SOURCES)
%C%_fuzz_keys_parse_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_keys_parse_LDADD = src/api/libapi.a src/proto/libproto.a src/base/libbase.a

%C%_fuzz_load_SOURCES = %D%/fuzz_load.c $(FUZZ_SOURCES)
%C%_fuzz_load_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_load_LDADD = src/codec/libcodec.a src/store/libstore.a src/proto/libproto.a src/base/libbase.a

%C%_fuzz_request_SOURCES = %D%/fuzz_request.c $(FUZZ_SOURCES) \
	tests/unit/api/fake_engine.c tests/unit/api/fake_engine.h
%C%_fuzz_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_request_LDADD = src/api/libapi.a src/cluster/libcluster.a src/codec/libcodec.a src/auth/libauth.a src/store/libstore.a \
	src/proto/libproto.a src/base/libbase.a $(GNUTLS_LIBS) $(CRYPT_LIBS)

%C%_fuzz_url_SOURCES = %D%/fuzz_url.c $(FUZZ_SOURCES)
%C%_fuzz_url_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
%C%_fuzz_url_LDADD = src/proto/libproto.a src/base/libbase.a
