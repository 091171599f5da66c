noinst_LIBRARIES += %D%/libserve.a
%C%_libserve_a_CPPFLAGS = $(AM_CPPFLAGS) $(YAML_CFLAGS) $(CURL_CFLAGS) $(JANSSON_CFLAGS) \
	$(GNUTLS_CFLAGS) $(CRYPT_CFLAGS)
%C%_libserve_a_SOURCES = \
	%D%/options.c %D%/options.h %D%/options_priv.h \
	%D%/options_table.c %D%/options_file.c %D%/options_check.c %D%/options_show.c \
	%D%/options_tls.c \
	%D%/bootstrap.c %D%/bootstrap.h \
	%D%/early.c %D%/early.h \
	%D%/peers.c %D%/peers.h \
	%D%/secure.c %D%/secure.h \
	%D%/logs.c %D%/logs.h \
	%D%/metrics.c %D%/metrics.h \
	%D%/process.c %D%/process.h \
	%D%/serve.c %D%/serve.h \
	%D%/systemd.c %D%/systemd.h \
	%D%/version.c %D%/version.h
