// SPDX-License-Identifier: Apache-2.0
#include "common/config/files.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include <fnmatch.h>
#include <unistd.h>

#include <fmt/format.h>

#include "common/config/merge.hpp"

namespace seyir::config {
namespace {

bool is_pattern(std::string_view name) {
    return name.find_first_of("*?[") != std::string_view::npos;
}

/// Paths are shown as a person would write them beside the file that names them.
std::string beside(const std::string& file, const std::string& path) {
    const std::string directory = io::parent_directory(file);
    return path.starts_with('/') || directory == "." ? path : directory + "/" + path;
}

/// `/etc/seyir/agent.yaml` -> `agent.d`: programs that share a directory share no fragments.
std::string fragments_of(const std::string& main_path) {
    std::string name = main_path.substr(main_path.rfind('/') + 1);
    for (const std::string_view ending : {".yaml", ".yml"}) {
        if (name.ends_with(ending)) {
            name.resize(name.size() - ending.size());
            break;
        }
    }
    return name + ".d";
}

class FilesReader {
  public:
    FilesReader(
        Document& document,
        const Schema& schema,
        const FilesOptions& options,
        Diagnostics& diagnostics
    )
        : document_(document), schema_(schema), options_(options), diagnostics_(diagnostics) {}

    void run() {
        Node& root = *document_.root();
        const std::string path = document_.source().path();
        bytes_ = document_.source().text().size();
        nodes_ = root.weight;
        if (const auto info = options_.files->stat(path)) {
            seen_[{info->device, info->inode}] = Span{0, 0};
        }
        const std::optional<Entry> conf_d = take(root, "conf_d");
        follow(root, path, 0);
        read_conf_d(conf_d, path);
    }

  private:
    using FileId = std::pair<uint64_t, uint64_t>;  // device, inode

    /// Removes the entry of `key`.
    static std::optional<Entry> take(Node& root, std::string_view key) {
        const auto at =
            std::ranges::find_if(root.entries, [&](const Entry& e) { return e.key->text == key; });
        if (at == root.entries.end()) {
            return std::nullopt;
        }
        const Entry entry = *at;
        root.entries.erase(at);
        return entry;
    }

    void fail_at(std::optional<Span> at, std::string message, std::string hint = "") {
        document_.set_incomplete();
        diagnostics_.add(
            {.code = kIncludedFile, .at = at, .message = std::move(message), .hint = std::move(hint)
            }
        );
    }

    /// Reads the files that `include` of one file names. `path` is that file's.
    void follow(Node& root, const std::string& path, int depth) {
        const std::optional<Entry> include = take(root, "include");
        if (!include || include->value->is_null()) {
            return;
        }
        expand_references(document_, *include->value, *options_.environment, diagnostics_);
        std::vector<Node*> items = include->value->items;
        if (include->value->is_scalar()) {
            items.push_back(include->value);
        }
        if (include->value->is_map()) {
            wrong_type(*include->value, "`include` must be a path or a list of paths, not a map");
        }
        for (const Node* item : items) {
            if (diagnostics_.is_broken(item->span)) {
                document_.set_incomplete();
            } else if (!item->is_scalar()) {
                wrong_type(*item, "`include` lists paths");
            } else if (depth >= kIncludeDepthMax) {
                fail_at(
                    item->span,
                    fmt::format("more than {} levels of `include`", kIncludeDepthMax),
                    "name the file in the main file"
                );
            } else {
                include_item(*item, path, depth + 1);
            }
        }
    }

    void wrong_type(const Node& node, std::string message) {
        document_.set_incomplete();
        diagnostics_.add(
            {.code = kWrongType,
             .at = node.is_scalar() ? node.span : Span{node.span.begin, node.span.begin + 1},
             .message = std::move(message),
             .hint = "like `include: [more.yaml, /etc/seyir/extra/*.yaml]`"}
        );
    }

