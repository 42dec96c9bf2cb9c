// SPDX-License-Identifier: Apache-2.0
// AgentTokens: how agents get credentials of their own: a one-time token, made by an operator, is
// exchanged once for a lasting token of one agent. Only SHA-256 hashes are kept, in one file.
// A change counts once the file is synced; what fails to be written did not happen.
// Threads: thread-safe.
// Errors: kUnauthorized for a token that is unknown, used or expired; kIo, kNoSpace from the file;
// kCorrupt when the file is not ours; kTooLarge beyond kTokensMax.
// Limits: kTokensMax of each kind, names of kNameBytesMax, kLifeMax for one-time tokens.
// Ownership: borrows the file system and the clock.   Format: docs/format/agent-tokens.md
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.hpp"
#include "common/io/clock.hpp"
#include "common/io/file_system.hpp"

namespace seyir::collector {

class AgentTokens {
  public:
    static constexpr size_t kTokensMax = 20'000;
    static constexpr size_t kNameBytesMax = 128;
    static constexpr Nanos kLifeMax = std::chrono::days(30);

    /// A missing file is an empty one; it is made by the first change.
    static Result<std::shared_ptr<AgentTokens>> open(
        std::string path,
        io::FileSystem& files = io::posix_file_system(),
        io::Clock& clock = io::system_clock()
    );

    struct Secret {
        std::string name;
        std::string secret;  ///< shown once, kept nowhere
        UnixNanos expires;   ///< of one-time tokens
    };

    /// `name`: what the agent will be called; "" = the host's name when it joins.
    Result<Secret> create_one_time(std::string name, Nanos life);
    /// Uses up the one-time token. A token made for a name replaces the agent of that name; one
    /// without takes the host's name, and gives kConflict (and stays valid) where that is taken.
    Result<Secret> join(std::string_view one_time_secret, std::string_view host);
    /// The agent a lasting token belongs to.
    std::optional<std::string> agent_of(std::string_view secret) const;
    /// Ends the tokens of that name, of either kind; kNotFound when there are none.
    Result<void> revoke(std::string_view name);

    struct Entry {
        std::string name;
        std::string sha256;
        bool is_one_time = false;
        UnixNanos time;  ///< one-time: when it expires; else when the agent joined
    };

    std::vector<Entry> list() const;

  private:
    AgentTokens(std::string path, io::FileSystem& files, io::Clock& clock);

    Result<void> read();
    /// Writes `next`, then takes it over.
    Result<void> replace(std::vector<Entry> next);
    /// Without one-time tokens that are over.
    std::vector<Entry> current() const;

    const std::string path_;
    io::FileSystem& files_;
    io::Clock& clock_;
    mutable std::mutex mutex_;
    std::vector<Entry> entries_;
};

}  // namespace seyir::collector
