# the build's own rules
dist_check_SCRIPTS += %D%/layers %D%/manual %D%/bench %D%/unit %D%/dist %D%/bootstrap
TESTS += %D%/layers %D%/manual %D%/bench %D%/unit %D%/dist %D%/bootstrap
