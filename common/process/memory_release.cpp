// SPDX-License-Identifier: Apache-2.0
#include "common/process/memory_release.hpp"

#include <chrono>
#include <cstdint>
#include <ctime>

#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

namespace seyir::process {
namespace {

constexpr Nanos kWindow = std::chrono::seconds(5);
/// Less than this of a window is quiet: 0.5 % of a core.
constexpr Nanos kQuietMax = std::chrono::milliseconds(25);
/// Less than this since the last release has not brought back much.
constexpr Nanos kWorkMin = std::chrono::milliseconds(50);

/// elf(5): whether the loader wrote into segments that are not writable (`ld -z notext`, which a
/// plugin or another library may have been linked with): their pages are not what the file holds.
bool has_text_relocations(const dl_phdr_info& object) {
    for (int i = 0; i < object.dlpi_phnum; ++i) {
        const auto& segment = object.dlpi_phdr[i];
        if (segment.p_type != PT_DYNAMIC) {
            continue;
        }
        const auto* entry = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + segment.p_vaddr);
        for (; entry->d_tag != DT_NULL; ++entry) {
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) {
                return true;
            }
        }
    }
    return false;
}

/// Segments that are not writable hold what is in the file, byte for byte, where nothing was
/// relocated in them; RELRO lies in a writable segment and so is never touched.
int release_read_only(dl_phdr_info* object, size_t, void*) {
    if (has_text_relocations(*object)) {
        return 0;
    }
    const auto vdso = ::getauxval(AT_SYSINFO_EHDR);
    const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) {
            continue;
        }
        // Whole pages of this segment alone: its first one may be shared with the one before.
        const uintptr_t begin = object->dlpi_addr + segment.p_vaddr;
        const uintptr_t first = (begin + page - 1) / page * page;
        const uintptr_t end = (begin + segment.p_filesz) / page * page;
        if (begin != vdso && first < end) {
            // A refusal (locked pages) leaves everything as it was.
            ::madvise(reinterpret_cast<void*>(first), end - first, MADV_DONTNEED);
        }
    }
    return 0;
}

/// Columns of a batch are below it: beyond, malloc(3) maps memory for each and unmaps it again.
constexpr int kMappedFrom = 4 << 20;
constexpr int kFreeKeptMax = 8 << 20;

}  // namespace

void keep_freed_heap() {
    // A libc that refuses leaves everything as it was.
    ::mallopt(M_MMAP_THRESHOLD, kMappedFrom);
    ::mallopt(M_TRIM_THRESHOLD, kFreeKeptMax);
}

bool QuietTime::due(SteadyTime now, Nanos cpu) {
    if (!begun_) {
        begun_ = now;
        cpu_at_window_ = cpu;
        return false;
    }
    if (now < *begun_ + kWindow) {
        return false;
    }
    const bool quiet = cpu - cpu_at_window_ < kQuietMax;
    begun_ = now;
    cpu_at_window_ = cpu;
    if (released_once_ && (!quiet || cpu - cpu_at_release_ < kWorkMin)) {
        return false;
    }
    released_once_ = true;
    cpu_at_release_ = cpu;
    return true;
}

bool release_memory() {
    const bool trimmed = ::malloc_trim(0) != 0;
    ::dl_iterate_phdr(release_read_only, nullptr);
    return trimmed;
}

bool release_heap_above(size_t bytes) {
    return ::mallinfo2().fordblks > bytes && ::malloc_trim(0) != 0;
}

void MemoryRelease::look(SteadyTime now) {
    timespec used{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0) {
        return;
    }
    if (quiet_.due(now, std::chrono::seconds(used.tv_sec) + Nanos(used.tv_nsec))) {
        release_memory();
    }
}

}  // namespace seyir::process
