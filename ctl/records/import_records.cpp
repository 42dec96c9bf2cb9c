// SPDX-License-Identifier: Apache-2.0
// seyir import FILE...: files of records into a collector, through its input `http`.
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "collector/input/http/record_reader.hpp"
#include "common/base/id128.hpp"
#include "common/json/reader.hpp"
#include "ctl/print/terminal.hpp"
#include "ctl/print/transfer_progress.hpp"
#include "ctl/records/record_lines.hpp"
#include "ctl/records/records_command.hpp"
#include "ctl/session.hpp"

namespace seyir::ctl {
namespace {

constexpr size_t kRequestBytes = kMiB;
constexpr uint64_t kMarkBytesMax = 64 * kKiB;
constexpr int kTriesMax = 60;  // a second apart
constexpr size_t kNamedMax = 20;
/// Before the byte to go on from, in an answer 409 (docs/format/export.md).
constexpr std::string_view kStoredUpTo = "this import is stored up to byte ";

/// The sum of "N entries ...": what a collector that took the rest did not want.
uint64_t entries_in(std::string_view message) {
    uint64_t sum = 0;
    constexpr std::string_view kWord = " entries ";
    for (size_t at = message.find(kWord); at != std::string_view::npos;
         at = message.find(kWord, at + 1)) {
        size_t begin = at;
        while (begin > 0 && message[begin - 1] >= '0' && message[begin - 1] <= '9') {
            --begin;
        }
        uint64_t number = 0;
        std::from_chars(message.data() + begin, message.data() + at, number);
        sum += number;
    }
    return sum;
}

/// Where an import goes on of which more is stored than its mark says.
std::optional<uint64_t> resume_in(std::string_view message) {
    const size_t at = message.find(kStoredUpTo);
    if (at == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view digits = message.substr(at + kStoredUpTo.size());
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} ? std::optional(number) : std::nullopt;
}

std::string message_of(const std::string& body) {
    json::Document document;
    const auto root = document.parse(body);
    const auto field = root ? root->get("message") : std::nullopt;
    const auto text = field ? field->string() : std::nullopt;
    return clean_text(text ? std::string(*text) : body.substr(0, 500));
}

class Importer {
  public:
    Importer(Session& session, const Arguments& arguments, std::string file)
        : session_(session),
          file_(std::move(file)),
          path_(arguments.has("path") ? arguments.get("path") : "/ingest"),
          skips_(arguments.get("on-error") == "skip"),
          begins_anew_(arguments.has("anew")),
          progress_("importing", !arguments.has("no-progress")) {}

    Result<void> run() {
        SEYIR_TRY(lines_, RecordLines::open(io::posix_file_system(), file_));
        SEYIR_CHECK(find_mark());
        if (mark_.is_done) {
            say(fmt::format("{} was imported already; --anew does it again", file_));
            return {};
        }
        auto done = send_lines();
        progress_.finish();
        SEYIR_CHECK(std::move(done));
        mark_.is_done = true;
        SEYIR_CHECK(keep_mark());
        say(fmt::format(
            "{}: {} records, {} lines skipped, {} records rejected",
            file_,
            grouped(mark_.records),
            grouped(mark_.skipped),
            grouped(mark_.rejected)
        ));
        return {};
    }

  private:
    static void say(const std::string& text) {
        const std::string line = "seyir: " + text + "\n";
        fputs(line.c_str(), stderr);
    }

    std::string mark_path() const { return file_ + ".import"; }

