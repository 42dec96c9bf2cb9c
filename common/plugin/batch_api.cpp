// SPDX-License-Identifier: Apache-2.0
// The functions of seyir_batch_api: each checks its arguments, then changes the session.
#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "common/plugin/batch_session.hpp"
#include "common/plugin/layout.hpp"

namespace seyir::plugin {
namespace {

constexpr size_t kBodyBytesMax = 16ULL * 1024 * 1024;
constexpr size_t kAttrBytesMax = 1024ULL * 1024;
constexpr size_t kAttrsMax = 512;
constexpr uint32_t kChildrenMax = 65'536;
constexpr int kDepthMax = 64;
constexpr uint32_t kNewRowsPerRowMax = 16;
constexpr size_t kMessageBytesMax = 1024;
constexpr uint8_t kSeverityMax = 24;

Attr scalar_attr(KeyIndex key, bool is_parsed, const seyir_value& value) {
    const seyir_attr attr{
        key,
        static_cast<uint8_t>(is_parsed ? 1 : 0),
        {0, 0, 0},
        {value.as, 0, value.kind, {0, 0, 0}}
    };
    Attr same;
    std::memcpy(static_cast<void*>(&same), &attr, sizeof same);
    return same;
}

}  // namespace

int32_t BatchSession::refuse_value(uint32_t row, const seyir_value& value) {
    if (!misuse_.empty()) {
        return SEYIR_REFUSED;
    }
    return refuse_large(
        row, "set", fmt::format("a value of kind {} and size {}", value.kind, value.size)
    );
}

bool BatchSession::is_own(std::string_view bytes) const {
    const auto holds = [&](const char* begin, size_t size) {
        return bytes.data() >= begin && bytes.data() + bytes.size() <= begin + size;
    };
    for (const auto& [begin, size] : allocated_) {
        if (holds(begin, size)) {
            return true;
        }
    }
    const RecordBatch::Columns columns = batch().columns();
    return std::ranges::any_of(
               columns.body, [&](Slice body) { return holds(body.data(), body.size()); }
           ) ||
           std::ranges::any_of(columns.attrs, [&](const Attr& attr) {
               const bool is_text = attr.value.kind() >= ValueKind::kString &&
                                    attr.value.kind() <= ValueKind::kNumberText;
               return !is_text || holds(attr.value.as_text().data(), attr.value.as_text().size());
           });
}

std::optional<Slice> BatchSession::take_text(std::string_view text, bool keep, size_t bytes_max) {
    if (text.size() > bytes_max) {
        return std::nullopt;
    }
    if (text.empty()) {
        return Slice("", 0);
    }
    if (!keep) {
        return editor_->batch().arena().copy(text);
    }
    if (tables_.checks_kept_bytes && !is_own(text)) {
        refuse("SEYIR_KEEP", "bytes that are not the batch's");
        return std::nullopt;
    }
    return text;
}

std::optional<Value> BatchSession::take_children(
    const seyir_value& from, bool keep, int depth, uint32_t& budget
) {
    const bool is_array = from.kind == SEYIR_ARRAY;
    if (from.size != 0 && (is_array ? from.as.items == nullptr : from.as.members == nullptr)) {
        refuse("set", "a list without items");
        return std::nullopt;
    }
    if (from.size > budget || depth >= kDepthMax) {
        return std::nullopt;
    }
    budget -= from.size;
    Arena& arena = editor_->batch().arena();
    auto* items = is_array ? arena.allocate_array<Value>(from.size) : nullptr;
    auto* members = is_array ? nullptr : arena.allocate_array<ValueMember>(from.size);
    for (uint32_t i = 0; i < from.size; ++i) {
        const seyir_value& child = is_array ? from.as.items[i] : from.as.members[i].value;
        const auto value = take_value(child, keep, depth + 1, budget);
        if (!value) {
            return std::nullopt;
        }
        if (is_array) {
            items[i] = *value;
            continue;
        }
        const auto name = take_text(to_view(from.as.members[i].name), keep, kAttrBytesMax);
        if (!name) {
            return std::nullopt;
        }
        members[i] = {*name, *value};
    }
    return is_array ? Value::array({items, from.size}) : Value::map({members, from.size});
}

std::optional<Value> BatchSession::take_value(
    const seyir_value& from, bool keep, int depth, uint32_t& budget
) {
    switch (from.kind) {
        case SEYIR_NULL:
            return Value::null();
        case SEYIR_BOOL:
            return Value::boolean(from.as.integer != 0);
        case SEYIR_INT:
            return Value::integer(from.as.integer);
        case SEYIR_DOUBLE:
            return Value::real(from.as.real);
        case SEYIR_STRING:
        case SEYIR_BYTES:
        case SEYIR_NUMBER_TEXT: {
            if (from.size != 0 && from.as.text == nullptr) {
                refuse("set", "a text without bytes");
                return std::nullopt;
            }
            const auto text = take_text({from.as.text, from.size}, keep, kAttrBytesMax);
            if (!text) {
                return std::nullopt;
            }
            return from.kind == SEYIR_STRING  ? Value::string(*text)
                   : from.kind == SEYIR_BYTES ? Value::bytes(*text)
                                              : Value::number_text(*text);
        }
        case SEYIR_ARRAY:
        case SEYIR_MAP:
            return take_children(from, keep, depth, budget);
        default:
            refuse("set", fmt::format("there is no kind {}", from.kind));
            return std::nullopt;
    }
}

/// The functions plugins call; each finds its session in the batch.
struct BatchApi {
    static BatchSession& self(seyir_batch* batch) {
        return *static_cast<BatchSession*>(batch->context);
    }

