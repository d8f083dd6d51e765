#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sandbox::chimerax {

struct Installation {
    std::string executable; ///< real path, `<root>/bin/ChimeraX`
    std::string root;       ///< the tree that a sandbox must show, read-only
    bool stand_in = false;  ///< this project's own stand-in, not UCSF ChimeraX: `<root>/STAND-IN` is there
};

/// The file that marks a tree as the stand-in's, beside its `bin`. So it is known without running it.
inline constexpr const char* kStandInMarker = "STAND-IN";

/// `executable` of a policy wins; else the places where the packages put it: releases before `-techpreview`
/// before `-daily`, in each the newest version first (from the tree's name, else from the version of
/// ChimeraX-Core in it), the stand-in after all of them. Never runs it. Throws Error not_found, with the cure
/// that names all places it looked at; denied for a file that nobody may run; invalid_argument for a tree
/// that would show the host (`/`, `/home`, …).
Installation find_installation(const std::optional<std::string>& executable);

/// The same over other places, each a glob(7) pattern of executables.
Installation find_installation(const std::optional<std::string>& executable,
                               const std::vector<std::string>& patterns);

/// The places, in the order of search.
std::vector<std::string> search_patterns();

/// Where UCSF ChimeraX comes from, and where one is looked for.
std::string installation_cure();

/// argv that starts headless ChimeraX with its REST server on `port`; `extra` goes before the REST start
/// command.
std::vector<std::string> command_line(const std::string& executable, std::uint16_t port,
                                      const std::vector<std::string>& extra);

} // namespace sandbox::chimerax
