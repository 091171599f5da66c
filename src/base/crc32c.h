/* crc32c: Castagnoli checksum; by the processor's instruction where there is one. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Continues CRC (0 to begin) over the bytes. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);
/* The same by tables alone, which processors without the instruction use. */
uint32_t crc32c_portable(uint32_t crc, const void *bytes, size_t n);
