// SPDX-License-Identifier: Apache-2.0
// The output type `store`.   Threads: called while the catalogue is built.
#pragma once

#include <utility>

#include "collector/backup/backup_schema.hpp"
#include "collector/retention/clean_up_schema.hpp"
#include "collector/store/store_options.hpp"
#include "common/component/fixed_at_start.hpp"
#include "common/component/types.hpp"

namespace seyir::collector {

class StorePlan final : public component::OutputPlan, public component::FixedAtStart {
  public:
    StorePlan(
        store::StoreOptions options, retention::CleanUpConfig clean_up, backup::BackupConfig backup
    )
        : options_(options), clean_up_(std::move(clean_up)), backup_(std::move(backup)) {}

    /// context.program must be CollectorServices.
    Result<std::unique_ptr<pipeline::Output>> instantiate(const component::RunContext& context
    ) override;

    const store::StoreOptions& options() const { return options_; }

    const retention::CleanUpConfig& clean_up() const { return clean_up_; }

    const backup::BackupConfig& backup() const { return backup_; }

  private:
    store::StoreOptions options_;
    retention::CleanUpConfig clean_up_;
    backup::BackupConfig backup_;
};

component::OutputType store_output_type();

}  // namespace seyir::collector
