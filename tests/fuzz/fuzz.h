/* fuzz: what a program of this folder offers, to libFuzzer or to replay.c. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Gives 0; a finding ends the process. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
