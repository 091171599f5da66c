/* replay: main of the fuzz programs where there is no libFuzzer. Runs the files given, or those of
 * the program's own corpus: fuzz_NAME replays TOP_SRCDIR/tests/fuzz/corpus/NAME. Each input is in
 * memory of exactly its size. */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* PATH as seen from the open directory DIR. */
static bool replay_file(int dir, const char *path)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        perror(path);
        if (fd >= 0)
            close(fd);
        return false;
    }

    size_t n = (size_t)st.st_size;
    uint8_t *bytes = malloc(n > 0 ? n : 1);
    bool whole = bytes != NULL && read(fd, bytes, n) == (ssize_t)n;

    close(fd);
    if (whole)
        LLVMFuzzerTestOneInput(bytes, n);
    else
        fprintf(stderr, "%s: not read whole\n", path);
    free(bytes);
    return whole;
}

/* Gives the number of files replayed, or -1. */
static int replay_dir(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    int n = 0;

    if (dir == NULL) {
        perror(path);
        return -1;
    }
    while (n >= 0 && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            n = replay_file(dirfd(dir), entry->d_name) ? n + 1 : -1;
    }
    closedir(dir);
    return n;
}

int main(int argc, char **argv)
{
    const char *top = getenv("TOP_SRCDIR");
    const char *slash = strrchr(argv[0], '/');
    const char *name = strstr(slash != NULL ? slash : argv[0], "fuzz_");
    char corpus[4096];

    for (int i = 1; i < argc; i++) {
        if (!replay_file(AT_FDCWD, argv[i]))
            return EXIT_FAILURE;
    }
    if (argc > 1)
        return EXIT_SUCCESS;
    if (name == NULL) {
        fprintf(stderr, "usage: %s FILE...\n", argv[0]);
        return EXIT_FAILURE;
    }
    snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", top != NULL ? top : ".",
             name + strlen("fuzz_"));

    int n = replay_dir(corpus);

    printf("%s: %d inputs replayed\n", name, n);
    /* An empty corpus would be a test that cannot fail. */
    return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