    void include_item(const Node& item, const std::string& path, int depth) {
        if (item.text.empty()) {
            fail_at(item.span, "`include` names no file");
            return;
        }
        const std::string target = beside(path, item.text);
        const std::string directory = io::parent_directory(target);
        const std::string name = target.substr(target.rfind('/') + 1);
        if (is_pattern(directory)) {
            fail_at(
                item.span,
                fmt::format("`{}`: only the last part of a path may be a pattern", item.text),
                "list the directories one by one"
            );
            return;
        }
        if (!is_pattern(name)) {
            read(target, item.span, depth);
            return;
        }
        const auto names = options_.files->list(directory);
        if (!names) {
            fail_at(item.span, names.error().message);
            return;
        }
        for (const std::string& candidate : *names) {
            const std::string file = directory == "." && !target.starts_with("./")
                                         ? candidate
                                         : directory + "/" + candidate;
            const auto info = options_.files->stat(file);
            const bool is_match = fnmatch(name.c_str(), candidate.c_str(), FNM_PERIOD) == 0;
            if (is_match && info && !info->is_directory) {
                read(file, item.span, depth);
            }
        }
    }

    void read_conf_d(const std::optional<Entry>& entry, const std::string& main_path) {
        std::string name = fragments_of(main_path);
        std::optional<Span> at;
        if (entry && !entry->value->is_null()) {
            expand_references(document_, *entry->value, *options_.environment, diagnostics_);
            const Node& value = *entry->value;
            if (!value.is_scalar()) {
                wrong_type(value, "`conf_d` is a directory, or `off`");
                return;
            }
            if (diagnostics_.is_broken(value.span) || value.text == "off") {
                return;
            }
            if (value.text == "false" || value.text == "no" || value.text.empty()) {
                diagnostics_.add(
                    {.code = kNotAllowed,
                     .at = value.span,
                     .message = fmt::format("`{}` is not a directory", value.text),
                     .hint = "write `off` to read no fragments"}
                );
                return;
            }
            name = value.text;
            at = value.span;
        } else if (!options_.reads_conf_d) {
            return;
        }
        while (name.size() > 1 && name.ends_with('/')) {
            name.pop_back();
        }
        const std::string directory = beside(main_path, name);
        const auto info = options_.files->stat(directory);
        if (!at && (!info || !info->is_directory)) {
            return;
        }
        const auto names = options_.files->list(directory);
        if (!names) {
            fail_at(at, names.error().message);
            return;
        }
        for (const std::string& file : *names) {
            fragment(directory, file, at);
        }
    }

    void fragment(const std::string& directory, const std::string& name, std::optional<Span> at) {
        if (name.starts_with('.')) {
            return;
        }
        if (name.ends_with(".yml")) {
            diagnostics_.add(
                {.code = kIgnoredFile,
                 .at = at,
                 .message = fmt::format("{}/{} is not read", directory, name),
                 .hint = "name it `*.yaml`"}
            );
        }
        if (name.ends_with(".yaml")) {
            read(directory + "/" + name, at, 1);
        }
    }

    /// `at`: where the file is named; none for fragments of the default directory.
    void read(const std::string& path, std::optional<Span> at, int depth) {
        const auto info = options_.files->stat(path);
        if (!info || !info->is_regular) {
            fail_at(
                at,
                info ? fmt::format("{} is not a file", path)
                : info.error().code == ErrorCode::kNotFound
                    ? fmt::format("there is no file {}", path)
                    : info.error().message
            );
            return;
        }
        const FileId id{info->device, info->inode};
        if (const auto first = seen_.find(id); first != seen_.end()) {
            read_twice(path, at, first->second, std::ranges::find(open_, id) != open_.end());
            return;
        }
        if (seen_.size() > kFilesMax || bytes_ + info->size_bytes > kAllFilesBytesMax) {
            document_.set_incomplete();
            diagnostics_.add(
                {.code = kLimit,
                 .at = at,
                 .message = fmt::format(
                     "{}: more than {} files or {} bytes of configuration",
                     path,
                     kFilesMax,
                     kAllFilesBytesMax
                 )}
            );
            return;
        }
        auto text = io::read_file(*options_.files, path, kFileBytesMax);
        if (!text) {
            fail_at(at, text.error().message);
            return;
        }
        bytes_ += text->size();
        auto source = std::make_shared<SourceFile>(path, std::move(*text));
        const uint32_t begin = document_.sources().add(source, absolute_directory(path));
        seen_[id] = at.value_or(Span{begin, begin});
        open_.push_back(id);
        take_file(std::move(source), begin, path, depth);
        open_.pop_back();
    }

