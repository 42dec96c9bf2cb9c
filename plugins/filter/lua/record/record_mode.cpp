// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/record_mode.hpp"

#include <algorithm>

#include <lua.hpp>

#include "plugins/filter/lua/record/record_fields.hpp"

namespace seyir::plugins::lua {
namespace {

constexpr const char* kKeys = "seyir.keys";
constexpr const char* kTags = "seyir.tags";
/// Places on the stack of run_rows().
constexpr int kFunction = 1;
constexpr int kKeyTable = 2;
constexpr int kTagTable = 3;
constexpr int kLineKey = 4;
constexpr int kFixed = 4;
/// Names a script may add to one batch.
constexpr size_t kNewKeysMax = 4'096;

struct NewField {
    Slice name;
    const char* interned;
    Value value;
};

/// One batch on its way through the callback. Lives outside of the protected call.
struct Run {
    Run(LuaWorker& w, BatchView view)
        : worker(w),
          options(w.options()),
          edit(std::move(view)),
          batch(edit.batch()),
          rows(batch.row_count()),
          keys_before(batch.keys().size()),
          outcomes(rows),
          pool(options.limits.instructions_max),
          per_row(std::max<uint64_t>(options.limits.instructions_max / 10, 1'000)) {}

    LuaWorker& worker;
    const LuaOptions& options;
    BatchEditor edit;
    RecordBatch& batch;
    size_t rows;
    size_t keys_before;
    Outcomes outcomes;
    uint64_t pool;
    uint64_t per_row;
    size_t row = 0;
    std::vector<const char*> key_text;  ///< interned by Lua, by KeyIndex
    const char* line_text = nullptr;
    std::vector<Attr> attrs;
    std::vector<uint8_t> found;
    std::vector<Value> values;
    std::vector<NewField> extra;
    std::string scratch;
};

std::string_view tag_of(const StreamLabels& labels) {
    for (const char* name : {"tag", "input", "service_name"}) {
        if (const auto value = labels.get(name); !value.empty()) {
            return value;
        }
    }
    return {};
}

void add_key_text(lua_State* L, Run& run, size_t key) {
    lua_pushvalue(L, -1);
    run.key_text.push_back(lua_tostring(L, -1));
    lua_rawseti(L, kKeyTable, static_cast<int>(key + 1));
}

/// Names and tags as Lua strings, once for each batch. (Interned: equal strings are one pointer.)
int begin_batch(lua_State* L, void* context) {
    Run& run = *static_cast<Run*>(context);
    lua_settop(L, 0);
    lua_pushnil(L);
    lua_createtable(L, static_cast<int>(run.batch.keys().size()), 0);
    for (size_t key = 0; key < run.batch.keys().size(); ++key) {
        const Slice name = run.batch.keys()[key];
        lua_pushlstring(L, name.data(), name.size());
        add_key_text(L, run, key);
        lua_pop(L, 1);
    }
    lua_setfield(L, LUA_REGISTRYINDEX, kKeys);
    lua_createtable(L, static_cast<int>(run.batch.streams().size()), 0);
    for (size_t i = 0; i < run.batch.streams().size(); ++i) {
        const std::string_view tag = tag_of(*run.batch.streams()[i]);
        lua_pushlstring(L, tag.data(), tag.size());
        lua_rawseti(L, -2, static_cast<int>(i + 1));
    }
    lua_setfield(L, LUA_REGISTRYINDEX, kTags);
    return 0;
}

void push_record(lua_State* L, const Run& run) {
    const auto attrs = run.batch.attrs(run.row);
    lua_createtable(L, 0, static_cast<int>(attrs.size()) + 1);
    for (const Attr& attr : attrs) {
        lua_rawgeti(L, kKeyTable, static_cast<int>(attr.key + 1));
        push_value(L, attr.value, run.options.rules.keep_nulls);
        lua_rawset(L, -3);
    }
    const Slice body = run.batch.body(run.row);
    lua_pushvalue(L, kLineKey);
    lua_pushlstring(L, body.data(), body.size());
    lua_rawset(L, -3);
}

/// For the form with five parameters: labels, and what is neither label nor field.
void push_group_and_metadata(lua_State* L, const Run& run) {
    push_labels(L, *run.batch.streams()[run.batch.stream(run.row)]);
    lua_createtable(L, 0, 5);
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, "labels");
    lua_pushinteger(L, run.batch.severity(run.row));
    lua_setfield(L, -2, "severity_number");
    const TraceIds trace = run.batch.trace(run.row);
    push_hex(L, trace.trace_id.data(), trace.trace_id.size());
    lua_setfield(L, -2, "trace_id");
    push_hex(L, trace.span_id.data(), trace.span_id.size());
    lua_setfield(L, -2, "span_id");
    const UnixNanos observed = run.batch.observed(run.row);
    push_time(L, observed.value == 0 ? run.batch.ts(run.row) : observed, true);
    lua_setfield(L, -2, "observed_timestamp");
}

void read_metadata(lua_State* L, int index, SeverityNumber& severity, TraceIds& trace) {
    if (lua_isnil(L, index)) {
        return;
    }
    luaL_checktype(L, index, LUA_TTABLE);
    lua_getfield(L, index, "severity_number");
    if (!lua_isnil(L, -1)) {
        severity = read_severity(L, lua_gettop(L));
    }
    lua_getfield(L, index, "trace_id");
    if (!lua_isnil(L, -1)) {
        read_hex(L, -1, trace.trace_id.data(), trace.trace_id.size(), "trace_id");
    }
    lua_getfield(L, index, "span_id");
    if (!lua_isnil(L, -1)) {
        read_hex(L, -1, trace.span_id.data(), trace.span_id.size(), "span_id");
    }
    lua_pop(L, 3);
}

KeyIndex key_of(lua_State* L, Run& run, const NewField& field) {
    const auto known = std::ranges::find(run.key_text, field.interned);
    if (field.interned != nullptr && known != run.key_text.end()) {
        return static_cast<KeyIndex>(known - run.key_text.begin());
    }
    if (run.batch.keys().size() >= run.keys_before + kNewKeysMax) {
        luaL_error(L, "more than %d new field names in one batch", static_cast<int>(kNewKeysMax));
    }
    const KeyIndex key = run.batch.add_key(field.name);
    if (key == run.key_text.size()) {
        lua_pushlstring(L, field.name.data(), field.name.size());
        add_key_text(L, run, key);
        lua_pop(L, 1);
    }
    return key;
}

struct ReadBack {
    Slice body;
    bool has_line = false;
    bool body_changed = false;
    bool attrs_changed = false;
};

/// Fields of the table at `index` that the row had, and new ones into run.extra.
void read_fields(lua_State* L, Run& run, int index, ValueReader& reader, ReadBack& back) {
    const auto attrs = run.batch.attrs(run.row);
    run.found.assign(attrs.size(), 0);
    run.values.resize(attrs.size());
    run.extra.clear();
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        const char* interned = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : nullptr;
        if (interned == run.line_text) {
            back.body = read_line(
                L, lua_gettop(L), run.batch.body(run.row), reader, run.batch.arena(), run.scratch
            );
            back.has_line = true;
            lua_pop(L, 1);
            continue;
        }
        size_t i = 0;
        while (i < attrs.size() && run.key_text[attrs[i].key] != interned) {
            ++i;
        }
        if (i < attrs.size()) {
            const Slice name = run.batch.keys()[attrs[i].key];
            run.values[i] = reader.read(-1, name, &attrs[i].value);
            run.found[i] = 1;
        } else {
            const std::string_view name = reader.key_text(-2);
            const Value value = reader.read(-1, name, nullptr);
            const bool is_known = interned != nullptr &&
                                  std::ranges::find(run.key_text, interned) != run.key_text.end();
            run.extra.push_back({is_known ? name : reader.keep(name), interned, value});
        }
        lua_pop(L, 1);
    }
}

/// The attributes the row has from now on, into run.attrs: old ones in their order, then new ones
/// by name.
void join_fields(lua_State* L, Run& run, ReadBack& back) {
    const auto attrs = run.batch.attrs(run.row);
    run.attrs.clear();
    for (size_t i = 0; i < attrs.size(); ++i) {
        const bool is_hidden_null =
            attrs[i].value.kind() == ValueKind::kNull && !run.options.rules.keep_nulls;
        const bool is_hidden_name = run.key_text[attrs[i].key] == run.line_text;
        if (run.found[i] == 0 && !is_hidden_null && !is_hidden_name) {
            back.attrs_changed = true;
            continue;
        }
        Attr attr = attrs[i];
        if (run.found[i] != 0 && !(run.values[i] == attr.value)) {
            attr.value = run.values[i];
            attr.is_parsed = false;
            back.attrs_changed = true;
        }
        if (back.body_changed && attr.is_parsed) {
            attr.is_parsed = false;  // the new line may not say it any more
            back.attrs_changed = true;
        }
        run.attrs.push_back(attr);
    }
    if (!run.extra.empty()) {
        back.attrs_changed = true;
        std::sort(run.extra.begin(), run.extra.end(), [](const NewField& a, const NewField& b) {
            return a.name < b.name;
        });
        for (const NewField& field : run.extra) {
            run.attrs.emplace_back(key_of(L, run, field), field.value);
        }
    }
}

/// A record without the line is kept whole as a line of JSON.
Slice line_of_fields(Run& run) {
    run.scratch.clear();
    run.scratch += '{';
    for (const Attr& attr : run.attrs) {
        if (run.scratch.size() > 1) {
            run.scratch += ',';
        }
        Value::string(run.batch.keys()[attr.key]).append_json(run.scratch);
        run.scratch += ':';
        attr.value.append_json(run.scratch);
    }
    run.scratch += '}';
    return run.batch.arena().copy(run.scratch);
}

void check_size(lua_State* L, const Run& run, Slice body) {
    size_t bytes = body.size();
    for (const Attr& attr : run.attrs) {
        bytes += run.batch.keys()[attr.key].size() + value_bytes(attr.value);
    }
    if (bytes > kRecordBytesMax) {
        luaL_error(L, "the record has %d bytes; at most 1 MiB", static_cast<int>(bytes));
    }
}

ReadBack read_record(lua_State* L, Run& run, int index, ValueReader& reader) {
    luaL_checktype(L, index, LUA_TTABLE);
    ReadBack back;
    back.body = run.batch.body(run.row);
    read_fields(L, run, index, reader, back);
    back.body_changed = !back.has_line || back.body.data() != run.batch.body(run.row).data() ||
                        back.body.size() != run.batch.body(run.row).size();
    join_fields(L, run, back);
    if (!back.has_line) {
        back.body = line_of_fields(run);
    }
    if (back.body_changed || back.attrs_changed) {
        check_size(L, run, back.body);
    }
    return back;
}

struct Reply {
    UnixNanos ts;
    SeverityNumber severity;
    TraceIds trace;
};

void set_row(Run& run, size_t row, const Reply& reply, const ReadBack& back) {
    if (back.body_changed) {
        run.edit.set_body(row, back.body);
    }
    if (back.attrs_changed) {
        run.edit.set_attrs(row, run.attrs);
    }
    if (reply.ts != run.batch.ts(row)) {
        run.edit.set_ts(row, reply.ts);
    }
    run.edit.set_severity(row, reply.severity);
    run.edit.set_trace(row, reply.trace);
}

/// The rows of a split that follow the first, made while the row itself is still as it came.
void split(
    lua_State* L, Run& run, int index, size_t count, const Reply& reply, ValueReader& reader
) {
    if (count > kSplitRowsMax) {
        luaL_error(L, "one record may become at most %d", static_cast<int>(kSplitRowsMax));
    }
    // All are read once before any is added: an error in the last leaves nothing behind.
    const size_t first = run.batch.row_count();
    for (size_t pass = 0; pass < 2; ++pass) {
        reader.begin_record();
        for (size_t i = pass == 0 ? 0 : 1; i < count; ++i) {
            lua_rawgeti(L, index, static_cast<int>(i + 1));
            const ReadBack back = read_record(L, run, lua_gettop(L), reader);
            if (pass == 1) {
                Row row = run.batch.row(run.row);
                row.body = back.body;
                row.ts = reply.ts;
                row.severity = reply.severity;
                row.trace = reply.trace;
                row.attrs = run.batch.add_attrs(run.attrs);
                run.edit.append_row(row);
            }
            lua_pop(L, 1);
        }
    }
    reader.begin_record();
    lua_rawgeti(L, index, 1);
    const ReadBack back = read_record(L, run, lua_gettop(L), reader);
    set_row(run, run.row, reply, back);
    if (count > 1) {
        run.outcomes.add_rows(run.row, first, count - 1);
    }
}

void take_reply(lua_State* L, Run& run, int code, int base, bool is_five) {
    Reply reply{run.batch.ts(run.row), run.batch.severity(run.row), run.batch.trace(run.row)};
    if (code == 1) {
        reply.ts = read_time(L, base + 1, reply.ts);
    }
    if (is_five) {
        read_metadata(L, base + 2, reply.severity, reply.trace);
    }
    const int record = base + (is_five ? 3 : 2);
    luaL_checktype(L, record, LUA_TTABLE);
    ValueReader reader(L, run.batch.arena(), run.options.rules);
    reader.begin_record();
    const size_t count = lua_objlen(L, record);
    if (count > 0) {
        split(L, run, record, count, reply, reader);
        return;
    }
    lua_pushnil(L);
    if (lua_next(L, record) == 0) {
        run.outcomes.drop(run.row, "lua_empty");  // split into none
        return;
    }
    lua_pop(L, 2);
    const ReadBack back = read_record(L, run, record, reader);
    set_row(run, run.row, reply, back);
}

void run_row(lua_State* L, Run& run, bool is_five) {
    const uint16_t stream = run.batch.stream(run.row);
    lua_pushvalue(L, kFunction);
    lua_rawgeti(L, kTagTable, stream + 1);
    push_time(L, run.batch.ts(run.row), run.options.time_as_table);
    if (is_five) {
        push_group_and_metadata(L, run);
    }
    push_record(L, run);
    const int base = kFixed + 1;
    lua_call(L, is_five ? 5 : 3, is_five ? 4 : 3);
    if (lua_type(L, base) != LUA_TNUMBER) {
        luaL_error(
            L,
            "%s returned a %s instead of a code",
            run.worker.function_name(),
            luaL_typename(L, base)
        );
    }
    const double code = lua_tonumber(L, base);
    if (code == 0) {
        return;
    }
    if (code == -1) {
        run.outcomes.drop(run.row, "lua_script");
        return;
    }
    if (code != 1 && code != 2) {
        luaL_error(
            L, "%s returned the code %f; there are -1, 0, 1, 2", run.worker.function_name(), code
        );
    }
    take_reply(L, run, static_cast<int>(code), base, is_five);
}

int run_rows(lua_State* L, void* context) {
    Run& run = *static_cast<Run*>(context);
    lua_getfield(L, LUA_REGISTRYINDEX, "seyir.function");
    lua_getfield(L, LUA_REGISTRYINDEX, kKeys);
    lua_getfield(L, LUA_REGISTRYINDEX, kTags);
    lua_pushlstring(L, run.options.line_key.data(), run.options.line_key.size());
    run.line_text = lua_tostring(L, kLineKey);
    const bool is_five = run.worker.parameters() >= 5;
    uint64_t& left = run.worker.state().steps_left();
    for (; run.row < run.rows; ++run.row) {
        const uint64_t given = std::min(run.per_row, run.pool);
        left = given;
        run_row(L, run, is_five);
        lua_settop(L, kFixed);
        run.pool -= given - left;
    }
    return 0;
}

}  // namespace

Result<void> RecordFilter::process(BatchView view, pipeline::FilterSink& sink) {
    Run run(*worker_, std::move(view));
    const LuaState* prepared = nullptr;
    Error error = fail(
        ErrorCode::kTooLarge, "the batch took more instructions than `max_instructions` allows"
    );
    while (run.row < run.rows && run.pool > 0) {
        LuaState& state = worker_->state();
        state.begin_budget(std::min(run.per_row, run.pool));
        if (prepared != &state) {
            run.key_text.clear();
            if (const auto begun = state.call(&begin_batch, &run); !begun) {
                error = begun.error();
                worker_->recover(state.last_problem());
                break;
            }
            prepared = &state;
        }
        const auto ran = state.call(&run_rows, &run);
        if (ran) {
            break;
        }
        if (state.last_problem() == LuaProblem::kInstructions) {
            run.pool -= std::min(run.pool, run.per_row);
        }
        run.outcomes.fail(run.row++, ran.error());
        worker_->recover(state.last_problem());
    }
    for (; run.row < run.rows; ++run.row) {
        run.outcomes.fail(run.row, error);
    }
    std::move(run.outcomes).finish(std::move(run.edit), sink);
    return {};
}

}  // namespace seyir::plugins::lua
