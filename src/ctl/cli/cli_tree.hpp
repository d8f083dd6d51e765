#pragma once

#include "ctl/context/context.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
} // namespace CLI

namespace sandbox::ctl {

/// The exit status of `complete` where names of files complete too, beside what it printed.
inline constexpr int kFilesToo = 10;

/// `sandboxctl __complete WORD…`: what the last word could become, a candidate a line, with a tab and words
/// for people behind it. Live ones are asked for with a short deadline; whatever fails is no candidate, and
/// silent.
int complete(CLI::App& app, const std::vector<std::string>& words, Context& context);

/// `sandboxctl __describe`: verbs, options and arguments as JSON, which the manual page is made from.
Json describe(const CLI::App& app);

} // namespace sandbox::ctl
