// SPDX-License-Identifier: Apache-2.0
#include "common/config/diagnostics/source_set.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace seyir::config {
namespace {

Span shifted_back(Span span, uint32_t begin) {
    return {span.begin - begin, std::max(span.end, begin) - begin};
}

}  // namespace

SourceSet::SourceSet(std::shared_ptr<SourceFile> main, std::string directory) {
    files_.push_back({std::move(main), std::move(directory), 0});
}

uint32_t SourceSet::add(std::shared_ptr<SourceFile> file, std::string directory) {
    const Part& last = files_.back();
    // Two more than the text: the end of a file, and the line break its reader adds, are its own.
    const auto begin = static_cast<uint32_t>(last.begin + last.file->text().size() + 2);
    files_.push_back({std::move(file), std::move(directory), begin});
    return begin;
}

const SourceSet::Part& SourceSet::find(uint32_t offset) const {
    const auto after = std::ranges::upper_bound(files_, offset, {}, &Part::begin);
    return *(after - 1);
}

SourceSet::Local SourceSet::local(Span span) const {
    const Part& part = find(span.begin);
    return {*part.file, shifted_back(span, part.begin)};
}

std::string_view SourceSet::slice(Span span) const {
    const Local here = local(span);
    return here.file.slice(here.span);
}

Position SourceSet::position(uint32_t offset) const {
    const Local here = local({offset, offset});
    return here.file.position(here.span.begin);
}

void SourceSet::hide(Span secret) {
    const Part& part = find(secret.begin);
    part.file->hide(shifted_back(secret, part.begin));
}

std::string SourceSet::place_name(Span span) const {
    const std::string& path = file_at(span.begin).path();
    const Position at = position(span.begin);
    return fmt::format("{}:{}:{}", path.substr(path.rfind('/') + 1), at.line, at.column);
}

}  // namespace seyir::config
