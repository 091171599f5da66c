# copse.m4 - what configure asks: warnings, hardening, sanitizers, coverage, libraries.

# Adds each flag the compiler takes to a variable: COPSE_ADD_FLAGS([VAR], [flags])
AC_DEFUN([COPSE_ADD_FLAGS], [
  for copse_flag in $2; do
    AS_VAR_PUSHDEF([copse_var], [copse_cv_flag_$copse_flag])
    AC_CACHE_CHECK([whether $CC takes $copse_flag], [copse_var], [
      copse_save=$CFLAGS
      CFLAGS="$CFLAGS -Werror $copse_flag"
      AC_COMPILE_IFELSE([AC_LANG_PROGRAM([])], [AS_VAR_SET([copse_var], [yes])], [AS_VAR_SET([copse_var], [no])])
      CFLAGS=$copse_save
    ])
    AS_VAR_IF([copse_var], [yes], [$1="$$1 $copse_flag"])
    AS_VAR_POPDEF([copse_var])
  done
  AC_SUBST([$1])
])

AC_DEFUN([COPSE_WARNINGS], [
  COPSE_ADD_FLAGS([WARN_CFLAGS], [-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wimplicit-fallthrough -Wundef -Wpointer-arith])
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
])

AC_DEFUN([COPSE_SANITIZERS], [
  AC_ARG_ENABLE([sanitize], [AS_HELP_STRING([--enable-sanitize=LIST], [build with sanitizers: address,undefined or thread])],
    [], [enable_sanitize=no])
  AS_IF([test "x$enable_sanitize" = xyes], [enable_sanitize=address,undefined])
  AS_IF([test "x$enable_sanitize" != xno], [
    SAN_CFLAGS="-fsanitize=$enable_sanitize -fno-omit-frame-pointer -fno-sanitize-recover=all"
    copse_save=$CFLAGS; CFLAGS="$CFLAGS $SAN_CFLAGS"
    AC_MSG_CHECKING([whether $CC links with -fsanitize=$enable_sanitize])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([])], [AC_MSG_RESULT([yes])],
      [AC_MSG_RESULT([no]); AC_MSG_ERROR([this compiler cannot do --enable-sanitize=$enable_sanitize])])
    CFLAGS=$copse_save
  ])
  AC_SUBST([SAN_CFLAGS])
  AC_ARG_ENABLE([deep-checks], [AS_HELP_STRING([--enable-deep-checks], [walk whole structures in assertions (tests)])])
  AS_IF([test "x$enable_deep_checks" = xyes], [AC_DEFINE([CP_DEEP_CHECKS], [1], [Walk whole structures in assertions.])])
])

AC_DEFUN([COPSE_HARDENING], [
  AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [leave out stack protector, FORTIFY_SOURCE, RELRO and PIE])],
    [], [enable_hardening=yes])
  AS_IF([test "x$enable_hardening" = xyes], [
    COPSE_ADD_FLAGS([HARD_CFLAGS], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE])
    AS_IF([test "x$enable_sanitize" = xno], [HARD_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
    HARD_LDFLAGS="-pie -Wl,-z,relro -Wl,-z,now"
  ])
  AC_SUBST([HARD_CPPFLAGS])
  AC_SUBST([HARD_LDFLAGS])
])

AC_DEFUN([COPSE_COVERAGE], [
  AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage], [build for gcov])])
  AS_IF([test "x$enable_coverage" = xyes], [COV_CFLAGS="--coverage -O0"; COV_LDFLAGS="--coverage"])
  AC_SUBST([COV_CFLAGS])
  AC_SUBST([COV_LDFLAGS])
])

# COPSE_LIBRARY(VARIABLE, pkg-config words, Debian package)
AC_DEFUN([COPSE_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [copse_missing="$copse_missing
  $2   (Debian: $3)"])
])

AC_DEFUN([COPSE_LIBRARIES], [
  copse_missing=
  COPSE_LIBRARY([MHD], [libmicrohttpd >= 0.9.75], [libmicrohttpd-dev])
  COPSE_LIBRARY([RAFT], [raft >= 0.22.1 raft < 0.23], [libraft-dev of Debian 13, or of bookworm-backports on Debian 12])
  COPSE_LIBRARY([JANSSON], [jansson >= 2.13], [libjansson-dev])
  COPSE_LIBRARY([CURL], [libcurl >= 7.74], [libcurl4-gnutls-dev])
  COPSE_LIBRARY([GNUTLS], [gnutls >= 3.7], [libgnutls28-dev])
  PKG_CHECK_MODULES([CHECK], [check >= 0.15], [have_check=yes], [have_check=no])
  AM_CONDITIONAL([HAVE_CHECK], [test "x$have_check" = xyes])
  AS_IF([test -n "$copse_missing"], [AC_MSG_ERROR([these libraries are missing or not of the right version:$copse_missing
./bootstrap deps installs them on Debian 12 and 13])])
  COPSE_THREADS
])

AC_DEFUN([COPSE_THREADS], [AC_SEARCH_LIBS([pthread_create], [pthread])])

AC_DEFUN([COPSE_SUMMARY], [
  AC_MSG_NOTICE([
  copse $PACKAGE_VERSION
    compiler    $CC $CFLAGS
    sanitizers  $enable_sanitize
    hardening   $enable_hardening
    unit tests  $have_check (library check)
    prefix      $prefix])
])
