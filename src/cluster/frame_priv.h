/* frame_priv: sizes that writing and reading of frames agree on. */
#pragma once

#include "cluster/frame.h"

#define BODY_FIXED_BYTES  20 /* type, format, reserved, from, to */
#define ENTRY_FIXED_BYTES 16 /* term u64, type u8, reserved u8 u16, length u32 */
#define PLACE_BYTES       12 /* of a member in a mark: id u64, role u8, reserved u8 u16 */

#define FLAG_DISRUPT  1u
#define FLAG_PRE_VOTE 2u
#define FLAG_GRANTED  1u
