noinst_LIBRARIES += %D%/libdisk.a
%C%_libdisk_a_SOURCES = \
	%D%/advice.c %D%/advice.h \
	%D%/datadir.c %D%/datadir.h \
	%D%/diskio.c %D%/diskio.h \
	%D%/kept.c %D%/kept.h \
	%D%/name.c %D%/name.h \
	%D%/pace.c %D%/pace.h \
	%D%/record.c %D%/record.h \
	%D%/replay.c %D%/replay.h \
	%D%/segment.c %D%/segment.h \
	%D%/snapfile.c %D%/snapfile.h \
	%D%/spare.c %D%/spare.h \
	%D%/wal.c %D%/wal.h \
	%D%/waldir.c %D%/waldir.h \
	%D%/window.c %D%/window.h
