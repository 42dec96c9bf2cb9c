// SPDX-License-Identifier: Apache-2.0
#include "test/unit/ship/loopback.hpp"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <xxhash.h>

namespace seyir::test {

TestCollector::TestCollector(
    store::LogStore& store, collector::input::AgentsSetup setup, bool start_now
)
    : engine_(registry_) {
    setup.listen = {.host = "127.0.0.1", .port = 0, .unix_path = ""};
    setup.server_version = "test";
    auto input = std::make_unique<collector::input::AgentsInput>(
        std::move(setup), store, io::system_clock(), registry_
    );
    input_ = input.get();
    spec_.inputs.push_back({.id = "agents", .input = std::move(input), .remake = {}});
    spec_.outputs.push_back(
        {.id = "store", .output = std::make_shared<collector::StoreOutput>(store, 0)}
    );
    spec_.routes.push_back({.name = "all", .to = {"store"}});
    if (start_now) {
        if (auto started = engine_.start(spec_); !started) {
            throw std::runtime_error(started.error().message);
        }
    }
}

TestCollector::~TestCollector() {
    engine_.stop(io::system_clock().steady_now() + std::chrono::milliseconds(200));
}

FileSource::FileSource(ship::CollectorOutput& output, SourceId id, std::vector<std::string> lines)
    : output_(output), key_{id, 0}, lines_(std::move(lines)) {
    uint64_t offset = 0;
    for (const std::string& line : lines_) {
        offsets_.push_back(offset);
        offset += line.size() + 1;
    }
    offsets_.push_back(offset);
}

bool FileSource::ask() {
    struct Answer {
        std::mutex mutex;
        std::condition_variable came;
        std::optional<Result<pipeline::CommittedAnswer>> value;
    };

    auto answer = std::make_shared<Answer>();
    output_.ask_committed({key_}, [answer](Result<pipeline::CommittedAnswer> value) {
        const std::lock_guard lock(answer->mutex);
        answer->value = std::move(value);
        answer->came.notify_all();
    });
    std::unique_lock lock(answer->mutex);
    const bool came = answer->came.wait_for(lock, std::chrono::seconds(60), [&] {
        return answer->value.has_value();
    });
    if (!came || !*answer->value) {
        return false;
    }
    const uint64_t committed = (**answer->value).lanes.at(0).committed;
    const auto at = std::ranges::lower_bound(offsets_, committed);
    next_line_ = static_cast<size_t>(at - offsets_.begin());
    acknowledged_ = committed;
    return at != offsets_.end() && *at == committed;
}

void FileSource::ship(size_t rows) {
    RecordBatch batch;
    batch.add_stream(*StreamLabels::make({{"host", "h"}, {"input", "app"}}));
    SourcePosition position;
    position.key = key_;
    position.begin = offsets_[next_line_];
    position.end = offsets_[next_line_ + rows];
    position.tail_hash = XXH3_64bits(&position.end, sizeof(position.end));
    batch.add_position(position);
    for (size_t i = 0; i < rows; ++i) {
        Row row;
        row.ts.value = 1'767'225'600'000'000'000 + static_cast<int64_t>(next_line_ + i);
        row.origin = 0;
        row.body = batch.arena().copy(lines_[next_line_ + i]);
        batch.append_row(row);
    }
    next_line_ += rows;
    ++in_flight_;
    BatchView view{std::make_shared<const RecordBatch>(std::move(batch)), {}};
    mutex_.unlock();
    output_.deliver(std::move(view), [this, end = position.end](DeliveryReport report) {
        on_report(end, report);
    });
    mutex_.lock();
}

void FileSource::on_report(uint64_t end, const DeliveryReport& report) {
    const std::lock_guard lock(mutex_);
    --in_flight_;
    if (report.outcome == Outcome::kRewind) {
        ++rewinds_;
        setback_ = Setback{true, report.lanes.at(0).committed};
    } else if (report.outcome == Outcome::kRetry) {
        ++retries_;
        setback_ = setback_ ? setback_ : Setback{false, 0};
    } else {
        acknowledged_ = std::max(acknowledged_, end);
    }
    changed_.notify_all();
}

bool FileSource::run(uint64_t seed, size_t in_flight_max) {
    std::mt19937_64 random(seed);
    if (!ask()) {
        return false;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    std::unique_lock lock(mutex_);
    while (acknowledged_ < offsets_.back()) {
        if (setback_ && in_flight_ == 0) {
            const uint64_t from = setback_->is_rewind ? setback_->committed : acknowledged_;
            next_line_ =
                static_cast<size_t>(std::ranges::lower_bound(offsets_, from) - offsets_.begin());
            acknowledged_ = from;
            setback_.reset();
        }
        if (!setback_ && in_flight_ < in_flight_max && next_line_ < lines_.size()) {
            ship(std::min<size_t>(1 + random() % 60, lines_.size() - next_line_));
            continue;
        }
        if (changed_.wait_until(lock, deadline) == std::cv_status::timeout) {
            return false;
        }
    }
    return true;
}

std::vector<std::string> make_lines(const std::string& name, size_t count, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::string> lines;
    for (size_t i = 0; i < count; ++i) {
        std::string tail(random() % 120, 'x');
        for (char& c : tail) {
            c = static_cast<char>('a' + random() % 26);
        }
        lines.push_back(fmt::format("{} {:06} {}", name, i, tail));
    }
    return lines;
}

ship::ShipSetup ship_setup(const std::string& state_dir, uint16_t port) {
    ship::ShipSetup setup;
    setup.endpoints = {{.host = "127.0.0.1", .port = port, .unix_path = ""}};
    setup.token = "secret";
    setup.state_dir = state_dir;
    setup.hostname = "web1";
    setup.agent_version = "test";
    setup.identity = *ship::load_agent_identity(io::posix_file_system(), {state_dir});
    setup.retry_initial = std::chrono::milliseconds(5);
    setup.retry_max = std::chrono::milliseconds(50);
    return setup;
}

std::map<std::string, std::vector<std::string>> stored_lines(const store::MemoryLogStore& store) {
    std::map<std::string, std::vector<std::string>> out;
    for (const BatchView& view : store.commits()) {
        for_each_row(view, [&](uint32_t row) {
            const std::string line(view.batch->body(row));
            out[line.substr(0, line.find(' '))].push_back(line);
        });
    }
    return out;
}

collector::input::AgentsSetup with_token() {
    collector::input::AgentsSetup setup;
    setup.authenticator = *net::Authenticator::build(
        {{.name = "agents", .sha256_hex = net::sha256_hex("secret"), .scopes = {net::Scope::kIngest}
        }}
    );
    setup.probe_timeout = std::chrono::milliseconds(300);
    setup.retry_after_ms = 20;
    return setup;
}

SourceId source(uint64_t n) {
    return {77, n};
}

SteadyTime in_seconds(int seconds) {
    return io::system_clock().steady_now() + std::chrono::seconds(seconds);
}

Shipping::Shipping(ship::ShipSetup setup, io::Clock& clock)
    : output(std::move(setup), io::posix_file_system(), clock, registry) {
    if (auto started = output.start(); !started) {
        throw std::runtime_error(started.error().message);
    }
}

double Shipping::metric(const std::string& name) {
    const std::string text = registry.text();
    const size_t at = text.find("\n" + name + "{");
    const size_t space = at == std::string::npos ? at : text.find("} ", at);
    return space == std::string::npos ? -1 : std::strtod(text.c_str() + space + 2, nullptr);
}

std::optional<DeliveryReport> OneBatch::get() {
    const std::lock_guard lock(mutex);
    return report;
}

void OneBatch::ship(ship::CollectorOutput& output, SourcePosition position) {
    RecordBatch batch;
    batch.add_stream(*StreamLabels::make({{"host", "h"}}));
    batch.add_position(std::move(position));
    batch.append_row({.ts = {1}, .origin = 0, .body = batch.arena().copy("line")});
    BatchView view{std::make_shared<const RecordBatch>(std::move(batch)), {}};
    output.deliver(std::move(view), [this](DeliveryReport r) {
        const std::lock_guard lock(mutex);
        report = std::move(r);
    });
}

}  // namespace seyir::test
