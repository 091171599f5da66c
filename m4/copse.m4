# copse.m4 - what configure asks: kinds of build, warnings, hardening, libraries, tools.

# COPSE_ADD_FLAGS(VARIABLE, flags): adds each flag that the compiler takes.
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

# COPSE_NEEDS_FLAG(flag, option): stops where compiler and linker together cannot do the flag.
AC_DEFUN([COPSE_NEEDS_FLAG], [
  copse_save=$CFLAGS
  CFLAGS="$CFLAGS $1"
  AC_MSG_CHECKING([whether $CC links with $1])
  AC_LINK_IFELSE([AC_LANG_PROGRAM([])], [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no]); AC_MSG_ERROR([$CC cannot do $2: it does not link with $1])])
  CFLAGS=$copse_save
])

# The options that change how everything is compiled. Without CFLAGS from outside, a build for
# looking at the program gets -O1 (sanitizers, fuzzing) or -O0 (coverage) in place of -O2.
AC_DEFUN([COPSE_BUILD_KINDS], [
  AC_ARG_ENABLE([sanitize], [AS_HELP_STRING([--enable-sanitize=LIST],
      [build with sanitizers: address,undefined (the default list) or thread])],
    [], [enable_sanitize=no])
  AS_IF([test "x$enable_sanitize" = xyes], [enable_sanitize=address,undefined])
  AC_ARG_ENABLE([fuzz], [AS_HELP_STRING([--enable-fuzz],
      [build the programs of tests/fuzz with libFuzzer (clang)])],
    [], [enable_fuzz=no])
  AS_IF([test "x$enable_fuzz" = xyes], [
    : ${CC=clang}
    AS_IF([test "x$enable_sanitize" = xno], [enable_sanitize=address,undefined])
  ])
  AC_ARG_ENABLE([coverage], [AS_HELP_STRING([--enable-coverage],
      [build for gcov; `make coverage' runs the tests and shows the figures])],
    [], [enable_coverage=no])
  AS_IF([test "x$enable_coverage" = xyes], [: ${CFLAGS=-g -O0}],
        [test "x$enable_sanitize" != xno], [: ${CFLAGS=-g -O1}])
])

AC_DEFUN([COPSE_SANITIZERS], [
  AS_IF([test "x$enable_sanitize" != xno], [
    SAN_CFLAGS="-fsanitize=$enable_sanitize -fno-omit-frame-pointer -fno-sanitize-recover=all"
    COPSE_NEEDS_FLAG([-fsanitize=$enable_sanitize], [--enable-sanitize=$enable_sanitize])
  ])
  AC_SUBST([SAN_CFLAGS])
  AC_SUBST([enable_sanitize])
  AM_CONDITIONAL([SANITIZE], [test "x$enable_sanitize" != xno])
])

# With --enable-fuzz a program of tests/fuzz is a fuzzer; without, it replays its corpus.
AC_DEFUN([COPSE_FUZZ], [
  AS_IF([test "x$enable_fuzz" = xyes], [
    COPSE_NEEDS_FLAG([-fsanitize=fuzzer-no-link], [--enable-fuzz])
    SAN_CFLAGS="$SAN_CFLAGS -fsanitize=fuzzer-no-link"
    FUZZ_LDFLAGS=-fsanitize=fuzzer
  ])
  AC_SUBST([FUZZ_LDFLAGS])
  AM_CONDITIONAL([FUZZ], [test "x$enable_fuzz" = xyes])
])

AC_DEFUN([COPSE_COVERAGE], [
  AS_IF([test "x$enable_coverage" = xyes], [
    COPSE_NEEDS_FLAG([--coverage], [--enable-coverage])
    COV_CFLAGS=--coverage
    AC_CHECK_PROGS([GCOV], [gcov], [:])
  ])
  AC_SUBST([COV_CFLAGS])
  AM_CONDITIONAL([COVERAGE], [test "x$enable_coverage" = xyes])
])

AC_DEFUN([COPSE_WARNINGS], [
  COPSE_ADD_FLAGS([WARN_CFLAGS], [-Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wimplicit-fallthrough -Wundef -Wpointer-arith])
  AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [treat warnings as errors])],
    [], [enable_werror=no])
  AS_IF([test "x$enable_werror" = xyes], [WARN_CFLAGS="$WARN_CFLAGS -Werror"])
])

AC_DEFUN([COPSE_HARDENING], [
  AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening],
      [leave out stack protector, FORTIFY_SOURCE, RELRO and PIE])],
    [], [enable_hardening=yes])
  AS_IF([test "x$enable_hardening" = xyes], [
    COPSE_ADD_FLAGS([HARD_CFLAGS], [-fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE])
    # FORTIFY_SOURCE needs an optimising compiler and gets into the way of the sanitizers. Whoever
    # builds may have chosen another level.
    AS_CASE(["$enable_sanitize$CFLAGS $CPPFLAGS"], [*_FORTIFY_SOURCE*], [],
      [no*-O@<:@123s@:>@*],
      [HARD_CPPFLAGS="-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
    HARD_LDFLAGS="-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack"
  ])
  AC_SUBST([HARD_CPPFLAGS])
  AC_SUBST([HARD_LDFLAGS])
])

AC_DEFUN([COPSE_DEEP_CHECKS], [
  AC_ARG_ENABLE([deep-checks], [AS_HELP_STRING([--enable-deep-checks],
      [let assertions walk whole structures (for tests: slow)])],
    [], [enable_deep_checks=no])
  AS_IF([test "x$enable_deep_checks" = xyes],
    [AC_DEFINE([CP_DEEP_CHECKS], [1], [Let assertions walk whole structures.])])
])

# COPSE_LIBRARY(VARIABLE, pkg-config words, Debian package): asks, and remembers what is missing.
AC_DEFUN([COPSE_LIBRARY], [
  PKG_CHECK_MODULES([$1], [$2], [], [copse_missing="$copse_missing
  $2   (Debian: $3)"])
])

AC_DEFUN([COPSE_LIBRARIES], [
  copse_missing=
  COPSE_LIBRARY([MHD], [libmicrohttpd >= 0.9.75], [libmicrohttpd-dev])
  COPSE_LIBRARY([RAFT], [raft >= 0.22.1 raft < 0.23],
    [libraft-dev of Debian 13, or of bookworm-backports on Debian 12])
  COPSE_LIBRARY([JANSSON], [jansson >= 2.13], [libjansson-dev])
  COPSE_LIBRARY([CURL], [libcurl >= 7.74], [libcurl4-gnutls-dev])
  COPSE_LIBRARY([GNUTLS], [gnutls >= 3.7], [libgnutls28-dev])
  COPSE_LIBRARY([CRYPT], [libxcrypt >= 4.4], [libcrypt-dev])
  COPSE_LIBRARY([YAML], [yaml-0.1 >= 0.2], [libyaml-dev])
  AC_ARG_ENABLE([unit-tests], [AS_HELP_STRING([--enable-unit-tests],
    [stop when the library of the unit tests is missing (default: leave them out then)])],
    [], [enable_unit_tests=auto])
  have_check=no
  AS_CASE([$enable_unit_tests],
    [no], [],
    [yes], [COPSE_LIBRARY([CHECK], [check >= 0.15], [check])
      have_check=yes],
    [PKG_CHECK_MODULES([CHECK], [check >= 0.15], [have_check=yes], [have_check=no])])
  AM_CONDITIONAL([HAVE_CHECK], [test "x$have_check" = xyes])
  AS_IF([test -n "$copse_missing"], [AC_MSG_ERROR([missing, or not of the right version:$copse_missing
./bootstrap deps installs all of them on Debian 12 and 13])])
  AC_SEARCH_LIBS([pthread_create], [pthread])
  AC_SEARCH_LIBS([sqrt], [m])
])

# Only `make format', `make coverage' and some tests need these.
AC_DEFUN([COPSE_TOOLS], [
  AC_CHECK_PROGS([CLANG_FORMAT], [clang-format-14 clang-format])
  AC_CHECK_PROGS([MANDOC], [mandoc])
])

# Debian 12 wants units below /lib.
AC_DEFUN([COPSE_SYSTEMD], [
  AC_ARG_WITH([systemdunitdir], [AS_HELP_STRING([--with-systemdunitdir=DIR],
      [where units of systemd go (PREFIX/lib/systemd/system)])],
    [systemdunitdir=$withval], [systemdunitdir='${prefix}/lib/systemd/system'])
  AC_SUBST([systemdunitdir])
])

AC_DEFUN([COPSE_SUMMARY], [
  AC_MSG_NOTICE([
  copse $PACKAGE_VERSION
    compiler      $CC $CFLAGS
    sanitizers    $enable_sanitize
    fuzzing       $enable_fuzz
    coverage      $enable_coverage
    hardening     $enable_hardening
    warnings      stop the build: $enable_werror
    deep checks   $enable_deep_checks
    unit tests    $have_check (library check)
    prefix        $prefix])
])
