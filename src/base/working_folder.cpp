#include "sandbox/base/working_folder.hpp"

#include "sandbox/base/error.hpp"

#include <array>
#include <cerrno>
#include <filesystem>

#include <unistd.h>

namespace sandbox {

void check_working_folder(const std::string& path) {
    std::array<char, 1> none{};
    // ERANGE where it is there (getcwd(3)).
    if (!path.starts_with('/') && ::getcwd(none.data(), none.size()) == nullptr && errno == ENOENT)
        throw Error(Errc::not_found, "cannot find " + path + ": the working folder is gone",
                    "cd to a folder that is there, or give an absolute path.");
}

std::string absolute_path(const std::string& path) {
    check_working_folder(path);
    return std::filesystem::absolute(path).lexically_normal();
}

} // namespace sandbox
