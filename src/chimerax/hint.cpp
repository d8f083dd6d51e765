// What a failed command's user can do, as far as ChimeraX's words tell.
#include "sandbox/chimerax/command_result.hpp"

#include <algorithm>
#include <array>

namespace sandbox::chimerax {
namespace {

/// What urllib, the resolver and the kernel say where there is no way to a server, under the names of the
/// releases known. A word that is missed costs the hint alone.
constexpr std::array<std::string_view, 9> kNoNetwork{"urlopen error",
                                                     "URLError",
                                                     "gaierror",
                                                     "Name or service not known",
                                                     "Network is unreachable",
                                                     "Temporary failure in name resolution",
                                                     "No route to host",
                                                     "No address associated with hostname",
                                                     "Max retries exceeded with url"};

bool speaks_of_network(std::string_view text) {
    return std::ranges::any_of(
        kNoNetwork, [&](std::string_view words) { return text.find(words) != std::string_view::npos; });
}

} // namespace

std::string hint_of(const CommandResult& result) {
    const bool said = (result.error &&
                       (speaks_of_network(result.error->type) || speaks_of_network(result.error->message))) ||
                      std::ranges::any_of(result.error_log, speaks_of_network) ||
                      std::ranges::any_of(result.bug, speaks_of_network);
    if (!said)
        return {};
    return "The session has no way to that server. Upload the file (sandboxctl cp FILE ID:, or PUT "
           "/v1/sessions/ID/files/FILE) and open it from /work, or have an admin bind a mirror of the "
           "database in "
           "the policy.";
}

} // namespace sandbox::chimerax
