#include "auth/secret.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/mem.h"

#include <crypt.h>

#define COST       10
#define SALT_BYTES 16
#define NOBODY     "$2b$10$WUHhXETkX0fnYkrqZU3ta.XIjvt7D9pmuBDONmaFcVNSxkXLC8VIG"

/* libxcrypt keeps "$2a$" for an old mistake of its own; what Go writes under that name is what it
 * calls "$2b$". */
static bool rename_to(char *hash, char letter)
{
    if (strncmp(hash, "$2a$", 4) != 0 && strncmp(hash, "$2b$", 4) != 0 &&
        strncmp(hash, "$2y$", 4) != 0)
        return false;
    hash[2] = letter;
    return true;
}

static void wipe(struct crypt_data *d)
{
    explicit_bzero(d, sizeof(*d));
    mem_free(d);
}

/* As crypt(3) wants it; what lies behind 72 bytes bcrypt does not look at. */
static void to_text(struct span password, char text[LIMIT_PASSWORD_BYTES + 1])
{
    size_t n = password.len < LIMIT_PASSWORD_BYTES ? password.len : LIMIT_PASSWORD_BYTES;

    if (n > 0)
        memcpy(text, password.ptr, n);
    text[n] = '\0';
}

bool secret_hash(struct span password, char out[LIMIT_HASH_BYTES])
{
    struct crypt_data *d = mem_zalloc(sizeof(*d));
    char salt[SALT_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE], text[LIMIT_PASSWORD_BYTES + 1];
    bool ok = false;

    CP_ASSERT(password.len <= LIMIT_PASSWORD_BYTES);
    CP_ASSERT(password.len == 0 || memchr(password.ptr, '\0', password.len) == NULL);
    to_text(password, text);
    rand_bytes(salt, sizeof(salt));
    if (crypt_gensalt_rn("$2b$", COST, salt, sizeof(salt), setting, sizeof(setting)) != NULL) {
        const char *hash = crypt_rn(text, setting, d, sizeof(*d));

        ok = hash != NULL && hash[0] == '$' && strlen(hash) < LIMIT_HASH_BYTES;
        if (ok) {
            memcpy(out, hash, strlen(hash) + 1);
            ok = rename_to(out, 'a');
        }
    }
    explicit_bzero(text, sizeof(text));
    wipe(d);
    return ok;
}

/* In a time that tells nothing of where they differ. */
static bool same(const char *a, const char *b, size_t n)
{
    unsigned char differ = 0;

    for (size_t i = 0; i < n; i++)
        differ |= (unsigned char)(a[i] ^ b[i]);
    return differ == 0;
}

bool secret_check(struct span password, struct span hash)
{
    struct crypt_data *d = mem_zalloc(sizeof(*d));
    char text[LIMIT_PASSWORD_BYTES + 1], setting[LIMIT_HASH_BYTES + 1] = NOBODY;
    bool possible = hash.len <= LIMIT_HASH_BYTES &&
                    (password.len == 0 || memchr(password.ptr, '\0', password.len) == NULL);

    if (possible && hash.len > 0) {
        char given[LIMIT_HASH_BYTES + 1];

        memcpy(given, hash.ptr, hash.len);
        given[hash.len] = '\0';
        possible = rename_to(given, 'b');
        if (possible)
            memcpy(setting, given, sizeof(given));
    } else {
        possible = false;
    }
    to_text(password, text);

    const char *made = crypt_rn(text, setting, d, sizeof(*d));
    bool ok = made != NULL && possible && strlen(made) == strlen(setting) && made[0] == '$' &&
              same(made, setting, strlen(setting));

    explicit_bzero(text, sizeof(text));
    wipe(d);
    return ok;
}
