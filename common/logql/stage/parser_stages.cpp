// SPDX-License-Identifier: Apache-2.0
// json, logfmt, regexp, pattern, unpack: stages that make labels of the line.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "common/base/text.hpp"
#include "common/logql/extract/json_reader.hpp"
#include "common/logql/extract/logfmt.hpp"
#include "common/logql/extract/pattern.hpp"
#include "common/logql/stage/stage_op.hpp"
#include "common/logql/text/regex.hpp"
#include "common/record/stream_labels.hpp"

namespace seyir::logql {
namespace {

constexpr std::string_view kJsonError = "JSONParserErr";
constexpr std::string_view kLogfmtError = "LogfmtParserErr";

/// What is said to be in the line of a row that does not have it.
void extract_stand_in(ScratchRow& row) {
    for (const FoundValue& found : *row.stand_in()) {
        row.extract(found.name, found.value);
    }
}

class JsonOp final : public StageOp {
  public:
    bool apply(ScratchRow& row) const override {
        if (row.stand_in()) {
            extract_stand_in(row);
            return true;
        }
        if (const auto error = row.json().extract_all(row)) {
            row.set_error(kJsonError, *error);
        }
        return true;
    }
};

class JsonExpressionOp final : public StageOp {
  public:
    struct Item {
        std::string name;
        JsonPath path;
    };

    explicit JsonExpressionOp(std::vector<Item> items) : items_(std::move(items)) {}

    bool apply(ScratchRow& row) const override {
        if (row.stand_in()) {
            const auto& found = *row.stand_in();
            for (const Item& item : items_) {
                const auto at = std::ranges::find(found, item.name, &FoundValue::name);
                set(row, item, at == found.end() ? std::nullopt : std::optional(at->value));
            }
            return true;
        }
        const size_t first = row.line().find_first_not_of(" \t\r\n");
        if (first == std::string_view::npos ||
            (row.line()[first] != '{' && row.line()[first] != '[')) {
            row.set_error(kJsonError, "expecting a JSON object, but it is not");
            return true;
        }
        for (const Item& item : items_) {
            set(row, item, row.json().find(row, item.path));
        }
        return true;
    }

  private:
    static void set(ScratchRow& row, const Item& item, std::optional<std::string_view> value) {
        if (value) {
            row.extract(item.name, *value);
        } else if (!row.get(item.name)) {
            row.extract(item.name, "");
        }
    }

    std::vector<Item> items_;
};

class LogfmtOp final : public StageOp {
  public:
    explicit LogfmtOp(LogfmtStage stage) : stage_(std::move(stage)) {}

    bool apply(ScratchRow& row) const override {
        if (row.stand_in()) {
            extract_stand_in(row);
            return true;
        }
        for (const Extraction& extraction : stage_.extractions) {
            if (!row.in_base(extraction.name)) {
                row.set(extraction.name, "");
            }
        }
        LogfmtScanner scanner(row.line(), row.scratch());
        std::string name;
        while (true) {
            const auto step = scanner.next();
            if (step == LogfmtScanner::Step::kEnd) {
                return true;
            }
            if (step == LogfmtScanner::Step::kBad) {
                if (stage_.strict) {
                    row.set_error(kLogfmtError, scanner.error());
                    return true;
                }
                continue;
            }
            if (scanner.value().empty() && !stage_.keep_empty) {
                continue;
            }
            take(row, scanner, name);
        }
    }

  private:
    void take(ScratchRow& row, const LogfmtScanner& pair, std::string& name) const {
        if (!stage_.extractions.empty()) {
            for (const Extraction& extraction : stage_.extractions) {
                if (extraction.expression == pair.key()) {
                    row.extract(extraction.name, pair.value());
                }
            }
            return;
        }
        name.clear();
        append_label_name(name, pair.key(), true);
        if (!name.empty() && row.is_wanted(name)) {
            row.extract(name, pair.value());
        }
    }

    LogfmtStage stage_;
};

class RegexpOp final : public StageOp {
  public:
    explicit RegexpOp(Regex regex) : regex_(std::move(regex)) {}

