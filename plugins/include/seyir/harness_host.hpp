// SPDX-License-Identifier: Apache-2.0
// The host of the test harness: Seyir's side of plugin.h, small and strict. It does what the
// programs do and complains about more: bytes given with SEYIR_KEEP that are not the batch's, held
// rows that are forgotten, arguments out of range.
// Used through harness.hpp.   Threads: one at a time.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <seyir/plugin.h>

#include <seyir/harness_record.hpp>

/// Opaque to plugins.
struct seyir_metric {
    uint32_t kind = 0;
    double value = 0;
    uint64_t observations = 0;
};

namespace seyir::test {

/// What the host offers an instance, with a clock that stands still until told otherwise.
class Host {
  public:
    Host() {
        abi_.size = sizeof abi_;
        abi_.abi_major = SEYIR_ABI_MAJOR;
        abi_.abi_minor = SEYIR_ABI_MINOR;
        abi_.name = "seyir's test harness";
        abi_.context = this;
        abi_.intern_key = [](const seyir_host* host, seyir_text name) {
            return self(host).intern(name);
        };
        abi_.drop_reason = [](const seyir_host* host, seyir_text word) {
            auto& known = self(host).reasons;
            known.emplace_back(word.data, word.size);
            return static_cast<uint32_t>(known.size() - 1);
        };
        abi_.metric = [](const seyir_host* host,
                         uint32_t kind,
                         seyir_text name,
                         seyir_text,
                         const seyir_label* labels,
                         uint32_t count) {
            std::string full(name.data, name.size);
            for (uint32_t i = 0; i < count; ++i) {
                full += "," + std::string(labels[i].name.data, labels[i].name.size) + "=" +
                        std::string(labels[i].value.data, labels[i].value.size);
            }
            seyir_metric& metric = self(host).metrics[full];
            metric.kind = kind;
            return &metric;
        };
        abi_.metric_add = [](seyir_metric* metric, double value) {
            if (metric != nullptr) {
                metric->value += value;
                ++metric->observations;
            }
        };
        abi_.metric_set = [](seyir_metric* metric, double value) {
            if (metric != nullptr) {
                metric->value = value;
            }
        };
        abi_.log = [](const seyir_host* host, uint32_t, seyir_text message) {
            self(host).logged.emplace_back(message.data, message.size);
        };
        abi_.wall_ns = [](const seyir_host* host) { return self(host).wall_ns; };
        abi_.steady_ns = [](const seyir_host* host) { return self(host).steady_ns; };
        abi_.extension = [](const seyir_host*, const char*) -> const void* { return nullptr; };
    }

    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    const seyir_host* abi() const { return &abi_; }

    uint32_t intern(seyir_text name) {
        const std::string text(name.data, name.size);
        const auto at = std::find(keys.begin(), keys.end(), text);
        if (at != keys.end()) {
            return static_cast<uint32_t>(at - keys.begin());
        }
        if (text.empty() || keys.size() >= 1024) {
            return SEYIR_NO_KEY;
        }
        keys.push_back(text);
        return static_cast<uint32_t>(keys.size() - 1);
    }

    std::vector<std::string> keys;
    std::vector<std::string> reasons;
    std::map<std::string, seyir_metric> metrics;
    std::vector<std::string> logged;
    int64_t wall_ns = INT64_C(1767225600000000000);
    int64_t steady_ns = INT64_C(1000000000);
    /// Rows held, by handle.
    std::map<seyir_held*, Record> held;
    uintptr_t next_handle = 16;
    /// Everything the plugin must not do, in words.
    std::vector<std::string> problems;
    /// api->alloc gives NULL after so many calls; -1: never.
    int64_t allocations_left = -1;
    bool checks_kept_bytes = true;

  private:
    static Host& self(const seyir_host* host) { return *static_cast<Host*>(host->context); }

    seyir_host abi_{};
};

/// A batch in the plugin's hands; rows go to an Outcome when the call is over.
class HostBatch {
  public:
    HostBatch(Host& host, const std::vector<Record>& records) : host_(host), given_(records) {
        abi_.size = sizeof abi_;
        abi_.api = api();
        abi_.context = this;
        for (const Record& record : records) {
            add(record);
        }
        state_.assign(records.size(), kLive);
        rows_in_ = static_cast<uint32_t>(records.size());
        key_index_.assign(host.keys.size(), SEYIR_NO_KEY);
        for (size_t i = 0; i < host.keys.size(); ++i) {
            find_key(static_cast<uint32_t>(i));
        }
        expose();
    }

