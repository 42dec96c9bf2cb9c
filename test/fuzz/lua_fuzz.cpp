// SPDX-License-Identifier: Apache-2.0
// Records of any bytes through a script that copies, nests and removes fields; and any bytes as a
// pattern, within a budget. Nothing crashes; fields that were not touched are what they were.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/pipeline/filter.hpp"
#include "plugins/filter/lua/record/record_mode.hpp"
#include "plugins/filter/lua/script/pattern.hpp"

namespace {

using namespace seyir;
using namespace seyir::plugins::lua;

constexpr const char* kScript = R"lua(
function cb(tag, ts, r)
    local copy = {}
    for k, v in pairs(r) do copy[#copy + 1] = {k = k, v = v} end
    r["\0copy"] = copy
    return 1, ts, r
end
)lua";

class Sink final : public pipeline::FilterSink {
  public:
    void emit(BatchView view) override { out = std::move(view); }

    void drop(std::string_view /*reason*/, uint32_t /*rows*/) override {}

    void fail(BatchView /*rows*/, std::string_view /*code*/, std::string_view /*message*/)
        override {}

    pipeline::HeldRows hold(uint32_t /*rows*/) override { return {}; }

    void emit_held(BatchView /*view*/, pipeline::HeldRows /*used*/) override {}

    void drop_held(std::string_view /*reason*/, pipeline::HeldRows /*used*/) override {}

    void emit_event(BatchView /*view*/) override {}

    BatchView out;
};

class Bytes {
  public:
    explicit Bytes(std::string_view bytes) : left_(bytes) {}

    std::string_view take(size_t count) {
        const std::string_view got = left_.substr(0, count);
        left_.remove_prefix(got.size());
        return got;
    }

    uint8_t byte() {
        const std::string_view got = take(1);
        return got.empty() ? 0 : static_cast<uint8_t>(got[0]);
    }

    bool is_empty() const { return left_.empty(); }

  private:
    std::string_view left_;
};

Value make_value(Bytes& in, Arena& arena, int depth) {
    const uint8_t kind = in.byte() % 9;
    if (kind >= 7 && depth < 40) {
        const size_t count = in.byte() % 4;
        auto* items = arena.allocate_array<Value>(count);
        auto* members = arena.allocate_array<ValueMember>(count);
        for (size_t i = 0; i < count; ++i) {
            const Slice name = arena.copy(in.take(in.byte() % 4));
            new (items + i) Value(make_value(in, arena, depth + 1));
            new (members + i) ValueMember{name, items[i]};
        }
        return kind == 7 ? Value::array({items, count}) : Value::map({members, count});
    }
    std::array<char, 8> raw{};
    int64_t number = 0;
    double real = 0;
    switch (kind) {
        case 0:
            return Value::null();
        case 1:
            return Value::boolean(in.byte() % 2 == 0);
        case 2:
        case 3: {
            const std::string_view bytes = in.take(8);
            std::memcpy(raw.data(), bytes.data(), bytes.size());
            std::memcpy(&number, raw.data(), 8);
            std::memcpy(&real, raw.data(), 8);
            return kind == 2 ? Value::integer(number) : Value::real(real);
        }
        case 4:
            return Value::bytes(arena.copy(in.take(in.byte() % 8)));
        case 5:
            return Value::number_text(arena.copy(in.take(in.byte() % 8)));
        default:
            return Value::string(arena.copy(in.take(in.byte() % 8)));
    }
}

void run_record(std::string_view bytes) {
    static RecordFilter filter = [] {
        auto options = std::make_shared<LuaOptions>();
        options->script = {"fuzz", kScript, {}};
        options->call = "cb";
        options->limits.instructions_max = 1'000'000;
        auto worker = std::make_unique<LuaWorker>(options, io::system_clock());
        if (!worker->open()) {
            std::abort();
        }
        return RecordFilter(std::move(worker));
    }();
    Bytes in(bytes);
    auto batch = std::make_shared<RecordBatch>();
    const uint16_t stream = batch->add_stream(*StreamLabels::make({{"app", "a"}}));
    std::vector<Attr> attrs;
    const Slice body = batch->arena().copy(in.take(in.byte()));
    while (!in.is_empty() && attrs.size() < 8) {
        const std::string_view name = in.take(in.byte() % 6);
        if (name != "log" && !batch->find_key(name)) {
            const KeyIndex key = batch->add_key(name);
            attrs.emplace_back(key, make_value(in, batch->arena(), 0));
        }
    }
    batch->append_row({.ts = {1}, .stream = stream, .body = body, .attrs = batch->add_attrs(attrs)}
    );
    Sink sink;
    if (!filter.process({batch, {}}, sink)) {
        std::abort();
    }
    if (!sink.out.batch) {
        return;  // too deep: it failed, as it came
    }
    const auto after = sink.out.batch->attrs(0);
    for (size_t i = 0; i < attrs.size(); ++i) {
        const ValueKind kind = attrs[i].value.kind();
        // (A NaN is not equal to itself; members of one name in a map are one in Lua.)
        const bool is_exact = kind != ValueKind::kDouble && kind < ValueKind::kArray;
        if (after.size() < attrs.size() || (is_exact && !(after[i].value == attrs[i].value))) {
            std::abort();
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    run_record(bytes);
    uint64_t steps = 100'000;
    const size_t half = bytes.size() / 2;
    PatternMatcher matcher(bytes.substr(half), bytes.substr(0, half), steps);
    for (size_t at = 0; at <= bytes.size() - half && matcher.problem() == nullptr; ++at) {
        const char* end = matcher.match(bytes.data() + half + at);
        if (end != nullptr && (end < bytes.data() + half + at || end > bytes.data() + size)) {
            std::abort();
        }
    }
    return 0;
}
