// SPDX-License-Identifier: Apache-2.0
// seyir verify: is a folder of backups, or what a collector stored, what it should be?
// seyir doctor: what is damaged in a data directory, what that costs, and mending it.
#include <map>
#include <string>

#include <fmt/format.h>

#include "collector/backup/repository/repository.hpp"
#include "collector/store/check/store_check.hpp"
#include "collector/store/check/store_repair.hpp"
#include "common/base/units.hpp"
#include "common/io/clock.hpp"
#include "common/json/writer.hpp"
#include "ctl/print/transfer_progress.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

using collector::backup::Repository;

std::string without_slash(std::string path) {
    while (path.size() > 1 && path.back() == '/') {
        path.pop_back();
    }
    return path;
}

std::string seconds_text(Nanos took) {
    return format_duration(std::chrono::duration_cast<std::chrono::milliseconds>(took));
}

void put(json::Writer& writer, std::string_view name, uint64_t value) {
    writer.key(name);
    writer.uint64(value);
}

void put(json::Writer& writer, std::string_view name, const std::vector<std::string>& texts) {
    writer.key(name);
    writer.begin_array();
    for (const std::string& text : texts) {
        writer.string(text);
    }
    writer.end_array();
}

void put_damages(json::Writer& writer, const std::vector<store::Damage>& damages) {
    writer.key("damages");
    writer.begin_array();
    for (const store::Damage& damage : damages) {
        writer.begin_object();
        writer.member("file", damage.file);
        if (damage.block) {
            put(writer, "block", *damage.block);
        }
        put(writer, "records", damage.rows);
        writer.member("begin", to_rfc3339(damage.range.begin));
        writer.member("end", to_rfc3339(damage.range.end));
        writer.member("what", damage.what);
        writer.end_object();
    }
    writer.end_array();
}

/// Nothing of it is damaged, and nothing it acknowledged is known to be missing.
bool is_whole(const store::StoreCheck& check) {
    return check.is_sound() && check.lost_logs.empty();
}

std::string came_text(UnixNanos begin) {
    return begin == UnixNanos::min() ? "before" : fmt::format("from {} to", to_rfc3339(begin));
}

void put_lost_logs(json::Writer& writer, const std::vector<store::LostLog>& lost_logs) {
    writer.key("missing");
    writer.begin_array();
    for (const store::LostLog& lost : lost_logs) {
        writer.begin_object();
        writer.member("what", lost.what);
        if (lost.came.begin != UnixNanos::min()) {
            writer.member("came_begin", to_rfc3339(lost.came.begin));
        }
        writer.member("came_end", to_rfc3339(lost.came.end));
        writer.member("partial_until", to_rfc3339(lost.partial_until()));
        writer.member("note", lost.note);
        writer.end_object();
    }
    writer.end_array();
}

std::string lost_text(const store::LostLog& lost) {
    return fmt::format(
        "MISSING acknowledged records that came {0} {1} may not be here: {2}\n"
        "  the agents are asked to send theirs again; what was pushed over HTTP does not come "
        "again\n"
        "  while the note is there, answers that reach back before {3} say that they are partial, "
        "and alert windows there count as not filled\n"
        "  when the agents have caught up, or the loss is accepted (noticed within a minute, no "
        "restart needed):\n"
        "  rm {4}\n",
        came_text(lost.came.begin),
        to_rfc3339(lost.came.end),
        lost.what,
        to_rfc3339(lost.partial_until()),
        lost.note
    );
}

std::string check_json(const store::StoreCheck& check, Nanos took) {
    std::string out;
    json::Writer writer(out);
    writer.begin_object();
    writer.key("ok");
    writer.boolean(is_whole(check));
    writer.member("store_id", check.store_id.to_hex());
    put(writer, "records", check.sealed_rows + check.staged_rows);
    put(writer, "promised_records", check.promised_rows);
    put(writer, "sealed_records", check.sealed_rows);
    put(writer, "staged_records", check.staged_rows);
    put(writer, "segments", check.segments);
    put(writer, "blocks", check.blocks);
    put(writer, "metric_rows", check.metric_rows);
    put(writer, "samples", check.samples);
    put(writer, "bytes", check.file_bytes);
    put_damages(writer, check.damages);
    put(writer, "problems", check.problems);
    put(writer, "orphans", check.orphans);
    put_lost_logs(writer, check.lost_logs);
    put(writer, "took_ms", static_cast<uint64_t>(took.count() / 1'000'000));
    writer.end_object();
    return out + "\n";
}

