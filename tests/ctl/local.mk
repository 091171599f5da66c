check_PROGRAMS += %D%/ctl_only
%C%_ctl_only_SOURCES = %D%/ctl_only.c
%C%_ctl_only_LDADD = src/ctl/libctl.a src/proto/libproto.a src/base/libbase.a $(CURL_LIBS) $(JANSSON_LIBS)
