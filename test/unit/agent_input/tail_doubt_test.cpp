// SPDX-License-Identifier: Apache-2.0
// What must not be decided on too little: a new file that begins like one read before is no copy
// because of it, and a read that fails says nothing about the file.
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "test/unit/agent_input/tail_harness.hpp"

using namespace seyir;
using namespace seyir::agent::input;

namespace {

/// The next `reads` reads fail, of whatever file.
class FailingReads final : public io::FileSystem {
  public:
    int reads = 0;

    Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
        SEYIR_TRY(std::unique_ptr<io::File> file, below_.open(path, mode));
        return std::unique_ptr<io::File>(std::make_unique<OpenFile>(*this, std::move(file)));
    }

    Result<io::FileInfo> stat(const std::string& p) override { return below_.stat(p); }

    Result<io::FileInfo> lstat(const std::string& p) override { return below_.lstat(p); }

    Result<std::vector<std::string>> list(const std::string& p) override { return below_.list(p); }

    Result<void> make_directories(const std::string& p) override {
        return below_.make_directories(p);
    }

    Result<void> rename(const std::string& from, const std::string& to) override {
        return below_.rename(from, to);
    }

    Result<void> remove(const std::string& p) override { return below_.remove(p); }

    Result<void> remove_directory(const std::string& p) override {
        return below_.remove_directory(p);
    }

    Result<void> hard_link(const std::string& from, const std::string& to) override {
        return below_.hard_link(from, to);
    }

    Result<void> sync_directory(const std::string& p) override { return below_.sync_directory(p); }

    Result<uint64_t> free_bytes(const std::string& p) override { return below_.free_bytes(p); }

  private:
    class OpenFile final : public io::File {
      public:
        OpenFile(FailingReads& owner, std::unique_ptr<io::File> below)
            : owner_(owner), below_(std::move(below)) {}

        Result<size_t> read_at(uint64_t offset, std::span<char> into) override {
            if (owner_.reads > 0) {
                --owner_.reads;
                return fail(ErrorCode::kIo, "reading: Input/output error");
            }
            return below_->read_at(offset, into);
        }

        Result<void> append(std::string_view bytes) override { return below_->append(bytes); }

        Result<void> write_at(uint64_t offset, std::string_view bytes) override {
            return below_->write_at(offset, bytes);
        }

        Result<void> truncate(uint64_t size) override { return below_->truncate(size); }

        Result<void> sync() override { return below_->sync(); }

        Result<io::FileInfo> info() override { return below_->info(); }

        Result<void> close() override { return below_->close(); }

      private:
        FailingReads& owner_;
        std::unique_ptr<io::File> below_;
    };

    io::FileSystem& below_ = io::posix_file_system();
};

size_t count_new(const FakeCollector& collector) {
    const auto bodies = collector.state.bodies();
    return static_cast<size_t>(std::ranges::count_if(bodies, [](const std::string& b) {
        return b.starts_with("new");
    }));
}

/// `burst` is read, stored and not yet in a checkpoint when the agent is killed; the file goes, and
/// `next` is there when the agent is back.
void kill_after_burst(
    Host& host, FakeCollector& collector, const std::string& burst, const std::string& next
) {
    host.dir.append("a.log", burst);
    const size_t before = collector.state.lines.size();
    host.clock.advance(std::chrono::milliseconds(1001));
    for (int i = 0; i < 7; ++i) {
        host.reader->poll_once();
        host.clock.advance(std::chrono::milliseconds(25));
    }
    REQUIRE(collector.state.lines.size() > before);
    host.kill();
    host.dir.remove("a.log");
    host.dir.await_tick();
    host.dir.append("a.log", next);
    host.start();
    host.run(10);
}

void read_with_error(bool rotated) {
    FakeCollector collector;
    FailingReads fs;
    Host host(collector, "*.log");
    host.tail_fs = &fs;
    host.start();
    host.dir.append("a.log", text_of(lines_of("x", 0, 50)));
    host.run(3);
    REQUIRE(collector.state.lines.size() == 50);
    host.dir.append("a.log", text_of(lines_of("x", 50, 60)));
    if (rotated) {
        host.dir.rename("a.log", "a.log.1");  // out of the globs: read through its descriptor
    }
    collector.fail_next = 1;  // the collector could not take it: the reader goes back
    for (int i = 0; i < 400 && collector.fail_next > 0; ++i) {
        host.clock.advance(std::chrono::milliseconds(25));
        host.reader->poll_once();
    }
    REQUIRE(collector.fail_next == 0);
    fs.reads = 1;
    host.run(100);
    CHECK(fs.reads == 0);
    CHECK(collector.state.bodies() == lines_of("x", 0, 60));
    CHECK(collector.events.empty());
    CHECK(host.reader->status().complaints.empty());
}

}  // namespace

