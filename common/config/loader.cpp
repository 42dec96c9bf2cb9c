// SPDX-License-Identifier: Apache-2.0
#include "common/config/loader.hpp"

#include <array>

#include <unistd.h>

#include "common/config/schema/validate.hpp"

namespace seyir::config {
namespace {

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

}  // namespace

CheckedDocument load_document(
    const std::string& path,
    const Schema& schema,
    const LoadOptions& options,
    std::optional<std::string> text
) {
    std::string error;
    auto source = text ? std::make_shared<SourceFile>(path, std::move(*text))
                       : read_source(*options.files, path, error);
    Diagnostics diagnostics(source);
    ReadContext context{absolute_directory(path)};
    if (!error.empty()) {
        diagnostics.add({.code = kUnreadableFile, .message = error});
        return {Document(source), std::move(diagnostics), std::move(context)};
    }
    Document document = parse_document(source, diagnostics);
    Environment environment =
        options.environment.value_or(process_environment(*options.files, path));
    if (environment.files == nullptr) {
        environment.files = options.files;
    }
    environment.base_directory = context.base_directory;
    expand_references(document, environment, diagnostics);
    validate(document, schema, diagnostics);
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
