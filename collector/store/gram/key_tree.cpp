// SPDX-License-Identifier: Apache-2.0
#include "collector/store/gram/key_tree.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "collector/store/gram/escapes.hpp"
#include "collector/store/gram/fold.hpp"

namespace seyir::store::gram {
namespace {

/// A stretch of a needle that stands in the text byte for byte (but for case).
struct Stretch {
    std::string_view text;
    bool is_open_left = true;  ///< what stands before it in the text is not known
    bool is_open_right = true;
};

class TextKeys {
  public:
    void add(const Stretch& stretch) {
        std::string folded(stretch.text.size() + kSlackBytes, '\n');
        const size_t size = fold(stretch.text, folded.data());
        std::fill(folded.begin() + static_cast<ptrdiff_t>(size), folded.end(), '\n');
        size_t begin = 0;
        while (begin < size) {
            if (!is_run_byte(folded[begin])) {
                ++begin;
                continue;
            }
            size_t end = begin;
            while (end < size && is_run_byte(folded[end])) {
                ++end;
            }
            const bool is_open =
                (begin == 0 && stretch.is_open_left) || (end == size && stretch.is_open_right);
            add_run(folded.data() + begin, end - begin, is_open);
            begin = end;
        }
    }

    std::vector<Key> take() { return std::move(keys_); }

  private:
    void add_run(const char* run, size_t size, bool is_open) {
        for_each_key(run, size, !is_open, [this](Key key) { keep(key); });
    }

    void keep(Key key) {
        if (keys_.size() < kKeysPerTextMax && std::ranges::find(keys_, key) == keys_.end()) {
            keys_.push_back(key);
        }
    }

    std::vector<Key> keys_;
};

bool is_ascii(char c) {
    return static_cast<unsigned char>(c) < 0x80;
}

/// In any case, a character beyond ASCII may be written as others that are not folded here.
std::vector<Key> line_keys(const Needle& needle) {
    TextKeys keys;
    if (!needle.any_case) {
        keys.add({whole_characters(needle.text).text});
        return keys.take();
    }
    const std::string_view text = needle.text;
    size_t begin = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size() || !is_ascii(text[i])) {
            keys.add({text.substr(begin, i - begin)});
            begin = i + 1;
        }
    }
    return keys.take();
}

/// A value may stand alone, or in a line with escapes: only what is written alike in both counts.
std::vector<Key> value_keys(const Needle& needle) {
    TextKeys keys;
    const std::string_view text = needle.text;
    bool is_open_left = needle.place == Needle::Place::kPart;
    size_t begin = 0;
    for (size_t i = 0; i <= text.size(); ++i) {
        if (i == text.size()) {
            keys.add({text.substr(begin), is_open_left, needle.place == Needle::Place::kPart});
        } else if (!is_written_plainly(text[i])) {
            keys.add({text.substr(begin, i - begin), is_open_left, true});
            is_open_left = true;
            begin = i + 1;
        }
    }
    return keys.take();
}

KeyTree text_tree(const Needle& needle) {
    const bool is_value = needle.place != Needle::Place::kLine;
    KeyTree tree{KeyTree::Kind::kKeys, is_value ? value_keys(needle) : line_keys(needle), {}};
    if (tree.keys.empty()) {
        return {};
    }
    if (!is_value) {
        return tree;
    }
    KeyTree odd{KeyTree::Kind::kKeys, {kOddEscapeKey}, {}};
    return {KeyTree::Kind::kAny, {}, {std::move(tree), std::move(odd)}};
}

KeyTree make(const Needle& needle, int depth) {
    if (needle.kind == Needle::Kind::kText) {
        return text_tree(needle);
    }
    if (needle.kind == Needle::Kind::kAnything || depth == kDepthMax) {
        return {};
    }
    const bool is_any = needle.kind == Needle::Kind::kAny;
    KeyTree tree{is_any ? KeyTree::Kind::kAny : KeyTree::Kind::kAll, {}, {}};
    for (const Needle& part : needle.parts) {
        KeyTree keys = make(part, depth + 1);
        if (keys.kind != KeyTree::Kind::kAnything) {
            tree.parts.push_back(std::move(keys));
        } else if (is_any) {
            return {};
        }
    }
    if (tree.parts.empty()) {
        return {};
    }
    return tree.parts.size() == 1 ? std::move(tree.parts.front()) : tree;
}

}  // namespace

KeyTree make_key_tree(const Needle& needle) {
    return make(needle, 0);
}

}  // namespace seyir::store::gram