    Result<void> find_mark() {
        mark_.file = lines_->identity();
        mark_.target = session_.client().url() + path_;
        const auto text = io::read_file(io::posix_file_system(), mark_path(), kMarkBytesMax);
        if (begins_anew_ || (!text && text.error().code == ErrorCode::kNotFound)) {
            return begin_anew();
        }
        SEYIR_CHECK(text);
        auto there = ImportMark::from_json(*text);
        if (!there) {
            return std::move(there).error().context(mark_path());
        }
        if (there->file != mark_.file || there->target != mark_.target) {
            if (there->offset == 0 && !there->is_done) {
                return begin_anew();  // nothing of that one was ever answered
            }
            return fail(
                ErrorCode::kConflict,
                fmt::format(
                    "{} is of {}: --anew begins from the start",
                    mark_path(),
                    there->file != mark_.file ? "another content of the file"
                                              : "an import into " + there->target
                )
            );
        }
        mark_ = *std::move(there);
        std::string_view line;
        while (lines_->offset() < mark_.offset) {
            SEYIR_TRY(const bool is_there, lines_->next(line));
            if (!is_there) {
                return fail(ErrorCode::kCorrupt, mark_path() + " does not fit its file");
            }
        }
        return {};
    }

    /// The mark comes before anything is sent: called again, it is the same import.
    Result<void> begin_anew() {
        mark_.id = Id128<struct ImportTag>::random().to_hex();
        return keep_mark();
    }

    Result<void> keep_mark() {
        return io::write_file_atomically(io::posix_file_system(), mark_path(), mark_.to_json());
    }

    Result<void> send_lines() {
        std::string_view line;
        while (true) {
            auto is_there = lines_->next(line);
            if (!is_there) {
                return std::move(is_there).error().context(file_);
            }
            if (!*is_there) {
                return send();
            }
            if (line.find_first_not_of(" \t\r") == std::string_view::npos) {
                continue;
            }
            if (auto wrong = problem_in(line)) {
                const std::string text = fmt::format(
                    "{}:{}:{}: {}", file_, lines_->number(), wrong->column, wrong->message
                );
                if (!skips_) {
                    SEYIR_CHECK(send_before(line));
                    return fail(ErrorCode::kInvalidArgument, text);
                }
                if (++skipped_ + mark_.skipped <= kNamedMax) {
                    progress_.finish();
                    say(text);
                }
                continue;
            }
            if (lines_in_body_.empty()) {
                first_line_ = lines_->number();
            }
            body_.append(line) += '\n';
            lines_in_body_.push_back({lines_->offset(), body_.size()});
            ++records_;
            if (body_.size() >= kRequestBytes) {
                SEYIR_CHECK(send());
            }
        }
    }

    static std::optional<collector::input::RecordProblem> problem_in(std::string_view line) {
        RecordBatch scratch;
        return collector::input::append_record(scratch, line);
    }

    /// What stands before a bad line, so that the mark ends there.
    Result<void> send_before(std::string_view line) {
        const std::string copy(line);
        const uint64_t offset = lines_->offset() - copy.size() - 1;
        return send_up_to(offset, lines_->number() - 1);
    }

    Result<void> send() { return send_up_to(lines_->offset(), lines_->number()); }

    /// The request goes out, is answered, and then the mark tells so.
    Result<void> send_up_to(uint64_t offset, uint64_t line) {
        uint64_t rejected = 0;
        if (records_ > 0) {
            SEYIR_TRY(rejected, post(offset));
        }
        const uint64_t first = mark_.line + 1;
        mark_.offset = offset;
        mark_.line = line;
        mark_.records += records_ - std::min(rejected, records_);
        mark_.skipped += skipped_;
        mark_.rejected += rejected;
        records_ = 0;
        skipped_ = 0;
        body_.clear();
        lines_in_body_.clear();
        SEYIR_CHECK(keep_mark());
        progress_.update(
            lines_->file_bytes_read(), lines_->file_bytes(), grouped(mark_.records) + " records"
        );
        if (rejected > 0) {
            const std::string text = fmt::format("{}:{}-{}: {}", file_, first, line, rejection_);
            if (!skips_) {
                return fail(
                    ErrorCode::kInvalidArgument, text + " (called again, it goes on after them)"
                );
            }
            progress_.finish();
            say(text);
        }
        return {};
    }

