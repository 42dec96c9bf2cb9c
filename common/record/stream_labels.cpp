// SPDX-License-Identifier: Apache-2.0
#include "common/record/stream_labels.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/base/text.hpp"

namespace seyir {
namespace {

Result<void> check(const StreamLabels::Pair& pair) {
    const auto& [name, value] = pair;
    if (name.size() > kLabelNameBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("label name of {} bytes; {} are allowed", name.size(), kLabelNameBytesMax)
        );
    }
    if (!is_label_name(name)) {
        return fail(
            ErrorCode::kInvalidArgument,
            fmt::format("{} is not a label name ([a-zA-Z_][a-zA-Z0-9_]*)", json_quote(name))
        );
    }
    if (value.size() > kLabelValueBytesMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format(
                "value of label `{}` has {} bytes; {} are allowed",
                name,
                value.size(),
                kLabelValueBytesMax
            )
        );
    }
    return {};
}

StreamFingerprint fingerprint_of(const std::vector<StreamLabels::Pair>& pairs) {
    // Length-prefixed so that ("ab","c") and ("a","bc") differ.
    std::string bytes;
    for (const auto& [name, value] : pairs) {
        for (const std::string* part : {&name, &value}) {
            const auto size = static_cast<uint32_t>(part->size());
            for (int shift = 0; shift < 32; shift += 8) {
                bytes += static_cast<char>((size >> shift) & 0xff);
            }
            bytes += *part;
        }
    }
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

}  // namespace

bool is_label_name(std::string_view name) {
    const auto letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Result<StreamLabelsPtr> StreamLabels::make(std::vector<Pair> pairs) {
    std::erase_if(pairs, [](const Pair& pair) { return pair.second.empty(); });
    if (pairs.size() > kLabelsMax) {
        return fail(
            ErrorCode::kTooLarge,
            fmt::format("{} stream labels; {} are allowed", pairs.size(), kLabelsMax)
        );
    }
    std::ranges::sort(pairs);
    for (size_t i = 0; i < pairs.size(); ++i) {
        SEYIR_CHECK(check(pairs[i]));
        if (i > 0 && pairs[i - 1].first == pairs[i].first) {
            return fail(
                ErrorCode::kInvalidArgument, fmt::format("label `{}` twice", pairs[i].first)
            );
        }
    }
    auto labels = std::shared_ptr<StreamLabels>(new StreamLabels);
    labels->fingerprint_ = fingerprint_of(pairs);
    labels->pairs_ = std::move(pairs);
    return StreamLabelsPtr(std::move(labels));
}

std::string_view StreamLabels::get(std::string_view name) const {
    const auto at = std::ranges::lower_bound(pairs_, name, {}, [](const Pair& pair) {
        return std::string_view(pair.first);
    });
    return at != pairs_.end() && at->first == name ? std::string_view(at->second) : "";
}

std::string StreamLabels::to_text() const {
    std::string out = "{";
    for (const auto& [name, value] : pairs_) {
        out += out.size() == 1 ? "" : ", ";
        out += name;
        out += '=';
        append_json_quoted(out, value);
    }
    return out + "}";
}

}  // namespace seyir
