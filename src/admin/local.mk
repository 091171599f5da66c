noinst_LIBRARIES += %D%/libadmin.a
%C%_libadmin_a_SOURCES = \
	%D%/admin.c %D%/admin.h \
	%D%/backup.c \
	%D%/command.h \
	%D%/dump.c \
	%D%/entry.c %D%/entry.h \
	%D%/restore.c \
	%D%/target.c %D%/target.h \
	%D%/verify.c \
	%D%/words.c %D%/words.h
