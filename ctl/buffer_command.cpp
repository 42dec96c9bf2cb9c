// SPDX-License-Identifier: Apache-2.0
// seyir buffer: looks into the folder of a disk buffer, and has it sent again.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "agent/app/agent_config.hpp"
#include "common/base/units.hpp"
#include "common/buffer/log/cursor_file.hpp"
#include "common/buffer/log/folder_book.hpp"
#include "common/buffer/log/inspect.hpp"
#include "common/io/clock.hpp"
#include "common/json/writer.hpp"
#include "common/record/batch_codec.hpp"
#include "common/record/record_json.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

using buffer::FolderReport;
using buffer::FrameHeader;
using buffer::SegmentReport;

int failed(const std::string& message) {
    fprintf(stderr, "seyir: %s\n", message.c_str());
    return kExitFailure;
}

std::string as_json(const std::string& directory, const FolderReport& report) {
    std::string text;
    json::Writer writer(text);
    const auto number = [&](std::string_view name, uint64_t value) {
        writer.key(name);
        writer.uint64(value);
    };
    const auto flag = [&](std::string_view name, bool value) {
        writer.key(name);
        writer.boolean(value);
    };
    writer.begin_object();
    writer.member("folder", directory);
    writer.member("id", report.id.to_hex());
    number("rows_waiting", report.rows_waiting);
    number("cursor", report.cursor ? report.cursor->offset : uint64_t{0});
    flag("cursor_damaged", report.cursor_is_damaged);
    number("end", report.end);
    flag("sound", report.is_sound());
    writer.key("segments");
    writer.begin_array();
    for (const SegmentReport& segment : report.segments) {
        writer.begin_object();
        writer.member("name", segment.name);
        number("bytes", segment.file_bytes);
        number("batches", segment.batches);
        number("rows", segment.rows);
        number("bad_places", uint64_t{segment.bad_places});
        number("bad_bytes", segment.bad_bytes);
        flag("unreadable", segment.is_unreadable);
        writer.end_object();
    }
    writer.end_array();
    writer.key("put_aside");
    writer.begin_array();
    for (const std::string& name : report.put_aside) {
        writer.string(name);
    }
    writer.end_array();
    writer.end_object();
    return text + "\n";
}

std::string as_text(const std::string& directory, const FolderReport& report) {
    std::string text = fmt::format(
        "{}\n  buffer {}, {} rows wait, delivered up to offset {} of {}\n",
        directory,
        report.id.to_hex(),
        report.rows_waiting,
        report.cursor ? report.cursor->offset : 0,
        report.end
    );
    if (report.cursor_is_damaged) {
        text += "  the cursor is damaged: at the next start everything held is sent again\n";
    }
    for (const SegmentReport& segment : report.segments) {
        text += fmt::format(
            "  {}  {:>10}  {} batches, {} rows{}",
            segment.name,
            format_bytes(segment.file_bytes),
            segment.batches,
            segment.rows,
            segment.oldest ? ", since " + to_rfc3339(*segment.oldest) : ""
        );
        if (segment.bad_places > 0) {
            text += fmt::format(
                "; {} damaged places, {} are skipped",
                segment.bad_places,
                format_bytes(segment.bad_bytes)
            );
        }
        text += segment.is_unreadable ? "; its header cannot be read\n" : "\n";
    }
    for (const std::string& name : report.put_aside) {
        text += fmt::format("  {}  put aside: nothing in it could be read\n", name);
    }
    return text;
}

int show(const std::string& directory, bool wants_sound, const PrintStyle& style) {
    const auto report = buffer::inspect_folder(
        io::posix_file_system(), directory, [](const FrameHeader&, std::string_view) {}
    );
    if (!report) {
        return failed(report.error().message);
    }
    if (report->segments.empty() && report->put_aside.empty() && !report->cursor) {
        return failed(directory + " holds no disk buffer");
    }
    const std::string text =
        style.form == OutputForm::kJson ? as_json(directory, *report) : as_text(directory, *report);
    fputs(text.c_str(), stdout);
    return wants_sound && !report->is_sound() ? kExitFailure : kExitOk;
}

