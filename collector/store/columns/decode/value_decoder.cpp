// SPDX-License-Identifier: Apache-2.0
#include "collector/store/columns/decode/value_decoder.hpp"

#include <algorithm>
#include <array>

#include "collector/store/columns/decode/form_states.hpp"
#include "collector/store/columns/decode/table_decoder.hpp"
#include "collector/store/columns/decode/table_states.hpp"
#include "collector/store/columns/slot/put_text.hpp"

namespace seyir::store::columns {
namespace {

using State = TextAutomaton::State;

/// The longest of them.
size_t bytes_max_of(const Exceptions& exceptions) {
    size_t most = 0;
    for (const auto& [at, text] : exceptions.at) {
        most = std::max(most, text.size());
    }
    return most;
}

/// Where the exceptions lead too.
void add_exceptions(
    const Exceptions& exceptions, const TextAutomaton& automaton, const StateSet& from, StateSet& to
) {
    for (const auto& [at, text] : exceptions.at) {
        to.add_all(automaton.run(from, text));
    }
}

class ConstColumn final : public Column {
  public:
    ConstColumn(size_t count, std::string_view text) : Column(count), text_(text) {
        set_text_bytes_max(text.size());
    }

    char* write(char* to, size_t /*i*/, RenderLimit& /*limit*/) const override {
        return put_text(to, text_);
    }

    size_t text_bytes(size_t /*i*/, RenderLimit& /*limit*/) const override { return text_.size(); }

    bool number_texts(NumberedTexts& out, RenderLimit& limit) const override {
        out.numbers.assign(count(), 0);
        if (!append(out.bytes, 0, limit)) {
            return false;
        }
        out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
        return true;
    }

    StateSet image(
        const TextAutomaton& automaton, const StateSet& from, RenderLimit& /*limit*/
    ) const override {
        return automaton.run(from, text_);
    }

    bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<State> states,
        RenderLimit& /*limit*/
    ) const override {
        StateMemo memo(automaton);
        for (size_t k = 0; k < values.size(); ++k) {
            states[k] = memo.run(states[k], text_);
        }
        return true;
    }

  private:
    std::string text_;
};

class PlainColumn final : public Column {
  public:
    PlainColumn(std::vector<uint32_t> begins, std::string text)
        : Column(begins.size() - 1), begins_(std::move(begins)), text_(std::move(text)) {
        size_t most = 0;
        for (size_t i = 0; i < count(); ++i) {
            most = std::max<size_t>(most, begins_[i + 1] - begins_[i]);
        }
        set_text_bytes_max(most);
    }

    char* write(char* to, size_t i, RenderLimit& /*limit*/) const override {
        return put_text(to, text(i));
    }

    size_t text_bytes(size_t i, RenderLimit& /*limit*/) const override {
        return begins_[i + 1] - begins_[i];
    }

    StateSet image(
        const TextAutomaton& automaton, const StateSet& from, RenderLimit& /*limit*/
    ) const override {
        // By the bytes there are, which is quick; one by one only where that may find something.
        constexpr size_t kBytesMax = 64 * 1024;
        StateSet to = automaton.reach(from, alphabet());
        if (std::ranges::adjacent_find(begins_) != begins_.end()) {
            to.add_all(from);  // a value is empty
        }
        const bool may_settle =
            to.has(TextAutomaton::kFoundIndex) || to.has(TextAutomaton::kUnsureIndex);
        if (!may_settle || text_.size() * from.count() > kBytesMax) {
            return to;
        }
        to = {};
        for (size_t i = 0; i < count(); ++i) {
            to.add_all(automaton.run(from, text(i)));
        }
        return to;
    }

    bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<State> states,
        RenderLimit& /*limit*/
    ) const override {
        for (size_t k = 0; k < values.size(); ++k) {
            if (!automaton.is_settled(states[k])) {
                states[k] = automaton.run(states[k], text(values[k]));
            }
        }
        return true;
    }

  private:
    std::string_view text(size_t i) const {
        return std::string_view(text_).substr(begins_[i], begins_[i + 1] - begins_[i]);
    }

    /// Bytes that values have.
    std::string alphabet() const {
        std::array<bool, 256> has{};
        for (const char c : text_) {
            has[static_cast<uint8_t>(c)] = true;
        }
        std::string bytes;
        for (size_t byte = 0; byte < has.size(); ++byte) {
            if (has[byte]) {
                bytes += static_cast<char>(byte);
            }
        }
        return bytes;
    }

    std::vector<uint32_t> begins_;
    std::string text_;
};

