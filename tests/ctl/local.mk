# ctl tests
