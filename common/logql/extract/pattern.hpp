// SPDX-License-Identifier: Apache-2.0
// Pattern: `<ip> - - [<_>] "<method>`, for the pattern stage and the |> line filter.
// Threads: immutable.   Errors: kInvalidArgument.
// Spec: Grafana's LogQL reference, "pattern" and "pattern match filter".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"

namespace seyir::logql {

class Pattern {
  public:
    enum class Use { kParser, kLineFilter };

    static Result<Pattern> compile(std::string_view text, Use use);

    /// Calls fn(name, value) for each named capture found, from the left until one is missing.
    template <class Fn>
    void captures(std::string_view line, Fn fn) const;

    /// The whole line has this shape; captures hold at least one byte.
    bool matches(std::string_view line) const;

  private:
    struct Part {
        bool is_capture = false;
        std::string text;  ///< literal, or the capture's name ("_" = unnamed)
    };

    std::vector<Part> parts_;
};

template <class Fn>
void Pattern::captures(std::string_view line, Fn fn) const {
    size_t i = 0;
    if (line.empty()) {
        return;
    }
    if (!parts_.front().is_capture) {
        if (!line.starts_with(parts_.front().text)) {
            return;
        }
        line.remove_prefix(parts_.front().text.size());
        i = 1;
    }
    for (; i < parts_.size(); i += 2) {
        const size_t end =
            i + 1 < parts_.size() ? line.find(parts_[i + 1].text) : std::string_view::npos;
        if (parts_[i].text != "_") {
            fn(std::string_view(parts_[i].text), line.substr(0, end));
        }
        if (end == std::string_view::npos) {
            return;  // the last capture takes the rest
        }
        line.remove_prefix(end + parts_[i + 1].text.size());
    }
}

}  // namespace seyir::logql
