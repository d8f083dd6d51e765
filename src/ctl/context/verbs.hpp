#pragma once

#include "ctl/context/context.hpp"
#include "ctl/context/verb.hpp"

namespace sandbox::ctl {

// Each adds one verb, its options and what it does, to the command line. Files: verb_NAME.cpp.
void add_create(Verb& app, Context& context);
void add_ls(Verb& app, Context& context);
void add_status(Verb& app, Context& context);
void add_wait(Verb& app, Context& context);
void add_exec(Verb& app, Context& context);
void add_attach(Verb& app, Context& context);
void add_run(Verb& app, Context& context);
void add_render(Verb& app, Context& context);
void add_update(Verb& app, Context& context);
void add_restart(Verb& app, Context& context);
void add_events(Verb& app, Context& context);
void add_audit(Verb& app, Context& context);
void add_cp(Verb& app, Context& context);
void add_touch(Verb& app, Context& context);
void add_freeze(Verb& app, Context& context);
void add_thaw(Verb& app, Context& context);
void add_extend(Verb& app, Context& context);
void add_admin(Verb& app, Context& context);
void add_gc(Verb& app, Context& context);
void add_top(Verb& app, Context& context);
void add_inspect(Verb& app, Context& context);
void add_verify(Verb& app, Context& context);
void add_logs(Verb& app, Context& context);
void add_stop(Verb& app, Context& context);
void add_kill(Verb& app, Context& context);
void add_policy(Verb& app, Context& context);
void add_tenant(Verb& app, Context& context);
void add_debug(Verb& app, Context& context);
void add_token(Verb& app, Context& context);
void add_doctor(Verb& app, Context& context);
void add_completion(Verb& app, Context& context);
void add_version(Verb& app, Context& context);

} // namespace sandbox::ctl
