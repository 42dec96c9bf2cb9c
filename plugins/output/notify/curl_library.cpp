// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/notify/curl_library.hpp"

#include <type_traits>

#include <dlfcn.h>

#include <fmt/format.h>

namespace seyir::plugins::notify {
namespace {

constexpr const char* kFile =
    "libcurl.so.4";  // the name of its ABI, the same on every distribution

CurlLibrary load() {
    CurlLibrary out;
    void* const library = dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        out.problem = fmt::format(
            "{} cannot be loaded ({}): install it (Debian: libcurl4)", kFile, dlerror()
        );
        return out;
    }
    const auto find = [&out, library](const char* name, auto& function) {
        function =
            reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
        if (function == nullptr) {
            out.problem = fmt::format("{} has no {}: version 7.84 or later is needed", kFile, name);
        }
    };
    find("curl_global_init", out.global_init);
    find("curl_easy_init", out.easy_init);
    find("curl_easy_cleanup", out.easy_cleanup);
    find("curl_easy_reset", out.easy_reset);
    find("curl_easy_setopt", out.easy_setopt);
    find("curl_easy_perform", out.easy_perform);
    find("curl_easy_getinfo", out.easy_getinfo);
    find("curl_easy_header", out.easy_header);
    find("curl_easy_strerror", out.easy_strerror);
    find("curl_getdate", out.getdate);
    find("curl_slist_append", out.slist_append);
    find("curl_slist_free_all", out.slist_free_all);
    if (out.is_loaded() && out.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        out.problem = fmt::format("{} does not start", kFile);
    }
    return out;
}

}  // namespace

const CurlLibrary& CurlLibrary::get() {
    static const CurlLibrary library = load();
    return library;
}

}  // namespace seyir::plugins::notify
