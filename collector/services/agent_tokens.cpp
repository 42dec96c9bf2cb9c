// SPDX-License-Identifier: Apache-2.0
#include "collector/services/agent_tokens.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/base/id128.hpp"
#include "common/json/reader.hpp"
#include "common/json/writer.hpp"
#include "common/net/http/auth.hpp"

namespace seyir::collector {
namespace {

constexpr uint64_t kFileBytesMax = 16 * 1024 * 1024;
constexpr int64_t kVersion = 1;
constexpr size_t kSha256Digits = 64;

/// 256 bits of the kernel's random source.
std::string new_secret() {
    uint64_t words[4];
    id128_random(words[0], words[1]);
    id128_random(words[2], words[3]);
    return id128_to_hex(words[0], words[1]) + id128_to_hex(words[2], words[3]);
}

bool is_name(std::string_view name) {
    const auto is_good = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '-' || c == '_' || c == '.';
    };
    return !name.empty() && name.size() <= AgentTokens::kNameBytesMax &&
           std::ranges::all_of(name, is_good);
}

Result<void> check_name(std::string_view name) {
    if (is_name(name)) {
        return {};
    }
    return fail(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "the name of an agent has 1 to {} letters, digits, '-', '_' and '.'",
            AgentTokens::kNameBytesMax
        )
    );
}

std::string to_json(const std::vector<AgentTokens::Entry>& entries) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.key("version");
    writer.int64(kVersion);
    writer.key("tokens");
    writer.begin_array();
    for (const auto& entry : entries) {
        writer.begin_object();
        writer.member("kind", entry.is_one_time ? "one_time" : "agent");
        writer.member("name", entry.name);
        writer.member("sha256", entry.sha256);
        writer.key("time_ns");
        writer.int64(entry.time.value);
        writer.end_object();
    }
    writer.end_array();
    writer.end_object();
    out += '\n';
    return out;
}

std::optional<AgentTokens::Entry> read_entry(const json::View& item) {
    const auto text = [&item](std::string_view key) {
        const auto member = item.get(key);
        return member ? member->string().value_or("") : std::string_view();
    };
    const auto time = item.get("time_ns");
    const auto kind = text("kind");
    const bool kind_known = kind == "one_time" || kind == "agent";
    AgentTokens::Entry entry{
        .name = std::string(text("name")),
        .sha256 = std::string(text("sha256")),
        .is_one_time = kind == "one_time",
        .time = UnixNanos{time ? time->int64().value_or(-1) : -1},
    };
    const bool name_good = is_name(entry.name) || (entry.is_one_time && entry.name.empty());
    if (!kind_known || !name_good || entry.sha256.size() != kSha256Digits || entry.time.value < 0) {
        return std::nullopt;
    }
    return entry;
}

}  // namespace

AgentTokens::AgentTokens(std::string path, io::FileSystem& files, io::Clock& clock)
    : path_(std::move(path)), files_(files), clock_(clock) {}

Result<std::shared_ptr<AgentTokens>> AgentTokens::open(
    std::string path, io::FileSystem& files, io::Clock& clock
) {
    std::shared_ptr<AgentTokens> tokens(new AgentTokens(std::move(path), files, clock));
    SEYIR_CHECK(tokens->read());
    return tokens;
}

Result<void> AgentTokens::read() {
    const auto text = io::read_file(files_, path_, kFileBytesMax);
    if (!text) {
        return text.error().code == ErrorCode::kNotFound ? Result<void>()
                                                         : Result<void>(text.error());
    }
    const auto broken = [this](std::string_view why) {
        return fail(
            ErrorCode::kCorrupt,
            fmt::format(
                "{}: {}; restore it, or remove it and let all agents join again", path_, why
            )
        );
    };
    json::Document document;
    const auto root = document.parse(*text);
    const auto version = root ? root->get("version") : std::nullopt;
    const auto list = root ? root->get("tokens") : std::nullopt;
    if (!version || version->int64() != kVersion || !list || !list->is_array()) {
        return broken("not a file of tokens of version 1");
    }
    for (const json::View& item : list->elements()) {
        auto entry = read_entry(item);
        if (!entry) {
            return broken("an entry in it is damaged");
        }
        entries_.push_back(*std::move(entry));
    }
    return {};
}

