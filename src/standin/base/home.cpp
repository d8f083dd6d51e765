#include "standin/base/home.hpp"

#include "standin/base/version.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <sys/stat.h>
#include <unistd.h>

namespace standin {
namespace {

std::string make_folders(const std::string& home, const std::string& path) {
    for (std::size_t slash = 0; slash != std::string::npos;) {
        slash = path.find('/', slash + 1);
        const std::string folder = home + "/" + path.substr(0, slash);
        if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
            return "[Errno " + std::to_string(errno) + "] " + std::strerror(errno) + ": '" + folder + "'";
    }
    return {};
}

} // namespace

std::string prepare_home(bool& cold) {
    // As uid 0, a mapped one too, ChimeraX takes a folder for HOME that nobody has.
    const char* variable = std::getenv("HOME");
    const std::string home = ::geteuid() == 0 ? "/nonexistent" : variable != nullptr ? variable : "";
    struct stat status {};
    if (home.empty() || ::stat(home.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
        ::access(home.c_str(), W_OK | X_OK) != 0)
        return "Home directory " + (home.empty() ? "(none)" : home) + " does not exist or is not writable.";

    const std::string bundles = std::string(".cache/ChimeraX/") + kVersionNumber + "/toolshed";
    const std::array<std::string, 5> folders{".config/ChimeraX", ".local/share/ChimeraX",
                                             "Downloads/ChimeraX", ".cache/fontconfig", bundles};
    for (const std::string& folder : folders)
        if (std::string problem = make_folders(home, folder); !problem.empty())
            return problem;
    const std::string cache = home + "/" + bundles + "/bundle_info.cache";
    cold = ::access(cache.c_str(), F_OK) != 0;
    if (cold && !(std::ofstream(cache) << "chimerax-standin\n").flush())
        return "cannot write " + cache;
    return {};
}

} // namespace standin
