// SPDX-License-Identifier: Apache-2.0
// PluginLibrary: a shared object that was found to be a plugin of a version this program can run.
// Room: a path -> checked filter descriptions.
// Threads: thread-safe.   Ownership: libraries stay loaded until the program ends (thread-local
// data and exit handlers of a plugin cannot be taken back).
// Errors: every refusal names the file, what was found, what is needed, and what to do.
// Why the checks come before dlopen: opening a library runs its code.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <seyir/plugin.h>

#include "common/base/result.hpp"
#include "common/plugin/description.hpp"

namespace seyir::plugin {

class PluginLibrary {
  public:
    std::string path;
    std::string vendor;
    std::string version;
    std::string licence;
    std::string build_id;
    uint32_t abi_minor = 0;
    const seyir_entry* entry = nullptr;
    std::vector<FilterDescriptionPtr> filters;
};

using PluginLibraryPtr = std::shared_ptr<const PluginLibrary>;

/// Opens the file, or gives what was opened before when it is still the same file.
Result<PluginLibraryPtr> open_library(const std::string& path);

/// Owned by root or this user, and writable by nobody else; `what` is "plugin" or "directory".
Result<void> check_owner(const std::string& path, std::string_view what);

/// The entry's own checks, for tests of them. Does not call into the plugin.
Result<void> check_entry(const seyir_entry& entry, const std::string& path);

}  // namespace seyir::plugin