TEST_SUITE("agent/input/tail/doubt") {
    TEST_CASE("killed in a burst behind a banner: a new file with that banner is read whole") {
        for (const bool is_banner_alone_first : {false, true}) {
            CAPTURE(is_banner_alone_first);
            FakeCollector collector;
            Host host(collector, "*.log");
            host.start();
            const std::string banner = "app 1.0 starting\n";
            host.dir.append("a.log", banner);
            host.run(3);
            REQUIRE(host.checkpoints->write_now());
            const std::string first = is_banner_alone_first ? "" : text_of(lines_of("new", 0, 10));
            kill_after_burst(host, collector, text_of(lines_of("old", 0, 200)), banner + first);
            host.dir.append("a.log", text_of(lines_of("new", first.empty() ? 0 : 10, 50)));
            host.run(30);
            host.dir.append("a.log", text_of(lines_of("new", 50, 500)));
            host.run(30);
            CHECK(count_new(collector) == 500);
        }
    }

    TEST_CASE("killed after its first batch: a new file with the same long banner is read whole") {
        FakeCollector collector;
        Host host(collector, "*.log");
        host.start();
        const std::string banner = std::string(1500, 'b') + "\n";
        kill_after_burst(
            host,
            collector,
            banner + text_of(lines_of("old", 0, 200)),
            banner + text_of(lines_of("new", 0, 10))
        );
        host.dir.append("a.log", text_of(lines_of("new", 10, 500)));
        host.run(30);
        CHECK(count_new(collector) == 500);
    }

    TEST_CASE("a file taken for a shorter copy is read whole once it grows, which is an event") {
        for (const bool is_restarted : {false, true}) {
            CAPTURE(is_restarted);
            FakeCollector collector;
            Host host(collector, "*.log");
            host.start();
            const std::string known = text_of(lines_of("a line that is known", 0, 100));
            host.dir.append("a.log", known);
            host.run(3);
            REQUIRE(host.checkpoints->write_now());
            // All that the checkpoint knows, to its end; the store has more.
            kill_after_burst(host, collector, text_of(lines_of("old", 0, 200)), known);
            CHECK(collector.state.lines.size() == 300);
            if (is_restarted) {
                host.stop();
            }
            host.dir.append("a.log", text_of(lines_of("new", 0, 20)));
            if (is_restarted) {
                host.start();
            }
            host.run(30);
            CHECK(count_new(collector) == 20);
            CHECK(collector.has_event("copy_grew"));
            CHECK(collector.forks.empty());
        }
    }

    TEST_CASE("a read that fails when going back says nothing about the file") {
        read_with_error(false);
    }

    TEST_CASE("a read that fails when going back leaves a rotated file's descriptor open") {
        read_with_error(true);
    }

    TEST_CASE("a read that fails while planning where to resume is asked about again") {
        FakeCollector collector;
        FailingReads fs;
        Host host(collector, "*.log");
        host.tail_fs = &fs;
        host.start();
        host.dir.append("a.log", text_of(lines_of("x", 0, 50)));
        host.run(3);
        host.stop();
        for (int failing = 1; failing <= 6; ++failing) {
            CAPTURE(failing);
            host.start();
            fs.reads = failing;
            host.run(30);
            CHECK(fs.reads == 0);
            CHECK(collector.state.lines.size() == 50);
            CHECK(collector.events.empty());
            host.stop();
        }
    }

    TEST_CASE("a read that fails in an over-long line that is left out does not begin a line") {
        FakeCollector collector;
        FailingReads fs;
        Host host(collector, "*.log");
        host.tail_fs = &fs;
        host.options.over_long = OverLong::kDrop;
        host.options.max_line_bytes = 4096;
        host.options.read_chunk_bytes = 64 * 1024;
        const std::string text =
            "before\n" + std::string(900'000, 'l') + "\n" + text_of(lines_of("x", 0, 5));
        host.dir.append("a.log", text);
        host.start();
        // The reads of the long line fail in turn, each once.
        for (int i = 0; i < 2000; ++i) {
            fs.reads = i % 3 == 2 ? 1 : 0;
            host.reader->poll_once();
            host.clock.advance(std::chrono::milliseconds(25));
        }
        fs.reads = 0;
        host.run(10);
        auto expected = lines_of("x", 0, 5);
        expected.insert(expected.begin(), "before");
        CHECK(collector.state.bodies() == expected);
    }
}