std::string damage_text(const store::StoreCheck& check) {
    std::string out;
    for (const store::Damage& damage : check.damages) {
        out += fmt::format(
            "DAMAGED {}{}: {} records from {} to {}: {}\n",
            damage.file,
            damage.block ? fmt::format(", block {}", *damage.block) : "",
            grouped(damage.rows),
            to_rfc3339(damage.range.begin),
            to_rfc3339(damage.range.end),
            damage.what
        );
    }
    for (const std::string& problem : check.problems) {
        out += "WRONG " + problem + "\n";
    }
    for (const std::string& orphan : check.orphans) {
        out += orphan + " was left by a crash; the next start removes it\n";
    }
    for (const store::LostLog& lost : check.lost_logs) {
        out += lost_text(lost);
    }
    return out;
}

std::string check_text(const store::StoreCheck& check, Nanos took) {
    return damage_text(check) + fmt::format(
                                    "{} of {} records are there and fit their checksums: {} in {} "
                                    "blocks of {} segments, "
                                    "{} in {} staged batches; {} metric samples of {} times "
                                    "fit their series; {} read in {}\n",
                                    grouped(check.sealed_rows + check.staged_rows),
                                    grouped(check.promised_rows),
                                    grouped(check.sealed_rows),
                                    check.blocks,
                                    check.segments,
                                    grouped(check.staged_rows),
                                    check.staged_batches,
                                    grouped(check.samples),
                                    grouped(check.metric_rows),
                                    format_bytes(check.file_bytes),
                                    seconds_text(took)
                                );
}

Result<bool> verify_backups(const std::string& folder, bool is_human) {
    io::FileSystem& fs = io::posix_file_system();
    const Repository repository(fs, folder);
    SEYIR_TRY(const auto ids, repository.ids());
    if (ids.empty()) {
        return fail(ErrorCode::kNotFound, "there is no backup in " + folder);
    }
    std::map<collector::backup::ContentHash, uint64_t> contents;
    uint64_t total = 0;
    for (const std::string& id : ids) {
        const auto manifest = repository.read(id);
        for (size_t i = 0; manifest && i < manifest->files.size(); ++i) {
            const auto& file = manifest->files[i];
            total += contents.emplace(file.hash, file.bytes).second ? file.bytes : 0;
        }
    }
    const SteadyTime begun = io::system_clock().steady_now();
    TransferProgress bar("verifying");
    uint64_t done = 0;
    SEYIR_TRY(
        const auto check,
        collector::backup::check_repository(
            fs,
            repository,
            ids,
            [&](uint64_t bytes) {
                done += bytes;
                bar.update(done, total);
                return true;
            }
        )
    );
    bar.finish();
    const Nanos took = io::system_clock().steady_now() - begun;
    std::string out;
    if (is_human) {
        for (const std::string& problem : check.problems) {
            out += "DAMAGED " + problem + "\n";
        }
        out += fmt::format(
            "{} {}, {} files, {} read in {}: {}\n",
            ids.size(),
            ids.size() == 1 ? "backup" : "backups",
            check.files,
            format_bytes(check.bytes),
            seconds_text(took),
            check.problems.empty() ? "every checksum fits"
                                   : "damaged; seyir backup run --recheck mends what the running "
                                     "store still has"
        );
    } else {
        json::Writer writer(out);
        writer.begin_object();
        writer.key("ok");
        writer.boolean(check.problems.empty());
        put(writer, "backups", ids);
        put(writer, "files", check.files);
        put(writer, "bytes", check.bytes);
        put(writer, "problems", check.problems);
        put(writer, "took_ms", static_cast<uint64_t>(took.count() / 1'000'000));
        writer.end_object();
        out += '\n';
    }
    SEYIR_CHECK(print(out));
    return check.problems.empty();
}

Result<store::StoreCheck> check_store(const std::string& data_dir, Nanos& took) {
    const SteadyTime begun = io::system_clock().steady_now();
    TransferProgress bar("verifying");
    auto check = store::check_data_dir(
        io::posix_file_system(),
        data_dir,
        {.on_progress =
             [&](uint64_t done, uint64_t total) {
                 bar.update(done, total);
                 return true;
             }}
    );
    took = io::system_clock().steady_now() - begun;
    return check;
}

Result<bool> verify_store(const std::string& data_dir, bool is_human) {
    if (const auto there = io::posix_file_system().stat(data_dir); !there) {
        return there.error();
    }
    Nanos took{0};
    auto check = check_store(data_dir, took);
    if (!check) {
        return std::move(check).error().context("look closer with seyir doctor " + data_dir);
    }
    std::string out = is_human ? check_text(*check, took) : check_json(*check, took);
    if (is_human && !check->is_sound()) {
        out += "what to do: seyir doctor " + data_dir + "\n";
    }
    SEYIR_CHECK(print(out));
    return is_whole(*check);
}

