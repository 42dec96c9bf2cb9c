// SPDX-License-Identifier: Apache-2.0
// ScratchRow: one record while it passes through the stages. It shows a batch's row without copying
// it and keeps what stages add (parsed labels, a new line) in scratch memory that the next row
// reuses. Threads: one owner; a worker keeps one ScratchRow for all rows it sees. Ownership: views
// returned live until the next bind(); the batch must outlive the binding. Spec: Grafana's LogQL
// reference ("parser expression", "_extracted"), and DESIGN "attributes to labels": names are
// sanitised by append_label_name, the first of two that collide wins.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/record/batch.hpp"

namespace seyir::logql {

inline constexpr std::string_view kErrorLabel = "__error__";
inline constexpr std::string_view kErrorDetailsLabel = "__error_details__";
inline constexpr std::string_view kExtractedSuffix = "_extracted";
inline constexpr std::string_view kLevelLabel = "detected_level";

/// What templates may write for one row, all stages together: a chain of them could double a line
/// with each.
inline constexpr size_t kRenderedBytesMax = 4 * 1024 * 1024;
/// Actions and calls of all templates of one row: loops over data could nest.
inline constexpr size_t kTemplateStepsMax = 200'000;

/// What a stage needs of a row, whatever stores it.
template <class R>
concept StageRow = requires(R row, std::string_view text) {
    { row.line() } -> std::convertible_to<std::string_view>;
    { row.get(text) } -> std::convertible_to<std::optional<std::string_view>>;
    row.set(text, text);
};

enum class LabelSource : uint8_t { kStream, kMetadata, kParsed };

struct Label {
    std::string_view name;
    std::string_view value;
    LabelSource source = LabelSource::kStream;
};

/// Appends `name` as a label name: surrounding spaces go, every other character than [a-zA-Z0-9_]
/// becomes `_`, and a leading digit gets one in front when `at_start`.
void append_label_name(std::string& out, std::string_view name, bool at_start);

/// Memory given back all at once.
class Scratch {
  public:
    std::string_view copy(std::string_view text);
    std::string_view join(std::string_view left, std::string_view right);
    char* allocate(size_t bytes);
    void rewind();

  private:
    struct Chunk {
        std::unique_ptr<char[]> bytes;
        size_t size = 0;
    };

    std::vector<Chunk> chunks_;
    size_t chunk_ = 0;
    size_t used_ = 0;
};

class JsonReader;

/// What `| json` finds in a line, by the label's name before any `_extracted`.
struct FoundValue {
    std::string_view name;
    std::string_view value;
};

class ScratchRow {
  public:
    ScratchRow();
    ScratchRow(const ScratchRow&) = delete;
    ScratchRow& operator=(const ScratchRow&) = delete;
    ~ScratchRow();

    /// Shows row `index` of the batch; forgets everything of the row before.
    void bind(const RecordBatch& batch, uint32_t index);

    /// Rows whose severity says no level get the one level_of_row finds as kLevelLabel, "unknown"
    /// when there is none; off by default. Found only when a stage or an answer asks for it.
    void set_detects_level(bool detects) { detects_level_ = detects; }

    bool detects_level() const { return detects_level_; }

    /// What kLevelLabel shows, unless an attribute or stream label of that name says otherwise.
    SeverityNumber level() const;

    /// For a row without its line: it passes all line filters, and of what `| json` would find the
    /// values that are wanted (set_wanted) are these. Until the next bind().
    void stand_in(std::span<const FoundValue> values) { stand_in_ = values; }

    const std::optional<std::span<const FoundValue>>& stand_in() const { return stand_in_; }

    std::string_view line() const { return line_; }

    /// `line` must live in the batch or in scratch().
    void set_line(std::string_view line) { line_ = line; }

    UnixNanos ts() const { return batch_->ts(index_); }

    const StreamLabels& stream() const { return *batch_->streams()[batch_->stream(index_)]; }

    /// The label's value whichever its source; parsed before metadata before stream.
    std::optional<std::string_view> get(std::string_view name) const;

    /// "" for absent labels, which LogQL does not tell from empty ones.
    std::string_view get_or_empty(std::string_view name) const { return get(name).value_or(""); }

    /// Sets a parsed label; hides the same name of stream and metadata. Copies both texts.
    void set(std::string_view name, std::string_view value);
    /// What a parser stage found: gets `_extracted` behind a name that stream or metadata has; the
    /// first value of a name stays. `value` must live in the batch or in scratch().
    void extract(std::string_view name, std::string_view value);
    void remove(std::string_view name);
    /// Removes all labels that `keep` does not want.
    template <class Keep>
    void keep_only(Keep keep);

    bool in_base(std::string_view name) const;

