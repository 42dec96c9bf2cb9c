// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/column.hpp"

#include <unordered_map>

namespace seyir::store::columns {

bool has_small_range(const ScalarValues& values) {
    constexpr uint64_t kSmallRangeMax = 4096;
    if (values.numbers.empty() || !values.exceptions.at.empty()) {
        return false;
    }
    const auto [least, most] = std::ranges::minmax(values.numbers);
    return static_cast<uint64_t>(most) - static_cast<uint64_t>(least) < kSmallRangeMax;
}

bool Column::append(std::string& out, size_t i, RenderLimit& limit) const {
    const size_t before = out.size();
    const size_t room = text_bytes(i, limit);
    if (before > limit.bytes_max || room / kRoomPerByteMax > limit.bytes_max - before) {
        return false;
    }
    bool is_good = false;
    out.resize_and_overwrite(before + room, [&](char* text, size_t) {
        const char* const end = write(text + before, i, limit);
        is_good = end != nullptr;
        return is_good ? static_cast<size_t>(end - text) : before;
    });
    return is_good && out.size() <= limit.bytes_max;
}

bool Column::number_texts(NumberedTexts& out, RenderLimit& limit) const {
    // Few texts that repeat are worth finding; a short column may be a dictionary of different
    // ones.
    constexpr size_t kManyValues = 1024;
    constexpr size_t kFewTexts = 256;
    constexpr size_t kFirstTexts = 24;  // and one in four values: else nearly all differ
    bool looks_for_repeats = count_ >= kManyValues;
    std::unordered_map<std::string, uint32_t> known;
    out.numbers.reserve(count_);
    for (size_t i = 0; i < count_; ++i) {
        const size_t before = out.bytes.size();
        if (!append(out.bytes, i, limit) || out.bytes.size() > UINT32_MAX) {
            return false;
        }
        const auto next = static_cast<uint32_t>(out.ends.size());
        if (looks_for_repeats) {
            const auto [at, is_new] = known.try_emplace(out.bytes.substr(before), next);
            if (!is_new) {
                out.bytes.resize(before);
                out.numbers.push_back(at->second);
                continue;
            }
            looks_for_repeats = known.size() <= std::min(kFewTexts, kFirstTexts + i / 4);
        }
        out.numbers.push_back(next);
        out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
    }
    return true;
}

StateSet Column::image(
    const TextAutomaton& automaton, const StateSet& from, RenderLimit& /*limit*/
) const {
    return automaton.reach_any(from);
}

bool Column::advance(
    const TextAutomaton& automaton,
    std::span<const uint32_t> values,
    std::span<TextAutomaton::State> states,
    RenderLimit& limit
) const {
    std::string text;
    for (size_t k = 0; k < values.size(); ++k) {
        if (automaton.is_settled(states[k])) {
            continue;
        }
        text.clear();
        if (!append(text, values[k], limit)) {
            return false;
        }
        states[k] = automaton.run(states[k], text);
    }
    return true;
}

bool DecodeBudget::take_values(uint64_t count) {
    if (count > values) {
        return false;
    }
    values -= count;
    return true;
}

bool DecodeBudget::take_text(uint64_t bytes) {
    if (bytes > text_bytes) {
        return false;
    }
    text_bytes -= bytes;
    return true;
}

}  // namespace seyir::store::columns