    bool apply(ScratchRow& row) const override {
        std::vector<std::string_view> groups;
        if (!regex_.captures(row.line(), groups)) {
            return true;
        }
        for (size_t i = 1; i < groups.size(); ++i) {
            const std::string& name = regex_.group_names()[i];
            if (!name.empty()) {
                row.extract(name, groups[i]);
            }
        }
        return true;
    }

  private:
    Regex regex_;
};

class PatternOp final : public StageOp {
  public:
    explicit PatternOp(Pattern pattern) : pattern_(std::move(pattern)) {}

    bool apply(ScratchRow& row) const override {
        pattern_.captures(row.line(), [&](std::string_view name, std::string_view value) {
            row.extract(name, value);
        });
        return true;
    }

  private:
    Pattern pattern_;
};

class UnpackOp final : public StageOp {
  public:
    bool apply(ScratchRow& row) const override {
        if (row.line().empty()) {
            return true;
        }
        std::vector<JsonReader::Member> members;
        if (!row.json().string_members(row, members)) {
            row.set_error(kJsonError, "expecting a JSON object, but it is not");
            return true;
        }
        const auto entry = std::ranges::find(members, "_entry", &JsonReader::Member::name);
        if (entry == members.end()) {
            return true;  // not packed: nothing changes
        }
        std::string name;
        for (const JsonReader::Member& member : members) {
            if (member.name != "_entry") {
                name.clear();
                append_label_name(name, member.name, true);
                row.extract(name, member.value);
            }
        }
        row.set_line(entry->value);
        return true;
    }
};

}  // namespace

Result<StageOpPtr> make_stage(const JsonStage& stage) {
    if (stage.extractions.empty()) {
        return StageOpPtr(std::make_unique<JsonOp>());
    }
    std::vector<JsonExpressionOp::Item> items;
    for (const Extraction& extraction : stage.extractions) {
        auto path = parse_json_path(extraction.expression);
        if (!path) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format(
                    "cannot parse expression {} (a.b, a[0].b and [\"a b\"] are paths)",
                    json_quote(extraction.expression)
                )
            );
        }
        items.push_back({extraction.name, std::move(*path)});
    }
    return StageOpPtr(std::make_unique<JsonExpressionOp>(std::move(items)));
}

Result<StageOpPtr> make_stage(const LogfmtStage& stage) {
    for (const Extraction& extraction : stage.extractions) {
        const std::string& key = extraction.expression;
        const bool plain = !key.empty() && std::ranges::all_of(key, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view("_.-/").find(c) != std::string_view::npos;
        });
        if (!plain) {
            return fail(
                ErrorCode::kInvalidArgument,
                fmt::format("cannot parse expression {} (one logfmt key)", json_quote(key))
            );
        }
    }
    return StageOpPtr(std::make_unique<LogfmtOp>(stage));
}

Result<StageOpPtr> make_stage(const RegexpStage& stage) {
    SEYIR_TRY(Regex regex, Regex::compile(stage.pattern, false));
    std::set<std::string_view> names;
    for (const std::string& name : regex.group_names()) {
        if (name.empty()) {
            continue;
        }
        if (!is_label_name(name)) {
            return fail(
                ErrorCode::kInvalidArgument, fmt::format("invalid extracted label name '{}'", name)
            );
        }
        if (!names.insert(name).second) {
            return fail(
                ErrorCode::kInvalidArgument, fmt::format("duplicate group name '{}'", name)
            );
        }
    }
    if (names.empty()) {
        return fail(
            ErrorCode::kInvalidArgument,
            "at least one named capture such as (?P<name>...) is required"
        );
    }
    return StageOpPtr(std::make_unique<RegexpOp>(std::move(regex)));
}

Result<StageOpPtr> make_stage(const PatternStage& stage) {
    SEYIR_TRY(auto pattern, Pattern::compile(stage.pattern, Pattern::Use::kParser));
    return StageOpPtr(std::make_unique<PatternOp>(std::move(pattern)));
}

Result<StageOpPtr> make_stage(const UnpackStage&) {
    return StageOpPtr(std::make_unique<UnpackOp>());
}

}  // namespace seyir::logql
