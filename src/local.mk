bin_PROGRAMS += %D%/copse
%C%_copse_SOURCES = %D%/main.c
%C%_copse_LDADD = \
	%D%/admin/libadmin.a \
	%D%/serve/libserve.a \
	%D%/http/libhttp.a \
	%D%/peer/libpeer.a \
	%D%/api/libapi.a \
	%D%/cluster/libcluster.a \
	%D%/watch/libwatch.a \
	%D%/codec/libcodec.a \
	%D%/auth/libauth.a \
	%D%/disk/libdisk.a \
	%D%/tls/libtls.a \
	%D%/store/libstore.a \
	%D%/ctl/libctl.a \
	%D%/proto/libproto.a \
	%D%/base/libbase.a \
	$(MHD_LIBS) $(RAFT_LIBS) $(JANSSON_LIBS) $(CURL_LIBS) $(GNUTLS_LIBS) $(YAML_LIBS) $(CRYPT_LIBS)