/// The buffers of a program: `state` is its state or data directory.
Result<std::string> list_folders(const std::string& state, const PrintStyle& style) {
    io::FileSystem& fs = io::posix_file_system();
    SEYIR_TRY(const auto folders, buffer::FolderBook(fs, state).read());
    std::string text;
    json::Writer writer(text);
    const bool is_json = style.form == OutputForm::kJson;
    if (is_json) {
        writer.begin_array();
    }
    for (const buffer::KnownFolder& one : folders) {
        const auto report =
            buffer::inspect_folder(fs, one.folder, [](const FrameHeader&, std::string_view) {});
        const uint64_t rows = report ? report->rows_waiting : 0;
        const bool is_left = !one.is_owned && rows != 0;
        if (is_json) {
            writer.begin_object();
            writer.member("output", one.id);
            writer.member("folder", one.folder);
            writer.key("rows_waiting");
            writer.uint64(rows);
            writer.key("owned");
            writer.boolean(one.is_owned);
            writer.member("problem", report ? "" : report.error().message);
            writer.end_object();
            continue;
        }
        text += fmt::format("{}  {} rows wait for output `{}`\n", one.folder, rows, one.id);
        if (!report) {
            text += "  cannot be read: " + report.error().message + "\n";
        } else if (is_left) {
            text += "  no output sends them: " + buffer::remedy_for(one.id, one.folder) + "\n";
        }
    }
    if (is_json) {
        writer.end_array();
        return text + "\n";
    }
    return text.empty() ? "no disk buffers in " + state + "/buffer\n" : text;
}

/// Of a folder that holds no segments itself: DIR/buffer, or DIR when it is that folder.
std::optional<std::string> state_directory(const std::string& directory) {
    io::FileSystem& fs = io::posix_file_system();
    const auto is_folder = [&](const std::string& path) {
        const auto info = fs.stat(path);
        return info && info->is_directory;
    };
    if (is_folder(directory + "/buffer")) {
        return directory;
    }
    const bool is_inner = directory.ends_with("/buffer") || directory.ends_with("/buffer/");
    return is_inner && is_folder(directory)
               ? std::optional(
                     io::parent_directory(directory.substr(0, directory.rfind("/buffer") + 7))
                 )
               : std::nullopt;
}

/// Rows behind the cursor (all with `everything`), a JSON object a line.
int export_rows(const std::string& directory, bool everything) {
    io::FileSystem& fs = io::posix_file_system();
    buffer::CursorFile file(fs, directory + "/cursor");
    const auto cursor = file.load();
    const uint64_t from = !everything && cursor && *cursor ? (*cursor)->offset : 0;
    BatchDecoder decoder;
    uint64_t lost = 0;
    bool written = true;
    const auto on_batch = [&](const FrameHeader& header, std::string_view body) {
        const auto prefix = buffer::decode_batch_prefix(body);
        if (header.offset < from || !prefix) {
            return;
        }
        auto encoded = encoded_from_bytes(
            std::make_shared<const std::string>(body.substr(buffer::kBatchPrefixBytesInFrame))
        );
        const auto batch = encoded ? decoder.decode(*encoded, prefix->tenant)
                                   : Result<std::shared_ptr<RecordBatch>>(encoded.error());
        if (!batch) {
            lost += header.rows;
            return;
        }
        std::string text;
        for (size_t i = 0; i < (*batch)->row_count(); ++i) {
            append_record_json(text, **batch, i);
            text += '\n';
        }
        written = written && fwrite(text.data(), 1, text.size(), stdout) == text.size();
    };
    const auto report = buffer::inspect_folder(fs, directory, on_batch);
    if (!report) {
        return failed(report.error().message);
    }
    if (!written || fflush(stdout) != 0) {
        return failed("standard output cannot be written");
    }
    return lost == 0 ? kExitOk : failed(fmt::format("{} rows could not be unpacked", lost));
}

