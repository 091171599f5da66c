/* version: what `copse --version` says. */
#pragma once

#include <stdio.h>

#define COPSE_VERSION PACKAGE_VERSION

/* The program's version, the API it speaks, and the libraries it runs with. */
void version_print(FILE *out);
