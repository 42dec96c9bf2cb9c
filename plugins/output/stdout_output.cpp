// SPDX-License-Identifier: Apache-2.0
#include "plugins/output/stdout_output.hpp"

#include <cerrno>
#include <utility>

#include <unistd.h>

#include "plugins/output/format_rows.hpp"

namespace seyir::plugins {
namespace {

Result<void> write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put < 0) {
            return errno_error(errno, "writing to standard output");
        }
        bytes.remove_prefix(static_cast<size_t>(put));
    }
    return {};
}

}  // namespace

StdoutOutput::StdoutOutput(StdoutOutputOptions options, int fd)
    : fd_(fd), loop_("stdout output", rows_formatter(options.format), [this](std::string_view b) {
          return write_all(fd_, b);
      }) {}

Result<void> StdoutOutput::start() {
    loop_.start();
    return {};
}

void StdoutOutput::deliver(BatchView view, pipeline::DeliverDone done) {
    loop_.deliver(std::move(view), std::move(done));
}

void StdoutOutput::stop(SteadyTime deadline) {
    loop_.stop(deadline);
}

pipeline::ComponentHealth StdoutOutput::health() const {
    return loop_.health();
}

}  // namespace seyir::plugins