    HostBatch(const HostBatch&) = delete;
    HostBatch& operator=(const HostBatch&) = delete;

    seyir_batch* abi() { return &abi_; }

    /// When the call went well: everything where the plugin said. Rows beyond the first
    /// records.size() are new ones.
    void finish(Outcome& out) {
        for (uint32_t row = 0; row < state_.size(); ++row) {
            if (state_[row] == kLive) {
                out.emitted.push_back(record_of(row));
            } else if (state_[row] == kDropped && row < rows_in_) {
                out.dropped.push_back({given_[row], words_[row].first});
            } else if ((state_[row] == kFailed || state_[row] == kTooLarge) && row < rows_in_) {
                out.failed.push_back({given_[row], words_[row].first, words_[row].second});
            }
        }
        out.explanation = explanation_;
        for (auto& [handles, body, reason] : orders_) {
            carry_out(handles, body, reason, out);
        }
    }

    /// When it did not: every row failed, as it came in.
    void fail_all(Outcome& out, const std::string& code) {
        for (const Record& record : given_) {
            out.failed.push_back({record, code, explanation_});
        }
        out.explanation = explanation_;
        for (const auto& [handle, row] : held_now_) {
            host_.held.erase(handle);
        }
    }

  private:
    enum State : uint8_t { kLive, kDropped, kFailed, kTooLarge, kHeld };

    struct Order {
        std::vector<seyir_held*> handles;
        std::unique_ptr<std::string> body;
        std::string reason;  ///< "" = emit
    };

    static HostBatch& self(seyir_batch* batch) { return *static_cast<HostBatch*>(batch->context); }

    int32_t refuse(const std::string& why) {
        host_.problems.push_back(why);
        return SEYIR_REFUSED;
    }

    /// The row alone fails, as the programs do it.
    int32_t refuse_large(uint32_t row, const std::string& why) {
        state_[row] = kTooLarge;
        words_[row] = {"too_large", why};
        return SEYIR_REFUSED;
    }

    bool may_touch(uint32_t row, const char* function) {
        if (row < state_.size() && (state_[row] == kLive || state_[row] == kTooLarge)) {
            return state_[row] == kLive;
        }
        refuse(
            std::string(function) + ": row " + std::to_string(row) +
            (row < state_.size() ? " was dropped, failed or held before" : " does not exist")
        );
        return false;
    }

    const char* keep(const char* data, uint64_t size) {
        memory_.emplace_back(data, size);
        own(memory_.back().data(), size);
        return memory_.back().data();
    }

    void own(const char* data, uint64_t size) {
        if (host_.checks_kept_bytes) {
            owned_[data] = std::max<uint64_t>(owned_[data], size);
        }
    }

    bool is_own(const char* data, uint64_t size) const {
        if (!host_.checks_kept_bytes || size == 0) {
            return true;
        }
        auto at = owned_.upper_bound(data);
        return at != owned_.begin() && (--at, data + size <= at->first + at->second);
    }

    uint32_t add_key(const std::string& name) {
        for (size_t i = 0; i < key_texts_.size(); ++i) {
            if (key_texts_[i] == name) {
                return static_cast<uint32_t>(i);
            }
        }
        key_texts_.push_back(name);
        key_names_.push_back({key_texts_.back().size(), key_texts_.back().data()});
        return static_cast<uint32_t>(key_texts_.size() - 1);
    }

    void find_key(uint32_t key) {
        for (size_t i = 0; i < key_texts_.size(); ++i) {
            if (key_texts_[i] == host_.keys[key]) {
                key_index_[key] = static_cast<uint32_t>(i);
            }
        }
    }

    seyir_value value_of(const Json& json) {
        switch (json.kind()) {
            case Json::Kind::kBool:
                return seyir_value_of_bool(json.boolean() ? 1 : 0);
            case Json::Kind::kInt:
                return seyir_value_of_int(json.integer());
            case Json::Kind::kDouble:
                return seyir_value_of_double(json.number());
            case Json::Kind::kString: {
                const std::string& text = json.string();
                return seyir_value_of_text({text.size(), keep(text.data(), text.size())});
            }
            case Json::Kind::kArray: {
                auto& items = items_.emplace_back();
                for (const Json& item : json.items()) {
                    items.push_back(value_of(item));
                }
                seyir_value value{};
                value.kind = SEYIR_ARRAY;
                value.size = static_cast<uint32_t>(items.size());
                value.as.items = items.data();
                return value;
            }
            case Json::Kind::kObject: {
                auto& members = members_.emplace_back();
                for (const auto& [name, member] : json.members()) {
                    members.push_back(
                        {{name.size(), keep(name.data(), name.size())}, value_of(member)}
                    );
                }
                seyir_value value{};
                value.kind = SEYIR_MAP;
                value.size = static_cast<uint32_t>(members.size());
                value.as.members = members.data();
                return value;
            }
            default:
                return {};
        }
    }

