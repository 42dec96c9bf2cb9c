// SPDX-License-Identifier: Apache-2.0
#include "common/plugin/library.hpp"

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include <dlfcn.h>
#include <elf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/io/file_system.hpp"
#include "common/plugin/host.hpp"
#include "common/plugin/instance.hpp"
#include "common/plugin/layout.hpp"

namespace seyir::plugin {
namespace {

constexpr uint32_t kFiltersMax = 256;
constexpr size_t kTextBytesMax = 256;

#if defined(__x86_64__)
constexpr uint16_t kMachine = EM_X86_64;
constexpr std::string_view kMachineName = "x86-64";
#elif defined(__aarch64__)
constexpr uint16_t kMachine = EM_AARCH64;
constexpr std::string_view kMachineName = "arm64";
#else
#error "give this machine its ELF number"
#endif

Error refuse(const std::string& path, std::string_view why, std::string_view remedy) {
    return fail(ErrorCode::kRefused, fmt::format("{}: {}\n{}", path, why, remedy));
}

std::string machine_name(uint16_t machine) {
    switch (machine) {
        case EM_X86_64:
            return "x86-64";
        case EM_AARCH64:
            return "arm64";
        case EM_386:
            return "32-bit x86";
        case EM_ARM:
            return "32-bit ARM";
        case EM_RISCV:
            return "RISC-V";
        default:
            return fmt::format("ELF machine {}", machine);
    }
}

/// The dynamic linker maps what the header promises; touching what a cut file lacks kills us.
Result<void> check_segments(const std::string& path, io::File& file, const Elf64_Ehdr& head) {
    SEYIR_TRY(const io::FileInfo info, file.info());
    for (uint32_t i = 0; i < head.e_phnum; ++i) {
        char bytes[sizeof(Elf64_Phdr)];
        SEYIR_TRY(const size_t size, file.read_at(head.e_phoff + i * sizeof bytes, bytes));
        Elf64_Phdr segment;
        std::memcpy(&segment, bytes, sizeof segment);
        const uint64_t room = size < sizeof bytes || segment.p_offset > info.size_bytes
                                  ? 0
                                  : info.size_bytes - segment.p_offset;
        if (size < sizeof bytes || segment.p_filesz > room) {
            return refuse(path, "the file is cut off", "copy or build it again");
        }
    }
    return {};
}

Result<void> check_elf(const std::string& path) {
    SEYIR_TRY(const auto file, io::posix_file_system().open(path, io::OpenMode::kRead));
    char bytes[sizeof(Elf64_Ehdr)];
    SEYIR_TRY(const size_t size, file->read_at(0, bytes));
    Elf64_Ehdr head;
    std::memcpy(&head, bytes, sizeof head);
    if (size < sizeof head || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0) {
        return refuse(path, "not an ELF file", "a plugin is a shared object (.so) built for Linux");
    }
    if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_machine != kMachine) {
        return refuse(
            path,
            fmt::format(
                "built for {}, this program is {}", machine_name(head.e_machine), kMachineName
            ),
            "build or install the plugin for this machine"
        );
    }
    if (head.e_type != ET_DYN) {
        return refuse(path, "not a shared object", "link it with -shared (meson: shared_module)");
    }
    return check_segments(path, *file, head);
}

std::string bounded(const char* text) {
    return text == nullptr ? "" : std::string(text, strnlen(text, kTextBytesMax));
}

Result<const seyir_entry*> find_entry(const std::string& path) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        const char* why = dlerror();
        return refuse(
            path,
            fmt::format("the dynamic linker refuses it: {}", why == nullptr ? "" : why),
            "install what it needs, or build it on the oldest system it must run on"
        );
    }
    const void* entry = dlsym(handle, "seyir_plugin_entry");
    if (entry == nullptr) {
        return refuse(
            path,
            "no symbol `seyir_plugin_entry`: not a plugin of Seyir",
            "export it (SEYIR_EXPORT in C, SEYIR_PLUGIN(...) in C++), or move the file elsewhere"
        );
    }
    return static_cast<const seyir_entry*>(entry);
}

Result<std::vector<FilterDescriptionPtr>> read_filters(
    const seyir_entry& entry, const std::string& path
) {
    const seyir_filter_factory* factory = nullptr;
    const auto thrown = exception_of([&] {
        factory = static_cast<const seyir_filter_factory*>(entry.get_factory(SEYIR_FILTER_FACTORY));
    });
    const bool is_good = !thrown && factory != nullptr && factory->count > 0 &&
                         factory->size >= sizeof(seyir_filter_factory) &&
                         factory->count <= kFiltersMax && factory->types != nullptr;
    if (!is_good) {
        return refuse(
            path,
            fmt::format("it offers no filters (get_factory(\"{}\"))", SEYIR_FILTER_FACTORY),
            "see docs/guide/write-a-filter.md"
        );
    }
    std::vector<FilterDescriptionPtr> filters;
    for (uint32_t i = 0; i < factory->count; ++i) {
        Result<FilterDescriptionPtr> filter = fail(ErrorCode::kInternal, "");
        if (const auto why = exception_of([&] { filter = describe_filter(factory->types[i]); })) {
            filter = fail(ErrorCode::kInvalidArgument, "describe: " + *why);
        }
        if (!filter) {
            return refuse(
                path,
                fmt::format("filter {}: {}", i, filter.error().message),
                "`seyir plugin check` says what is wrong with a description"
            );
        }
        filters.push_back(*std::move(filter));
    }
    return filters;
}

