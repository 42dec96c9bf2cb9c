// SPDX-License-Identifier: Apache-2.0
/* Preloaded into an agent under test: once the file SEYIR_TEST_HANG names exists, pread() of any
 * file never comes back. So one loop of a living program hangs. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

ssize_t pread64(int fd, void* to, size_t bytes, off_t at);

static void maybe_hang(void) {
    const char* path = getenv("SEYIR_TEST_HANG");
    while (path != NULL && access(path, F_OK) == 0) {
        sleep(1);
    }
}

ssize_t pread(int fd, void* to, size_t bytes, off_t at) {
    static ssize_t (*real)(int, void*, size_t, off_t);
    maybe_hang();
    if (real == NULL) {
        real = (ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread");
    }
    return real(fd, to, bytes, at);
}

ssize_t pread64(int fd, void* to, size_t bytes, off_t at) {
    static ssize_t (*real)(int, void*, size_t, off_t);
    maybe_hang();
    if (real == NULL) {
        real = (ssize_t(*)(int, void*, size_t, off_t))dlsym(RTLD_NEXT, "pread64");
    }
    return real(fd, to, bytes, at);
}
