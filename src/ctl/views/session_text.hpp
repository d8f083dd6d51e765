#pragma once

#include "ctl/context/context.hpp"

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace sandbox::ctl {

/// A table of sessions, for `ls`.
Table session_table(const std::vector<Json>& sessions, std::chrono::system_clock::time_point now);

/// One session, a line a fact.
std::string session_text(const Json& session, std::chrono::system_clock::time_point now);

/// What every verb that answers with a session prints: by -o, else `usual`.
void print_session(const Context& context, const Json& session, Format usual);

/// "ended: oom (signal 9): message" of a session that has ended, else its state.
std::string state_words(const Json& session);

/// `a=b` options as an object. Throws Error invalid_argument naming `option`.
Json pairs(const std::vector<std::string>& items, const char* option);

} // namespace sandbox::ctl
