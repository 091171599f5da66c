/* matrix: the parts of the recovery matrix. Each runs from its seed and ends the program with a
 * message when something is wrong. */
#pragma once

#include "world.h"

/* Ends of processes and losses of power, N starts and more. */
void matrix_crashes(uint64_t seed, unsigned starts);
/* Each call fails, once or from then on, with one of several errors; every STRIDE-th call. */
void matrix_failures(uint64_t seed, unsigned stride);
/* No room for log and snapshots, and room again. */
void matrix_full(uint64_t seed);
/* Starts while there is none. */
void matrix_full_starts(uint64_t seed);

/* For the closing line. */
void matrix_add(const struct books *b);
