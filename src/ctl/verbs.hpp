#pragma once

#include "context.hpp"
#include "verb.hpp"

namespace sandbox::ctl {

// Each adds one verb, its options and what it does, to the command line. Files: verb_NAME.cpp.
void add_create(Verb& app, Context& context);
void add_ls(Verb& app, Context& context);
void add_status(Verb& app, Context& context);
void add_wait(Verb& app, Context& context);
void add_exec(Verb& app, Context& context);
void add_cp(Verb& app, Context& context);
void add_inspect(Verb& app, Context& context);
void add_logs(Verb& app, Context& context);
void add_stop(Verb& app, Context& context);
void add_kill(Verb& app, Context& context);
void add_policy(Verb& app, Context& context);
void add_tenant(Verb& app, Context& context);
void add_doctor(Verb& app, Context& context);
void add_version(Verb& app, Context& context);

} // namespace sandbox::ctl
