// SPDX-License-Identifier: Apache-2.0
// Document: one YAML file, or several merged ones, as a tree in which every key and value knows its
// place.
// Room: bytes -> Document; environment.hpp and validate.hpp come next.
// Threads: one at a time.
// Errors: go to Diagnostics; the root is nullptr when no tree could be built.
// Limits: file 4 MiB, depth 64, 100,000 nodes with aliases counted at full size.
// Ownership: the Document owns all nodes; aliases share them; pointers live as long as it does.
// Format: the part of YAML 1.2 that configuration needs. Refused with a message, never misread:
// tags, merge keys, several documents, keys that are not plain words or strings, recursive aliases,
// line separators other than LF, CR and CRLF.   Why libyaml's events: exact start and end marks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/diagnostics/diagnostics.hpp"
#include "common/io/file_system.hpp"

namespace seyir::config {

inline constexpr size_t kFileBytesMax = 4U << 20U;
inline constexpr uint32_t kDepthMax = 64;
inline constexpr uint64_t kNodesMax = 100'000;

struct Node;

struct Entry {
    Node* key = nullptr;
    Node* value = nullptr;
};

/// Where `$$` or one ${reference} stood in a scalar, and what it became; byte offsets.
struct ExpandedPiece {
    size_t begin = 0;  ///< in the text after expansion
    size_t end = 0;
    size_t written_begin = 0;  ///< in the text before
    size_t written_end = 0;
};

/// A scalar before its references were expanded.
struct WrittenText {
    std::string text;
    std::vector<ExpandedPiece> pieces;
};

struct Node {
    enum class Kind : uint8_t { kScalar, kSequence, kMap };

    Kind kind = Kind::kScalar;
    bool is_plain = false;         ///< scalar without quotes
    bool is_confidential = false;  ///< text came from a file or a credential
    bool is_expanded = false;      ///< text came from ${...}: never shown in messages
    Span span;
    std::string text;
    std::shared_ptr<const WrittenText> written;  ///< set where `text` held a `$`
    std::vector<Node*> items;
    std::vector<Entry> entries;  ///< in the order of the file, keys unique
    uint64_t weight = 1;         ///< nodes of this subtree, aliases at full size
    uint32_t height = 1;

    bool is_scalar() const { return kind == Kind::kScalar; }

    bool is_sequence() const { return kind == Kind::kSequence; }

    bool is_map() const { return kind == Kind::kMap; }

    /// An empty plain scalar, `~` or `null`.
    bool is_null() const;

    /// The value under `key`, or nullptr. Cost: linear.
    const Entry* find(std::string_view key) const;
};

class Document {
  public:
    explicit Document(std::shared_ptr<SourceSet> sources) : sources_(std::move(sources)) {}

    explicit Document(std::shared_ptr<SourceFile> source)
        : sources_(std::make_shared<SourceSet>(std::move(source))) {}

    /// nullptr when there is none (broken or empty file).
    Node* root() const { return root_; }

    /// The main file.
    const SourceFile& source() const { return sources_->main(); }

    const SourceSet& sources() const { return *sources_; }

    SourceSet& sources() { return *sources_; }

    std::shared_ptr<const SourceSet> shared_sources() const { return sources_; }

    /// Takes over the nodes of a file that was parsed by itself; its offset 0 is at `begin` of this
    /// document's sources. The nodes stay where they are in memory.
    void absorb(Document&& file, uint32_t begin);

    /// A file that belongs to it could not be read: what seems to be missing may stand there.
    bool is_incomplete() const { return is_incomplete_; }

    void set_incomplete() { is_incomplete_ = true; }

    Node* make_node(Node::Kind kind, Span span);

    void set_root(Node* root) { root_ = root; }

  private:
    std::shared_ptr<SourceSet> sources_;
    std::deque<Node> nodes_;
    std::vector<std::deque<Node>> absorbed_;
    Node* root_ = nullptr;
    bool is_incomplete_ = false;
};

/// Keeps a secret out of messages. A value that is nothing but one ${reference} stays visible.
void hide_secret(SourceSet& sources, const Node& node);

/// Reads the tree; everything wrong with the YAML itself goes to `diagnostics`.
Document parse_document(std::shared_ptr<SourceFile> source, Diagnostics& diagnostics);

/// The main file of the set.
Document parse_document(std::shared_ptr<SourceSet> sources, Diagnostics& diagnostics);

/// Reads the file; when that fails the source is empty and `error` says why.
std::shared_ptr<SourceFile> read_source(
    io::FileSystem& files, const std::string& path, std::string& error
);

}  // namespace seyir::config
