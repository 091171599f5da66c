/* lanes: what the writers of a world send, and what their names are. Private to world. */
#pragma once

#include "world.h"

#define VALUE_MAX 24000

/* The text of value V, which tells what it is. */
size_t lane_value(uint32_t v, char out[VALUE_MAX]);
