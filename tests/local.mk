# tests: one fragment a kind
include tests/build/local.mk
include tests/unit/base/local.mk
include tests/unit/proto/local.mk
include tests/unit/store/local.mk
include tests/unit/codec/local.mk
include tests/unit/watch/local.mk
include tests/unit/disk/local.mk
include tests/unit/cluster/local.mk
include tests/unit/api/local.mk
include tests/unit/http/local.mk
include tests/unit/ctl/local.mk
include tests/model/local.mk
include tests/sim/local.mk
include tests/api/local.mk
include tests/cluster/local.mk
include tests/ctl/local.mk
include tests/fuzz/local.mk