    static Json json_of(const seyir_value& value) {
        const seyir_text text = seyir_value_text(&value);
        switch (value.kind) {
            case SEYIR_BOOL:
                return Json(value.as.integer != 0);
            case SEYIR_INT:
                return Json(value.as.integer);
            case SEYIR_DOUBLE:
                return Json(value.as.real);
            case SEYIR_STRING:
            case SEYIR_BYTES:
            case SEYIR_NUMBER_TEXT:
                return Json(std::string(text.data, text.size));
            case SEYIR_ARRAY: {
                Json array = Json::array();
                for (uint32_t i = 0; i < value.size; ++i) {
                    array.add(json_of(value.as.items[i]));
                }
                return array;
            }
            case SEYIR_MAP: {
                Json object = Json::object();
                for (uint32_t i = 0; i < value.size; ++i) {
                    const seyir_member& member = value.as.members[i];
                    object.set({member.name.data, member.name.size}, json_of(member.value));
                }
                return object;
            }
            default:
                return {};
        }
    }

    void add(const Record& record) {
        ts_.push_back(record.ts);
        body_.push_back({record.body.size(), keep(record.body.data(), record.body.size())});
        severity_.push_back(static_cast<uint8_t>(record.severity));
        trace_.push_back(record.trace);
        seyir_range range{static_cast<uint32_t>(attrs_.size()), 0};
        for (const auto& [name, json] : record.attributes.members()) {
            seyir_attr attr{};
            attr.key = add_key(name);
            attr.is_parsed = std::count(record.parsed.begin(), record.parsed.end(), name) != 0;
            attr.value = value_of(json);
            attrs_.push_back(attr);
            ++range.count;
        }
        ranges_.push_back(range);
        auto& labels = labels_.emplace_back();
        for (const auto& [name, value] : record.labels) {
            labels.push_back(
                {{name.size(), keep(name.data(), name.size())},
                 {value.size(), keep(value.data(), value.size())}}
            );
        }
        stream_.push_back(static_cast<uint16_t>(streams_.size()));
        streams_.push_back({labels.data(), labels.size()});
    }

    Record record_of(uint32_t row) const {
        Record record;
        record.body.assign(body_[row].data, body_[row].size);
        record.ts = ts_[row];
        record.severity = severity_[row];
        record.trace = trace_[row];
        const seyir_stream& stream = streams_[stream_[row]];
        for (uint64_t i = 0; i < stream.count; ++i) {
            const seyir_label& label = stream.labels[i];
            record.labels.emplace_back(
                std::string(label.name.data, label.name.size),
                std::string(label.value.data, label.value.size)
            );
        }
        for (uint32_t i = 0; i < ranges_[row].count; ++i) {
            const seyir_attr& attr = attrs_[ranges_[row].begin + i];
            record.attributes.set(key_texts_[attr.key], json_of(attr.value));
            if (attr.is_parsed != 0) {
                record.parsed.push_back(key_texts_[attr.key]);
            }
        }
        return record;
    }

    void expose() {
        abi_.row_count = static_cast<uint32_t>(ts_.size());
        abi_.ts = ts_.data();
        abi_.body = body_.data();
        abi_.attr_ranges = ranges_.data();
        abi_.attrs = attrs_.data();
        abi_.attr_count = attrs_.size();
        abi_.key_names = key_names_.data();
        abi_.key_index = key_index_.data();
        abi_.key_count = static_cast<uint32_t>(key_names_.size());
        abi_.interned_count = static_cast<uint32_t>(key_index_.size());
        abi_.stream = stream_.data();
        abi_.streams = streams_.data();
        abi_.stream_count = streams_.size();
        abi_.severity = severity_.data();
        abi_.observed = nullptr;
        abi_.trace = trace_.data();
    }

    bool is_nonsense(const char* what) {
        nonsense_ = what;
        return false;
    }