Result<PluginLibraryPtr> load(const std::string& path) {
    SEYIR_CHECK(check_elf(path));
    SEYIR_TRY(const seyir_entry* entry, find_entry(path));
    SEYIR_CHECK(check_entry(*entry, path));
    int32_t status = SEYIR_OK;
    const auto thrown = exception_of([&] {
        status = entry->init == nullptr ? SEYIR_OK : entry->init(load_time_host());
    });
    if (thrown || status != SEYIR_OK) {
        return refuse(
            path,
            thrown ? "init: " + *thrown : "its init() says that it cannot work here",
            "its log lines above may say why"
        );
    }
    SEYIR_TRY(auto filters, read_filters(*entry, path));
    auto library = std::make_shared<PluginLibrary>();
    library->path = path;
    library->vendor = bounded(entry->vendor);
    library->version = bounded(entry->version);
    library->licence = bounded(entry->licence);
    library->build_id = bounded(entry->build_id);
    library->abi_minor = entry->abi_minor;
    library->entry = entry;
    library->filters = std::move(filters);
    return library;
}

struct Loaded {
    struct timespec modified;
    PluginLibraryPtr library;
};

std::mutex loaded_mutex;
std::map<std::pair<dev_t, ino_t>, Loaded> loaded;

}  // namespace

Result<void> check_owner(const std::string& path, std::string_view what) {
    struct stat info;
    if (stat(path.c_str(), &info) != 0) {
        return errno_error(errno, path);
    }
    if (info.st_uid != 0 && info.st_uid != geteuid()) {
        return refuse(
            path,
            fmt::format("the {} belongs to user {}", what, info.st_uid),
            fmt::format("its owner could run code here: chown root {}", path)
        );
    }
    // A group of the user's own is the habit of several distributions.
    const bool is_shared_group =
        (info.st_mode & S_IWGRP) != 0 && info.st_gid != 0 && info.st_gid != getegid();
    if ((info.st_mode & S_IWOTH) != 0 || is_shared_group) {
        return refuse(
            path,
            fmt::format("the {} is writable by others (mode {:o})", what, info.st_mode & 07777),
            fmt::format("they could run code here: chmod go-w {}", path)
        );
    }
    return {};
}

Result<void> check_entry(const seyir_entry& entry, const std::string& path) {
    if (entry.magic != SEYIR_MAGIC) {
        return refuse(
            path,
            fmt::format("its entry begins with {:#018x}, not {:#018x}", entry.magic, SEYIR_MAGIC),
            "build it with <seyir/plugin.h>"
        );
    }
    if (entry.abi_major != SEYIR_ABI_MAJOR) {
        const bool is_newer = entry.abi_major > SEYIR_ABI_MAJOR;
        return refuse(
            path,
            fmt::format(
                "built for plugin ABI {}.{}, this program has {}.{}",
                entry.abi_major,
                entry.abi_minor,
                SEYIR_ABI_MAJOR,
                SEYIR_ABI_MINOR
            ),
            is_newer ? "install a newer Seyir, or a plugin built for this one"
                     : "build the plugin again with this version's headers"
        );
    }
    if (entry.abi_minor > SEYIR_ABI_MINOR) {
        return refuse(
            path,
            fmt::format(
                "needs plugin ABI {}.{}, this program has {}.{}",
                entry.abi_major,
                entry.abi_minor,
                SEYIR_ABI_MAJOR,
                SEYIR_ABI_MINOR
            ),
            "install a newer Seyir, or a plugin that needs less"
        );
    }
    if (entry.size < sizeof(seyir_entry) || entry.get_factory == nullptr) {
        return refuse(
            path,
            fmt::format(
                "its entry has {} bytes and {} get_factory, at least {} bytes are needed",
                entry.size,
                entry.get_factory == nullptr ? "no" : "a",
                sizeof(seyir_entry)
            ),
            "build it with <seyir/plugin.h>"
        );
    }
    return {};
}

Result<PluginLibraryPtr> open_library(const std::string& path) {
    if (!layouts_match()) {
        return fail(ErrorCode::kUnsupported, "this build of Seyir cannot load plugins");
    }
    SEYIR_CHECK(check_owner(path, "plugin"));
    struct stat info;
    if (stat(path.c_str(), &info) != 0) {
        return errno_error(errno, path);
    }
    const std::lock_guard lock(loaded_mutex);
    const auto known = loaded.find({info.st_dev, info.st_ino});
    if (known != loaded.end()) {
        if (known->second.modified.tv_sec != info.st_mtim.tv_sec ||
            known->second.modified.tv_nsec != info.st_mtim.tv_nsec) {
            return refuse(
                path,
                "the file was overwritten while this program uses it",
                "restart the program; next time write a new file and rename it"
            );
        }
        return known->second.library;
    }
    SEYIR_TRY(auto library, load(path));
    loaded.emplace(std::pair{info.st_dev, info.st_ino}, Loaded{info.st_mtim, library});
    return library;
}

}  // namespace seyir::plugin