/// The folder's newest whole copy of a file of the store.
std::string replacement(
    const Repository& repository, const StoreId& store, const std::string& file
) {
    const auto ids = repository.ids();
    for (size_t i = ids ? ids->size() : 0; i-- > 0;) {
        const auto manifest = repository.read((*ids)[i]);
        if (!manifest || manifest->store_id != store) {
            continue;
        }
        for (const auto& known : manifest->files) {
            const std::string path = repository.file_path(known.hash);
            const auto content =
                known.path == file
                    ? collector::backup::hash_file(
                          io::posix_file_system(), path, [](uint64_t) { return true; }
                      )
                    : Result<collector::backup::FileContent>(fail(ErrorCode::kNotFound, ""));
            if (content && content->hash == known.hash && content->bytes == known.bytes) {
                return path;
            }
        }
    }
    return {};
}

Result<bool> repair(const std::string& data_dir, const Arguments& arguments, bool is_human) {
    const Repository repository(io::posix_file_system(), without_slash(arguments.get("from")));
    store::FindReplacement find;
    if (arguments.has("from")) {
        find = [&](const StoreId& store, const std::string& file) {
            return replacement(repository, store, file);
        };
    }
    const SteadyTime begun = io::system_clock().steady_now();
    SEYIR_TRY(
        const auto report,
        store::repair_data_dir(
            io::posix_file_system(), data_dir, io::system_clock().wall_now(), find
        )
    );
    const Nanos took = io::system_clock().steady_now() - begun;
    if (!is_human) {
        SEYIR_CHECK(print(check_json(report.after, took)));
        return report.after.is_sound();
    }
    std::string out;
    for (const std::string& line : report.done) {
        out += line + "\n";
    }
    out += report.done.empty() ? "nothing is damaged\n"
                               : fmt::format("{} records are lost\n", grouped(report.rows_lost));
    SEYIR_CHECK(print(out + check_text(report.after, took)));
    return report.after.is_sound();
}

/// Of a database that does not open.
std::string lost_database_text(const std::string& data_dir, const Error& error) {
    std::string out = fmt::format("the database cannot be opened: {}\n", error.message);
    for (const std::string& file : store::check_database_files(io::posix_file_system(), data_dir)) {
        out += "DAMAGED " + file + "\n";
    }
    return out +
           "which records that costs is known only once it is repaired; files of sealed records "
           "are not touched\n";
}

Result<bool> diagnose(const std::string& data_dir, bool is_human) {
    Nanos took{0};
    const auto check = check_store(data_dir, took);
    if (!check && check.error().code == ErrorCode::kNotFound) {
        return check.error();
    }
    if (check && !is_human) {
        SEYIR_CHECK(print(check_json(*check, took)));
        return is_whole(*check);
    }
    std::string out =
        check ? check_text(*check, took) : lost_database_text(data_dir, check.error());
    std::vector<std::string> bad;
    if (check) {
        bad = store::check_database_files(io::posix_file_system(), data_dir);
        for (const std::string& file : bad) {
            out += "DAMAGED " + file + "\n";
        }
        uint64_t rows = 0;
        TimeRange range{UnixNanos::max(), UnixNanos::min()};
        for (const store::Damage& damage : check->damages) {
            rows += damage.rows;
            range.begin = std::min(range.begin, damage.range.begin);
            range.end = std::max(range.end, damage.range.end);
        }
        if (rows > 0) {
            out += fmt::format(
                "it costs {} records between {} and {}; queries that need them say so\n",
                grouped(rows),
                to_rfc3339(range.begin),
                to_rfc3339(range.end)
            );
        }
    }
    const bool is_sound = check && check->is_sound() && bad.empty();
    const bool is_missing = check && !check->lost_logs.empty();
    out += is_sound ? (is_missing ? "nothing of what is here is damaged\n" : "nothing is damaged\n")
                    : fmt::format(
                          "to repair it (what is damaged is put aside, nothing is deleted), with "
                          "the collector stopped:\n"
                          "  seyir doctor {0} --repair\n"
                          "with what a backup has of it:\n"
                          "  seyir doctor {0} --repair --from FOLDER\n",
                          data_dir
                      );
    SEYIR_CHECK(print(out));
    return is_sound && !is_missing;
}

int exit_status(const Result<bool>& sound) {
    return !sound ? report(sound.error()) : *sound ? kExitOk : kExitFailure;
}

}  // namespace

int verify_command(const Arguments& arguments) {
    const auto style = print_style(arguments);
    if (!style) {
        return report(style.error());
    }
    const bool is_human = style->form == OutputForm::kHuman;
    const std::string path = without_slash(arguments.values[0]);
    const bool is_backup = Repository(io::posix_file_system(), path).exists();
    return exit_status(is_backup ? verify_backups(path, is_human) : verify_store(path, is_human));
}

int doctor_command(const Arguments& arguments) {
    const auto style = print_style(arguments);
    if (!style) {
        return report(style.error());
    }
    const bool is_human = style->form == OutputForm::kHuman;
    const std::string data_dir = without_slash(arguments.values[0]);
    return exit_status(
        arguments.has("repair") ? repair(data_dir, arguments, is_human)
                                : diagnose(data_dir, is_human)
    );
}

}  // namespace seyir::ctl
