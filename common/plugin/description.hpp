// SPDX-License-Identifier: Apache-2.0
// FilterDescription: what a plugin says of one of its filters, read and checked once, as the schema
// everything else here works with; and the settings of a configured one, as the plugin gets them.
// Room: plugin.h -> common/config.   Threads: immutable after build.
// Errors: kInvalidArgument, one line for each thing that is wrong with the description.
// Limits: 200 keys, 200 choices each, 64 KiB a text.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <seyir/plugin.h>

#include "common/base/result.hpp"
#include "common/config/schema/object_reader.hpp"
#include "common/config/schema/schema.hpp"

namespace seyir::plugin {

struct FilterDescription {
    seyir_filter_type type{};  ///< with nullptr for what the plugin's version does not have
    std::string name;
    std::string doc;
    uint32_t thread_model = SEYIR_PER_WORKER;
    uint32_t needs = 0;
    std::vector<seyir_field> fields;               ///< in the plugin's order
    std::shared_ptr<const config::Schema> schema;  ///< with `on_error`

    bool is_sensitive() const { return (needs & SEYIR_SENSITIVE) != 0; }
};

using FilterDescriptionPtr = std::shared_ptr<const FilterDescription>;

Result<FilterDescriptionPtr> describe_filter(const seyir_filter_type* type);

/// Owns the texts its `abi()` points to.
class Settings {
  public:
    Settings(const FilterDescription& filter, const config::ObjectReader& r, std::string id);

    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    const seyir_config* abi() const { return &config_; }

  private:
    seyir_text keep(std::string text);
    void keep_list(seyir_setting& setting, std::vector<std::string> texts);
    seyir_setting read(const seyir_field& field, const config::ObjectReader& r);

    std::deque<std::string> texts_;
    std::deque<std::vector<seyir_text>> lists_;
    std::vector<seyir_setting> settings_;
    seyir_config config_{};
};

}  // namespace seyir::plugin
