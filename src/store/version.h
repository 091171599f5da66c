/* version: a published state of the tree. */
#pragma once

#include <stdint.h>

struct node;

struct version {
    uint64_t index;
    struct node *root;
};