class DictColumn final : public Column {
  public:
    DictColumn(std::vector<int64_t> ids, ColumnPtr distinct)
        : Column(ids.size()), ids_(std::move(ids)), distinct_(std::move(distinct)) {
        set_text_bytes_max(distinct_->text_bytes_max());
    }

    char* write(char* to, size_t i, RenderLimit& limit) const override {
        return distinct_->write(to, static_cast<size_t>(ids_[i]), limit);
    }

    size_t text_bytes(size_t i, RenderLimit& limit) const override {
        return distinct_->text_bytes(static_cast<size_t>(ids_[i]), limit);
    }

    bool number_texts(NumberedTexts& out, RenderLimit& limit) const override {
        if (!distinct_->number_texts(out, limit)) {
            return false;
        }
        const std::vector<uint32_t> of_distinct = std::move(out.numbers);
        out.numbers.clear();
        out.numbers.reserve(count());
        for (const int64_t id : ids_) {
            out.numbers.push_back(of_distinct[static_cast<size_t>(id)]);
        }
        return true;
    }

    StateSet image(const TextAutomaton& automaton, const StateSet& from, RenderLimit& limit)
        const override {
        return distinct_->image(automaton, from, limit);
    }

    bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<State> states,
        RenderLimit& limit
    ) const override {
        std::vector<std::vector<State>> known(automaton.state_count());
        for (size_t k = 0; k < values.size(); ++k) {
            const State state = states[k];
            if (automaton.is_settled(state)) {
                continue;
            }
            std::vector<State>& of_state = known[automaton.index(state)];
            if (of_state.empty()) {
                of_state.assign(distinct_->count(), kUnknown);
            }
            const auto id = static_cast<uint32_t>(ids_[values[k]]);
            if (of_state[id] == kUnknown) {
                State next = state;
                if (!distinct_->advance(automaton, {&id, 1}, {&next, 1}, limit)) {
                    return false;
                }
                of_state[id] = next;
            }
            states[k] = of_state[id];
        }
        return true;
    }

  private:
    static constexpr State kUnknown = UINT16_MAX;  // no state, as StateMemo has it

    std::vector<int64_t> ids_;
    ColumnPtr distinct_;
};

/// Values of one form, and those that are not of it. `Values` has form(), exceptions() and
/// write_value(to, i); that is no virtual function, for it is asked of every value.
template <class Values>
class FormColumn : public Column {
  public:
    using Column::Column;

    char* write(char* to, size_t i, RenderLimit& /*limit*/) const final {
        const std::string* const text = self().exceptions().find(i);
        return text != nullptr ? put_text(to, *text) : self().write_value(to, i);
    }

    size_t text_bytes(size_t i, RenderLimit& /*limit*/) const final {
        const std::string* const text = self().exceptions().find(i);
        return text != nullptr ? text->size() : self().form().text_bytes_max();
    }

    StateSet image(
        const TextAutomaton& automaton, const StateSet& from, RenderLimit& /*limit*/
    ) const final {
        StateSet to = reach_by_form(automaton, from, self().form());
        add_exceptions(self().exceptions(), automaton, from, to);
        return to;
    }

    /// Most states need no text.
    bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<State> states,
        RenderLimit& /*limit*/
    ) const final {
        FormSteps steps(automaton, self().form());
        std::string text(self().form().text_bytes_max(), '\0');
        for (size_t k = 0; k < values.size(); ++k) {
            if (automaton.is_settled(states[k])) {
                continue;
            }
            if (const std::string* other = self().exceptions().find(values[k])) {
                states[k] = automaton.run(states[k], *other);
                continue;
            }
            const State next = steps.of(states[k]);
            if (next != FormSteps::kOpen) {
                states[k] = next;
                continue;
            }
            const char* const end = self().write_value(text.data(), values[k]);
            const auto size = static_cast<size_t>(end - text.data());
            states[k] = automaton.run(states[k], std::string_view(text).substr(0, size));
        }
        return true;
    }

  protected:
    void set_bytes_max() {
        set_text_bytes_max(
            std::max(self().form().text_bytes_max(), bytes_max_of(self().exceptions()))
        );
    }

  private:
    const Values& self() const { return static_cast<const Values&>(*this); }
};

class ScalarColumn final : public FormColumn<ScalarColumn> {
  public:
    ScalarColumn(ScalarForm form, std::vector<int64_t> numbers, Exceptions exceptions)
        : FormColumn(numbers.size()),
          values_(std::make_shared<const ScalarValues>(
              std::move(form), std::move(numbers), std::move(exceptions)
          )) {
        set_bytes_max();
    }

    const ScalarForm& form() const { return values_->form; }

