noinst_LIBRARIES += %D%/libwatch.a
%C%_libwatch_a_SOURCES = \
	%D%/history.c %D%/history.h \
	%D%/hub.c %D%/hub.h \
	%D%/registry.c %D%/registry.h