/// Puts the cursor to the beginning of what is held.
int replay(const std::string& directory) {
    io::FileSystem& fs = io::posix_file_system();
    const auto lock = fs.lock(directory + "/lock");
    if (!lock) {
        return failed(lock.error().message + "; stop the program first");
    }
    const auto report =
        buffer::inspect_folder(fs, directory, [](const FrameHeader&, std::string_view) {});
    if (!report) {
        return failed(report.error().message);
    }
    if (report->segments.empty()) {
        return failed(directory + " holds no buffer");
    }
    buffer::CursorFile file(fs, directory + "/cursor");
    const auto loaded = file.load();
    if (!loaded) {
        return failed(loaded.error().message);
    }
    buffer::Cursor cursor = loaded->value_or(buffer::Cursor{.buffer = report->id});
    cursor.offset = report->segments.front().base;
    cursor.row = 0;
    cursor.tail_hash = 0;
    const std::string first = directory + "/" + report->segments.front().name;
    const auto bytes = io::read_file(fs, first, kGiB);
    if (const auto header = bytes ? buffer::decode_segment_header(*bytes) : std::nullopt) {
        cursor.row = header->first_row;
    }
    if (const auto saved = file.save(cursor, true); !saved) {
        return failed(saved.error().message);
    }
    uint64_t rows = 0;
    for (const SegmentReport& segment : report->segments) {
        rows += segment.rows;
    }
    fmt::print("{} rows are sent at the next start\n", rows);
    return kExitOk;
}

constexpr const char* kAgentConfig = "/etc/seyir/agent.yaml";
constexpr const char* kAgentState = "/var/lib/seyir-agent";

/// Where this host's agent keeps its state: as its installed configuration says, if there is one
/// this user may read.
std::string usual_state() {
    config::LoadOptions options;
    options.check_machine = false;
    const auto loaded = agent::load_agent_config(kAgentConfig, options);
    return loaded.ok() ? loaded.config->home : kAgentState;
}

/// The spools of an agent's state directory; `directory` itself when it is no such.
Result<std::vector<std::string>> spools_of(const std::string& directory) {
    const auto state = state_directory(directory);
    if (!state) {
        return std::vector{directory};
    }
    SEYIR_TRY(const auto known, buffer::FolderBook(io::posix_file_system(), *state).read());
    std::vector<std::string> found;
    for (const buffer::KnownFolder& one : known) {
        found.push_back(one.folder);
    }
    return found;
}

}  // namespace

int buffer_command(const Arguments& arguments) {
    const std::string& what = arguments.values[0];
    const std::string& directory = arguments.values[1];
    const auto style = print_style(arguments);
    if (!style) {
        return failed(style.error().message);
    }
    const auto state = what == "ls" ? state_directory(directory) : std::nullopt;
    if (state) {
        const auto text = list_folders(*state, *style);
        if (!text) {
            return failed(text.error().message);
        }
        fputs(text->c_str(), stdout);
        return kExitOk;
    }
    if (what == "ls" || what == "fsck") {
        return show(directory, what == "fsck", *style);
    }
    if (what == "export") {
        return export_rows(directory, arguments.has("all"));
    }
    if (what == "replay") {
        return replay(directory);
    }
    fprintf(
        stderr, "seyir: buffer does not know \"%s\": ls, fsck, export or replay\n", what.c_str()
    );
    return kExitUsage;
}

int spool_command(const Arguments& arguments) {
    const std::string& what = arguments.values[0];
    const auto style = print_style(arguments);
    if (!style) {
        return failed(style.error().message);
    }
    if (what != "ls" && what != "fsck" && what != "export") {
        fprintf(stderr, "seyir: spool does not know \"%s\": ls, fsck or export\n", what.c_str());
        return kExitUsage;
    }
    const bool is_named = arguments.values.size() > 1;
    const std::string where = is_named ? arguments.values[1] : usual_state();
    if (!io::posix_file_system().stat(where)) {
        return failed(
            "there is no folder " + where +
            (is_named ? "" : ": give the agent's state_dir, as in `seyir spool ls DIR`")
        );
    }
    const auto spools = spools_of(where);
    if (!spools) {
        return failed(spools.error().message);
    }
    const bool is_unused = !is_named && !io::posix_file_system().stat(where + "/buffer");
    if (spools->empty() || is_unused) {
        fmt::print(stderr, "seyir: nothing was spooled yet in {}\n", where);
        return kExitOk;
    }
    int worst = kExitOk;
    for (const std::string& spool : *spools) {
        worst = std::max(
            worst,
            what == "export" ? export_rows(spool, arguments.has("all"))
                             : show(spool, what == "fsck", *style)
        );
    }
    return worst;
}

}  // namespace seyir::ctl
