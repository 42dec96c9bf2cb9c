// SPDX-License-Identifier: Apache-2.0
// A lookup file: the first byte chooses the format, the rest is the file. It is a table whose every
// key can be found, or an error that says something.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "plugins/filter/enrich/lookup_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using namespace seyir::plugins;
    if (size == 0) {
        return 0;
    }
    const LookupFormat formats[] = {LookupFormat::kCsv, LookupFormat::kJson, LookupFormat::kYaml};
    const LookupShape shape{
        .format = formats[data[0] % 3], .key_column = (data[0] & 4) != 0 ? "id" : "", .columns = {}
    };
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto table = LookupTable::parse(text, "f", shape);
    if (!table) {
        return table.error().message.size() > 3 ? 0 : (std::abort(), 0);
    }
    size_t bytes = 0;
    for (const std::string& column : (*table)->columns()) {
        if (const auto row = (*table)->find(column)) {
            for (const seyir::Value& value : *row) {
                bytes += value.to_text().size();
            }
        }
    }
    volatile size_t sink = bytes;
    (void)sink;
    return 0;
}