    /// Copies a value, or checks that what it names is the batch's. False: too large, or nonsense_
    /// says what is wrong.
    bool take(const seyir_value& from, bool is_kept, int depth, seyir_value& to) {
        to = from;
        if (from.kind > SEYIR_MAP) {
            return is_nonsense("a kind that there is not");
        }
        if (from.kind >= SEYIR_STRING && from.size != 0 && from.as.text == nullptr) {
            return is_nonsense("a text or list without content");
        }
        if (depth > 64) {
            return false;
        }
        if (from.kind >= SEYIR_STRING && from.kind <= SEYIR_NUMBER_TEXT) {
            if (from.size > 1024 * 1024) {
                return false;
            }
            if (is_kept) {
                return is_own(from.as.text, from.size) || is_nonsense(kForeign);
            }
            to.as.text = from.size == 0 ? "" : keep(from.as.text, from.size);
            return true;
        }
        if (from.kind < SEYIR_ARRAY || from.size == 0) {
            return true;
        }
        if (from.size > 65536) {
            return false;
        }
        if (from.kind == SEYIR_ARRAY) {
            auto& items = items_.emplace_back(from.size);
            for (uint32_t i = 0; i < from.size; ++i) {
                if (!take(from.as.items[i], is_kept, depth + 1, items[i])) {
                    return false;
                }
            }
            to.as.items = items.data();
            return true;
        }
        auto& members = members_.emplace_back(from.size);
        for (uint32_t i = 0; i < from.size; ++i) {
            const seyir_text name = from.as.members[i].name;
            members[i].name = {name.size, is_kept ? name.data : keep(name.data, name.size)};
            if (!take(from.as.members[i].value, is_kept, depth + 1, members[i].value)) {
                return false;
            }
            if (!is_own(members[i].name.data, name.size)) {
                return is_nonsense(kForeign);
            }
        }
        to.as.members = members.data();
        return true;
    }

    /// The row's attributes, where nobody else sees them, with room for one more.
    seyir_range& own_range(uint32_t row) {
        seyir_range& range = ranges_[row];
        const auto begin = static_cast<uint32_t>(attrs_.size());
        attrs_.resize(attrs_.size() + range.count);
        std::copy_n(attrs_.begin() + range.begin, range.count, attrs_.begin() + begin);
        range.begin = begin;
        return range;
    }

    void carry_out(
        const std::vector<seyir_held*>& handles,
        const std::unique_ptr<std::string>& body,
        const std::string& reason,
        Outcome& out
    ) {
        for (size_t i = 0; i < handles.size(); ++i) {
            Record record = record_held(handles[i]);
            if (!reason.empty()) {
                out.dropped.push_back({std::move(record), reason});
            } else if (i == 0) {
                record.body = body == nullptr ? record.body : *body;
                out.emitted.push_back(std::move(record));
            }
        }
    }

    Record record_held(seyir_held* handle) {
        const auto at = host_.held.find(handle);
        Record record = at == host_.held.end() ? Record{} : at->second;
        if (at != host_.held.end()) {
            host_.held.erase(at);
        }
        return record;
    }

    int32_t order(seyir_held* const* held, uint32_t count, Order wanted) {
        for (uint32_t i = 0; i < count; ++i) {
            const bool is_again = std::count(claimed_.begin(), claimed_.end(), held[i]) != 0;
            if (host_.held.find(held[i]) == host_.held.end() || is_again) {
                return refuse("emit_held or drop_held: a handle that is not held, or named twice");
            }
            claimed_.push_back(held[i]);
        }
        if (count == 0) {
            return refuse("emit_held or drop_held: no handles");
        }
        wanted.handles.assign(held, held + count);
        orders_.push_back(std::move(wanted));
        return SEYIR_OK;
    }

    static constexpr const char* kForeign = "bytes given with SEYIR_KEEP that are not the batch's";

    struct Functions;
    static const seyir_batch_api* api();

