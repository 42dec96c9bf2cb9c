// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/http/http_body.hpp"

#include <utility>

#include "common/record/record_json.hpp"

namespace seyir::plugins {

bool HttpBody::add(const RecordBatch& batch, uint32_t row) {
    if (rows_ >= options_.rows_max) {
        return false;
    }
    one_.clear();
    switch (options_.format) {
        case HttpBodyFormat::kJsonLines:
            append_record_json(one_, batch, row);
            one_ += '\n';
            break;
        case HttpBodyFormat::kJsonArray:
            one_ += rows_ == 0 ? '[' : ',';
            append_record_json(one_, batch, row);
            break;
        case HttpBodyFormat::kTemplate:
            one_ += options_.text->render(scratch_, batch, row);
            break;
    }
    if (rows_ != 0 && body_.size() + one_.size() > options_.bytes_max) {
        return false;
    }
    body_ += one_;
    ++rows_;
    return true;
}

std::string HttpBody::take() {
    if (options_.format == HttpBodyFormat::kJsonArray) {
        body_ += rows_ == 0 ? "[]" : "]";
    }
    rows_ = 0;
    return std::exchange(body_, {});
}

}  // namespace seyir::plugins
