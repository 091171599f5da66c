noinst_LIBRARIES += %D%/libstore.a
%C%_libstore_a_SOURCES = \
	%D%/account.c %D%/account.h %D%/account_apply.c %D%/account_priv.h \
	%D%/apply.c \
	%D%/audit.c \
	%D%/bag.c %D%/bag.h \
	%D%/bulk.c %D%/bulk.h \
	%D%/draft.c %D%/draft.h \
	%D%/edit.c %D%/edit.h \
	%D%/event.c %D%/event.h \
	%D%/node.c %D%/node.h \
	%D%/op.h \
	%D%/outline.c %D%/outline.h \
	%D%/page.c %D%/page.h \
	%D%/path.c %D%/path.h \
	%D%/pins.c %D%/pins.h \
	%D%/place.h \
	%D%/pool.h \
	%D%/read.c %D%/read.h \
	%D%/store.c %D%/store.h %D%/store_priv.h \
	%D%/texts.c %D%/texts.h \
	%D%/timers.c %D%/timers.h \
	%D%/tree.c %D%/tree.h \
	%D%/version.h
