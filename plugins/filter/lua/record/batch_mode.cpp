// SPDX-License-Identifier: Apache-2.0
#include "plugins/filter/lua/record/batch_mode.hpp"

#include <algorithm>
#include <array>

#include <lua.hpp>

#include "plugins/filter/lua/record/batch_edits.hpp"
#include "plugins/filter/lua/record/record_fields.hpp"

namespace seyir::plugins::lua {
namespace {

constexpr const char* kRowMeta = "seyir.row";
constexpr const char* kBatchMeta = "seyir.batch";
constexpr const char* kAnchors = "seyir.anchors";
constexpr const char* kRun = "seyir.run";
constexpr size_t kNewKeysMax = 4'096;
constexpr size_t kNamesMax = 192;

/// What `row.name` means.
enum class Name : uint8_t {
    kField,
    kLine,
    kSeverity,
    kTime,
    kTimeNs,
    kLabels,
    kTraceId,
    kSpanId,
    kDrop,
    kEmit,
    kFields,
    kGet,
    kSet,
};

constexpr std::pair<std::string_view, Name> kNames[] = {
    {"line", Name::kLine},
    {"severity", Name::kSeverity},
    {"time", Name::kTime},
    {"time_ns", Name::kTimeNs},
    {"labels", Name::kLabels},
    {"trace_id", Name::kTraceId},
    {"span_id", Name::kSpanId},
    {"drop", Name::kDrop},
    {"emit", Name::kEmit},
    {"fields", Name::kFields},
    {"get", Name::kGet},
    {"set", Name::kSet},
};

/// A name resolved before, found by the address of Lua's interned string.
struct KnownName {
    const char* interned = nullptr;
    Name name = Name::kField;
    uint32_t generation = 0;  ///< of the batch `key` belongs to
    bool has_key = false;
    KeyIndex key = 0;
};

struct NameTable;

/// One batch in process(). Found through the registry; dead once process() returned.
struct Run {
    Run(LuaWorker& w, BatchView view, uint32_t g)
        : worker(w),
          edits(std::move(view)),
          generation(g),
          keys_before(edits.batch().keys().size()) {}

