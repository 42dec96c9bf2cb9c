// SPDX-License-Identifier: Apache-2.0
// CurlLibrary: libcurl, loaded when the first output needs it and not before: it brings some twenty
// libraries along (Kerberos, LDAP, GnuTLS), 4 MB of an agent that most often sends nothing by it.
// Threads: get() is thread-safe; the library stays loaded.   Spec: libcurl's ABI 4.
#pragma once

#include <string>

#include <curl/curl.h>

namespace seyir::plugins::notify {

struct CurlLibrary {
    /// Null members and `problem` when the library is missing or lacks a function.
    static const CurlLibrary& get();

    bool is_loaded() const { return problem.empty(); }

    std::string problem;  ///< why it cannot be used, and what to do
    decltype(&::curl_global_init) global_init = nullptr;
    decltype(&::curl_easy_init) easy_init = nullptr;
    decltype(&::curl_easy_cleanup) easy_cleanup = nullptr;
    decltype(&::curl_easy_reset) easy_reset = nullptr;
    decltype(&::curl_easy_setopt) easy_setopt = nullptr;
    decltype(&::curl_easy_perform) easy_perform = nullptr;
    decltype(&::curl_easy_getinfo) easy_getinfo = nullptr;
    decltype(&::curl_easy_header) easy_header = nullptr;
    decltype(&::curl_easy_strerror) easy_strerror = nullptr;
    decltype(&::curl_getdate) getdate = nullptr;
    decltype(&::curl_slist_append) slist_append = nullptr;
    decltype(&::curl_slist_free_all) slist_free_all = nullptr;
};

}  // namespace seyir::plugins::notify