    const Exceptions& exceptions() const { return values_->exceptions; }

    char* write_value(char* to, size_t i) const {
        return values_->form.write(to, values_->numbers[i]);
    }

    std::shared_ptr<const ScalarValues> scalars() const override { return values_; }

    bool number_texts(NumberedTexts& out, RenderLimit& limit) const override {
        if (!has_small_range(*values_)) {
            return Column::number_texts(out, limit);
        }
        const auto [least, most] = std::ranges::minmax(values_->numbers);
        const uint64_t range = static_cast<uint64_t>(most) - static_cast<uint64_t>(least);
        std::vector<uint32_t> known(range + 1, UINT32_MAX);
        out.numbers.reserve(count());
        for (const int64_t number : values_->numbers) {
            uint32_t& text = known[static_cast<uint64_t>(number) - static_cast<uint64_t>(least)];
            if (text == UINT32_MAX) {
                text = static_cast<uint32_t>(out.ends.size());
                values_->form.append(out.bytes, number);
                out.ends.push_back(static_cast<uint32_t>(out.bytes.size()));
            }
            out.numbers.push_back(text);
        }
        return out.bytes.size() <= limit.bytes_max;
    }

  private:
    std::shared_ptr<const ScalarValues> values_;
};

class BytesColumn final : public FormColumn<BytesColumn> {
  public:
    BytesColumn(size_t count, ScalarForm form, std::string records, Exceptions exceptions)
        : FormColumn(count),
          form_(std::move(form)),
          records_(std::move(records)),
          exceptions_(std::move(exceptions)) {
        set_bytes_max();
    }

    const ScalarForm& form() const { return form_; }

    const Exceptions& exceptions() const { return exceptions_; }

    char* write_value(char* to, size_t i) const {
        return form_.write_bytes(to, records_.data() + i * form_.byte_width());
    }

  private:
    ScalarForm form_;
    std::string records_;
    Exceptions exceptions_;
};

class AffixColumn final : public Column {
  public:
    AffixColumn(
        std::string_view prefix, std::string_view suffix, ColumnPtr inner, Exceptions exceptions
    )
        : Column(inner->count()),
          prefix_(prefix),
          suffix_(suffix),
          inner_(std::move(inner)),
          exceptions_(std::move(exceptions)) {
        const size_t around = prefix_.size() + suffix_.size();
        const size_t whole = add_bytes(inner_->text_bytes_max(), around);
        set_text_bytes_max(std::max(whole, bytes_max_of(exceptions_)));
    }

    char* write(char* to, size_t i, RenderLimit& limit) const override {
        if (const std::string* text = exceptions_.find(i)) {
            return put_text(to, *text);
        }
        to = inner_->write(put_text(to, prefix_), i, limit);
        return to == nullptr ? nullptr : put_text(to, suffix_);
    }

    size_t text_bytes(size_t i, RenderLimit& limit) const override {
        if (const std::string* text = exceptions_.find(i)) {
            return text->size();
        }
        return add_bytes(inner_->text_bytes(i, limit), prefix_.size() + suffix_.size());
    }

    StateSet image(const TextAutomaton& automaton, const StateSet& from, RenderLimit& limit)
        const override {
        StateSet to = inner_->image(automaton, automaton.run(from, prefix_), limit);
        to = automaton.run(to, suffix_);
        add_exceptions(exceptions_, automaton, from, to);
        return to;
    }

    bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<State> states,
        RenderLimit& limit
    ) const override {
        std::vector<State> before;
        if (!exceptions_.at.empty()) {
            before.assign(states.begin(), states.end());
        }
        StateMemo behind_prefix(automaton);
        for (State& state : states) {
            state = behind_prefix.run(state, prefix_);
        }
        if (!inner_->advance(automaton, values, states, limit)) {
            return false;
        }
        StateMemo behind_suffix(automaton);
        for (State& state : states) {
            state = behind_suffix.run(state, suffix_);
        }
        for (size_t k = 0; k < before.size(); ++k) {
            if (const std::string* text = exceptions_.find(values[k])) {
                states[k] = automaton.run(before[k], *text);
            }
        }
        return true;
    }

  private:
    std::string prefix_;
    std::string suffix_;
    ColumnPtr inner_;
    Exceptions exceptions_;
};