    LuaWorker& worker;
    BatchEdits edits;
    uint32_t generation;
    NameTable* table = nullptr;
    size_t keys_before;
    std::vector<Attr> attrs;
    std::string scratch;
    size_t emit_bytes = 0;
};

/// Per state: outlives batches.
struct NameTable {
    Run* run = nullptr;
    std::array<KnownName, 256> slots;
    size_t used = 0;
};

struct RowRef {
    uint32_t generation;
    uint32_t row;
};

NameTable& table_of(lua_State* L) {
    return *static_cast<NameTable*>(lua_touserdata(L, lua_upvalueindex(1)));
}

Run& run_of(lua_State* L, const NameTable& table, const RowRef& ref) {
    if (table.run == nullptr || table.run->generation != ref.generation) {
        luaL_error(L, "a row was used after process() returned for its batch");
    }
    return *table.run;
}

KnownName resolve(lua_State* L, NameTable& table, int index) {
    size_t size = 0;
    const char* text = lua_tolstring(L, index, &size);
    auto slot = (reinterpret_cast<uintptr_t>(text) >> 4U) * 0x9e3779b97f4a7c15ULL >> 56U;
    while (table.slots[slot].interned != nullptr && table.slots[slot].interned != text) {
        slot = (slot + 1) % table.slots.size();
    }
    KnownName& known = table.slots[slot];
    if (known.interned == text) {
        return known;
    }
    KnownName made{text, Name::kField, 0, false, 0};
    for (const auto& [name, meaning] : kNames) {
        made.name = name == std::string_view(text, size) ? meaning : made.name;
    }
    if (table.used < kNamesMax) {
        ++table.used;
        lua_getfield(L, LUA_REGISTRYINDEX, kAnchors);  // so that its address stays its own
        lua_pushvalue(L, index);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
        lua_pop(L, 1);
        known = made;
    }
    return made;
}

/// The key of the name at `index`; nothing when no row of the batch has such a field.
std::optional<KeyIndex> key_of(lua_State* L, NameTable& table, Run& run, int index, bool make) {
    size_t size = 0;
    const char* text = luaL_checklstring(L, index, &size);
    auto slot = (reinterpret_cast<uintptr_t>(text) >> 4U) * 0x9e3779b97f4a7c15ULL >> 56U;
    while (table.slots[slot].interned != nullptr && table.slots[slot].interned != text) {
        slot = (slot + 1) % table.slots.size();
    }
    KnownName* known = table.slots[slot].interned == text ? &table.slots[slot] : nullptr;
    if (known != nullptr && known->generation == run.generation && (known->has_key || !make)) {
        return known->has_key ? std::optional(known->key) : std::nullopt;
    }
    RecordBatch& batch = run.edits.batch();
    std::optional<KeyIndex> key = batch.find_key({text, size});
    if (!key && make) {
        if (batch.keys().size() >= run.keys_before + kNewKeysMax) {
            luaL_error(
                L, "more than %d new field names in one batch", static_cast<int>(kNewKeysMax)
            );
        }
        key = batch.add_key({text, size});
    }
    if (known != nullptr) {
        known->generation = run.generation;
        known->has_key = key.has_value();
        known->key = key.value_or(0);
    }
    return key;
}

RowRef& check_row(lua_State* L, int index) {
    return *static_cast<RowRef*>(luaL_checkudata(L, index, kRowMeta));
}

bool keeps_nulls(const Run& run) {
    return run.worker.options().rules.keep_nulls;
}

void push_field(lua_State* L, NameTable& table, Run& run, size_t row, int name) {
    const auto key = key_of(L, table, run, name, false);
    const Value* value = key ? run.edits.field(row, *key) : nullptr;
    if (value == nullptr) {
        lua_pushnil(L);
    } else {
        push_value(L, *value, keeps_nulls(run));
    }
}

void set_field(lua_State* L, NameTable& table, Run& run, size_t row, int name, int value) {
    if (lua_isnil(L, value)) {
        if (const auto key = key_of(L, table, run, name, false)) {
            run.edits.set_field(row, *key, std::nullopt);
        }
        return;
    }
    const KeyIndex key = *key_of(L, table, run, name, true);
    ValueReader reader(L, run.edits.batch().arena(), run.worker.options().rules);
    reader.begin_record();
    const Slice text = run.edits.batch().keys()[key];
    const Value made = reader.read(value, text, run.edits.field(row, key));
    run.edits.set_field(row, key, made);
}

int drop_row(lua_State* L) {
    const RowRef& ref = check_row(L, 1);
    Run& run = run_of(L, table_of(L), ref);
    size_t size = 0;
    const char* reason = luaL_optlstring(L, 2, "lua_script", &size);
    run.edits.drop(ref.row, run.worker.reasons().admit({reason, size}));
    return 0;
}

int fields_of_row(lua_State* L) {
    const RowRef& ref = check_row(L, 1);
    Run& run = run_of(L, table_of(L), ref);
    run.edits.fields(ref.row, run.attrs);
    lua_createtable(L, 0, static_cast<int>(run.attrs.size()));
    for (const Attr& attr : run.attrs) {
        const Slice name = run.edits.batch().keys()[attr.key];
        lua_pushlstring(L, name.data(), name.size());
        push_value(L, attr.value, keeps_nulls(run));
        lua_rawset(L, -3);
    }
    return 1;
}

int get_field(lua_State* L) {
    const RowRef& ref = check_row(L, 1);
    push_field(L, table_of(L), run_of(L, table_of(L), ref), ref.row, 2);
    return 1;
}

int set_field_by_name(lua_State* L) {
    const RowRef& ref = check_row(L, 1);
    luaL_checkany(L, 3);
    set_field(L, table_of(L), run_of(L, table_of(L), ref), ref.row, 2, 3);
    return 0;
}

/// row:emit{line = ..., severity = ..., time = ..., any = field}
int emit_row(lua_State* L) {
    const RowRef ref = check_row(L, 1);
    NameTable& table = table_of(L);
    Run& run = run_of(L, table, ref);
    luaL_checktype(L, 2, LUA_TTABLE);
    if (run.edits.emitted() >= run.edits.rows() * 10 + kSplitRowsMax) {
        return luaL_error(L, "row:emit() made too many rows from one batch");
    }
    RecordBatch& batch = run.edits.batch();
    ValueReader reader(L, batch.arena(), run.worker.options().rules);
    reader.begin_record();
    Row made = batch.row(ref.row);
    made.body = run.edits.body(ref.row);
    made.ts = run.edits.ts(ref.row);
    made.severity = run.edits.severity(ref.row);
    run.attrs.clear();
    size_t bytes = 0;
    lua_pushnil(L);
    while (lua_next(L, 2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            return luaL_error(L, "row:emit() takes a table with names as keys");
        }
        const int value = lua_gettop(L);
        switch (resolve(L, table, value - 1).name) {
            case Name::kLine:
                made.body = read_line(L, value, made.body, reader, batch.arena(), run.scratch);
                break;
            case Name::kSeverity:
                made.severity = read_severity(L, value);
                break;
            case Name::kTime:
                made.ts = read_time(L, value, made.ts);
                break;
            case Name::kTimeNs:
                made.ts = {check_integer(L, value, "time_ns")};
                break;
            default: {
                const KeyIndex key = *key_of(L, table, run, value - 1, true);
                const Value field = reader.read(value, batch.keys()[key], nullptr);
                bytes += value_bytes(field);
                run.attrs.emplace_back(key, field);
            }
        }
        lua_settop(L, value - 1);
    }
    bytes += made.body.size();
    run.emit_bytes += bytes;
    if (bytes > kRecordBytesMax || run.emit_bytes > 64 * kRecordBytesMax) {
        return luaL_error(L, "row:emit(): a record may have 1 MiB, those of one batch 64 MiB");
    }
    std::sort(run.attrs.begin(), run.attrs.end(), [&](const Attr& a, const Attr& b) {
        return batch.keys()[a.key] < batch.keys()[b.key];
    });
    made.attrs = batch.add_attrs(run.attrs);
    run.edits.emit(ref.row, made);
    return 0;
}

void push_method(lua_State* L, lua_CFunction method) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, method, 1);
}

