# what examples/ promises
dist_check_SCRIPTS += %D%/recipes
TESTS += %D%/recipes
