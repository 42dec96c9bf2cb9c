// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "collector/app/collector_app.hpp"
#include "common/service/main_program.hpp"

int main(int argc, char** argv) {
    using namespace seyir;
    return service::main_program(
        argc,
        argv,
        "seyir-collector",
        "central collector and log store",
        [](const std::string& path) { return collector::load_collector_config(path); },
        collector::CollectorApp::run
    );
}