int index_row(lua_State* L) {
    const auto& ref = *static_cast<const RowRef*>(lua_touserdata(L, 1));
    NameTable& table = table_of(L);
    Run& run = run_of(L, table, ref);
    if (lua_type(L, 2) != LUA_TSTRING) {
        return luaL_error(L, "a row has names, not numbers");
    }
    const TraceIds trace = run.edits.batch().trace(ref.row);
    switch (resolve(L, table, 2).name) {
        case Name::kField:
            push_field(L, table, run, ref.row, 2);
            break;
        case Name::kLine: {
            const Slice body = run.edits.body(ref.row);
            lua_pushlstring(L, body.data(), body.size());
            break;
        }
        case Name::kSeverity:
            lua_pushinteger(L, run.edits.severity(ref.row));
            break;
        case Name::kTime:
            push_time(L, run.edits.ts(ref.row), run.worker.options().time_as_table);
            break;
        case Name::kTimeNs:
            push_integer(L, run.edits.ts(ref.row).value);
            break;
        case Name::kLabels:
            push_labels(L, *run.edits.batch().streams()[run.edits.batch().stream(ref.row)]);
            break;
        case Name::kTraceId:
            push_hex(L, trace.trace_id.data(), trace.trace_id.size());
            break;
        case Name::kSpanId:
            push_hex(L, trace.span_id.data(), trace.span_id.size());
            break;
        case Name::kDrop:
            push_method(L, drop_row);
            break;
        case Name::kEmit:
            push_method(L, emit_row);
            break;
        case Name::kFields:
            push_method(L, fields_of_row);
            break;
        case Name::kGet:
            push_method(L, get_field);
            break;
        case Name::kSet:
            push_method(L, set_field_by_name);
            break;
    }
    return 1;
}

int set_in_row(lua_State* L) {
    const auto& ref = *static_cast<const RowRef*>(lua_touserdata(L, 1));
    NameTable& table = table_of(L);
    Run& run = run_of(L, table, ref);
    if (lua_type(L, 2) != LUA_TSTRING) {
        return luaL_error(L, "a row has names, not numbers");
    }
    switch (resolve(L, table, 2).name) {
        case Name::kField:
            set_field(L, table, run, ref.row, 2, 3);
            return 0;
        case Name::kLine: {
            ValueReader reader(L, run.edits.batch().arena(), run.worker.options().rules);
            reader.begin_record();
            const Slice old = run.edits.body(ref.row);
            const Slice line = read_line(L, 3, old, reader, run.edits.batch().arena(), run.scratch);
            if (line.size() > kRecordBytesMax) {
                return luaL_error(L, "a line may have at most 1 MiB");
            }
            if (line.data() != old.data() || line.size() != old.size()) {
                run.edits.change(ref.row).body = line;
            }
            return 0;
        }
        case Name::kSeverity:
            run.edits.change(ref.row).severity = read_severity(L, 3);
            return 0;
        case Name::kTime:
            run.edits.change(ref.row).ts = read_time(L, 3, run.edits.ts(ref.row));
            return 0;
        case Name::kTimeNs:
            run.edits.change(ref.row).ts = UnixNanos{check_integer(L, 3, "time_ns")};
            return 0;
        default:
            return luaL_error(
                L,
                "row.%s cannot be set (a field of that name: row:set(name, value))",
                lua_tostring(L, 2)
            );
    }
}

