# tests against naive twins; the store is compiled anew with small pages, so that they split and merge all the time
model_twin = \
	%D%/blocks.c %D%/blocks.h \
	%D%/twin.c %D%/twin.h

check_PROGRAMS += %D%/model_store %D%/model_store_narrow %D%/stress_store
TESTS += %D%/model_store %D%/model_store_narrow %D%/stress_store

%C%_model_store_SOURCES = %D%/model_store.c $(model_twin)
%C%_model_store_LDADD = src/store/libstore.a src/proto/libproto.a src/base/libbase.a

%C%_model_store_narrow_SOURCES = %D%/model_store.c $(model_twin) $(src_store_libstore_a_SOURCES)
%C%_model_store_narrow_CPPFLAGS = $(AM_CPPFLAGS) -DSTORE_FANOUT=4
%C%_model_store_narrow_LDADD = src/proto/libproto.a src/base/libbase.a

%C%_stress_store_SOURCES = %D%/stress_store.c $(src_store_libstore_a_SOURCES)
%C%_stress_store_CPPFLAGS = $(AM_CPPFLAGS) -DSTORE_FANOUT=8 -DSTORE_PIN_PAUSE
%C%_stress_store_LDADD = src/proto/libproto.a src/base/libbase.a