std::vector<AgentTokens::Entry> AgentTokens::current() const {
    std::vector<Entry> out = entries_;
    const UnixNanos now = clock_.wall_now();
    std::erase_if(out, [now](const Entry& entry) {
        return entry.is_one_time && entry.time <= now;
    });
    return out;
}

Result<void> AgentTokens::replace(std::vector<Entry> next) {
    SEYIR_CHECK(io::write_file_atomically(files_, path_, to_json(next)));
    entries_ = std::move(next);
    return {};
}

Result<AgentTokens::Secret> AgentTokens::create_one_time(std::string name, Nanos life) {
    if (!name.empty()) {
        SEYIR_CHECK(check_name(name));
    }
    if (life <= Nanos(0) || life > kLifeMax) {
        return fail(ErrorCode::kInvalidArgument, "a one-time token lives for 1 second to 30 days");
    }
    const std::lock_guard lock(mutex_);
    std::vector<Entry> next = current();
    if (next.size() >= kTokensMax) {
        return fail(
            ErrorCode::kTooLarge, fmt::format("there are {} tokens: revoke some", kTokensMax)
        );
    }
    Secret made{
        .name = std::move(name), .secret = new_secret(), .expires = clock_.wall_now() + life
    };
    next.push_back({made.name, net::sha256_hex(made.secret), true, made.expires});
    SEYIR_CHECK(replace(std::move(next)));
    return made;
}

Result<AgentTokens::Secret> AgentTokens::join(
    std::string_view one_time_secret, std::string_view host
) {
    const std::string hash = net::sha256_hex(one_time_secret);
    const std::lock_guard lock(mutex_);
    std::vector<Entry> next = current();
    // Hashes are compared, so the time of a comparison says nothing about a secret.
    const auto used = std::ranges::find_if(next, [&hash](const Entry& entry) {
        return entry.is_one_time && entry.sha256 == hash;
    });
    if (used == next.end()) {
        return fail(
            ErrorCode::kUnauthorized,
            "the one-time token is not known: it was used, has expired or was never made; make one "
            "with `seyir token create --one-time` on the collector"
        );
    }
    Secret made{
        .name = used->name.empty() ? std::string(host) : used->name,
        .secret = new_secret(),
        .expires = UnixNanos{0},
    };
    SEYIR_CHECK(check_name(made.name));
    const bool is_known = std::ranges::any_of(next, [&made](const Entry& entry) {
        return !entry.is_one_time && entry.name == made.name;
    });
    if (is_known && used->name.empty()) {
        return fail(
            ErrorCode::kConflict,
            fmt::format(
                "an agent \"{0}\" has joined already: `seyir token revoke {0}`, or make a one-time "
                "token for it with --name {0}",
                made.name
            )
        );
    }
    next.erase(used);
    std::erase_if(next, [&made](const Entry& entry) {
        return !entry.is_one_time && entry.name == made.name;
    });
    next.push_back({made.name, net::sha256_hex(made.secret), false, clock_.wall_now()});
    SEYIR_CHECK(replace(std::move(next)));
    return made;
}

std::optional<std::string> AgentTokens::agent_of(std::string_view secret) const {
    if (secret.empty()) {
        return std::nullopt;
    }
    const std::string hash = net::sha256_hex(secret);
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(entries_, [&hash](const Entry& entry) {
        return !entry.is_one_time && entry.sha256 == hash;
    });
    return found == entries_.end() ? std::nullopt : std::optional(found->name);
}

Result<void> AgentTokens::revoke(std::string_view name) {
    const std::lock_guard lock(mutex_);
    std::vector<Entry> next = current();
    const size_t ended =
        std::erase_if(next, [name](const Entry& entry) { return entry.name == name; });
    if (ended == 0) {
        return fail(
            ErrorCode::kNotFound, fmt::format("no agent joined or may join as \"{}\"", name)
        );
    }
    return replace(std::move(next));
}

std::vector<AgentTokens::Entry> AgentTokens::list() const {
    const std::lock_guard lock(mutex_);
    return current();
}

}  // namespace seyir::collector
