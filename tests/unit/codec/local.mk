# unit tests of codec
