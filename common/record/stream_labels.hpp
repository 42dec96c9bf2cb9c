// SPDX-License-Identifier: Apache-2.0
// StreamLabels: the low-cardinality labels that name a stream (Loki's sense). Immutable, shared.
// Limits: checked by make(): 32 labels, name 128 B, value 2 KiB.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.hpp"
#include "common/record/ids.hpp"

namespace seyir {

inline constexpr size_t kLabelsMax = 32;
inline constexpr size_t kLabelNameBytesMax = 128;
inline constexpr size_t kLabelValueBytesMax = 2048;

class StreamLabels;
using StreamLabelsPtr = std::shared_ptr<const StreamLabels>;

class StreamLabels {
  public:
    using Pair = std::pair<std::string, std::string>;

    /// Sorts by name; labels with an empty value are left out (as Prometheus does). Errors:
    /// kInvalidArgument for a bad or repeated name, kTooLarge beyond a limit.
    /// Names match [a-zA-Z_][a-zA-Z0-9_]*.
    static Result<StreamLabelsPtr> make(std::vector<Pair> pairs);

    /// Sorted by name.
    const std::vector<Pair>& pairs() const { return pairs_; }

    /// The value, or "" when the label is absent (which is the same thing in LogQL).
    std::string_view get(std::string_view name) const;

    StreamFingerprint fingerprint() const { return fingerprint_; }

    /// `{a="1", b="2"}`, values quoted as in LogQL.
    std::string to_text() const;

    bool operator==(const StreamLabels& other) const { return pairs_ == other.pairs_; }

  private:
    StreamLabels() = default;

    std::vector<Pair> pairs_;
    StreamFingerprint fingerprint_;
};

bool is_label_name(std::string_view name);

}  // namespace seyir
