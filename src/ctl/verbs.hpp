#pragma once

#include "context.hpp"

namespace CLI {
class App;
}

namespace sandbox::ctl {

// Each adds one verb, its options and what it does, to the command line. Files: verb_NAME.cpp.
void add_create(CLI::App& app, Context& context);
void add_ls(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_wait(CLI::App& app, Context& context);
void add_exec(CLI::App& app, Context& context);
void add_cp(CLI::App& app, Context& context);
void add_inspect(CLI::App& app, Context& context);
void add_logs(CLI::App& app, Context& context);
void add_stop(CLI::App& app, Context& context);
void add_kill(CLI::App& app, Context& context);
void add_policy(CLI::App& app, Context& context);
void add_tenant(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_version(CLI::App& app, Context& context);

} // namespace sandbox::ctl
