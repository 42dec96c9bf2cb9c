// SPDX-License-Identifier: Apache-2.0
// What a program linked on a newer system asks of glibc and an older one has not, by means the
// older one has. Linked into portable programs only (portable/make_libc_stub.py says how they are
// linked).
//
// - stat and its kin are functions of their own since glibc 2.33; before, <sys/stat.h> called
// __xstat with
//   the version of the structure (1 on x86-64, and never another).
// - Since glibc 2.34 the C library runs a program's constructors; before, the program's start code
// did
//   (__libc_csu_init). The symbol version asked for here leaves it to the program in both.
// - libstdc++ counts references without locks while __libc_single_threaded (glibc 2.32) is true: it
// never
//   is. Its random_device asks arc4random (glibc 2.36).
// - atexit is never in the shared library: each program has its own.
// - libgcc's unwinder asks _dl_find_object (glibc 2.35) for the frame table of an address.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/types.h>

int __xstat(int version, const char* path, struct stat* out);
int __lxstat(int version, const char* path, struct stat* out);
int __fxstat(int version, int fd, struct stat* out);
int __fxstatat(int version, int fd, const char* path, struct stat* out, int flags);
int __xmknod(int version, const char* path, mode_t mode, dev_t* device);

enum { kStatVersion = 1, kMknodVersion = 0 };

int stat(const char* path, struct stat* out) {
    return __xstat(kStatVersion, path, out);
}

int lstat(const char* path, struct stat* out) {
    return __lxstat(kStatVersion, path, out);
}

int fstat(int fd, struct stat* out) {
    return __fxstat(kStatVersion, fd, out);
}

int fstatat(int fd, const char* path, struct stat* out, int flags) {
    return __fxstatat(kStatVersion, fd, path, out, flags);
}

// off_t is 64 bits wide here: the structures are the same.
int stat64(const char* path, struct stat64* out) {
    return __xstat(kStatVersion, path, (struct stat*)out);
}

int lstat64(const char* path, struct stat64* out) {
    return __lxstat(kStatVersion, path, (struct stat*)out);
}

int fstat64(int fd, struct stat64* out) {
    return __fxstat(kStatVersion, fd, (struct stat*)out);
}

int fstatat64(int fd, const char* path, struct stat64* out, int flags) {
    return __fxstatat(kStatVersion, fd, path, (struct stat*)out, flags);
}

int mknod(const char* path, mode_t mode, dev_t device) {
    return __xmknod(kMknodVersion, path, mode, &device);
}

char __libc_single_threaded = 0;

uint32_t arc4random(void) {
    uint32_t value = 0;
    ssize_t got = -1;
    do {
        got = getrandom(&value, sizeof value, 0);
    } while (got != sizeof value && errno == EINTR);
    if (got != sizeof value) {
        abort();
    }
    return value;
}

int __cxa_atexit(void (*function)(void*), void* argument, void* object);
extern void* __dso_handle;

int atexit(void (*function)(void)) {
    return __cxa_atexit((void (*)(void*))function, NULL, &__dso_handle);
}

typedef int (*Main)(int, char**, char**);
int __real___libc_start_main(
    Main main,
    int argc,
    char** argv,
    void (*init)(int, char**, char**),
    void (*fini)(void),
    void (*loader_fini)(void),
    void* stack_end
);

void _init(void);
extern void (*__init_array_start[])(int, char**, char**);
extern void (*__init_array_end[])(int, char**, char**);

static void run_constructors(int argc, char** argv, char** environment) {
    _init();
    const size_t count = (size_t)(__init_array_end - __init_array_start);
    for (size_t i = 0; i < count; ++i) {
        __init_array_start[i](argc, argv, environment);
    }
}

int __wrap___libc_start_main(
    Main main,
    int argc,
    char** argv,
    void (*init)(int, char**, char**),
    void (*fini)(void),
    void (*loader_fini)(void),
    void* stack_end
) {
    (void)init;
    return __real___libc_start_main(
        main, argc, argv, run_constructors, fini, loader_fini, stack_end
    );
}

// As libgcc asks (struct dl_find_object of <dlfcn.h>, x86-64).
struct Search {
    ElfW(Addr) address;
    struct dl_find_object* found;
};

static int look_into(struct dl_phdr_info* object, size_t size, void* data) {
    (void)size;
    struct Search* search = data;
    ElfW(Addr) begin = 0;
    ElfW(Addr) end = 0;
    void* frames = NULL;
    for (size_t i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)* header = &object->dlpi_phdr[i];
        const ElfW(Addr) at = object->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_GNU_EH_FRAME) {
            frames = (void*)at;
        }
        if (header->p_type == PT_LOAD && search->address >= at &&
            search->address < at + header->p_memsz) {
            begin = at;
            end = at + header->p_memsz;
        }
    }
    if (end == 0) {
        return 0;
    }
    *search->found = (struct dl_find_object
    ){.dlfo_map_start = (void*)begin, .dlfo_map_end = (void*)end, .dlfo_eh_frame = frames};
    return frames != NULL ? 1 : 2;
}

int _dl_find_object(void* address, struct dl_find_object* found) {
    struct Search search = {(ElfW(Addr))address, found};
    return dl_iterate_phdr(look_into, &search) == 1 ? 0 : -1;
}
