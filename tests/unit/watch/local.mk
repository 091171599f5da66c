# unit tests of watch
