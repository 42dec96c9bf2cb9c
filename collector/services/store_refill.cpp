// SPDX-License-Identifier: Apache-2.0
#include "collector/services/store_refill.hpp"

#include <fmt/format.h>

#include "common/base/units.hpp"

namespace seyir::collector {

Result<void> StoreRefill::read(
    const alert::Rule& rule, TimeRange range, const std::function<void(const BatchView&)>& each
) {
    std::vector<Needle> texts;
    for (const std::string& text : rule.pipeline.required_texts()) {
        texts.push_back(Needle::of(text));
    }
    const SteadyTime deadline = clock_.steady_now() + kRefillTimeMax;
    SEYIR_TRY(
        const std::unique_ptr<store::RowCursor> cursor,
        store_.select(
            {.tenant = TenantId::kDefault,
             .range = range,
             .direction = store::Direction::kBackward,
             .stream_matches = [&](const StreamLabels& labels
                               ) { return rule.streams.matches(labels); },
             .holds = Needle::all(std::move(texts))}
        )
    );
    while (true) {
        SEYIR_TRY(std::optional<store::Page> page, cursor->next());
        if (!page) {
            break;
        }
        each({std::move(page->batch), std::move(page->rows)});
        if (clock_.steady_now() > deadline) {
            return fail(
                ErrorCode::kTimeout,
                fmt::format("not all of the window was read in {}", format_duration(kRefillTimeMax))
            );
        }
    }
    if (const uint64_t corrupt = cursor->stats().blocks_corrupt; corrupt != 0) {
        return fail(ErrorCode::kCorrupt, fmt::format("{} blocks could not be read", corrupt));
    }
    return {};
}

}  // namespace seyir::collector