    bool is_parsed(std::string_view name) const { return find_parsed(name) != nullptr; }

    /// The first error of a row stays.
    void set_error(std::string_view error, std::string_view details);

    bool has_error() const { return has_error_; }

    /// Takes `bytes` of what templates may write for this row; false beyond kRenderedBytesMax.
    bool take_rendered(size_t bytes) {
        rendered_bytes_ += std::min(bytes, kRenderedBytesMax + 1);
        return rendered_bytes_ <= kRenderedBytesMax;
    }

    /// The same for what templates may do: false beyond kTemplateStepsMax.
    bool take_steps(size_t steps) {
        template_steps_ += std::min(steps, kTemplateStepsMax + 1);
        return template_steps_ <= kTemplateStepsMax;
    }

    /// Where a template writes; its memory is reused.
    std::string& template_buffer() { return template_buffer_; }

    /// Stages removed labels that the record itself or its stream has.
    bool has_removed() const { return !removed_.empty(); }

    /// Stages removed the label that shows this attribute of the row.
    bool is_removed_attr(const Attr& attr) const;

    /// No stage has touched labels: they are the stream's and the record's own.
    bool is_plain() const { return parsed_.empty() && removed_.empty(); }

    /// Calls fn(Label) for each label once, in no order.
    template <class Fn>
    void for_each_label(Fn fn) const;

    /// Parser stages extract only these names when set (a metric query needs no others); null: all.
    void set_wanted(const std::vector<std::string>* wanted) { wanted_ = wanted; }

    bool has_wanted() const { return wanted_ != nullptr; }

    bool is_wanted(std::string_view name) const;

    Scratch& scratch() { return scratch_; }

    JsonReader& json() { return *json_; }

    const RecordBatch& batch() const { return *batch_; }

    uint32_t index() const { return index_; }

  private:
    struct Parsed {
        std::string_view name;
        std::string_view value;
        bool by_parser = false;
    };

    /// More parsed labels than this are found by hash: a line may hold many thousands.
    static constexpr size_t kSearchedMax = 32;

    const Parsed* find_parsed(std::string_view name) const;
    Parsed* find_parsed(std::string_view name);
    void add_parsed(const Parsed& label);
    void remove_parsed(const Parsed& label);
    bool is_removed(std::string_view name) const;
    bool has_level() const;
    /// Record's own labels: attributes, severity, trace ids.
    const std::vector<Label>& metadata() const;
    /// The same for one name that the stream does not have and that has no `_extracted` behind it,
    /// without making labels of all others.
    std::optional<std::string_view> own(std::string_view name) const;
    const Attr* own_attr(std::string_view name) const;
    std::string_view own_text(const Value& value) const;

    const RecordBatch* batch_ = nullptr;
    uint32_t index_ = 0;
    std::string_view line_;
    std::optional<std::span<const FoundValue>> stand_in_;
    std::vector<Parsed> parsed_;
    std::unordered_map<std::string_view, size_t> parsed_index_;  ///< beyond kSearchedMax of them
    std::vector<std::string_view> removed_;
    bool has_error_ = false;
    size_t rendered_bytes_ = 0;
    size_t template_steps_ = 0;
    std::string template_buffer_;
    const std::vector<std::string>* wanted_ = nullptr;
    bool detects_level_ = false;
    std::unique_ptr<JsonReader> json_;
    mutable Scratch scratch_;

    // Made on first use: rows that no stage asks for labels never pay for them.
    mutable std::vector<Label> metadata_;
    mutable bool metadata_valid_ = false;
    mutable std::optional<SeverityNumber> level_;
    mutable Scratch metadata_scratch_;
    mutable Scratch own_scratch_;
};

template <class Fn>
void ScratchRow::for_each_label(Fn fn) const {
    for (const Parsed& label : parsed_) {
        fn(Label{label.name, label.value, LabelSource::kParsed});
    }
    const auto hidden = [&](std::string_view name) {
        return is_removed(name) || find_parsed(name) != nullptr;
    };
    for (const Label& label : metadata()) {
        if (!hidden(label.name)) {
            fn(label);
        }
    }
    for (const auto& [name, value] : stream().pairs()) {
        if (hidden(name)) {
            continue;
        }
        fn(Label{name, value, LabelSource::kStream});
    }
}

template <class Keep>
void ScratchRow::keep_only(Keep keep) {
    std::vector<std::string_view> gone;
    for_each_label([&](const Label& label) {
        if (!keep(label)) {
            gone.push_back(label.name);
        }
    });
    for (const std::string_view name : gone) {
        remove(name);
    }
}

static_assert(StageRow<ScratchRow>);

}  // namespace seyir::logql
