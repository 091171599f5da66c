# unit tests of cluster
