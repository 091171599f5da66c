# the program
