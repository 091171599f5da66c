#include "faultfile.h"

#include "base/check.h"
#include "base/mem.h"

#include <string.h>

uint64_t fault_random(uint64_t *state)
{
    /* splitmix64 */
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void faultfile_release(struct faultfile *file)
{
    if (file == NULL || --file->names > 0)
        return;
    mem_free(file->seen.bytes);
    mem_free(file->held.bytes);
    mem_free(file->dirty);
    mem_free(file);
}

void fault_content_resize(struct fault_content *c, size_t len)
{
    if (len > c->cap) {
        size_t cap = (len + 2 * FAULT_SECTOR) / FAULT_SECTOR * FAULT_SECTOR;
        c->bytes = mem_realloc(c->bytes, cap);
        memset(c->bytes + c->cap, 0, cap - c->cap);
        c->cap = cap;
    } else if (len < c->len) {
        memset(c->bytes + len, 0, c->len - len);
    }
    c->len = len;
}

void faultfile_resize(struct faultfile *file, size_t len)
{
    size_t before = FAULT_SECTORS(file->seen.cap);
    fault_content_resize(&file->seen, len);
    size_t after = FAULT_SECTORS(file->seen.cap);
    if (after > before || file->dirty == NULL) {
        file->dirty = mem_realloc(file->dirty, after + 1);
        memset(file->dirty + before, 0, after + 1 - before);
    }
}

void faultfile_hold(struct faultfile *file, size_t sector)
{
    size_t from = sector * FAULT_SECTOR;
    if (from >= file->held.len || from >= file->seen.cap)
        return;
    size_t n = file->held.len - from < FAULT_SECTOR ? file->held.len - from : FAULT_SECTOR;
    memcpy(file->held.bytes + from, file->seen.bytes + from, n);
}

struct faultfile **faultdir_find(struct faultdir *d, const char *path)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->v[i].path, path) == 0)
            return &d->v[i].file;
    }
    return NULL;
}

void faultdir_set(struct faultdir *d, const char *path, struct faultfile *file)
{
    if (file != NULL)
        file->names++;
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->v[i].path, path) != 0)
            continue;
        faultfile_release(d->v[i].file);
        d->v[i].file = file;
        if (file == NULL) {
            mem_free(d->v[i].path);
            d->v[i] = d->v[--d->n];
        }
        return;
    }
    if (file == NULL)
        return;
    CP_ASSERT(d->n < FAULT_FILES_MAX);
    d->v[d->n++] = (struct fault_entry){mem_strdup(path), file};
}

void faultdir_clear(struct faultdir *d)
{
    while (d->n > 0) {
        mem_free(d->v[--d->n].path);
        faultfile_release(d->v[d->n].file);
    }
}

/* The power failed within the sector: its front is new, the rest old. */
static void hold_torn(struct faultfile *file, size_t sector, size_t front)
{
    size_t from = sector * FAULT_SECTOR;
    if (from + front <= file->held.len && from + front <= file->seen.len)
        memcpy(file->held.bytes + from, file->seen.bytes + from, front);
}

void faultfile_lose(struct faultfile *file, uint64_t *random)
{
    /* In eighths, how likely a sector got through: all, none and everything between. */
    uint64_t luck = fault_random(random) % 9;
    if (file->seen.len != file->held.len && fault_random(random) % 8 < luck)
        fault_content_resize(&file->held, file->seen.len);
    for (size_t i = 0; i < FAULT_SECTORS(file->seen.len); i++) {
        if (!file->dirty[i])
            continue;
        if (fault_random(random) % 8 < luck)
            faultfile_hold(file, i);
        else if (fault_random(random) % 8 == 0)
            hold_torn(file, i, fault_random(random) % FAULT_SECTOR);
    }
    faultfile_resize(file, 0);
    faultfile_resize(file, file->held.len);
    if (file->held.len > 0)
        memcpy(file->seen.bytes, file->held.bytes, file->held.len);
    memset(file->dirty, 0, FAULT_SECTORS(file->seen.cap));
}
