# unit tests of ctl
