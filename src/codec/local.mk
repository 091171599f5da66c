noinst_LIBRARIES += %D%/libcodec.a
%C%_libcodec_a_SOURCES = \
	%D%/command.c %D%/command.h \
	%D%/render.h %D%/render_priv.h \
	%D%/render_event.c \
	%D%/render_get.c
