# cluster tests
