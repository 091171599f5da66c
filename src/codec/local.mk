noinst_LIBRARIES += %D%/libcodec.a
%C%_libcodec_a_SOURCES = \
	%D%/command.c %D%/command.h \
	%D%/dump.c %D%/dump.h \
	%D%/dump_accounts.c %D%/dump_accounts.h \
	%D%/dump_head.c %D%/dump_head.h \
	%D%/lines.c %D%/lines.h \
	%D%/load.c %D%/load.h \
	%D%/render.h %D%/render_priv.h \
	%D%/render_event.c \
	%D%/render_get.c