int row_to_text(lua_State* L) {
    const auto& ref = *static_cast<const RowRef*>(lua_touserdata(L, 1));
    lua_pushfstring(L, "row %d", static_cast<int>(ref.row + 1));
    return 1;
}

/// Upvalues: the name table, the batch's generation, rows, the next row, the rows' metatable.
int next_row(lua_State* L) {
    const auto row = static_cast<uint32_t>(lua_tointeger(L, lua_upvalueindex(4)));
    if (row >= static_cast<uint32_t>(lua_tointeger(L, lua_upvalueindex(3)))) {
        return 0;
    }
    lua_pushinteger(L, row + 1);
    lua_replace(L, lua_upvalueindex(4));
    auto* ref = static_cast<RowRef*>(lua_newuserdata(L, sizeof(RowRef)));
    *ref = {static_cast<uint32_t>(lua_tointeger(L, lua_upvalueindex(2))), row};
    lua_pushvalue(L, lua_upvalueindex(5));
    lua_setmetatable(L, -2);
    return 1;
}

Run& run_of_batch(lua_State* L) {
    const auto& ref = *static_cast<const RowRef*>(luaL_checkudata(L, 1, kBatchMeta));
    return run_of(L, table_of(L), ref);
}

int rows_of_batch(lua_State* L) {
    const Run& run = run_of_batch(L);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushinteger(L, run.generation);
    lua_pushinteger(L, static_cast<lua_Integer>(run.edits.rows()));
    lua_pushinteger(L, 0);
    luaL_getmetatable(L, kRowMeta);
    lua_pushcclosure(L, next_row, 5);
    return 1;
}

int count_rows(lua_State* L) {
    lua_pushinteger(L, static_cast<lua_Integer>(run_of_batch(L).edits.rows()));
    return 1;
}

void set_closure(lua_State* L, const char* name, lua_CFunction function) {
    lua_getfield(L, LUA_REGISTRYINDEX, kRun);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

int run_process(lua_State* L, void* context) {
    Run& run = *static_cast<Run*>(context);
    lua_getfield(L, LUA_REGISTRYINDEX, kRun);
    run.table = static_cast<NameTable*>(lua_touserdata(L, -1));
    run.table->run = &run;
    lua_getfield(L, LUA_REGISTRYINDEX, "seyir.function");
    auto* ref = static_cast<RowRef*>(lua_newuserdata(L, sizeof(RowRef)));
    *ref = {run.generation, 0};
    luaL_getmetatable(L, kBatchMeta);
    lua_setmetatable(L, -2);
    lua_call(L, 1, 0);
    return 0;
}

}  // namespace

void open_batch_mode(lua_State* L) {
    new (lua_newuserdata(L, sizeof(NameTable))) NameTable();
    lua_setfield(L, LUA_REGISTRYINDEX, kRun);
    lua_newtable(L);
    lua_setfield(L, LUA_REGISTRYINDEX, kAnchors);

    luaL_newmetatable(L, kRowMeta);
    set_closure(L, "__index", index_row);
    set_closure(L, "__newindex", set_in_row);
    set_closure(L, "__tostring", row_to_text);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);

    luaL_newmetatable(L, kBatchMeta);
    set_closure(L, "__len", count_rows);
    lua_newtable(L);
    set_closure(L, "rows", rows_of_batch);
    set_closure(L, "count", count_rows);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
}

Result<void> BatchFilter::process(BatchView view, pipeline::FilterSink& sink) {
    Run run(*worker_, std::move(view), ++generation_);
    LuaState& state = worker_->state();
    state.begin_budget(worker_->options().limits.instructions_max);
    const auto ran = state.call(&run_process, &run);
    const LuaProblem problem = state.last_problem();
    if (run.table != nullptr) {
        run.table->run = nullptr;
    }
    if (ran) {
        std::move(run.edits).apply(sink);
        return {};
    }
    std::move(run.edits).fail_all(ran.error(), sink);
    worker_->recover(problem);
    return {};
}

}  // namespace seyir::plugins::lua
