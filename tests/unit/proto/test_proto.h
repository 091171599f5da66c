#pragma once

#include "base/check.h"

#include <check.h>

TCase *peer_url_case(void);