    Host& host_;
    std::vector<Record> given_;
    seyir_batch abi_{};
    uint32_t rows_in_ = 0;
    std::vector<uint8_t> state_;
    std::map<uint32_t, std::pair<std::string, std::string>>
        words_;  ///< reason, or code and message
    std::vector<int64_t> ts_;
    std::vector<seyir_text> body_;
    std::vector<seyir_range> ranges_;
    std::vector<seyir_attr> attrs_;
    std::deque<std::string> key_texts_;
    std::vector<seyir_text> key_names_;
    std::vector<uint32_t> key_index_;
    std::vector<uint16_t> stream_;
    std::vector<seyir_stream> streams_;
    std::vector<uint8_t> severity_;
    std::vector<seyir_trace> trace_;
    std::deque<std::vector<seyir_label>> labels_;
    std::deque<std::string> memory_;
    std::deque<std::vector<seyir_value>> items_;
    std::deque<std::vector<seyir_member>> members_;
    std::map<const char*, uint64_t> owned_;
    std::vector<std::pair<seyir_held*, uint32_t>> held_now_;
    std::vector<seyir_held*> claimed_;
    std::vector<Order> orders_;
    std::string explanation_;
    std::string nonsense_;
};

/// The functions plugins call.
struct HostBatch::Functions {
    static void* alloc(seyir_batch* batch, uint64_t bytes) {
        HostBatch& b = self(batch);
        if (b.host_.allocations_left == 0 || bytes > 64U * 1024 * 1024) {
            return nullptr;
        }
        b.host_.allocations_left -= b.host_.allocations_left > 0 ? 1 : 0;
        std::string& made = b.memory_.emplace_back(bytes + 16, '\0');
        const auto address = reinterpret_cast<uintptr_t>(made.data());
        char* aligned = made.data() + (16 - address % 16) % 16;
        b.own(aligned, bytes);
        return aligned;
    }

    static uint32_t intern_key(seyir_batch* batch, seyir_text name) {
        HostBatch& b = self(batch);
        const uint32_t key = b.host_.intern(name);
        if (key != SEYIR_NO_KEY && key >= b.key_index_.size()) {
            b.key_index_.resize(key + 1, SEYIR_NO_KEY);
            b.find_key(key);
            b.expose();
        }
        return key;
    }

