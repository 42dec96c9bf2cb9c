// SPDX-License-Identifier: Apache-2.0
// Engine: counts the records of one rule by group within its window, and says when a group begins
// to fire, fires again after the cooldown, or is resolved. Sans-IO: the time is an argument.
// A record counts at its own time; one older than the window counts no more, one of the future
// counts now. The window moves in steps of a sixtieth: it covers 59/60 to 60/60 of its length.
// Threads: one at a time; Evaluation's callers share one behind a lock (shared_engine.hpp).
// Limits: RuleText::groups_max groups; a record of one more makes the rule failing, which is told.
// Lines kept: first and last of a group, kLineBytesMax each.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/alert/rule.hpp"

namespace seyir::alert {

inline constexpr size_t kLineBytesMax = 1024;
inline constexpr size_t kGroupValueBytesMax = 256;

/// Values of RuleText::by, in its order; "" where a record has none.
using GroupValues = std::vector<std::string>;

struct Notice {
    enum class Kind : uint8_t { kFiring, kResolved, kFailing };

    Kind kind = Kind::kFiring;
    GroupValues group;
    uint64_t count = 0;  ///< within the window; of kFailing: records that could not be judged
    UnixNanos at;
    UnixNanos since;  ///< when the group began to fire
    std::string first_line;
    std::string last_line;
    std::string problem;  ///< of kFailing
};

std::string_view to_string(Notice::Kind kind);

class Engine {
  public:
    explicit Engine(RulePtr rule) : rule_(std::move(rule)) {}

    void add(const GroupValues& group, UnixNanos ts, std::string_view line, UnixNanos now);

    /// Records the condition could not judge (__error__). When as many as the threshold come within
    /// the window, the rule might have fired unseen: it is failing.
    void add_errors(uint64_t records, UnixNanos now);

    /// The rule cannot be evaluated now: told once a cooldown.
    void fail(std::string problem);

    /// What is to be told now; each once.
    std::vector<Notice> due(UnixNanos now);

    bool is_failing() const { return !problem_.empty(); }

    size_t group_count() const { return groups_.size(); }

    /// Groups that fire at the moment.
    size_t firing_count() const;

    /// Records not counted because of groups_max.
    uint64_t refused() const { return refused_; }

    const Rule& rule() const { return *rule_; }

  private:
    static constexpr int64_t kSteps = 60;

    /// Counts in steps of a sixtieth of the window.
    class Window {
      public:
        void add(int64_t step, int64_t now_step, uint64_t count);
        uint64_t count(int64_t now_step);

      private:
        void advance(int64_t now_step);

        std::array<uint32_t, kSteps> counts_{};
        int64_t newest_ = 0;
        uint64_t total_ = 0;
    };

    struct Group {
        Window window;
        bool is_firing = false;
        std::optional<UnixNanos> told;  ///< last notice
        UnixNanos since;
        UnixNanos first_ts, last_ts;
        std::string first_line, last_line;
    };

    int64_t step_of(UnixNanos t) const;
    bool is_over(std::optional<UnixNanos>& told, UnixNanos now) const;
    Notice notice(
        Notice::Kind kind,
        const GroupValues& values,
        const Group& group,
        uint64_t count,
        UnixNanos now
    ) const;
    void judge(const GroupValues& values, Group& group, UnixNanos now, std::vector<Notice>& out);
    void judge_failing(UnixNanos now, std::vector<Notice>& out);

    RulePtr rule_;
    std::map<GroupValues, Group> groups_;
    Window errors_;
    std::string problem_;
    std::optional<UnixNanos> failing_told_;
    uint64_t refused_ = 0;
    uint64_t refused_told_ = 0;
};

}  // namespace seyir::alert
