# the build's own rules
dist_check_SCRIPTS += %D%/layers %D%/manual
TESTS += %D%/layers %D%/manual
