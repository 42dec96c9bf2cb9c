// SPDX-License-Identifier: Apache-2.0
#include "agent/input/journald/journal.hpp"

#include <cstdlib>
#include <cstring>

#include <dlfcn.h>

#include <fmt/format.h>

namespace seyir::agent::input {
namespace {

constexpr int kLocalOnly = 1;  // SD_JOURNAL_LOCAL_ONLY

/// The functions of libsystemd.so.0 in use; their ABI is stable (sd-journal(3)).
struct Api {
    int (*open)(sd_journal**, int) = nullptr;
    int (*open_directory)(sd_journal**, const char*, int) = nullptr;
    void (*close)(sd_journal*) = nullptr;
    int (*next)(sd_journal*) = nullptr;
    int (*previous)(sd_journal*) = nullptr;
    int (*get_cursor)(sd_journal*, char**) = nullptr;
    int (*get_realtime_usec)(sd_journal*, uint64_t*) = nullptr;
    void (*restart_data)(sd_journal*) = nullptr;
    int (*enumerate_data)(sd_journal*, const void**, size_t*) = nullptr;
    int (*set_data_threshold)(sd_journal*, size_t) = nullptr;
    int (*add_match)(sd_journal*, const void*, size_t) = nullptr;
    int (*seek_head)(sd_journal*) = nullptr;
    int (*seek_tail)(sd_journal*) = nullptr;
    int (*seek_cursor)(sd_journal*, const char*) = nullptr;
    int (*seek_realtime_usec)(sd_journal*, uint64_t) = nullptr;
    int (*get_fd)(sd_journal*) = nullptr;
    int (*process)(sd_journal*) = nullptr;
    std::string missing;  ///< why it cannot be used
};

template <class Function>
void find(void* library, const char* name, Function& function, std::string& missing) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    if (function == nullptr) {
        missing = fmt::format("libsystemd.so.0 has no {}", name);
    }
}

Api load() {
    Api api;
    void* const library = ::dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        const char* const why = ::dlerror();
        api.missing = why == nullptr ? "libsystemd.so.0 cannot be loaded" : why;
        return api;
    }
    find(library, "sd_journal_open", api.open, api.missing);
    find(library, "sd_journal_open_directory", api.open_directory, api.missing);
    find(library, "sd_journal_close", api.close, api.missing);
    find(library, "sd_journal_next", api.next, api.missing);
    find(library, "sd_journal_previous", api.previous, api.missing);
    find(library, "sd_journal_get_cursor", api.get_cursor, api.missing);
    find(library, "sd_journal_get_realtime_usec", api.get_realtime_usec, api.missing);
    find(library, "sd_journal_restart_data", api.restart_data, api.missing);
    find(library, "sd_journal_enumerate_data", api.enumerate_data, api.missing);
    find(library, "sd_journal_set_data_threshold", api.set_data_threshold, api.missing);
    find(library, "sd_journal_add_match", api.add_match, api.missing);
    find(library, "sd_journal_seek_head", api.seek_head, api.missing);
    find(library, "sd_journal_seek_tail", api.seek_tail, api.missing);
    find(library, "sd_journal_seek_cursor", api.seek_cursor, api.missing);
    find(library, "sd_journal_seek_realtime_usec", api.seek_realtime_usec, api.missing);
    find(library, "sd_journal_get_fd", api.get_fd, api.missing);
    find(library, "sd_journal_process", api.process, api.missing);
    return api;
}

const Api& api() {
    static const Api loaded = load();
    return loaded;
}

Result<void> check(int result, const char* what) {
    if (result < 0) {
        return fail(ErrorCode::kIo, fmt::format("{} the journal: {}", what, strerror(-result)));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(const JournalPlace& place) {
    if (!api().missing.empty()) {
        return fail(
            ErrorCode::kUnsupported,
            fmt::format("the journal cannot be read: {}; install libsystemd0", api().missing)
        );
    }
    sd_journal* opened = nullptr;
    const int result = place.directory.empty()
                           ? api().open(&opened, kLocalOnly)
                           : api().open_directory(&opened, place.directory.c_str(), 0);
    if (auto ok = check(result, "opening"); !ok) {
        return ok.error().context(place.directory.empty() ? "the host's journal" : place.directory);
    }
    std::unique_ptr<Journal> journal(new Journal(opened));
    SEYIR_CHECK(check(api().set_data_threshold(opened, place.field_bytes_max), "setting up"));
    for (const std::string& match : place.matches) {
        SEYIR_CHECK(check(api().add_match(opened, match.data(), match.size()), "filtering"));
    }
    return journal;
}

Journal::~Journal() {
    api().close(journal_);
}

Result<bool> Journal::next() {
    const int result = api().next(journal_);
    SEYIR_CHECK(check(result, "reading"));
    return result > 0;
}

Result<bool> Journal::previous() {
    const int result = api().previous(journal_);
    SEYIR_CHECK(check(result, "reading"));
    return result > 0;
}

Result<std::string> Journal::cursor() {
    char* text = nullptr;
    SEYIR_CHECK(check(api().get_cursor(journal_, &text), "reading"));
    std::string cursor(text);
    ::free(text);  // NOLINT: sd-journal allocates with malloc
    return cursor;
}

Result<uint64_t> Journal::realtime_us() {
    uint64_t us = 0;
    SEYIR_CHECK(check(api().get_realtime_usec(journal_, &us), "reading"));
    return us;
}

Result<void> Journal::for_each_field(
    const std::function<void(std::string_view name, std::string_view value)>& visit
) {
    api().restart_data(journal_);
    while (true) {
        const void* data = nullptr;
        size_t bytes = 0;
        const int result = api().enumerate_data(journal_, &data, &bytes);
        SEYIR_CHECK(check(result, "reading"));
        if (result == 0) {
            return {};
        }
        const std::string_view field(static_cast<const char*>(data), bytes);
        const size_t equals = field.find('=');
        if (equals != std::string_view::npos) {
            visit(field.substr(0, equals), field.substr(equals + 1));
        }
    }
}

Result<void> Journal::seek_head() {
    return check(api().seek_head(journal_), "seeking in");
}

Result<void> Journal::seek_tail() {
    return check(api().seek_tail(journal_), "seeking in");
}

Result<void> Journal::seek(const std::string& cursor) {
    return check(api().seek_cursor(journal_, cursor.c_str()), "seeking in");
}

Result<void> Journal::seek_realtime(uint64_t us) {
    return check(api().seek_realtime_usec(journal_, us), "seeking in");
}

int Journal::fd() {
    return api().get_fd(journal_);
}

Result<void> Journal::process() {
    return check(api().process(journal_), "watching");
}

}  // namespace seyir::agent::input
