// SPDX-License-Identifier: Apache-2.0
#include "common/ship/agent_identity.hpp"

#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>
#include <xxhash.h>

#include "common/base/log.hpp"
#include "common/codec/crc32c.hpp"

namespace seyir::ship {
namespace {

constexpr std::string_view kFirstLine = "seyir-agent-id 1\n";
constexpr uint64_t kFileBytesMax = 64 * 1024;

std::string path_of(const std::string& state_dir) {
    return state_dir + "/agent.id";
}

std::string to_text(const AgentIdentity& identity) {
    std::string text(kFirstLine);
    text += "agent " + identity.agent.to_hex() + "\n";
    text += "machine " + identity.machine.to_hex() + "\n";
    text += "state_dir " + identity.state_dir + "\n";
    return text + fmt::format("crc32c {:08x}\n", codec::crc32c(text));
}

/// The rest of the line that begins with `name`, moving `text` behind it.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
    const size_t end = text.find('\n');
    if (!text.starts_with(name) || end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view value = text.substr(name.size(), end - name.size());
    text.remove_prefix(end + 1);
    return value;
}

std::optional<AgentIdentity> from_text(std::string_view text) {
    const std::string_view whole = text;
    if (!take_line(text, "seyir-agent-id 1")) {
        return std::nullopt;
    }
    const auto agent = take_line(text, "agent ");
    const auto machine = agent ? take_line(text, "machine ") : std::nullopt;
    const auto state_dir = machine ? take_line(text, "state_dir ") : std::nullopt;
    if (!state_dir) {
        return std::nullopt;
    }
    const uint32_t crc = codec::crc32c(whole.substr(0, whole.size() - text.size()));
    const auto id = AgentId::from_hex(*agent);
    const auto hash = MachineHash::from_hex(*machine);
    if (text != fmt::format("crc32c {:08x}\n", crc) || !id || !hash || id->is_zero()) {
        return std::nullopt;
    }
    return AgentIdentity{*id, *hash, std::string(*state_dir)};
}

std::string read_machine_id(io::FileSystem& fs, const std::string& path) {
    const auto text = io::read_file(fs, path, 4096);
    std::string id = text ? *text : "";
    while (!id.empty() && (id.back() == '\n' || id.back() == ' ')) {
        id.pop_back();
    }
    // machine-id(5): "uninitialized" before first boot has finished.
    return id == "uninitialized" ? "" : id;
}

MachineHash hash_of(const std::string& machine_id) {
    if (machine_id.empty()) {
        return {};
    }
    const XXH128_hash_t hash = XXH3_128bits(machine_id.data(), machine_id.size());
    return {hash.high64, hash.low64};
}

std::string canonical(const std::string& path) {
    std::error_code code;
    const auto resolved = std::filesystem::weakly_canonical(path, code);
    return code ? path : resolved.string();
}

/// True when the directory the id was last used in still holds it: then this one is a copy, and two
/// agents with one id would lock each other out.
bool still_held(io::FileSystem& fs, const AgentIdentity& stored) {
    const auto text = io::read_file(fs, path_of(stored.state_dir), kFileBytesMax);
    const auto there = text ? from_text(*text) : std::nullopt;
    return there && there->agent == stored.agent;
}

}  // namespace

AgentId derive_agent_id(const std::string& machine_id, const std::string& canonical_state_dir) {
    if (machine_id.empty()) {
        return AgentId::random();
    }
    std::string bytes = "seyir-agent-v1";
    bytes += '\0';
    bytes += machine_id;
    bytes += '\0';
    bytes += canonical_state_dir;
    const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

Result<void> save_agent_identity(
    io::FileSystem& fs, const std::string& state_dir, const AgentIdentity& identity
) {
    return io::write_file_atomically(fs, path_of(state_dir), to_text(identity));
}

Result<LoadedIdentity> load_agent_identity(io::FileSystem& fs, const IdentityPlace& place) {
    const std::string machine_id = read_machine_id(fs, place.machine_id_path);
    const MachineHash machine = hash_of(machine_id);
    SEYIR_CHECK(fs.make_directories(place.state_dir));
    LoadedIdentity out;
    out.state_dir_now = canonical(place.state_dir);
    const std::string path = path_of(place.state_dir);
    const auto text = io::read_file(fs, path, kFileBytesMax);
    if (!text && text.error().code != ErrorCode::kNotFound) {
        return Error(text.error()).context("reading the agent id");
    }
    const auto stored = text ? from_text(*text) : std::nullopt;
    if (stored) {
        out.identity = *stored;
        const bool same_machine = stored->machine == machine;
        if (same_machine && (stored->state_dir == out.state_dir_now || !still_held(fs, *stored))) {
            return out;
        }
        out.forked = same_machine ? fmt::format(
                                        "the state directory {} was copied from {}, which is still "
                                        "there (its id was {})",
                                        out.state_dir_now,
                                        stored->state_dir,
                                        stored->agent.to_hex()
                                    )
                                  : fmt::format(
                                        "the state directory {} comes from another machine (its "
                                        "id was {})",
                                        out.state_dir_now,
                                        stored->agent.to_hex()
                                    );
        out.identity = {AgentId::random(), machine, out.state_dir_now};
    } else {
        if (text) {
            log::warn("agent", "the agent id file is damaged; making it anew", {{"file", path}});
        }
        out.identity = {derive_agent_id(machine_id, out.state_dir_now), machine, out.state_dir_now};
    }
    SEYIR_CHECK(save_agent_identity(fs, place.state_dir, out.identity));
    return out;
}

}  // namespace seyir::ship
