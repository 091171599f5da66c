# the build's own rules
dist_check_SCRIPTS += %D%/layers
TESTS += %D%/layers
