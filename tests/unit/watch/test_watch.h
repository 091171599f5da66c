#pragma once

#include "watch/hub.h"

#include <check.h>

Suite *hub_suite(void);
Suite *hub_model_suite(void);