class TableColumn final : public Column {
  public:
    TableColumn(
        std::unique_ptr<TableHead> head, std::vector<ColumnPtr> columns, const ColumnSource* around
    )
        : Column(head->row_shapes.size()),
          head_(std::move(head)),
          columns_(std::move(columns)),
          around_(around) {
        size_t most = 0;
        for (const TableHead::Shape& shape : head_->shapes) {
            size_t bytes = shape.tail.size();
            size_t references = 0;
            for (const TableHead::Slot& slot : shape.slots) {
                bytes = add_bytes(bytes, slot.literal.size());
                if (slot.rule != Rule::kSame) {
                    bytes = add_bytes(bytes, columns_[slot.column]->text_bytes_max());
                    continue;
                }
                ++references;
                if (std::ranges::count(refers_to, slot.column) == 0) {
                    refers_to.push_back(slot.column);
                }
            }
            most = std::max(most, bytes);
            references_max = std::max(references_max, references);
        }
        set_text_bytes_max(most);
    }

    char* write(char* to, size_t i, RenderLimit& limit) const override {
        return head_->write_row(to, i, limit, ColumnsOf{columns_}, ColumnsAround{around_});
    }

    size_t text_bytes(size_t i, RenderLimit& limit) const override {
        return head_->row_bytes(i, limit, ColumnsOf{columns_}, ColumnsAround{around_});
    }

    StateSet image(const TextAutomaton& automaton, const StateSet& from, RenderLimit& limit)
        const override {
        return image_of_rows(*head_, columns(), automaton, from, limit);
    }

    bool advance(
        const TextAutomaton& automaton,
        std::span<const uint32_t> values,
        std::span<State> states,
        RenderLimit& limit
    ) const override {
        return advance_rows(*head_, columns(), automaton, values, states, limit);
    }

  private:
    TableColumns columns() const { return {ColumnsOf{columns_}, ColumnsAround{around_}}; }

    std::unique_ptr<TableHead> head_;
    std::vector<ColumnPtr> columns_;
    const ColumnSource* around_;
};

class ColumnReader {
  public:
    ColumnReader(codec::Reader& reader, size_t count, const DecodeContext& context)
        : reader_(reader), count_(count), context_(context), budget_(*context.budget) {}

    ColumnPtr run() {
        if (context_.depth > kDepthMax || !budget_.take_values(count_ + 1)) {
            reader_.give_up();
            return nullptr;
        }
        const uint8_t head = reader_.u8();
        const auto encoding = static_cast<Encoding>(head & ~kHasExceptions);
        const bool may_except = encoding == Encoding::kScalar || encoding == Encoding::kBytes ||
                                encoding == Encoding::kAffix;
        if ((head & kHasExceptions) != 0) {
            if (!may_except) {
                reader_.give_up();
            }
            read_exceptions();
        }
        ColumnPtr column = reader_.ok() ? read(encoding) : nullptr;
        if (!reader_.ok() || column == nullptr) {
            reader_.give_up();
            return nullptr;
        }
        return column;
    }

  private:
    ColumnPtr read(Encoding encoding) {
        switch (encoding) {
            case Encoding::kPlain:
                return plain();
            case Encoding::kConst: {
                const std::string_view text = reader_.text(reader_.left());
                return std::make_shared<ConstColumn>(count_, text);
            }
            case Encoding::kDict:
                return dict();
            case Encoding::kScalar:
                return scalar();
            case Encoding::kBytes:
                return bytes();
            case Encoding::kAffix:
                return affix();
            case Encoding::kTable:
                return table();
        }
        return nullptr;
    }

    void read_exceptions() {
        const uint64_t count = reader_.varint_up_to(count_);
        std::string keep;
        const std::string_view bytes =
            context_.unpacker->read_sized(reader_, budget_.text_bytes, keep);
        if (!reader_.ok() || !budget_.take_text(bytes.size())) {
            reader_.give_up();
            return;
        }
        codec::Reader from(bytes);
        uint64_t at = 0;
        for (uint64_t i = 0; i < count && from.ok(); ++i) {
            at += from.varint_up_to(count_);
            const std::string_view text = from.text(from.left());
            const bool is_behind = exceptions_.at.empty() || at > exceptions_.at.back().first;
            if (at >= count_ || !is_behind) {
                from.give_up();
            }
            exceptions_.at.emplace_back(static_cast<uint32_t>(at), text);
        }
        if (!from.ok() || from.left() != 0) {
            reader_.give_up();
        }
    }

    std::vector<int64_t> ints(const IntTimes& times) {
        std::vector<int64_t> numbers;
        read_ints(reader_, count_, times, *context_.unpacker, numbers);
        return numbers;
    }

