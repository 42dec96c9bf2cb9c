// SPDX-License-Identifier: Apache-2.0
// FieldWriter: collects the fields a parser finds in one row as attributes of the batch. It interns
// names without searching, applies the rules of the configuration (prefix, types, promote), keeps
// the first of two fields of one name, and holds the limits.
// Room: plugins/filter/parse: LineParser -> FieldWriter -> BatchEditor.
// Threads: one owner.   Limits: FieldLimits; what is left out is counted by reason.
// Ownership: names are copied; text values must live in the batch's arena (or be static).
// Cost: a name is compared with the one the row before had at the same place; only where it differs
// it is hashed. Names of fixed formats are looked up once (FixedName).
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/record/batch.hpp"

namespace seyir::plugins::parse {

struct FieldLimits {
    uint32_t attributes_max = 512;  ///< of a row, with those it had before
    uint32_t name_bytes_max = 128;
    uint32_t value_bytes_max = 1U << 20U;
    uint32_t names_max = 4096;  ///< different names in one batch
};

/// What a value is turned into.
enum class FieldType : uint8_t { kAsIs, kInt, kFloat, kBool, kString };

/// Fields that say something about the record itself.
enum class Role : uint8_t { kTime, kLevel, kTraceId, kSpanId };
inline constexpr size_t kRoleCount = 4;

struct FieldRules {
    std::string prefix;
    std::array<std::string, kRoleCount> roles;  ///< the field's name as parsed; "" = none
    std::vector<std::pair<std::string, FieldType>> types;
    std::vector<std::string> promote;
    bool promote_all = false;
    FieldLimits limits;
};

/// Why a field is not there, or not as wished.
enum class FieldLoss : uint8_t {
    kDuplicate,
    kTooMany,
    kTooManyNames,
    kNameTooLong,
    kNameEmpty,
    kValueTooLong,
    kNotConverted,
};
inline constexpr std::array<std::string_view, 7> kFieldLossNames = {
    "duplicate",
    "too_many",
    "too_many_names",
    "name_too_long",
    "name_empty",
    "value_too_long",
    "not_converted"
};

/// A name as the writer knows it.
struct ParsedName {
    std::string text;
    KeyIndex key = 0;
    uint32_t batch = 0;  ///< `key` is of this batch
    uint8_t roles = 0;   ///< bits by Role
    FieldType type = FieldType::kAsIs;
    bool is_parsed = true;  ///< not promoted
    bool is_usable = true;
    bool is_plain = true;                      ///< usable, without role and type
    FieldLoss loss = FieldLoss::kNameTooLong;  ///< of unusable ones
};

/// A field of a format that has always the same ones; the parser keeps it from row to row.
class FixedName {
  public:
    explicit FixedName(std::string_view text) : text_(text) {}  ///< a literal

  private:
    friend class FieldWriter;
    std::string_view text_;
    uint64_t epoch_ = 0;  ///< `known_` is of the writer and the names that have it
    ParsedName* known_ = nullptr;
};

class FieldWriter {
  public:
    explicit FieldWriter(FieldRules rules);

    void begin_batch(RecordBatch& batch);
    /// Starts with the attributes the row has.
    void begin_row(std::span<const Attr> existing);

    /// `name` may be transient.
    void add(std::string_view name, Value value);

    void add_text(std::string_view name, Slice text);

    /// Of a format whose names are known before: without comparing.
    void add(FixedName& name, Value value);

    void add_text(FixedName& name, Slice text);

    /// A real attribute, whatever `promote` says; without prefix.
    void add_kept(std::string_view name, Value value);

    /// Where the row stands; back_to() forgets what was added since.
    struct Mark {
        size_t attrs;
        uint32_t place;
        uint8_t roles_found;
    };

    Mark mark() const { return {attrs_.size(), place_, roles_found_}; }

    void back_to(Mark mark);

    /// A field added to this row, by its name as parsed; nullptr when there is none. Linear.
    const Value* find(std::string_view name) const;

    Arena& arena() { return batch_->arena(); }

    /// All attributes of the row, the ones it had first.
    std::span<const Attr> attrs() const { return attrs_; }

    size_t added() const { return attrs_.size() - existing_; }

    /// The field with that role in this row, or nullptr. Also where limits left it out.
    const Value* role(Role role) const {
        const auto i = static_cast<size_t>(role);
        return (roles_found_ >> i & 1U) != 0 ? &role_values_[i] : nullptr;
    }

    /// Counted since the last call.
    std::array<uint64_t, kFieldLossNames.size()> take_losses();

  private:
    static constexpr uint32_t kNoName = std::numeric_limits<uint32_t>::max();

    static uint64_t next_epoch();
    /// nullptr when there are too many names, counted.
    ParsedName* resolve(FixedName& name);
    ParsedName* resolve(std::string_view name);
    void put_text(ParsedName& name, Slice text);
    void put(ParsedName& name, Value value);

    uint32_t find_name(std::string_view name);
    uint32_t make_name(std::string_view name);
    void bind_key(ParsedName& name);
    bool convert(Value& value, FieldType type);

    void lose(FieldLoss loss) { ++losses_[static_cast<size_t>(loss)]; }

    void push(KeyIndex key, bool is_parsed, Value value);

    FieldRules rules_;
    RecordBatch* batch_ = nullptr;
    uint32_t batch_number_ = 0;
    std::unordered_map<std::string_view, KeyIndex> batch_keys_;  ///< only while names are made
    std::unordered_map<std::string_view, uint32_t> by_text_;
    std::vector<std::unique_ptr<ParsedName>> names_;
    uint64_t epoch_ =
        next_epoch();  ///< another one whenever names are forgotten; of no other writer
    std::vector<uint32_t> expected_;  ///< name at the nth place of the row before
    uint32_t place_ = 0;
    std::vector<Attr> attrs_;
    size_t existing_ = 0;
    std::vector<uint32_t> seen_in_row_;  ///< by KeyIndex: the last row that had it
    uint32_t row_number_ = 0;
    std::array<Value, kRoleCount> role_values_;
    uint8_t roles_found_ = 0;
    std::array<uint64_t, kFieldLossNames.size()> losses_{};
};

}  // namespace seyir::plugins::parse
