/* readpoint: when a quorum read may run. */
#include "api/route.h"

/* The one voter of its cluster answers a write only after applying it: what it can read is the
 * newest that anybody knows of, as long as it leads. */
bool readpoint_ready(const struct api *a)
{
    return engine_has_leader(a->engine);
}
