// SPDX-License-Identifier: Apache-2.0
// LossWatch: tells people, by way of other outputs, that an output has had no collector for long
// (`on_collector_lost`), once, and once more when one is back. What was told is kept in a file, so
// that neither a restart nor a reload tells it again, or forgets to say that all is well.
// Room: pipeline::Contact of each output -> notices, as records.
// Threads: look() on the program's main thread, about every second.
// Errors: a file that cannot be written is logged; the notice is sent all the same.
// Ownership: borrows the host, the registry and the file system.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/component/build_graph.hpp"
#include "common/component/tells_loss.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"
#include "common/metrics/registry.hpp"
#include "common/pipeline/report.hpp"

namespace seyir::service {

/// Says when a far side is lost and when it is back. Sans-IO. Connections that end soon and bring
/// no acknowledgement count for nothing, so that one that flaps is neither found nor lost again.
class ContactJudge {
  public:
    enum class Verdict { kNothingNew, kLost, kBack };

    /// A connection counts once it is so old, or once it brought an acknowledgement. While
    /// something that was sent waits for its answer, only a fresh answer counts.
    static constexpr Nanos kLasting = std::chrono::seconds(10);

    /// `now`: the time away counts from here at the earliest.
    ContactJudge(SteadyTime now, bool is_lost) : good_at_(now), is_lost_(is_lost) {}

    Verdict look(const pipeline::Contact& contact, Nanos after, SteadyTime now);

    bool is_lost() const { return is_lost_; }

    /// When there was contact last, as far as this program saw.
    SteadyTime good_at() const { return good_at_; }

  private:
    SteadyTime good_at_;
    bool is_lost_ = false;
};

class LossWatch {
  public:
    /// Gives the rows to the output of this id; false when there is none.
    using Send = std::function<bool(const std::string& output, const BatchView& rows)>;

    /// Between attempts to tell what no output took.
    static constexpr Nanos kAgain = std::chrono::minutes(1);

    struct Setup {
        std::string file;  ///< where what was told is kept
        std::string host_name;
        Send send;
    };

    LossWatch(Setup setup, io::FileSystem& files, io::Clock& clock, metrics::Registry& registry);

    void look(const component::RunningGraph& graph);

  private:
    struct Watched {
        ContactJudge judge;
        UnixNanos since;  ///< of the loss
        bool is_untold = false;
        SteadyTime next_try;  ///< while `is_untold`
        metrics::Gauge& lost;
    };

    Watched& watched(const std::string& output);
    /// False when no output took it.
    bool tell(
        const std::string& output,
        const component::LossNotice& notice,
        const pipeline::Contact& contact,
        const Watched& watched,
        uint64_t unread_bytes
    );
    void read();
    void save();

    const Setup setup_;
    io::FileSystem& files_;
    io::Clock& clock_;
    metrics::Registry& registry_;
    std::map<std::string, UnixNanos> told_;  ///< outputs that are lost, as the file says
    std::map<std::string, Watched> watched_;
};

}  // namespace seyir::service
