/* version: a published state of the tree, and the accounts beside it. */
#pragma once

#include <stdint.h>

struct accounts;
struct node;

struct version {
    uint64_t index;
    struct node *root;
    const struct accounts *accounts; /* one reference; may be NULL */
};
