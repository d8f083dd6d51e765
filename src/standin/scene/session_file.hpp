#pragma once

#include "standin/scene/molecule.hpp"

#include <map>
#include <string>
#include <vector>

namespace standin {

/// What a session file carries.
struct SessionState {
    std::vector<Model> models;
    std::map<std::string, std::string> kept;
};

/// Both throw UserError. The format is the stand-in's own, not ChimeraX's.
void save_session_file(const std::string& path, const SessionState& state);
SessionState read_session_file(const std::string& path);

/// A whole file, or UserError with Python's text.
std::string read_whole_file(const std::string& path);

} // namespace standin