    void take_file(
        std::shared_ptr<SourceFile> source, uint32_t begin, const std::string& path, int depth
    ) {
        Diagnostics found(source);
        Document file = parse_document(std::move(source), found);
        Node* root = file.root();
        const bool is_usable = root != nullptr && root->is_map();
        const bool is_empty = root == nullptr ? !found.has_errors() : root->is_null();
        nodes_ += root == nullptr ? 0 : root->weight;
        document_.absorb(std::move(file), begin);
        diagnostics_.absorb(found, begin);
        if (is_empty) {
            return;  // nothing but comments
        }
        if (!is_usable || nodes_ > kNodesMax) {
            document_.set_incomplete();
        }
        if (!is_usable) {
            if (!found.has_errors()) {
                diagnostics_.add(
                    {.code = kWrongType,
                     .at = Span{root->span.begin, root->span.begin + 1},
                     .message = "the file must be a map, as the main file is"}
                );
            }
            return;
        }
        if (nodes_ > kNodesMax) {
            diagnostics_.add(
                {.code = kLimit,
                 .at = Span{begin, begin},
                 .message = fmt::format("more than {} values in all files", kNodesMax)}
            );
            return;
        }
        if (const auto conf_d = take(*root, "conf_d")) {
            diagnostics_.add(
                {.code = kUnknownKey,
                 .at = conf_d->key->span,
                 .message = "`conf_d` belongs in the main file",
                 .hint = "move it there, or use `include`"}
            );
        }
        // What the file includes is merged behind it.
        Node own = *root;
        const std::optional<Entry> include = take(own, "include");
        merge_maps(document_, *document_.root(), own, schema_, diagnostics_);
        own.entries.clear();
        if (include) {
            own.entries.push_back(*include);
        }
        follow(own, path, depth);
    }

    void read_twice(const std::string& path, std::optional<Span> at, Span first, bool is_open) {
        document_.set_incomplete();
        const bool is_main = first == Span{0, 0};
        Diagnostic diagnostic{
            .code = kIncludedFile,
            .at = at,
            .message = fmt::format(
                "{} {}",
                path,
                is_main   ? "is the main file: it would include itself"
                : is_open ? "includes itself"
                          : "is read twice"
            ),
            .hint = "remove one of the two"
        };
        if (is_main || is_open) {
            diagnostic.hint = "remove it";
        }
        if (!is_main && at && first.begin != first.end) {
            diagnostic.related.push_back({first, "first read because of this"});
        }
        diagnostics_.add(std::move(diagnostic));
    }

    Document& document_;
    const Schema& schema_;
    const FilesOptions& options_;
    Diagnostics& diagnostics_;
    std::map<FileId, Span> seen_;
    std::vector<FileId> open_;
    size_t bytes_ = 0;
    uint64_t nodes_ = 0;
};

}  // namespace

void read_more_files(
    Document& document, const Schema& schema, const FilesOptions& options, Diagnostics& diagnostics
) {
    if (document.root() != nullptr && document.root()->is_map()) {
        FilesReader(document, schema, options, diagnostics).run();
    }
}

std::string absolute_directory(const std::string& path) {
    const std::string directory = io::parent_directory(path);
    if (directory.starts_with('/')) {
        return directory;
    }
    std::array<char, 4096> here{};
    if (getcwd(here.data(), here.size()) == nullptr) {
        return directory;
    }
    return directory == "." ? std::string(here.data()) : std::string(here.data()) + "/" + directory;
}

}  // namespace seyir::config
