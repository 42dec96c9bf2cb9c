// SPDX-License-Identifier: Apache-2.0
#include "common/config/loader.hpp"

#include <array>

#include <unistd.h>

#include "common/config/files.hpp"
#include "common/config/schema/validate.hpp"

namespace seyir::config {
namespace {

/// All files are in the tree now: as one file, it must not read them again.
void set_conf_d_off(Document& document) {
    Node* key = document.make_node(Node::Kind::kScalar, Span{0, 0});
    Node* value = document.make_node(Node::Kind::kScalar, Span{0, 0});
    key->text = "conf_d";
    value->text = "off";
    document.root()->entries.push_back({key, value});
}

}  // namespace

CheckedDocument load_document(
    const std::string& path,
    const Schema& schema,
    const LoadOptions& options,
    std::optional<std::string> text,
    const ExtendSchema& extend
) {
    std::string error;
    auto source = text ? std::make_shared<SourceFile>(path, std::move(*text))
                       : read_source(*options.files, path, error);
    auto sources = std::make_shared<SourceSet>(source, absolute_directory(path));
    Diagnostics diagnostics(sources);
    ReadContext context{absolute_directory(path), sources};
    if (!error.empty()) {
        diagnostics.add({.code = kUnreadableFile, .message = error});
        return {Document(sources), std::move(diagnostics), std::move(context)};
    }
    Document document = parse_document(sources, diagnostics);
    Environment environment =
        options.environment.value_or(process_environment(*options.files, path));
    if (environment.files == nullptr) {
        environment.files = options.files;
    }
    environment.base_directory = context.base_directory;
    const bool has_files = schema.find("include") != nullptr && schema.find("conf_d") != nullptr;
    if (has_files) {
        const FilesOptions files{options.files, &environment, options.reads_conf_d};
        read_more_files(document, schema, files, diagnostics);
    }
    expand_references(document, environment, diagnostics);
    validate(document, extend ? extend(document, context, diagnostics) : schema, diagnostics);
    if (document.is_incomplete()) {
        document.set_root(nullptr);  // checks across sections would only see what is missing
    } else if (has_files && document.root() != nullptr && document.root()->is_map()) {
        set_conf_d_off(document);
    }
    return {std::move(document), std::move(diagnostics), std::move(context)};
}

std::string host_name(const LoadOptions& options) {
    if (!options.host_name.empty()) {
        return options.host_name;
    }
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
        return "localhost";
    }
    return name.data();
}

}  // namespace seyir::config