    static int32_t set(
        seyir_batch* batch, uint32_t row, uint32_t key, const seyir_value* value, uint32_t flags
    ) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "set")) {
            return SEYIR_REFUSED;
        }
        seyir_attr attr{};
        if (key >= b.key_index_.size() || value == nullptr) {
            return b.refuse("set: key " + std::to_string(key) + " was never given out");
        }
        b.nonsense_.clear();
        if (b.ranges_[row].count >= 512 ||
            !b.take(*value, (flags & SEYIR_KEEP) != 0, 0, attr.value)) {
            return b.nonsense_.empty() ? b.refuse_large(row, "set: too large, or too many")
                                       : b.refuse("set: " + b.nonsense_);
        }
        if (b.key_index_[key] == SEYIR_NO_KEY) {
            b.key_index_[key] = b.add_key(b.host_.keys[key]);
        }
        attr.key = b.key_index_[key];
        attr.is_parsed = (flags & SEYIR_PARSED) != 0 ? 1 : 0;
        seyir_range& range = b.own_range(row);
        seyir_attr* begin = b.attrs_.data() + range.begin;
        seyir_attr* end = begin + range.count;
        seyir_attr* old =
            std::find_if(begin, end, [&](const seyir_attr& a) { return a.key == attr.key; });
        if (old != end) {
            *old = attr;
        } else {
            b.attrs_.push_back(attr);
            ++range.count;
        }
        b.expose();
        return SEYIR_OK;
    }

    static int32_t remove(seyir_batch* batch, uint32_t row, uint32_t key) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "remove")) {
            return SEYIR_REFUSED;
        }
        if (key >= b.key_index_.size()) {
            return b.refuse("remove: key " + std::to_string(key) + " was never given out");
        }
        seyir_range& range = b.own_range(row);
        const auto begin = b.attrs_.begin() + range.begin;
        const auto end = std::remove_if(begin, b.attrs_.end(), [&](const seyir_attr& a) {
            return a.key == b.key_index_[key];
        });
        range.count = static_cast<uint32_t>(end - begin);
        b.expose();
        return SEYIR_OK;
    }

    static int32_t set_body(seyir_batch* batch, uint32_t row, seyir_text body, uint32_t flags) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "set_body")) {
            return SEYIR_REFUSED;
        }
        const bool is_kept = (flags & SEYIR_KEEP) != 0;
        if (body.data == nullptr && body.size != 0) {
            return b.refuse("set_body: no bytes");
        }
        if (body.size > 16U * 1024 * 1024) {
            return b.refuse_large(row, "set_body: too large");
        }
        if (is_kept && !b.is_own(body.data, body.size)) {
            return b.refuse(std::string("set_body: ") + kForeign);
        }
        b.body_[row] = {
            body.size, is_kept || body.size == 0 ? body.data : b.keep(body.data, body.size)
        };
        return SEYIR_OK;
    }

    static int32_t set_ts(seyir_batch* batch, uint32_t row, int64_t ts_ns) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "set_ts")) {
            return SEYIR_REFUSED;
        }
        b.ts_[row] = ts_ns;
        return SEYIR_OK;
    }

    static int32_t set_severity(seyir_batch* batch, uint32_t row, uint8_t severity) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "set_severity")) {
            return SEYIR_REFUSED;
        }
        if (severity > 24) {
            return b.refuse("set_severity: " + std::to_string(severity) + " is not one of 0 to 24");
        }
        b.severity_[row] = severity;
        return SEYIR_OK;
    }

    static int32_t set_trace(seyir_batch* batch, uint32_t row, const seyir_trace* trace) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "set_trace")) {
            return SEYIR_REFUSED;
        }
        b.trace_[row] = *trace;
        return SEYIR_OK;
    }

    static int32_t drop(seyir_batch* batch, uint32_t row, uint32_t reason) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "drop")) {
            return SEYIR_REFUSED;
        }
        if (reason >= b.host_.reasons.size()) {
            return b.refuse("drop: reason " + std::to_string(reason) + " was never given out");
        }
        b.state_[row] = kDropped;
        b.words_[row] = {b.host_.reasons[reason], ""};
        return SEYIR_OK;
    }

    static int32_t fail(
        seyir_batch* batch, uint32_t row, seyir_text code, seyir_text message, uint32_t
    ) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "fail")) {
            return SEYIR_REFUSED;
        }
        if (row >= b.rows_in_ || code.size == 0) {
            return b.refuse("fail: a new row, or no code");
        }
        b.state_[row] = kFailed;
        b.words_[row] = {{code.data, code.size}, {message.data, message.size}};
        return SEYIR_OK;
    }

    static uint32_t emit(seyir_batch* batch, uint32_t row) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "emit")) {
            return SEYIR_NO_ROW;
        }
        if (b.state_.size() >= size_t{b.rows_in_} * 17) {
            b.refuse_large(row, "emit: more than 16 new rows a row");
            return SEYIR_NO_ROW;
        }
        b.ts_.push_back(b.ts_[row]);
        b.body_.push_back(b.body_[row]);
        b.severity_.push_back(b.severity_[row]);
        b.trace_.push_back(b.trace_[row]);
        b.stream_.push_back(b.stream_[row]);
        b.ranges_.push_back(b.ranges_[row]);
        b.state_.push_back(kLive);
        b.own_range(static_cast<uint32_t>(b.ranges_.size() - 1));
        b.expose();
        return static_cast<uint32_t>(b.state_.size() - 1);
    }

    static seyir_held* hold(seyir_batch* batch, uint32_t row) {
        HostBatch& b = self(batch);
        if (!b.may_touch(row, "hold") || row >= b.rows_in_) {
            return nullptr;
        }
        auto* handle = reinterpret_cast<seyir_held*>(b.host_.next_handle);
        b.host_.next_handle += 16;
        b.host_.held[handle] = b.record_of(row);
        b.held_now_.emplace_back(handle, row);
        b.state_[row] = kHeld;
        return handle;
    }

    static int32_t emit_held(
        seyir_batch* batch, seyir_held* const* held, uint32_t count, const seyir_text* body
    ) {
        Order wanted;
        if (body != nullptr) {
            wanted.body = std::make_unique<std::string>(body->data, body->size);
        }
        return self(batch).order(held, count, std::move(wanted));
    }

    static int32_t drop_held(
        seyir_batch* batch, seyir_held* const* held, uint32_t count, uint32_t reason
    ) {
        HostBatch& b = self(batch);
        if (reason >= b.host_.reasons.size()) {
            return b.refuse("drop_held: reason " + std::to_string(reason) + " was never given out");
        }
        Order wanted;
        wanted.reason = b.host_.reasons[reason];
        return b.order(held, count, std::move(wanted));
    }

    static void explain(seyir_batch* batch, seyir_text message) {
        self(batch).explanation_.assign(message.data, message.size);
    }
};

inline const seyir_batch_api* HostBatch::api() {
    static const seyir_batch_api functions = {
        sizeof(seyir_batch_api),
        0,
        Functions::alloc,
        Functions::intern_key,
        Functions::set,
        Functions::remove,
        Functions::set_body,
        Functions::set_ts,
        Functions::set_severity,
        Functions::set_trace,
        Functions::drop,
        Functions::fail,
        Functions::emit,
        Functions::hold,
        Functions::emit_held,
        Functions::drop_held,
        Functions::explain,
    };
    return &functions;
}

}  // namespace seyir::test