    static void* alloc(seyir_batch* batch, uint64_t bytes) {
        BatchSession& s = self(batch);
        const uint64_t bytes_max = s.tables_.allocated_bytes_max;
        if (bytes > bytes_max || s.allocated_bytes_ + bytes > bytes_max) {
            return nullptr;
        }
        s.allocated_bytes_ += bytes;
        char* memory = s.change().batch().arena().allocate(bytes, 8);
        if (s.tables_.checks_kept_bytes) {
            s.allocated_.emplace_back(memory, bytes);
        }
        return memory;
    }

    static uint32_t intern_key(seyir_batch* batch, seyir_text name) {
        BatchSession& s = self(batch);
        const std::string_view text = to_view(name);
        const uint32_t key = s.tables_.host.intern_key(text);
        if (key == SEYIR_NO_KEY || key < s.key_names_.size()) {
            return key;
        }
        // Other workers may have added some before it.
        s.key_names_ = s.tables_.host.keys();
        for (size_t i = s.key_index_.size(); i < s.key_names_.size(); ++i) {
            s.key_index_.push_back(s.batch().find_key(s.key_names_[i]).value_or(SEYIR_NO_KEY));
        }
        s.expose_keys();
        return key;
    }

    static int32_t set(
        seyir_batch* batch, uint32_t row, uint32_t key, const seyir_value* value, uint32_t flags
    ) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "set")) {
            return SEYIR_REFUSED;
        }
        if (key >= s.key_names_.size() || value == nullptr) {
            return s.refuse("set", fmt::format("key {} of {}", key, s.key_names_.size()));
        }
        BatchEditor& edit = s.change();
        if (edit.batch().attr_range(row).count >= kAttrsMax) {
            return s.refuse_large(row, "set", fmt::format("more than {} attributes", kAttrsMax));
        }
        const bool is_parsed = (flags & SEYIR_PARSED) != 0;
        if (value->kind == SEYIR_INT || value->kind == SEYIR_DOUBLE) {
            // The common case without a detour: the bytes are the same (layout.hpp).
            edit.set_attr(row, scalar_attr(s.key_in_batch(key), is_parsed, *value));
        } else {
            uint32_t budget = kChildrenMax;
            const auto taken = s.take_value(*value, (flags & SEYIR_KEEP) != 0, 0, budget);
            if (!taken) {
                return s.refuse_value(row, *value);
            }
            edit.set_attr(row, Attr(s.key_in_batch(key), *taken, is_parsed));
        }
        s.show_attrs();
        return SEYIR_OK;
    }

    static int32_t remove(seyir_batch* batch, uint32_t row, uint32_t key) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "remove")) {
            return SEYIR_REFUSED;
        }
        if (key >= s.key_index_.size()) {
            return s.refuse("remove", fmt::format("key {} of {}", key, s.key_names_.size()));
        }
        const uint32_t index = s.key_index_[key];
        const bool may_have =
            index != SEYIR_NO_KEY &&
            (s.editor_ || s.batch().find_attr(s.outer_row(row), index) != nullptr);
        if (may_have && s.change().remove_attr(row, index)) {
            s.show_attrs();
        }
        return SEYIR_OK;
    }

    static int32_t set_body(seyir_batch* batch, uint32_t row, seyir_text body, uint32_t flags) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "set_body")) {
            return SEYIR_REFUSED;
        }
        if (body.data == nullptr && body.size != 0) {
            return s.refuse("set_body", "no bytes");
        }
        BatchEditor& edit = s.change();
        if ((flags & SEYIR_KEEP) != 0 && !s.tables_.checks_kept_bytes &&
            body.size <= kBodyBytesMax) {
            edit.set_body(row, to_view(body));
            return SEYIR_OK;
        }
        const auto text = s.take_text(to_view(body), (flags & SEYIR_KEEP) != 0, kBodyBytesMax);
        if (!text) {
            return s.misuse_.empty()
                       ? s.refuse_large(row, "set_body", fmt::format("{} bytes", body.size))
                       : SEYIR_REFUSED;
        }
        edit.set_body(row, *text);
        return SEYIR_OK;
    }

    static int32_t set_ts(seyir_batch* batch, uint32_t row, int64_t ts_ns) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "set_ts")) {
            return SEYIR_REFUSED;
        }
        s.change().set_ts(row, {ts_ns});
        return SEYIR_OK;
    }

    static int32_t set_severity(seyir_batch* batch, uint32_t row, uint8_t severity) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "set_severity")) {
            return SEYIR_REFUSED;
        }
        if (severity > kSeverityMax) {
            return s.refuse(
                "set_severity", fmt::format("severity {} is not one of 0 to 24", severity)
            );
        }
        BatchEditor& edit = s.change();
        edit.set_severity(row, severity);
        s.abi_.severity = edit.batch().columns().severity.data();
        return SEYIR_OK;
    }

    static int32_t set_trace(seyir_batch* batch, uint32_t row, const seyir_trace* trace) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "set_trace")) {
            return SEYIR_REFUSED;
        }
        if (trace == nullptr) {
            return s.refuse("set_trace", "no trace");
        }
        TraceIds ids;
        std::ranges::copy(trace->trace_id, ids.trace_id.begin());
        std::ranges::copy(trace->span_id, ids.span_id.begin());
        BatchEditor& edit = s.change();
        edit.set_trace(row, ids);
        s.abi_.trace = reinterpret_cast<const seyir_trace*>(edit.batch().columns().trace.data());
        return SEYIR_OK;
    }

    static int32_t drop(seyir_batch* batch, uint32_t row, uint32_t reason) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "drop")) {
            return SEYIR_REFUSED;
        }
        if (!s.tables_.host.has_drop_reason(reason)) {
            return s.refuse("drop", fmt::format("reason {} was never given out", reason));
        }
        if (row < s.rows_in_) {
            s.drops_.resize(std::max<size_t>(s.drops_.size(), reason + 1));
            ++s.drops_[reason];
        }
        s.state_[row] = BatchSession::kDropped;
        ++s.not_live_;
        return SEYIR_OK;
    }

    static int32_t fail(
        seyir_batch* batch, uint32_t row, seyir_text code, seyir_text message, uint32_t key
    ) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "fail")) {
            return SEYIR_REFUSED;
        }
        if (row >= s.rows_in_) {
            return s.refuse("fail", "a new row cannot fail: fail the row it was made of");
        }
        if (!is_word(to_view(code))) {
            return s.refuse("fail", "the code is not a snake_case word");
        }
        const std::string_view said = to_view(message).substr(0, kMessageBytesMax);
        std::pair<std::string, std::string> why(to_view(code), said);
        if (key < s.key_names_.size()) {
            why.second = fmt::format("{}: {}", s.key_names_[key], said);
        }
        s.fail_row(row, BatchSession::kFailed, std::move(why.first), std::move(why.second));
        return SEYIR_OK;
    }

    static uint32_t emit(seyir_batch* batch, uint32_t row) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "emit")) {
            return SEYIR_NO_ROW;
        }
        if (s.state_.size() - s.rows_in_ >= size_t{s.rows_in_} * kNewRowsPerRowMax) {
            s.refuse_large(
                row, "emit", fmt::format("more than {} new rows a row", kNewRowsPerRowMax)
            );
            return SEYIR_NO_ROW;
        }
        BatchEditor& edit = s.change();
        Row copy = edit.batch().row(row);
        const auto shown = edit.batch().attrs(row);
        copy.attrs = edit.batch().add_attrs(std::vector<Attr>(shown.begin(), shown.end()));
        edit.append_row(copy);
        s.made_of_.push_back(row);
        s.state_.push_back(BatchSession::kLive);
        s.expose();
        return static_cast<uint32_t>(s.state_.size() - 1);
    }

    static seyir_held* hold(seyir_batch* batch, uint32_t row) {
        BatchSession& s = self(batch);
        if (!s.may_touch(row, "hold")) {
            return nullptr;
        }
        if (!s.tables_.may_hold || row >= s.rows_in_) {
            s.refuse("hold", "the filter does not declare SEYIR_HOLDS_ROWS, or the row is new");
            return nullptr;
        }
        seyir_held* handle = s.tables_.held.add();
        if (handle != nullptr) {
            s.held_rows_.emplace_back(handle, row);
            s.state_[row] = BatchSession::kHeld;
            ++s.not_live_;
        }
        return handle;
    }

    static int32_t order(
        seyir_batch* batch,
        const char* function,
        seyir_held* const* held,
        uint32_t count,
        HeldOrder wanted
    ) {
        BatchSession& s = self(batch);
        if (held == nullptr || !s.tables_.held.claim(held, count)) {
            return s.refuse(function, "a handle that is not held, or named twice");
        }
        wanted.handles.assign(held, held + count);
        s.orders_.push_back(std::move(wanted));
        return SEYIR_OK;
    }

    static int32_t emit_held(
        seyir_batch* batch, seyir_held* const* held, uint32_t count, const seyir_text* body
    ) {
        HeldOrder wanted;
        if (body != nullptr) {
            if (body->size > kBodyBytesMax || (body->data == nullptr && body->size != 0)) {
                return self(batch).refuse("emit_held", fmt::format("{} bytes", body->size));
            }
            wanted.body.emplace(to_view(*body));
        }
        return order(batch, "emit_held", held, count, std::move(wanted));
    }

    static int32_t drop_held(
        seyir_batch* batch, seyir_held* const* held, uint32_t count, uint32_t reason
    ) {
        HeldOrder wanted{.drop_reason = self(batch).tables_.host.drop_reason(reason)};
        if (wanted.drop_reason.empty()) {
            return self(batch).refuse(
                "drop_held", fmt::format("reason {} was never given out", reason)
            );
        }
        return order(batch, "drop_held", held, count, std::move(wanted));
    }

    static void explain(seyir_batch* batch, seyir_text message) {
        self(batch).explanation_ = to_view(message).substr(0, kMessageBytesMax);
    }
};

const seyir_batch_api kBatchApi = {
    .size = sizeof(seyir_batch_api),
    .reserved = 0,
    .alloc = BatchApi::alloc,
    .intern_key = BatchApi::intern_key,
    .set = BatchApi::set,
    .remove = BatchApi::remove,
    .set_body = BatchApi::set_body,
    .set_ts = BatchApi::set_ts,
    .set_severity = BatchApi::set_severity,
    .set_trace = BatchApi::set_trace,
    .drop = BatchApi::drop,
    .fail = BatchApi::fail,
    .emit = BatchApi::emit,
    .hold = BatchApi::hold,
    .emit_held = BatchApi::emit_held,
    .drop_held = BatchApi::drop_held,
    .explain = BatchApi::explain,
};

}  // namespace seyir::plugin