    ColumnPtr plain() {
        const std::vector<int64_t> sizes = ints({});
        std::vector<uint32_t> begins{0};
        begins.reserve(sizes.size() + 1);
        uint64_t total = 0;
        for (const int64_t size : sizes) {
            if (size < 0 || static_cast<uint64_t>(size) > budget_.text_bytes - total) {
                reader_.give_up();
                return nullptr;
            }
            total += static_cast<uint64_t>(size);
            begins.push_back(static_cast<uint32_t>(total));
        }
        if (!reader_.ok() || !budget_.take_text(total)) {
            return nullptr;
        }
        std::string text;
        const std::string_view bytes = context_.unpacker->read(reader_, total, text);
        if (bytes.data() != text.data()) {
            text = bytes;
        }
        if (!reader_.ok() || begins.size() != count_ + 1) {
            return nullptr;
        }
        return std::make_shared<PlainColumn>(std::move(begins), std::move(text));
    }

    ColumnPtr dict() {
        const uint64_t distinct = reader_.varint_up_to(std::max<size_t>(count_, 1));
        DecodeContext deeper{.budget = context_.budget, .unpacker = context_.unpacker};
        deeper.depth = context_.depth + 1;
        const ColumnPtr values = ColumnReader(reader_, distinct, deeper).run();
        std::vector<int64_t> ids = ints({});
        const bool is_good = std::ranges::all_of(ids, [&](int64_t id) {
            return id >= 0 && static_cast<uint64_t>(id) < distinct;
        });
        if (!reader_.ok() || values == nullptr || !is_good) {
            return nullptr;
        }
        return std::make_shared<DictColumn>(std::move(ids), values);
    }

    ColumnPtr scalar() {
        ScalarForm form = read_form(reader_);
        if (!reader_.ok() || form.is_bytes()) {
            return nullptr;
        }
        std::vector<int64_t> of_value;
        IntTimes times;
        if (form.layout && context_.times != nullptr && needs_times(reader_)) {
            of_value = context_.times->times(budget_);
            times = {of_value, form.layout->unit_ns()};
        }
        std::vector<int64_t> numbers = ints(times);
        if (!reader_.ok()) {
            return nullptr;
        }
        return std::make_shared<ScalarColumn>(
            std::move(form), std::move(numbers), std::move(exceptions_)
        );
    }

    ColumnPtr bytes() {
        ScalarForm form = read_form(reader_);
        const size_t width = form.byte_width();
        if (!reader_.ok() || !form.is_bytes() || !budget_.take_text(width * count_)) {
            return nullptr;
        }
        std::string records = read_planes(reader_, count_, width, *context_.unpacker);
        if (!reader_.ok()) {
            return nullptr;
        }
        return std::make_shared<BytesColumn>(
            count_, std::move(form), std::move(records), std::move(exceptions_)
        );
    }

    ColumnPtr affix() {
        const std::string_view prefix = reader_.text(reader_.left());
        const std::string_view suffix = reader_.text(reader_.left());
        DecodeContext deeper = context_;
        deeper.around = nullptr;
        ++deeper.depth;
        ColumnPtr inner = ColumnReader(reader_, count_, deeper).run();
        if (inner == nullptr) {
            return nullptr;
        }
        return std::make_shared<AffixColumn>(
            prefix, suffix, std::move(inner), std::move(exceptions_)
        );
    }

    ColumnPtr table() {
        auto head = std::make_unique<TableHead>();
        if (!read_table_head(reader_, count_, context_, *head)) {
            return nullptr;
        }
        DecodeContext deeper = context_;
        deeper.around = nullptr;
        ++deeper.depth;
        std::vector<ColumnPtr> columns;
        for (uint32_t i = 0; i < head->counts.size() && reader_.ok(); ++i) {
            const ColumnTimes times(*head, i, context_.times);
            deeper.times = &times;
            columns.push_back(ColumnReader(reader_, head->counts[i], deeper).run());
        }
        if (!reader_.ok()) {
            return nullptr;
        }
        return std::make_shared<TableColumn>(std::move(head), std::move(columns), context_.around);
    }

    codec::Reader& reader_;
    size_t count_;
    const DecodeContext& context_;
    DecodeBudget& budget_;
    Exceptions exceptions_;
};

}  // namespace

std::optional<ScalarForm> form_of_column(std::string_view bytes) {
    codec::Reader reader(bytes);
    const auto encoding = static_cast<Encoding>(reader.u8());
    if (encoding != Encoding::kScalar && encoding != Encoding::kBytes) {
        return std::nullopt;
    }
    ScalarForm form = read_form(reader);
    return reader.ok() ? std::optional(std::move(form)) : std::nullopt;
}

ColumnPtr read_column(codec::Reader& reader, size_t count, const DecodeContext& context) {
    return ColumnReader(reader, count, context).run();
}

}  // namespace seyir::store::columns