    /// Requests are told apart by their place; one with a place in an import is stored once,
    /// however late it comes again.
    std::string import_line(uint64_t begin, uint64_t end) const {
        const std::string place =
            mark_.id.empty()
                ? std::string()
                : fmt::format(",\"id\":\"{}\",\"begin\":{},\"end\":{}", mark_.id, begin, end);
        return fmt::format(
            "{}{{\"file\":\"{}\",\"line\":{}{}}}}}\n",
            collector::input::kImportLine,
            mark_.file,
            first_line_,
            place
        );
    }

    /// The request for what lies from `begin` on, which is a line's end; nothing if it is none.
    std::optional<std::string> request_body(uint64_t begin, uint64_t end) const {
        if (begin < mark_.offset || begin >= end) {
            return std::nullopt;
        }
        size_t skipped = 0;
        for (const LineEnd& line : lines_in_body_) {
            skipped = line.offset <= begin ? line.body_bytes : skipped;
        }
        return import_line(begin, end) + body_.substr(skipped);
    }

    /// Gives how many of the records the collector did not want. `end`: unpacked bytes up to where
    /// the request reaches.
    Result<uint64_t> post(uint64_t end) {
        uint64_t begin = mark_.offset;
        net::HttpClient::Request request;
        request.method = "POST";
        request.target = path_;
        request.headers.emplace_back(
            "Content-Type", std::string(collector::input::kRecordsContentType)
        );
        request.body = request_body(begin, end).value_or("");
        for (int tries = 1;; ++tries) {
            SEYIR_TRY(const net::HttpAnswer answer, session_.client().fetch(request));
            const int status = answer.head.status;
            if (status < 300) {
                return uint64_t{0};
            }
            const std::string message = message_of(answer.body);
            // 507: the disk is full until the next clean-up or an operator makes room.
            const bool may_pass = status == 429 || status == 503 || status == 507;
            if (may_pass && tries < kTriesMax) {
                std::this_thread::sleep_for(std::chrono::seconds(1));
                continue;
            }
            if (const uint64_t rejected = entries_in(message); status == 400 && rejected > 0) {
                rejection_ = message;
                return rejected;
            }
            // A killed import had cut its requests differently: what it stored is left out.
            const auto resume = status == 409 ? resume_in(message) : std::nullopt;
            auto rest = resume && *resume > begin ? request_body(*resume, end) : std::nullopt;
            if (rest) {
                begin = *resume;
                request.body = *std::move(rest);
                continue;
            }
            std::string hint;
            if (status == 404 || status == 405) {
                hint = "\n  the collector needs an input of type http with this path (--path)";
            } else if (status == 401 || status == 403) {
                hint = "\n  set SEYIR_TOKEN to a token of scope ingest";
            }
            return fail(
                ErrorCode::kRefused,
                fmt::format("{} answered {}: {}{}", mark_.target, status, message, hint)
            );
        }
    }

    Session& session_;
    const std::string file_;
    const std::string path_;
    const bool skips_;
    const bool begins_anew_;
    TransferProgress progress_;
    std::optional<RecordLines> lines_;
    ImportMark mark_;

    /// Of a record in body_.
    struct LineEnd {
        uint64_t offset = 0;    ///< unpacked bytes of the file
        size_t body_bytes = 0;  ///< of body_
    };

    std::string body_;
    std::vector<LineEnd> lines_in_body_;
    uint64_t first_line_ = 0;  ///< its number
    std::string rejection_;
    uint64_t records_ = 0;  ///< in body_
    uint64_t skipped_ = 0;  ///< since the last request
};

}  // namespace

int import_command(const Arguments& arguments) {
    const std::string on_error = arguments.get("on-error");
    if (!on_error.empty() && on_error != "stop" && on_error != "skip") {
        report(fail(ErrorCode::kInvalidArgument, "--on-error " + on_error + ": stop or skip"));
        return kExitUsage;
    }
    auto session = Session::open(arguments);
    if (!session) {
        return report(session.error());
    }
    for (const std::string& file : arguments.values) {
        if (const auto done = Importer(*session, arguments, file).run(); !done) {
            return report(done.error());
        }
    }
    return kExitOk;
}

}  // namespace seyir::ctl
